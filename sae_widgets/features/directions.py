"""Features by where their decoder rows point: cosines, twins in another SAE, and a map of all of them in the plane.

cosines[f]  = cos(W_dec[f], direction)
match[f]    = argmax over g of cos(W_dec[f], other.W_dec[g])
PCA map     = the two directions in which unit decoder rows vary most, by block power iteration with a seed
UMAP map    = umap-learn's, cosine metric, where that is installed; in a process of its own
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.sae import SAE
from sae_widgets.sae.acts import decoder_norms

MAPS = ("pca", "umap")
_N_ITERATIONS = 16  # the two leading axes of trained SAEs are apart by then; more moves no dot on the screen
_ROWS_AT_ONCE = 2048

OnProgress = Callable[[int, int, str], None]


class DirectionMap(NamedTuple):
    """Features in the plane."""

    points: Float[Tensor, "d_sae 2"]
    method: str
    explained: float | None
    """Share of the variance of the unit decoder rows that the plane holds, 0 to 1; None of UMAP."""


class Matches(NamedTuple):
    """For each feature its nearest in another SAE."""

    feature: Int[Tensor, " d_sae"]
    cosine: Float[Tensor, " d_sae"]


def _silent(done: int, total: int, text: str) -> None:
    """Progress that nobody asked for."""


def cosines_with(
    W_dec: Float[Tensor, "d_sae d_out"], direction: Float[Tensor, " d_out"], norms: Float[Tensor, " d_sae"]
) -> Float[Tensor, " d_sae"]:
    """Cosine of every row with a direction, by the rows' norms; 0 where one of the two is 0."""
    products = (W_dec @ direction.to(W_dec)).float()
    return products / (norms * direction.to(W_dec).float().norm()).clamp_min(1e-30)


def check_direction(sae: SAE, direction: Tensor) -> None:
    """Raises ValueError unless it is a direction of what the SAE writes: that wide, not zero, all numbers."""
    W_dec = sae.W_dec.flatten(1)
    if direction.shape != W_dec.shape[1:]:
        raise ValueError(
            f"The vector has shape {tuple(direction.shape)}; decoder rows of this SAE have {W_dec.shape[1]} numbers: "
            f"give a direction of what it writes, at {sae.cfg.hook_name!r}."
        )
    size = float(direction.float().norm())
    if not 0 < size < float("inf"):
        raise ValueError("The vector is zero or holds NaN or infinity, so nothing points the same way.")


@torch.no_grad()
def decoder_cosines(sae: SAE, direction: Float[Tensor, " d_out"]) -> Float[Tensor, " d_sae"]:
    """Cosine of every feature's decoder row with a direction of the activation it writes.

    Raises:
        ValueError: As `check_direction`.
    """
    check_direction(sae, direction)
    W_dec = sae.W_dec.detach().flatten(1)
    return cosines_with(W_dec, direction, decoder_norms(W_dec).float())


@torch.no_grad()
def matched_features(sae: SAE, other: SAE, on_progress: OnProgress = _silent) -> Matches:
    """The features of `other` whose decoder rows point most like those of `sae`.

    `on_progress(done, total, text)` may raise to end the work.

    Raises:
        ValueError: If the two write activations of different widths.
    """
    ours, theirs = _unit_rows(sae), _unit_rows(other).to(sae.W_dec.device)
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(
            f"The decoder rows have {ours.shape[1]} numbers here, {theirs.shape[1]} there; compare SAEs of one place."
        )
    best = []
    for i, rows in enumerate(ours.split(_ROWS_AT_ONCE)):
        on_progress(i * _ROWS_AT_ONCE, len(ours), "Comparing features")
        best.append((rows @ theirs.T).max(dim=1))
    return Matches(torch.cat([each.indices for each in best]).cpu(), torch.cat([each.values for each in best]).cpu())


def direction_map(sae: SAE, method: str = "pca", seed: int = 0, on_progress: OnProgress = _silent) -> DirectionMap:
    """Every feature as a point; near ones point the same way.

    `on_progress(done, total, text)` may raise to end the work.

    Raises:
        ValueError: If there is no such method, or umap-learn is not installed.
    """
    check_map(method)
    return _pca(_unit_rows(sae), seed, on_progress) if method == "pca" else _umap(_unit_rows(sae), seed, on_progress)


def check_map(method: str) -> None:
    """Raises ValueError unless `method` can be used here."""
    if method not in MAPS:
        raise ValueError(f"No map {method!r}: there are 'pca' and 'umap'.")
    if method == "umap" and find_spec("umap") is None:
        raise ValueError(
            "UMAP needs the package umap-learn, which is not installed: pip install 'sae-widgets[map]'. 'pca' needs "
            "nothing more."
        )


def _unit_rows(sae: SAE) -> Float[Tensor, "d_sae d_out"]:
    rows = sae.W_dec.detach().flatten(1).float()
    return rows / decoder_norms(rows).clamp_min(1e-30)[:, None]


@torch.no_grad()
def _pca(rows: Float[Tensor, "n d"], seed: int, on_progress: OnProgress) -> DirectionMap:
    """As torch.pca_lowrank, which would draw from the global seed (Halko, Martinsson & Tropp 2011, algorithm 4.4)."""
    centred = rows - rows.mean(0)
    d = rows.shape[1]
    drawn = torch.randn(d, min(8, d), generator=torch.Generator().manual_seed(seed))
    basis = torch.linalg.qr(drawn.to(rows)).Q
    for i in range(_N_ITERATIONS):
        on_progress(i, _N_ITERATIONS, "Mapping decoder rows")
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    small = centred @ basis
    gram = small.T @ small
    axes = torch.linalg.eigh(gram).eigenvectors.flip(1)[:, :2]
    points = small @ axes
    # An axis has no sign of its own: the longer tail points up, so that the map is the same every time.
    points = points * torch.where(points.pow(3).sum(0) < 0, -1.0, 1.0)
    total = float(centred.pow(2).sum())
    explained = float(points.pow(2).sum()) / total if total else 0.0
    if points.shape[1] < 2:
        points = torch.cat([points, torch.zeros_like(points)], dim=1)
    return DirectionMap(points.float().cpu(), "pca", explained)


_UMAP = """
import sys, warnings
warnings.simplefilter("ignore")  # of TensorFlow, which it can do without, and of its own defaults
import numpy, umap
maker = umap.UMAP(metric="cosine", random_state=int(sys.argv[3]), n_jobs=1)
numpy.save(sys.argv[2], maker.fit_transform(numpy.load(sys.argv[1])))
"""


def _umap(rows: Float[Tensor, "n d"], seed: int, on_progress: OnProgress) -> DirectionMap:
    # In a process of its own: umap-learn cannot be stopped from inside, and holds the interpreter while it compiles.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory() as folder:
        given, made, said = (os.path.join(folder, name) for name in ("rows.npy", "points.npy", "said"))
        np.save(given, rows.cpu().numpy())
        command = [sys.executable, "-c", _UMAP, given, made, str(seed)]
        started = time.monotonic()
        with open(said, "wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
            try:
                while process.poll() is None:
                    seconds = time.monotonic() - started
                    on_progress(0, 0, f"UMAP of {len(rows):,} decoder rows, {seconds:.0f} s; minutes for many features")
                    time.sleep(0.1)
            finally:
                process.kill()
        if process.returncode:
            with open(said, errors="replace") as file:
                raise RuntimeError(f"umap-learn failed: {(file.read().splitlines() or ['it was ended'])[-1]}")
        return DirectionMap(torch.from_numpy(np.load(made)).float(), "umap", None)
