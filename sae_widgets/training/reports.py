"""What a step of training tells: its loss terms and measures, by the names of the curves they make."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StepReport:
    """One step in numbers. The mappings are empty and the numbers NaN on a step that was not measured."""

    n_steps: int
    """Steps taken, this one included."""
    n_tokens: int
    """Tokens trained on, this step's included."""
    lr: float
    coefficients: dict[str, float] = field(default_factory=dict)
    """Coefficients as this step used them, after warm-up."""
    loss: float = math.nan
    losses: dict[str, float] = field(default_factory=dict)
    """Its terms, `mse_loss` first."""
    l0: float = math.nan
    """Active features per token."""
    explained_variance: float = math.nan
    """Of this batch's target; 1 is perfect."""
    dead_features: int = 0
    grad_norm: float = math.nan
    """Before clipping."""
    tokens_per_s: float = math.nan
    """Of this step, with the gathering of its activations."""
    n_resampled: int = 0
    """Dead features that were given a new start after this step."""
    evaluation: dict[str, float] = field(default_factory=dict)
    """Metrics of `run_evals`, on the steps after which the SAE was tried in the model."""

    @property
    def is_measured(self) -> bool:
        return bool(self.losses)

    def curves(self) -> dict[str, float]:
        """What to draw, by name; nothing for a step that was not measured."""
        if not self.is_measured:
            return {f"eval/{name}": value for name, value in self.evaluation.items()}
        curves = {"loss": self.loss, **self.losses, "l0": self.l0, "explained_variance": self.explained_variance}
        curves |= {"dead_features": float(self.dead_features), "lr": self.lr, "grad_norm": self.grad_norm}
        curves |= {f"{name}_coefficient": value for name, value in self.coefficients.items()}
        curves["tokens_per_s"] = self.tokens_per_s
        if self.n_resampled:
            curves["resampled_features"] = float(self.n_resampled)
        return curves | {f"eval/{name}": value for name, value in self.evaluation.items()}
