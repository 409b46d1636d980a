"""One file for each architecture: formula and source on top, then config, SAE and objective.

A class serves training and inference; the names that SAELens gives the training class stand for the same class.
A further architecture is a further file and one line here.
"""

from sae_widgets.architectures.abstopk import (
    AbsTopKSAE,
    AbsTopKSAEConfig,
    AbsTopKTrainingSAE,
    AbsTopKTrainingSAEConfig,
)
from sae_widgets.architectures.batchtopk import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_widgets.architectures.cross_layer_transcoder import (
    CrossLayerSkipTranscoder,
    CrossLayerSkipTranscoderConfig,
    CrossLayerSkipTranscoderTraining,
    CrossLayerSkipTranscoderTrainingConfig,
    CrossLayerTranscoder,
    CrossLayerTranscoderConfig,
    CrossLayerTranscoderTraining,
    CrossLayerTranscoderTrainingConfig,
)
from sae_widgets.architectures.crosscoder import (
    CrosscoderSAE,
    CrosscoderSAEConfig,
    CrosscoderTrainingSAE,
    CrosscoderTrainingSAEConfig,
)
from sae_widgets.architectures.gated import GatedSAE, GatedSAEConfig, GatedTrainingSAE, GatedTrainingSAEConfig
from sae_widgets.architectures.jumprelu import (
    JumpReLUSAE,
    JumpReLUSAEConfig,
    JumpReLUTrainingSAE,
    JumpReLUTrainingSAEConfig,
)
from sae_widgets.architectures.jumprelu_transcoder import (
    JumpReLUSkipTranscoder,
    JumpReLUSkipTranscoderConfig,
    JumpReLUSkipTranscoderTraining,
    JumpReLUSkipTranscoderTrainingConfig,
    JumpReLUTranscoder,
    JumpReLUTranscoderConfig,
    JumpReLUTranscoderTraining,
    JumpReLUTranscoderTrainingConfig,
)
from sae_widgets.architectures.matching_pursuit import (
    MatchingPursuitSAE,
    MatchingPursuitSAEConfig,
    MatchingPursuitTrainingSAE,
    MatchingPursuitTrainingSAEConfig,
)
from sae_widgets.architectures.matryoshka_batchtopk import (
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
)
from sae_widgets.architectures.standard import (
    StandardSAE,
    StandardSAEConfig,
    StandardTrainingSAE,
    StandardTrainingSAEConfig,
)
from sae_widgets.architectures.temporal import TemporalSAE, TemporalSAEConfig
from sae_widgets.architectures.topk import TopKSAE, TopKSAEConfig, TopKTrainingSAE, TopKTrainingSAEConfig
from sae_widgets.architectures.topk_transcoder import (
    TopKSkipTranscoder,
    TopKSkipTranscoderConfig,
    TopKSkipTranscoderTraining,
    TopKSkipTranscoderTrainingConfig,
    TopKTranscoder,
    TopKTranscoderConfig,
    TopKTranscoderTraining,
    TopKTranscoderTrainingConfig,
)
from sae_widgets.architectures.transcoder import (
    SkipTranscoder,
    SkipTranscoderConfig,
    SkipTranscoderTraining,
    SkipTranscoderTrainingConfig,
    Transcoder,
    TranscoderConfig,
    TranscoderTraining,
    TranscoderTrainingConfig,
)

__all__ = [
    "AbsTopKSAE",
    "AbsTopKSAEConfig",
    "AbsTopKTrainingSAE",
    "AbsTopKTrainingSAEConfig",
    "BatchTopKTrainingSAE",
    "BatchTopKTrainingSAEConfig",
    "CrossLayerSkipTranscoder",
    "CrossLayerSkipTranscoderConfig",
    "CrossLayerSkipTranscoderTraining",
    "CrossLayerSkipTranscoderTrainingConfig",
    "CrossLayerTranscoder",
    "CrossLayerTranscoderConfig",
    "CrossLayerTranscoderTraining",
    "CrossLayerTranscoderTrainingConfig",
    "CrosscoderSAE",
    "CrosscoderSAEConfig",
    "CrosscoderTrainingSAE",
    "CrosscoderTrainingSAEConfig",
    "GatedSAE",
    "GatedSAEConfig",
    "GatedTrainingSAE",
    "GatedTrainingSAEConfig",
    "JumpReLUSAE",
    "JumpReLUSAEConfig",
    "JumpReLUSkipTranscoder",
    "JumpReLUSkipTranscoderConfig",
    "JumpReLUSkipTranscoderTraining",
    "JumpReLUSkipTranscoderTrainingConfig",
    "JumpReLUTrainingSAE",
    "JumpReLUTrainingSAEConfig",
    "JumpReLUTranscoder",
    "JumpReLUTranscoderConfig",
    "JumpReLUTranscoderTraining",
    "JumpReLUTranscoderTrainingConfig",
    "MatchingPursuitSAE",
    "MatchingPursuitSAEConfig",
    "MatchingPursuitTrainingSAE",
    "MatchingPursuitTrainingSAEConfig",
    "MatryoshkaBatchTopKTrainingSAE",
    "MatryoshkaBatchTopKTrainingSAEConfig",
    "SkipTranscoder",
    "SkipTranscoderConfig",
    "SkipTranscoderTraining",
    "SkipTranscoderTrainingConfig",
    "StandardSAE",
    "StandardSAEConfig",
    "StandardTrainingSAE",
    "StandardTrainingSAEConfig",
    "TemporalSAE",
    "TemporalSAEConfig",
    "TopKSAE",
    "TopKSAEConfig",
    "TopKSkipTranscoder",
    "TopKSkipTranscoderConfig",
    "TopKSkipTranscoderTraining",
    "TopKSkipTranscoderTrainingConfig",
    "TopKTrainingSAE",
    "TopKTrainingSAEConfig",
    "TopKTranscoder",
    "TopKTranscoderConfig",
    "TopKTranscoderTraining",
    "TopKTranscoderTrainingConfig",
    "Transcoder",
    "TranscoderConfig",
    "TranscoderTraining",
    "TranscoderTrainingConfig",
]
