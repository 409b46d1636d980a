"""The steps of training, without a model or data of their own.

trainer      Trainer: batches -> optimiser steps, a report each
schedules    learning rate and coefficients as functions of the step
checkpoints  a folder with everything a run needs to go on
"""
