"""The steps of training, without a model or data of their own.

trainer        Trainer: batches -> optimiser steps, a report each
settings       TrainSettings: how to train; what does not suit an SAE is refused
reports        StepReport: a step in numbers
live_settings  what may be changed on the way
schedules      learning rate and coefficients as functions of the step
optimizers     Adam and others by name, and their state
averaging      a running mean of the weights
firing         when features fired last, and how often
revival        dead features brought back: ghost gradients, resampling; decoder rows of length 1
l0_control     a sparsity coefficient steered to an L0
compilation    the forward through torch.compile, where it is dense
checkpoints    a folder with everything a run needs to go on
distributed    the processes that train together, and what they tell each other
sharding       an SAE whose features are on several processes
"""
