"""Training runs: started, watched, changed, stopped, resumed.

config, flat_config    LanguageModelSAERunnerConfig in both of SAELens' spellings
multi_config           MultiSAETrainingRunnerConfig: many SAEs from one forward; `grid` of their configs
run_settings           what every run is told: the fields that all configs have in common
runner                 start(cfg) in the background, SAETrainingRunner(cfg).run() in the foreground
job, job_start, checkpoint_times    what a run does: model, data, steps, checkpoints, result
member, members, metadata, job_report   one SAE of a job, all of them, what they say of themselves and of a step
run, trainable, at_exit    TrainingRun: worker thread, pause, stop, live settings (standard library only)
history, listeners, gauges, log, log_lines, heartbeat    what is told of it, and to whom
pretokenize, cache_activations    tokens and activations on the disk: PretokenizeRunner, CacheActivationsRunner
disk_plan, dataclass_flags        what these two take before they begin; their command lines
processes              a job that several processes work on: the first leads, the others follow
resume, replay         which checkpoint a run goes on from; a run once more
plan, model_facts      what a run will take, before it starts
flags, command, plan_command    settings from a file and flags; `sae-widgets train` and `plan`
tensorboard            the curves for TensorBoard
follower               FollowedRun: a run in another process, read from its folder (standard library only)
"""
