"""Where we depart from SAELens on purpose, in the model: see `test_parity_differences.py` and docs/differences.md."""

import pytest
import sae_lens
import torch
from sae_lens.training.activation_scaler import ActivationScaler
from transformer_lens import HookedTransformer

import sae_widgets.architectures as ours
from sae_widgets.evals import run_evals
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.sae import SAEMetadata
from tests.parity.cases.drawn_model import Tokens, model
from tests.parity.peer import our_sae, peer_sae, relative


def a_skip_transcoder(home, metadata: type):
    config = home.SkipTranscoderConfig(
        d_in=32,
        d_out=32,
        d_sae=64,
        apply_b_dec_to_input=False,
        metadata=metadata(hook_name="blocks.1.ln2.hook_normalized", hook_name_out="blocks.1.hook_mlp_out"),
    )
    sae = home.SkipTranscoder(config)
    with torch.no_grad():
        for weight in sae.parameters():
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())) * 0.3)
    return sae


def test_a_skip_connection_is_kept_when_attached():
    tokens = Tokens().get_batch_tokens(2)
    with torch.no_grad():
        _, clean = model().run_with_cache(tokens)
        x = clean["blocks.1.ln2.hook_normalized"]
        peer, mine = a_skip_transcoder(sae_lens, sae_lens.saes.sae.SAEMetadata), a_skip_transcoder(ours, SAEMetadata)
        _, theirs = model(sae_lens.HookedSAETransformer).run_with_cache_with_saes(tokens, saes=[peer])
        _, cache = HookedSAETransformer(model()).run_with_cache_with_saes(tokens, saes=[mine])
        point = "blocks.1.hook_mlp_out.hook_sae_output"
        assert relative(mine(x), peer(x)) < 1e-5
        assert relative(theirs[point], peer.decode(peer.encode(x))) < 1e-5
        assert relative(theirs[point], peer(x)) > 0.1
        assert relative(cache[point], mine(x)) < 1e-5


def test_an_unknown_hook_is_an_error(caplog):
    tokens = Tokens().get_batch_tokens(2)
    for made, metadata in ((peer_sae, sae_lens.saes.sae.SAEMetadata), (our_sae, SAEMetadata)):
        sae = made("StandardSAE", metadata=metadata(hook_name="blocks.1.hook_resid_prae"))
        if made is peer_sae:
            hooked = model(sae_lens.HookedSAETransformer)
            assert torch.equal(hooked.run_with_saes(tokens, saes=[sae]), hooked(tokens))
        else:
            with pytest.raises(ValueError, match="hook_resid_pre"):
                HookedSAETransformer(model()).run_with_saes(tokens, saes=[sae])


def test_hooks_of_the_user_survive_a_reset():
    tokens = Tokens().get_batch_tokens(2)
    hook_name = "blocks.1.hook_resid_pre"
    found = []
    for kind, made, metadata in (
        (sae_lens.HookedSAETransformer, peer_sae, sae_lens.saes.sae.SAEMetadata),
        (lambda config: HookedSAETransformer(HookedTransformer(config)), our_sae, SAEMetadata),
    ):
        hooked, seen = model(kind), []
        hooked.hook_dict[hook_name].add_hook(lambda value, hook, seen=seen: seen.append(1))
        hooked.add_sae(made("StandardSAE", d_in=32, metadata=metadata(hook_name=hook_name)))
        hooked.reset_saes()
        hooked(tokens)
        found.append(len(seen))
    assert found == [0, 1]


def test_special_tokens_are_not_ablated():
    """What is compared with an SAE that leaves special tokens alone leaves them alone, too."""
    metrics = {}
    for ignored in ([0], False):
        sae = our_sae("StandardSAE", d_in=32, metadata=SAEMetadata(hook_name="blocks.1.hook_resid_pre"))
        tokens = Tokens().get_batch_tokens(6)
        metrics[str(ignored)] = run_evals(sae, model(), tokens, exclude_special_tokens=ignored)
    peer = peer_sae("StandardSAE", d_in=32)
    peer.cfg.metadata.hook_name = "blocks.1.hook_resid_pre"
    recons = sae_lens.evals.get_recons_loss(
        peer, model(), ActivationScaler(), Tokens().get_batch_tokens(6), False, True, ignore_tokens=[0]
    )
    everywhere = recons["ce_loss_with_ablation"].mean().item()  # SAELens', whatever the tokens left out
    assert everywhere == pytest.approx(metrics["False"]["ce_loss_with_ablation"], rel=1e-4)
    with torch.no_grad():
        tokens = Tokens().get_batch_tokens(6)
        keep = (tokens == 0)[..., None]
        losses = model().run_with_hooks(
            tokens,
            return_type="loss",
            loss_per_token=True,
            fwd_hooks=[("blocks.1.hook_resid_pre", lambda x, hook: torch.where(keep, x, 0.0))],
        )
    expected = losses[tokens[:, :-1] != 0].mean().item()
    assert metrics["[0]"]["ce_loss_with_ablation"] == pytest.approx(expected, rel=1e-5)


def test_the_output_at_an_excluded_token_is_what_the_sae_gave():
    tokens, hook_name = Tokens().get_batch_tokens(2), "blocks.1.hook_resid_pre"
    tokens[:, 3] = 0
    peer = peer_sae("StandardSAE", d_in=32, metadata=sae_lens.saes.sae.SAEMetadata(hook_name=hook_name))
    mine = our_sae("StandardSAE", d_in=32, metadata=SAEMetadata(hook_name=hook_name))
    with torch.no_grad():
        x = model().run_with_cache(tokens)[1][hook_name]
        _, theirs = model(sae_lens.HookedSAETransformer).run_with_cache_with_saes(
            tokens, saes=[peer], exclude_special_tokens=[0]
        )
        _, ours = HookedSAETransformer(model()).run_with_cache_with_saes(
            tokens, saes=[mine], exclude_special_tokens=[0]
        )
        given = mine(x)
    name = f"{hook_name}.hook_sae_output"
    torch.testing.assert_close(theirs[name][:, 3], x[:, 3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours[name][:, 3], given[:, 3], rtol=1e-4, atol=1e-5)
    assert (x[:, 3] - given[:, 3]).abs().max() > 1e-2
    torch.testing.assert_close(ours[name][:, 4], theirs[name][:, 4], rtol=1e-4, atol=1e-5)


def test_predicted_codes_are_kept_when_attached():
    tokens, hook_name = Tokens().get_batch_tokens(2), "blocks.1.hook_resid_pre"
    settings = {"d_in": 32, "d_sae": 64, "n_heads": 2, "bottleneck_factor": 4, "kval_topk": 6}
    peer = peer_sae("TemporalSAE", **settings, metadata=sae_lens.saes.sae.SAEMetadata(hook_name=hook_name))
    mine = our_sae("TemporalSAE", **settings, metadata=SAEMetadata(hook_name=hook_name))
    with torch.no_grad():
        x = model().run_with_cache(tokens)[1][hook_name]
        _, theirs = model(sae_lens.HookedSAETransformer).run_with_cache_with_saes(tokens, saes=[peer])
        _, cache = HookedSAETransformer(model()).run_with_cache_with_saes(tokens, saes=[mine])
        point = f"{hook_name}.hook_sae_output"
        assert relative(mine(x), peer(x)) < 1e-5
        assert relative(theirs[point], peer.decode(peer.encode(x))) < 1e-5
        assert relative(theirs[point], peer(x)) > 0.01
        assert relative(cache[point], mine(x)) < 1e-5


def test_metrics_count_what_was_measured():
    tokens = Tokens().get_batch_tokens(3)
    peer = peer_sae("StandardSAE", d_in=32, metadata=sae_lens.saes.sae.SAEMetadata(hook_name="blocks.1.hook_resid_pre"))
    theirs, _ = sae_lens.run_evals(
        sae=peer,
        activation_store=Tokens(),
        model=model(),
        activation_scaler=ActivationScaler(),
        eval_config=sae_lens.evals.EvalConfig(batch_size_prompts=3, compute_sparsity_metrics=True),
        exclude_special_tokens=[0],
    )
    assert theirs["token_stats"]["total_tokens_eval_sparsity_variance"] == tokens.numel()
    mine = our_sae("StandardSAE", d_in=32, metadata=SAEMetadata(hook_name="blocks.1.hook_resid_pre"))
    metrics = run_evals(mine, model(), tokens, exclude_special_tokens=[0])
    assert metrics["total_tokens_eval_sparsity_variance"] == (tokens != 0).sum() < tokens.numel()
    assert metrics["l0"] == pytest.approx(theirs["sparsity"]["l0"], rel=1e-5)
