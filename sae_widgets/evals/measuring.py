"""One pass over rows of tokens for one or several SAEs: the sums that metrics are made of, kept apart for each row.

A batch is run through the model as it is once, whichever SAEs there are; once through each SAE; and once with zeros at
each place where an SAE writes. Passes that no metric asked for are left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sae_widgets.activations.store import Cancelled
from sae_widgets.evals.intervals import FeatureCounts, RowSums
from sae_widgets.evals.places import Changed, Place, Places, look, put
from sae_widgets.sae.base import SAE

NO_NORM = 1e-4
"""Lengths below this count as 1 in the ratio of lengths: SAELens' bound."""


@dataclass
class Subject:
    """An SAE that is measured."""

    sae: SAE
    places: Places
    needs: frozenset[str]
    """Names of the sums that are wanted; see `formulas`."""
    counts_features: bool = False
    scale: float = 1.0
    """What activations are multiplied by before the SAE reads them, where the SAE has not folded it in."""
    rows: RowSums = field(default_factory=RowSums)
    features: FeatureCounts | None = None

    def __post_init__(self) -> None:
        if self.counts_features or "n_dead" in self.needs:
            self.features = FeatureCounts(self.sae.d_sae)

    @property
    def is_tried(self) -> bool:
        """Whether the model has to be run with the SAE in it."""
        return bool(self.needs & {"ce_with_sae", "kl_with_sae"})

    @property
    def is_ablated(self) -> bool:
        return bool(self.needs & {"ce_with_ablation", "kl_with_ablation"})

    @property
    def needs_kl(self) -> bool:
        return bool(self.needs & {"kl_with_sae", "kl_with_ablation"})

    @property
    def needs_logits(self) -> bool:
        return self.is_tried or self.is_ablated or "ce_without" in self.needs

    @property
    def is_encoded(self) -> bool:
        """Whether anything of the SAE itself is wanted, and not the model's losses alone."""
        return bool(self.needs - {"ce_without", "ce_with_ablation", "kl_with_ablation", "n_predicted", "n_changed"})


@torch.no_grad()
def measure(
    subjects: list[Subject],
    batches: Iterable[Int[Tensor, "n_rows context"]],
    ignored: Int[Tensor, " n_ignored"],
    *,
    settings: Mapping[str, Any],
    n_total: int = 0,
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False,
) -> None:
    """Adds what `batches` give to the sums of each subject.

    Args:
        subjects: What is measured.
        batches: Rows of tokens.
        ignored: Ids of tokens that are left as they are and not measured.
        settings: Further arguments of the model's forward.
        n_total: Rows in all; 0 where nobody knows.
        is_cancelled: Asked before each batch with (rows done, rows in all); True ends with `Cancelled`.
    """
    changed, n_rows = Changed(), 0
    for tokens in batches:
        if is_cancelled(n_rows, n_total):
            raise Cancelled
        n_rows += len(tokens)
        is_measured = ~torch.isin(tokens, ignored.to(tokens.device))
        tokens, is_measured = (each[is_measured.any(1)] for each in (tokens, is_measured))
        if not len(tokens):
            continue
        batch = Batch(subjects, tokens, is_measured, changed, settings)
        for subject in subjects:
            subject.rows.add(batch.sums_of(subject), len(tokens))


class Batch:
    """Some rows, the model's forward over them as it is, and what is computed from it for more than one SAE."""

    def __init__(
        self,
        subjects: list[Subject],
        tokens: Int[Tensor, "n_rows context"],
        is_measured: Bool[Tensor, "n_rows context"],
        changed: Changed,
        settings: Mapping[str, Any],
    ) -> None:
        self.settings, self.changed = settings, changed
        places = [place for subject in subjects for place in (*subject.places.read, *subject.places.given)]
        device = places[0].model.device
        self.tokens, self.is_measured = tokens.to(device), is_measured.to(device)
        self.is_predicting = self.is_measured[:, :-1]
        self.logits, self.seen = look(places, self.tokens, any(subject.needs_logits for subject in subjects), settings)
        self._needs_kl = any(subject.needs_kl for subject in subjects)
        self._losses: dict[int, Tensor] = {}
        self._as_is: dict[int, tuple[Tensor, Tensor]] = {}
        self._ablations: dict[tuple[tuple[Place, ...], int | None, bool], dict[str, Tensor]] = {}

    def sums_of(self, subject: Subject) -> dict[str, Tensor]:
        """Every sum that `subject` needs, for each row."""
        places, needs = subject.places, subject.needs
        n_tokens = self.is_measured.sum(1)
        targets = [places.own_part(self.seen[place]) for place in places.given]
        sums: dict[str, Tensor] = {"n_tokens": n_tokens}
        outs: list[Tensor] = []
        if subject.is_encoded or subject.features is not None:
            outs = self._reconstruct(subject, targets, sums)
        if subject.needs_logits:
            sums["n_predicted"] = self.is_predicting.sum(1) * len(places.replaced)
            sums["n_changed"] = n_tokens * len(places.replaced)
            for which in places.replaced:
                _add(sums, self._without(places.given[which[0]]))
                if subject.is_tried:
                    values = [put(outs[i], places, self.seen[places.given[i]], self.is_measured) for i in which]
                    _add(sums, self._with("sae", [places.given[i] for i in which], values, subject.needs_kl))
                if subject.is_ablated:
                    _add(sums, self._ablated(places, which, subject.needs_kl))
        return {name: value for name, value in sums.items() if name in needs or name == "n_tokens" or "." in name}

    # The SAE

    def _reconstruct(self, subject: Subject, targets: list[Tensor], sums: dict[str, Tensor]) -> list[Tensor]:
        """What the SAE gives at each place; adds what is to be known of it."""
        sae, places, scale = subject.sae, subject.places, subject.scale
        inputs = [places.own_part(self.seen[place]) for place in places.read]
        x = inputs[0] if len(inputs) == 1 else torch.cat([each.flatten(2) for each in inputs], dim=-1)
        x = x.to(sae.device)
        x = x * scale if scale != 1.0 else x
        feature_acts = sae.encode(x)
        self._add_features(subject, feature_acts, sums)
        out = sae.decode(feature_acts, x) + (sae.bypass(x) if sae.has_bypass else 0)
        out = (out / scale if scale != 1.0 else out).to(self.tokens.device)
        widths = [target.flatten(2).shape[-1] for target in targets]
        parts = out.flatten(2).split(widths, dim=-1)
        outs = [part.to(target.dtype).reshape(target.shape) for part, target in zip(parts, targets, strict=True)]
        flat, flat_hat = ([each.flatten(2).float() for each in some] for some in (targets, outs))
        for i in range(len(targets)) if len(targets) > 1 and "x" in subject.needs else ():
            self._add_variance(f"{i}.", flat[i], flat_hat[i], sums)
        whole, whole_hat = ((each[0] if len(each) == 1 else torch.cat(each, -1)) for each in (flat, flat_hat))
        self._add_reconstruction(subject.needs, whole, whole_hat, sums)
        return outs

    def _add_features(self, subject: Subject, feature_acts: Float[Tensor, "n_rows context d_sae"], sums: Any) -> None:
        if "l1" in subject.needs:
            sums["l1"] = self._rows(feature_acts.abs().sum(-1))
        if "l0" not in subject.needs and subject.features is None:
            return
        # float32 counts exactly up to 2^24, and is several times faster than a sum of bools
        fires = (feature_acts != 0).to(torch.float32)
        fires.mul_(self.is_measured[..., None].to(fires.device))
        sums["l0"] = fires.sum((1, 2), dtype=torch.float32)
        if subject.features is not None:
            subject.features.add(fires.sum(1), self.is_measured.sum(1))

    def _add_reconstruction(self, needs: frozenset[str], x: Tensor, x_hat: Tensor, sums: dict[str, Tensor]) -> None:
        squared = (x - x_hat).pow(2).sum(-1)
        length, length_hat = x.norm(dim=-1), x_hat.norm(dim=-1)
        dot = (x * x_hat).sum(-1) if needs & {"cossim", "x.x_hat"} else length
        safe = torch.where(length < NO_NORM, 1.0, length)
        values = {
            "error": squared,
            "x^2": length.double().pow(2),
            "x_hat^2": length_hat.double().pow(2),
            "x.x_hat": dot,
            "cossim": dot / (length * length_hat).clamp_min(torch.finfo(x.dtype).tiny),
            "l2_norm_in": length,
            "l2_norm_out": length_hat,
            "l2_ratio": length_hat / safe,
            "normalized_mse": squared / safe.pow(2),
        }
        if "x" in needs:
            sums["x"] = self._vectors(x)
        if "legacy" in needs:
            mean = self._vectors(x).sum(0) / self.is_measured.sum()
            values["legacy"] = legacy = 1 - squared / (x - mean.to(x)).pow(2).sum(-1)
            values["legacy^2"] = legacy.double().pow(2)
        for name, value in values.items():
            if name in needs:
                sums[name] = self._rows(value)

    def _add_variance(self, prefix: str, x: Tensor, x_hat: Tensor, sums: dict[str, Tensor]) -> None:
        sums[f"{prefix}error"] = self._rows((x - x_hat).pow(2).sum(-1))
        sums[f"{prefix}x"] = self._vectors(x)
        sums[f"{prefix}x^2"] = self._rows(x.double().pow(2).sum(-1))

    def _rows(self, values: Float[Tensor, "n_rows context"]) -> Float[Tensor, " n_rows"]:
        """Sums over the tokens of each row that are measured; whatever stands at the others."""
        mask = self.is_measured.to(values.device)
        return torch.where(mask, values, 0).sum(1, dtype=torch.float64)

    def _vectors(self, x: Float[Tensor, "n_rows context d"]) -> Float[Tensor, "n_rows d"]:
        return torch.where(self.is_measured[..., None], x, 0).sum(1, dtype=torch.float64)

    # The model

    def _without(self, place: Place) -> dict[str, Tensor]:
        key = id(place.model)
        if key not in self._losses:
            values = self._log_probs(key)[0] if self._needs_kl else self.logits[key].float()
            self._losses[key] = self._loss(values, 0.0 if self._needs_kl else values.logsumexp(-1))
        return {"ce_without": self._losses[key]}

    def _log_probs(self, key: int) -> tuple[Tensor, Tensor]:
        """Of each next token by the model as it is: log probabilities, and what they are the logarithms of."""
        if key not in self._as_is:
            log_probs = self.logits[key].float().log_softmax(-1)
            self._as_is[key] = log_probs, log_probs.exp()
        return self._as_is[key]

    def _ablated(self, places: Places, which: list[int], needs_kl: bool) -> dict[str, Tensor]:
        """With zeros; the same for every SAE that writes there."""
        given = [places.given[i] for i in which]
        key = (tuple(given), places.head, needs_kl)
        if key not in self._ablations:
            zeros = [torch.zeros_like(places.own_part(self.seen[place])) for place in given]
            values = [
                put(zero, places, self.seen[place], self.is_measured) for zero, place in zip(zeros, given, strict=True)
            ]
            self._ablations[key] = self._with("ablation", given, values, needs_kl)
        return self._ablations[key]

    def _with(self, name: str, given: list[Place], values: list[Tensor], needs_kl: bool) -> dict[str, Tensor]:
        logits = self.changed.logits(given, values, self.tokens, self.settings).float()
        if not needs_kl:
            return {f"ce_with_{name}": self._loss(logits, logits.logsumexp(-1))}
        log_probs, probs = self._log_probs(id(given[0].model))
        changed = logits.log_softmax(-1)
        loss = self._loss(changed, 0.0)
        # The difference before the product: small divergences must not drown in rounding.
        divergence = (log_probs - changed).mul_(probs).sum(-1)
        return {f"ce_with_{name}": loss, f"kl_with_{name}": self._rows(divergence)}

    def _loss(self, logits: Float[Tensor, "n_rows_or_1 context d_vocab"], norms: Tensor | float) -> Tensor:
        """Sum over each row of `norms` (0 for logits that are log probabilities) minus the next token's logit."""
        said = logits.expand(len(self.tokens), -1, -1)[:, :-1].gather(-1, self.tokens[:, 1:, None])[..., 0]
        loss = (norms[:, :-1] if isinstance(norms, Tensor) else norms) - said
        return torch.where(self.is_predicting, loss, 0).sum(1, dtype=torch.float64)


def _add(sums: dict[str, Tensor], more: Mapping[str, Tensor]) -> None:
    for name, value in more.items():
        sums[name] = sums[name] + value if name in sums else value


def next_token_loss(
    logits: Float[Tensor, "n_rows context d_vocab"], tokens: Int[Tensor, "n_rows context"]
) -> Float[Tensor, "n_rows predicted"]:
    """Cross entropy of each next token, nats; `predicted` is context - 1."""
    logits = logits[:, :-1].float()
    return logits.logsumexp(-1) - logits.gather(-1, tokens[:, 1:, None])[..., 0]


def kl_divergence(
    log_probs: Float[Tensor, "n_rows context d_vocab"], logits: Float[Tensor, "n_rows context d_vocab"]
) -> Float[Tensor, "n_rows context"]:
    """KL(log_probs || logits) at each position, nats."""
    return (log_probs.exp() * (log_probs - logits.float().log_softmax(-1))).sum(-1)
