"""What may be changed while a trainer trains: learning rate, sparsity coefficients, k, target_l0."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sae_widgets.training.trainer import Trainer


class LiveSettings:
    """The settings of one trainer by name; `check` from any thread, `apply` between two steps."""

    def __init__(self, trainer: "Trainer") -> None:
        self.trainer = trainer

    @property
    def _has_whole_k(self) -> bool:
        return isinstance(vars(self.trainer.sae.cfg).get("k"), int)

    def values(self) -> dict[str, float]:
        """lr (before schedule), coefficients (after warm-up), k where there is one, target_l0 where it was given."""
        trainer = self.trainer
        values = {"lr": trainer.lr, **{f"{name}_coefficient": each for name, each in trainer.coefficients.items()}}
        if "k" in vars(trainer.sae.cfg):
            values["k"] = float(trainer.sae.cfg.k)
        if trainer.l0_control is not None:
            values["target_l0"] = trainer.l0_control.target
        return values

    def check(self, name: str, value: float) -> float:
        """The value, if it can be used; ValueError when it cannot."""
        d_sae = self.trainer.sae.d_sae
        if name == "lr" and not 0 < value <= 10:
            raise ValueError(f"lr must be above 0 and at most 10, got {value:g}.")
        if name.endswith("_coefficient") and value < 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}.")
        if name.endswith("_coefficient") and value == 0 and self.trainer.l0_control is not None:
            raise ValueError(f"{name} must be above 0 where target_l0 steers it, got 0.")
        if name == "target_l0" and not 0 < value <= d_sae:
            raise ValueError(f"target_l0 must be above 0 and at most d_sae = {d_sae}, got {value:g}.")
        if name == "k":
            if not 1 <= value <= d_sae:
                raise ValueError(f"k must be between 1 and d_sae = {d_sae}, got {value:g}.")
            if self._has_whole_k and value != int(value):
                raise ValueError(f"k must be a whole number, got {value:g}.")
        return value

    def apply(self, name: str, value: float) -> None:
        """Sets it from the next step on."""
        trainer = self.trainer
        if name == "lr":
            trainer.lr = value
        elif name == "k":
            trainer.sae.cfg.k = int(value) if self._has_whole_k else value  # type: ignore[attr-defined]
        elif name == "target_l0":
            assert trainer.l0_control is not None
            trainer.l0_control.target = value
        else:
            trainer.coefficients[name.removesuffix("_coefficient")] = value
            if trainer.l0_control is not None:
                trainer.l0_control.set_coefficient(value)
