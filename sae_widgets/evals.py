"""How good an SAE is, in the model it was trained on: SAELens' metrics under SAELens' names.

    l0, l1                                features per token, sum of their absolute values
    mse, cossim                           of the reconstruction (mse: summed over d_in), averaged over tokens
    explained_variance                    1 - E||x - x_hat||^2 / (E||x||^2 - ||E x||^2)
    explained_variance_legacy             mean over tokens of 1 - ||x - x_hat||^2 / ||x - mean of its batch||^2
    l2_norm_in, l2_norm_out, l2_ratio     lengths of x and x_hat, mean of ||x_hat|| / ||x||
    relative_reconstruction_bias          E||x_hat||^2 / E[x . x_hat]
    ce_loss_without_sae, ..._with_sae, ..._with_ablation     next-token loss as is, through the SAE, with the hook at 0
    ce_loss_score                         (ablation - sae) / (ablation - without)
    kl_div_with_sae, ..._with_ablation, kl_div_score         KL(as is || changed), and (ablation - sae) / ablation

At special tokens the activation stays as it is and nothing is measured (SAELens' default). Everything is streamed:
memory does not grow with the number of tokens. Source: SAELens 6 `evals.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations import Cancelled, as_hooked
from sae_widgets.fit import no_hook_error
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.sae.base import SAE

BATCH_BUDGET = 2**25  # numbers in one batch's logits or activations: 128 MiB in float32; a few copies live at once


class Sums:
    """Running sums by name, in float64."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach().to("cpu", torch.float64)
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def __getitem__(self, name: str) -> Tensor:
        return self._sums[name]


@torch.no_grad()
def run_evals(
    sae: SAE,
    model: Any,
    tokens: Int[Tensor, "n_rows context"] | str | Sequence[str] | Iterable[Tensor],
    *,
    hook_name: str | None = None,
    exclude_special_tokens: bool | list[int] = True,
    compute_kl: bool = False,
    batch_size_prompts: int | None = None,
    is_cancelled: Callable[[int, int], bool] = lambda done, total: False,
) -> dict[str, float]:
    """Metrics by name; see the module for each one's formula.

    Args:
        sae: The SAE, in the unit of the model's activations.
        model: The model, as `load_model` gives it.
        tokens: Rows of token ids, one text or several (each on its own, cut at the context), or batches of rows.
        hook_name: Where the SAE belongs; by default as its metadata says.
        exclude_special_tokens: Leave special tokens alone and out of the means; a list names the ids.
        compute_kl: Also KL divergences, for about a third more time.
        batch_size_prompts: Rows in a forward; by default as many as keep logits and activations within 128 MiB each.
        is_cancelled: Asked before each batch with (rows done, rows in all or 0); True ends with `Cancelled`.

    Raises:
        ValueError: If there is no token to measure, or the model has no such hook.
    """
    hook_name = hook_name or sae.cfg.metadata.hook_name
    if hook_name is None:
        raise ValueError("This SAE does not say where it belongs; pass hook_name=.")
    model = as_hooked(model)
    if hook_name not in model.hook_dict:
        raise no_hook_error(model, hook_name)
    special = model.tokenizer.all_special_ids if exclude_special_tokens is True else exclude_special_tokens or []
    ignored = torch.tensor(sorted(set(special)), dtype=torch.int64)
    sums, n_rows, n_total = Sums(), 0, len(tokens) if isinstance(tokens, Tensor) else 0
    for batch in _batches(model, tokens, batch_size_prompts, sae.d_sae):
        if is_cancelled(n_rows, n_total):
            raise Cancelled
        with model.without_saes():  # and with its lock
            _add_batch(sums, sae, model, hook_name, batch.to(model.device), ignored, compute_kl)
        n_rows += len(batch)
    if n_rows == 0 or sums["n_tokens"] == 0:
        raise ValueError("There is nothing to measure: no tokens but special ones.")
    return _metrics(sums, compute_kl)


def _batches(model: Any, tokens: Any, batch_size_prompts: int | None, d_sae: int) -> Iterator[Tensor]:
    if isinstance(tokens, str):
        tokens = [tokens]
    if isinstance(tokens, Sequence) and tokens and isinstance(tokens[0], str):
        # Rows of their own: texts have different lengths, and padding would have to be masked everywhere.
        for text in tokens:
            yield model.to_tokens(text)[:, : model.cfg.n_ctx].cpu()
        return
    if not isinstance(tokens, Tensor):
        for batch in tokens:
            yield from _batches(model, torch.as_tensor(batch), batch_size_prompts, d_sae)
        return
    tokens = tokens[None] if tokens.ndim == 1 else tokens
    if tokens.shape[-1] > model.cfg.n_ctx:
        raise ValueError(f"Rows have {tokens.shape[-1]} tokens, but this model reads at most {model.cfg.n_ctx}.")
    n_rows = batch_size_prompts or max(1, BATCH_BUDGET // (tokens.shape[-1] * max(model.cfg.d_vocab, d_sae)))
    yield from tokens.split(n_rows)


def _add_batch(
    sums: Sums, sae: SAE, model: HookedSAETransformer, hook_name: str, tokens: Tensor, ignored: Tensor, compute_kl: bool
) -> None:
    is_measured = ~torch.isin(tokens, ignored.to(tokens.device))
    seen: list[Tensor] = []

    def look(activation: Tensor, hook: Any = None) -> None:
        seen.append(activation)

    logits = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, look)])
    x = seen[0]
    mask = is_measured.reshape(*is_measured.shape, *[1] * (x.ndim - 2))
    feature_acts = sae.encode(x)
    x_hat = (sae.decode(feature_acts, x) + (sae.bypass(x) if sae.has_bypass else 0)).to(x.dtype).reshape(x.shape)
    _add_reconstruction(sums, x.flatten(2)[is_measured], x_hat.flatten(2)[is_measured], feature_acts[is_measured])
    kept = is_measured[:, :-1]
    loss = next_token_loss(logits, tokens)
    sums.add("ce_loss_without_sae", loss[kept].sum())
    sums.add("n_predicted", kept.sum())
    log_probs = logits.float().log_softmax(-1) if compute_kl else None
    del logits
    for name, changed in (("with_sae", x_hat), ("with_ablation", torch.zeros_like(x))):

        def replace(activation: Tensor, hook: Any = None, changed: Tensor = changed) -> Tensor:
            return torch.where(mask, changed, activation)

        logits = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, replace)])
        sums.add(f"ce_loss_{name}", next_token_loss(logits, tokens)[kept].sum())
        if log_probs is not None:
            sums.add(f"kl_div_{name}", kl_divergence(log_probs, logits)[is_measured].sum())
        del logits


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


def _add_reconstruction(
    sums: Sums,
    x: Float[Tensor, "n_tokens d_in"],
    x_hat: Float[Tensor, "n_tokens d_in"],
    feature_acts: Float[Tensor, "n_tokens d_sae"],
) -> None:
    x, x_hat = x.float(), x_hat.float()
    error = (x - x_hat).pow(2).sum(-1)
    length, length_hat = x.norm(dim=-1), x_hat.norm(dim=-1)
    sums.add("n_tokens", torch.tensor(len(x)))
    sums.add("l0", (feature_acts != 0).sum())
    sums.add("l1", feature_acts.abs().sum(dtype=torch.float64))
    sums.add("mse", error.sum(dtype=torch.float64))
    sums.add("legacy", (1 - error / (x - x.mean(0)).pow(2).sum(-1)).sum(dtype=torch.float64))
    sums.add("x", x.sum(0, dtype=torch.float64))
    sums.add("x^2", x.double().pow(2).sum())
    sums.add("x_hat^2", x_hat.double().pow(2).sum())
    sums.add("x.x_hat", (x.double() * x_hat).sum())
    sums.add("cossim", torch.cosine_similarity(x, x_hat, dim=-1).sum(dtype=torch.float64))
    sums.add("l2_norm_in", length.sum(dtype=torch.float64))
    sums.add("l2_norm_out", length_hat.sum(dtype=torch.float64))
    sums.add("l2_ratio", (length_hat / length).sum(dtype=torch.float64))


def _metrics(sums: Sums, compute_kl: bool) -> dict[str, float]:
    n, n_predicted = sums["n_tokens"], sums["n_predicted"]
    variance = sums["x^2"] / n - (sums["x"] / n).pow(2).sum()
    kinds = ("without_sae", "with_sae", "with_ablation")
    without, with_sae, ablated = (sums[f"ce_loss_{kind}"] / n_predicted for kind in kinds)
    metrics = {
        "l0": sums["l0"] / n,
        "l1": sums["l1"] / n,
        "mse": sums["mse"] / n,
        "cossim": sums["cossim"] / n,
        "explained_variance": 1 - sums["mse"] / n / variance,
        "explained_variance_legacy": sums["legacy"] / n,
        "l2_norm_in": sums["l2_norm_in"] / n,
        "l2_norm_out": sums["l2_norm_out"] / n,
        "l2_ratio": sums["l2_ratio"] / n,
        "relative_reconstruction_bias": sums["x_hat^2"] / sums["x.x_hat"],
        "ce_loss_score": (ablated - with_sae) / (ablated - without),
        "ce_loss_with_sae": with_sae,
        "ce_loss_without_sae": without,
        "ce_loss_with_ablation": ablated,
        "total_tokens_eval_reconstruction": n_predicted,
        "total_tokens_eval_sparsity_variance": n,
    }
    if compute_kl:
        kl, kl_ablated = sums["kl_div_with_sae"] / n, sums["kl_div_with_ablation"] / n
        metrics |= {"kl_div_score": (kl_ablated - kl) / kl_ablated}
        metrics |= {"kl_div_with_sae": kl, "kl_div_with_ablation": kl_ablated}
    return {name: float(value) for name, value in metrics.items()}
