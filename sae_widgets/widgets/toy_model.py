"""The toy model of superposition as a picture that moves: feature directions in the plane while the model learns them.

The worker trains in slices of `SEND_INTERVAL_S` and sends one frame after each. Sliders of the data act at the next
slice; another number of features or another seed begins again.
"""

import time
from functools import partial
from typing import Any

import torch
import traitlets

from sae_widgets.threads import one_thread
from sae_widgets.toy_model import MAX_FEATURES, FittedSAE, Geometry, ToyAutoencoder, geometry
from sae_widgets.widgets import _static
from sae_widgets.widgets._base import SEND_INTERVAL_S, Job, SaeWidget, kernel_written
from sae_widgets.widgets._code import call, program, settings_of
from sae_widgets.widgets._curves import Curve, pack
from sae_widgets.widgets._toy_picture import draw, feature_color

FOUND = 0.99
"""Cosine with a decoder row from which a feature counts as found by the SAE."""
LAST_STEP = 50_000
"""Where playing ends by itself, for a widget that was left alone."""
ACTIONS = ("play", "pause", "step", "reset")
_MAX_CURVE_POINTS = 256


class ToyModel(SaeWidget):
    """Superposition in two dimensions, live: how sparse must features be for five to fit where two do?

        toy = sw.ToyModel(n_features=5, sparsity=0.9)
        toy                        # Play; drag sparsity and importance while it learns
        toy.run(1000)              # or train here and now, e.g. where a notebook runs without a page

    Args:
        n_features: Features that share the plane, 1 to 24.
        sparsity: Probability that a feature is zero, from 0 to below 1; live.
        importance: Each feature counts this times the one before it; live.
        seed: Of weights and data.
        with_sae: Whether an SAE is trained on the hidden activations beside the model; live.

    Raises:
        ValueError: If a value cannot be used.
    """

    _view = traitlets.Unicode("toy_model").tag(sync=True)
    display_wait_s = 0.0  # what plays has no end to wait for

    n_features = traitlets.Int(5, min=1, max=MAX_FEATURES).tag(sync=True)
    sparsity = traitlets.Float(0.9, min=0.0, max=0.999).tag(sync=True)
    importance = traitlets.Float(0.9, min=0.01, max=1.0).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**31 - 1).tag(sync=True)
    with_sae = traitlets.Bool(False).tag(sync=True)

    frame = kernel_written(traitlets.Dict())
    """What is drawn: `step`, `loss`, `features` and `rows` as [x, y], `cosines`, `dimensionality`, `playing`."""
    curve = kernel_written(traitlets.Dict())
    """The loss so far, packed (`_curves.pack`)."""
    told = kernel_written(traitlets.Unicode())
    """The picture in words."""

    def __init__(self, n_features: int = 5, **settings: Any) -> None:
        self._is_playing = False
        try:
            super().__init__(n_features=n_features, **settings)
        except traitlets.TraitError as error:
            raise ValueError(str(error)) from error
        self._restart()
        self.observe(self._on_restart_wanted, names=["n_features", "seed"])
        self.observe(self._on_data_wanted, names=["sparsity", "importance", "with_sae"])

    # -- from Python ---------------------------------------------------------------------------------------------------

    @property
    def is_playing(self) -> bool:
        """Whether it trains by itself."""
        return self._is_playing

    @property
    def loss(self) -> float | None:
        """The loss at the last step; None before the first."""
        return self.frame.get("loss")

    def play(self) -> None:
        """Train on in the background until `pause()`."""
        self._is_playing = True
        self.submit("train", self._train)

    def pause(self) -> None:
        """Stop after the present step."""
        self._is_playing = False
        self.submit("train", lambda job: self._settle())

    def step(self, n_steps: int = 1) -> None:
        """Train `n_steps` in the background, then rest."""
        self._is_playing = False
        self.submit("train", partial(self._train, n_steps=n_steps))

    def reset(self) -> None:
        """Begin again with the same seed; it plays on if it played."""
        self.submit("train", self._begin_again)

    def run(self, n_steps: int = 1000) -> "ToyModel":
        """Train `n_steps` before returning, with the picture moving; for scripts, Colab, notebooks without a page."""
        self._is_playing = False
        self.cancel("train")
        self.wait()
        self._train(Job("train"), n_steps=n_steps)
        self.flush()
        return self

    # -- the worker ----------------------------------------------------------------------------------------------------

    def _restart(self) -> None:
        self.model = ToyAutoencoder(self.n_features, 2, self.sparsity, self.importance, self.seed)
        """What is trained: `W`, `b`, `directions`."""
        self.sae: FittedSAE | None = None
        """What is trained on its hidden activations, if `with_sae`."""
        self._curve = Curve(_MAX_CURVE_POINTS)
        self._loss: float | None = None
        self._show()

    def _begin_again(self, job: Job) -> None:
        self._restart()
        if self._is_playing:
            self._train(job)

    def _train(self, job: Job, n_steps: int | None = None) -> None:
        end = LAST_STEP if n_steps is None else self.model.n_steps + n_steps
        while self.model.n_steps < end and not job.is_cancelled():
            slice_end = time.monotonic() + SEND_INTERVAL_S
            self.model.set_data(self.sparsity, self.importance)
            if self.with_sae and self.sae is None:
                self.sae = FittedSAE(self.model, self.seed)
            with one_thread():  # two would mostly wait for each other
                while self.model.n_steps < end and time.monotonic() < slice_end and not job.is_cancelled():
                    self._one_step()
            self._show()
        if not job.is_superseded:
            self._is_playing = self._is_playing and self.model.n_steps < end
            self._settle()

    def _one_step(self) -> None:
        self._loss = self.model.step()
        self._curve.extend([self.model.n_steps], [self._loss])
        if self.with_sae and self.sae is not None:
            self.sae.step()

    def _settle(self) -> None:
        """Send the resting state, and put the picture beside the live view, so that a saved notebook has it."""
        self._show()
        self.flush()
        self.refresh_pictures()

    def _show(self) -> None:
        frame = self._frame()
        self.set_from_kernel(
            frame=frame, curve=pack([("loss", *self._curve.points())]), told=self._words(frame, self._geometry())
        )

    def _geometry(self) -> Geometry:
        return geometry(self.model.directions)

    def _frame(self) -> dict[str, Any]:
        found, sae = self._geometry(), self.sae if self.with_sae else None
        return {
            "step": self.model.n_steps,
            "loss": self._loss,
            "playing": self._is_playing,
            "features": _rounded(self.model.directions),
            "importance": _rounded(self.model.weights),
            "dimensionality": _rounded(found.dimensionality),
            "kept": found.kept,
            "rows": _rounded(sae.directions) if sae is not None else [],
            "cosines": _rounded(sae.cosines(self.model.directions)) if sae is not None else [],
        }

    # -- from the page -------------------------------------------------------------------------------------------------

    def _on_restart_wanted(self, change: Any) -> None:
        self.reset()

    def _on_data_wanted(self, change: Any) -> None:
        if not self._is_playing:  # what plays sees it at its next slice
            self.submit("train", lambda job: self._show())

    def on_message(self, content: dict, buffers: list) -> None:
        """Take a click on a button; leaves a request for the worker."""
        action = content.get("action")
        if content.get("kind") == "control" and action in ACTIONS:
            getattr(self, action)()

    # -- ways out ------------------------------------------------------------------------------------------------------

    def _code(self) -> str:
        """Python that makes the same picture: the same seed, trained as far."""
        made = call("sw.ToyModel", [], {name: repr(value) for name, value in settings_of(self).items()})
        n_steps = int(self.frame.get("step") or 0)
        return program(self, f"view = {made}\n{f'view.run({n_steps})' if n_steps else 'view'}\n")

    def _tables(self) -> dict[str, Any]:
        from sae_widgets.widgets import _numbers  # pandas and altair are slow to import

        return _numbers.toy_frames(self._frame(), self._curve.points())

    def _charts(self) -> dict[str, Any]:
        from sae_widgets.widgets import _charts  # pandas and altair are slow to import

        return _charts.toy_charts(self._frame(), self._curve.points(), feature_color)

    def _sources(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in ("n_features", "sparsity", "importance", "seed")}
        return {**settings, "n_steps": self.model.n_steps}

    # -- words and pictures --------------------------------------------------------------------------------------------

    @staticmethod
    def _words(frame: dict[str, Any], found: Geometry) -> str:
        n = len(frame["features"])
        kept = [str(i + 1) for i in found.kept]
        parts = [
            f"{len(kept)} of {n} features are represented in 2 dimensions"
            + (f": {', '.join(kept)}" if 0 < len(kept) < n else "")
        ]
        if found.pairs:
            parts.append("opposite pairs: " + ", ".join(f"{i + 1} and {j + 1}" for i, j in found.pairs))
        if frame["cosines"] and kept:
            n_found = sum(frame["cosines"][i] > FOUND for i in found.kept)
            parts.append(f"the SAE has found {n_found} of the {len(kept)}")
        return "; ".join(parts) + "."

    def describe(self) -> str:
        """The model, how far it is, and what it keeps."""
        loss = "" if self._loss is None else f", loss {self._loss:.4g}"
        settings = f"sparsity {self.sparsity:g}, importance {self.importance:g}, step {self.model.n_steps:,}{loss}"
        return f"ToyModel, {settings}. {self._words(self._frame(), self._geometry())}"

    def fallback_svg(self) -> str:
        """The directions and the loss."""
        return draw(self._frame(), self._curve.points(), self.describe())

    def fallback_html(self) -> str:
        """The picture, and the numbers of each feature."""
        frame, found = self._frame(), self._geometry()
        rows = []
        for i, (x, y) in enumerate(frame["features"]):
            cosine = [f"{frame['cosines'][i]:.2f}"] if frame["cosines"] else []
            numbers = [f"{found.norms[i]:.2f}", f"{found.dimensionality[i]:.2f}", *cosine]
            rows.append((i + 1, f"{frame['importance'][i]:.2f}", f"({x:.2f}, {y:.2f})", *numbers))
        header = ["feature", "importance", "direction", "length", "dimensionality"]
        header += ["cosine with the SAE"] if frame["cosines"] else []
        return _static.card(self.describe(), self.fallback_svg(), _static.table(header, rows))

    def close(self) -> None:
        """End the training and the connection."""
        self._is_playing = False
        super().close()


def _rounded(values: torch.Tensor) -> list[Any]:
    return [[round(v, 4) for v in row] if isinstance(row, list) else round(row, 4) for row in values.tolist()]
