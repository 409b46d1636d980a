"""Training runs: started, watched, changed, stopped, resumed.

config, flat_config    LanguageModelSAERunnerConfig in both of SAELens' spellings
run_settings           what every run is told: the fields that all configs have in common
runner                 start(cfg) in the background, SAETrainingRunner(cfg).run() in the foreground
job, job_start         what a run does: model, data, trainer, checkpoints, result
run, trainable         TrainingRun: worker thread, pause, stop, live settings (standard library only)
history, listeners, gauges, log    what is told of it, and to whom
"""
