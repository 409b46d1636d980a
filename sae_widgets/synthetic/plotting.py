"""Pictures of what an SAE has found: cosines of its features with the true ones."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.sae.base import SAE
from sae_widgets.synthetic.feature_dictionary import FeatureDictionary, cosine_similarities


@torch.no_grad()
def find_best_feature_ordering(
    sae_features: Float[Tensor, "d_sae d"], true_features: Float[Tensor, "n d"]
) -> Int[Tensor, " d_sae"]:
    """The SAE's features in the order of the true features they are nearest to."""
    return cosine_similarities(sae_features, true_features).abs().argmax(1).argsort()


def find_best_feature_ordering_from_sae(sae: SAE, feature_dict: FeatureDictionary) -> Int[Tensor, " d_sae"]:
    """The same for an SAE's decoder."""
    return find_best_feature_ordering(sae.W_dec.detach(), feature_dict.feature_vectors.detach())


@torch.no_grad()
def find_best_feature_ordering_across_saes(
    saes: Iterable[SAE], feature_dict: FeatureDictionary
) -> Int[Tensor, " d_sae"]:
    """Of the SAEs' own orderings the one in which its cosines along the diagonal are largest.

    Raises:
        ValueError: If there is no SAE, or one with another number of features than the dictionary.
    """
    truth = feature_dict.feature_vectors.detach()
    best: tuple[float, Tensor] | None = None
    for sae in saes:
        if sae.d_sae < len(truth):
            raise ValueError(f"An ordering takes as many features as there are true ones; {sae.d_sae}, {len(truth)}.")
        cosines = (cosine_similarities(sae.W_dec, truth) * 100).round() / 100
        ordering = find_best_feature_ordering(sae.W_dec, truth)
        score = cosines[ordering[: len(truth)], torch.arange(len(truth), device=truth.device)].mean().item()
        if best is None or score > best[0]:
            best = (score, ordering)
    if best is None:
        raise ValueError("No SAEs provided.")
    return best[1]


@torch.no_grad()
def plot_sae_feature_similarity(
    sae: SAE,
    feature_dict: FeatureDictionary,
    title: str | None = None,
    reorder_features: bool | Tensor = False,
    decoder_only: bool = False,
    show_values: bool = False,
    height: int = 400,
    width: int = 800,
    save_path: str | Path | None = None,
    show_plot: bool = True,
    dtick: int | None = 1,
    scale: float | int = 1.0,
) -> Any:
    """An Altair chart of the cosines of the SAE's features with the true ones, encoder beside decoder.

    SAELens draws with Plotly; arguments are its own.

    Args:
        sae: The SAE.
        feature_dict: The true directions.
        title: None is a plain one.
        reorder_features: Whether rows follow the true features, or the order they are to have.
        decoder_only: Whether the encoder is left out.
        show_values: Whether to write the numbers.
        height: Of the chart, in pixels.
        width: Of the chart, in pixels.
        save_path: Where to write it: .html, .json, or with vl-convert .png and .svg.
        show_plot: Whether to show it at once; the chart is returned in any case.
        dtick: Features from one tick to the next; None chooses.
        scale: Of a written picture.
    """
    import altair as alt

    truth = feature_dict.feature_vectors.detach()
    order = reorder_features if isinstance(reorder_features, Tensor) else torch.arange(sae.d_sae)
    if reorder_features is True:
        order = find_best_feature_ordering_from_sae(sae, feature_dict)
    parts = {} if decoder_only else {"SAE encoder": sae.W_enc.T}
    charts = []
    for name, rows in {**parts, "SAE decoder": sae.W_dec}.items():
        cosines = ((cosine_similarities(rows, truth) * 100).round() / 100)[order].cpu()
        values = [
            {"sae_feature": i, "true_feature": j, "cosine": round(float(cosine), 2)}
            for i, row in enumerate(cosines)
            for j, cosine in enumerate(row)
        ]
        base = alt.Chart(alt.Data(values=values)).encode(
            x=_axis(alt.X, "true_feature", "True feature", len(truth), dtick),
            y=_axis(alt.Y, "sae_feature", "SAE feature", sae.d_sae, dtick),
        )
        colour = alt.Color("cosine:Q", scale=alt.Scale(scheme="redblue", domain=[-1, 1]), title="cosine")
        chart = base.mark_rect().encode(color=colour, tooltip=["true_feature:O", "sae_feature:O", "cosine:Q"])
        if show_values:
            chart = chart + base.mark_text(fontSize=10).encode(text=alt.Text("cosine:Q", format=".2f"))
        charts.append(chart.properties(title=name, width=width // (2 - decoder_only), height=height))
    whole = alt.hconcat(*charts).properties(title=title or "Cosine similarity with true features")
    if save_path is not None:
        Path(save_path).parent.mkdir(parents=True, exist_ok=True)
        whole.save(str(save_path), scale_factor=scale)
    if show_plot:
        whole.show()
    return whole


def _axis(kind: Any, name: str, title: str, n: int, dtick: int | None) -> Any:
    import altair as alt

    ticks: dict[str, Any] = {} if dtick is None else {"values": list(range(0, n, dtick))}
    return kind(f"{name}:O", title=title, axis=alt.Axis(labelOverlap=True, **ticks))
