"""SAELens' metrics against their formulas, written out on whole tensors."""

import pytest
import torch

from sae_widgets.activations.store import Cancelled
from sae_widgets.architectures import StandardSAEConfig, TopKSAEConfig
from sae_widgets.evals import kl_divergence, next_token_loss, run_evals
from sae_widgets.sae import SAE
from tests.tiny_lm import TinyLM
from tests.tiny_sae import tiny

HOOK = "blocks.1.hook_resid_pre"


def tokens_of(n_rows=6, context=12, seed=0):
    tokens = torch.randint(1, 17, (n_rows, context), generator=torch.Generator().manual_seed(seed))
    tokens[:, 0] = 0
    return tokens


def random_sae(config=None):
    sae = SAE.from_config(config or TopKSAEConfig(d_in=16, d_sae=32, k=4), generator=torch.Generator().manual_seed(1))
    sae.cfg.metadata["hook_name"] = HOOK
    return sae


def identity_sae():
    both = torch.cat([torch.eye(16), -torch.eye(16)])
    sae = tiny(StandardSAEConfig(d_in=16, d_sae=32), W_enc=both.T, W_dec=both)
    sae.cfg.metadata["hook_name"] = HOOK
    return sae


def by_hand(sae, model, tokens, is_measured):
    """Every metric on whole tensors in float64."""
    x = model.run_with_cache(tokens, names_filter=[HOOK])[1][HOOK]
    acts = sae.encode(x)
    x_hat = sae(x).detach()

    def logits(change=None):
        hook = lambda act, hook: act if change is None else torch.where(is_measured[..., None], change, act)  # noqa: E731
        return model.run_with_hooks(tokens, fwd_hooks=[(HOOK, hook)])

    kept = is_measured[:, :-1]

    def loss(values):
        log_probs = values.double().log_softmax(-1)[:, :-1]
        return -log_probs.gather(-1, tokens[:, 1:, None])[..., 0][kept].mean().item()

    def kl(values):
        p, q = logits().double().log_softmax(-1), values.double().log_softmax(-1)
        return (p.exp() * (p - q)).sum(-1)[is_measured].mean().item()

    with_sae, ablated = logits(x_hat), logits(torch.zeros_like(x))
    x, x_hat, acts = x[is_measured].double(), x_hat[is_measured].double(), acts[is_measured].double()
    error = (x - x_hat).pow(2).sum(-1)
    without = loss(logits())
    return {
        "l0": (acts != 0).sum(-1).double().mean().item(),
        "l1": acts.abs().sum(-1).mean().item(),
        "mse": error.mean().item(),
        "cossim": torch.cosine_similarity(x, x_hat, dim=-1).mean().item(),
        "explained_variance": 1 - error.sum().item() / (x - x.mean(0)).pow(2).sum().item(),
        "l2_norm_in": x.norm(dim=-1).mean().item(),
        "l2_norm_out": x_hat.norm(dim=-1).mean().item(),
        "l2_ratio": (x_hat.norm(dim=-1) / x.norm(dim=-1)).mean().item(),
        "relative_reconstruction_bias": (x_hat.pow(2).sum() / (x * x_hat).sum()).item(),
        "ce_loss_without_sae": without,
        "ce_loss_with_sae": loss(with_sae),
        "ce_loss_with_ablation": loss(ablated),
        "ce_loss_score": (loss(ablated) - loss(with_sae)) / (loss(ablated) - without),
        "kl_div_with_sae": kl(with_sae),
        "kl_div_with_ablation": kl(ablated),
        "kl_div_score": (kl(ablated) - kl(with_sae)) / kl(ablated),
        "total_tokens_eval_reconstruction": kept.sum().item(),
        "total_tokens_eval_sparsity_variance": is_measured.sum().item(),
    }


@pytest.mark.parametrize("exclude", [True, False, [0, 3]])
def test_metrics_are_their_formulas(exclude):
    sae, model, tokens = random_sae(), TinyLM(), tokens_of()
    ids = {True: [0], False: []}[exclude] if isinstance(exclude, bool) else exclude
    is_measured = ~torch.isin(tokens, torch.tensor(ids, dtype=torch.int64))
    metrics = run_evals(sae, model, tokens, exclude_special_tokens=exclude, compute_kl=True)
    expected = by_hand(sae, model, tokens, is_measured)
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_batches_give_what_one_pass_gives():
    sae, model, tokens = random_sae(), TinyLM(), tokens_of(n_rows=9)
    at_once = run_evals(sae, model, tokens)
    for streamed in (
        run_evals(sae, model, tokens, batch_size_prompts=2),
        run_evals(sae, model, iter(tokens.split(4))),
        run_evals(sae, model, [tokens[:5], tokens[5:]]),
    ):
        # The legacy variance is about the mean of each batch, by definition.
        names = [name for name in at_once if "legacy" not in name]
        assert {n: streamed[n] for n in names} == pytest.approx({n: at_once[n] for n in names}, rel=1e-5)
        assert [v for n in names if n in at_once.n for v in streamed.intervals[n]] == pytest.approx(
            [v for n in names if n in at_once.n for v in at_once.intervals[n]], rel=1e-3, abs=1e-5
        )


def test_a_perfect_sae_changes_nothing_and_a_silent_one_is_the_ablation():
    perfect = run_evals(identity_sae(), TinyLM(), tokens_of(), compute_kl=True)
    for name in ("explained_variance", "ce_loss_score", "kl_div_score", "cossim", "l2_ratio"):
        assert perfect[name] == pytest.approx(1.0, abs=1e-5)
    assert perfect["l0"] == pytest.approx(16.0)
    silent = tiny(StandardSAEConfig(d_in=16, d_sae=4))
    silent.cfg.metadata["hook_name"] = HOOK
    metrics = run_evals(silent, TinyLM(), tokens_of())
    assert metrics["ce_loss_score"] == pytest.approx(0.0, abs=1e-6)
    assert metrics["ce_loss_with_sae"] == pytest.approx(metrics["ce_loss_with_ablation"])
    assert metrics["l0"] == 0.0


def test_texts_are_read_each_on_its_own():
    model, sae = TinyLM(), random_sae()
    one, both = run_evals(sae, model, "the cat sat"), run_evals(sae, model, ["the cat sat", "a dog ran on the mat"])
    assert one["total_tokens_eval_sparsity_variance"] == 3
    assert both["total_tokens_eval_sparsity_variance"] == 9


def test_heads_are_put_back_apart():
    sae = random_sae(TopKSAEConfig(d_in=16, d_sae=32, k=4, reshape_activations="hook_z"))
    metrics = run_evals(sae, TinyLM(), tokens_of(), hook_name="blocks.0.attn.hook_z")
    assert metrics["l0"] <= 4
    assert metrics["ce_loss_with_sae"] != pytest.approx(metrics["ce_loss_with_ablation"])


def test_an_sae_of_one_head_replaces_that_head_alone():
    hook_name = "blocks.0.attn.hook_z"
    model, tokens = TinyLM(), tokens_of()
    x = model.run_with_cache(tokens, names_filter=[hook_name])[1][hook_name]
    sae = random_sae(TopKSAEConfig(d_in=x.shape[-1], d_sae=32, k=2))
    sae.cfg.metadata["hook_name"], sae.cfg.metadata["hook_head_index"] = hook_name, 1
    metrics = run_evals(sae, model, tokens, exclude_special_tokens=False)

    def loss_with(value):
        changed = x.clone()
        changed[:, :, 1] = value
        logits = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, lambda activation, hook: changed)])
        return next_token_loss(logits, tokens).mean().item()

    assert metrics["ce_loss_with_sae"] == pytest.approx(loss_with(sae(x[:, :, 1])), rel=1e-5)
    assert metrics["ce_loss_with_ablation"] == pytest.approx(loss_with(0.0), rel=1e-5)
    error = (x[:, :, 1] - sae(x[:, :, 1])).pow(2).sum(-1).mean().item()
    assert metrics["mse"] == pytest.approx(error, rel=1e-5)


def test_attached_saes_and_hooks_are_as_before():
    model = TinyLM()
    before = {name: list(point.fwd_hooks) for name, point in model.hook_dict.items()}
    run_evals(random_sae(), model, tokens_of())
    assert {name: point.fwd_hooks for name, point in model.hook_dict.items()} == before


def test_losses_are_nats():
    logits = torch.zeros(1, 3, 4)
    assert next_token_loss(logits, torch.tensor([[0, 1, 2]])).tolist() == [[pytest.approx(1.3862944)] * 2]
    assert kl_divergence(logits.log_softmax(-1), logits + 5).abs().max() < 1e-6


def test_evaluation_can_be_cancelled_between_batches():
    asked = []
    with pytest.raises(Cancelled):
        run_evals(
            random_sae(),
            TinyLM(),
            tokens_of(),
            batch_size_prompts=2,
            is_cancelled=lambda done, total: asked.append((done, total)) or done == 4,
        )
    assert asked == [(0, 6), (2, 6), (4, 6)]


@pytest.mark.parametrize(
    ("tokens", "settings", "message"),
    [
        (torch.zeros(2, 5, dtype=torch.int64), {}, "nothing to measure: no tokens but special ones"),
        (torch.zeros(0, 5, dtype=torch.int64), {}, "nothing to measure"),
        (torch.ones(2, 40, dtype=torch.int64), {}, "Rows have 40 tokens, but this model reads at most 32"),
        (tokens_of(), {"hook_name": "blocks.1.hook_resid_prae"}, "Did you mean 'blocks.1.hook_resid_pre'"),
    ],
)
def test_what_cannot_be_measured_is_refused(tokens, settings, message):
    with pytest.raises(ValueError, match=message):
        run_evals(random_sae(), TinyLM(), tokens, **settings)


def test_an_sae_that_does_not_know_its_place_asks_for_it():
    sae = random_sae()
    sae.cfg.metadata["hook_name"] = None
    with pytest.raises(ValueError, match="does not say where it belongs; pass hook_name="):
        run_evals(sae, TinyLM(), tokens_of())
