"""What holds for every registered architecture, in every form and with every scaling of its input."""

import copy
import itertools
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sae_widgets.normalize import NORMALIZE_MODES, whitening_of
from sae_widgets.sae import SAE, SAE_CLASSES, SAEConfig, SparseActs
from tests.tiny_sae import config_classes, flat_target, loss_context, output_shape, random_sae, random_x, target_of

CONFIGS = list(config_classes())
TRAINING = [each for each in CONFIGS if each.is_training]
PER_ROW = ("constant_norm_rescale", "layer_norm")
# Inside the SAE covariance_whitening is expected_average_only_in: nothing. Its fold has tests of its own.
MODES = [mode for mode in NORMALIZE_MODES if mode != "covariance_whitening"]

REFUSED = {
    "apply_b_dec_to_input": lambda architecture, value: value and "transcoder" in architecture,
    "normalize_activations": lambda architecture, value: value in PER_ROW and architecture == "crosscoder",
    "reshape_activations": lambda architecture, value: value == "hook_z" and architecture == "crosscoder",
}
"""Settings that an architecture has no meaning for, and says so."""


def is_refused(config_class: type[SAEConfig], settings: dict[str, Any]) -> bool:
    return any(REFUSED[name](str(config_class.architecture), value) for name, value in settings.items())


def every(configs: list[type[SAEConfig]] = CONFIGS, **settings: Sequence[Any]) -> pytest.MarkDecorator:
    """Each config with each of these settings that its architecture takes, as `config_class` and `settings`."""
    combinations = [dict(zip(settings, values, strict=True)) for values in itertools.product(*settings.values())]
    cases = [
        pytest.param(config, chosen, id="-".join(map(str, (config.__name__, *chosen.values()))))
        for config in configs
        for chosen in combinations
        if not is_refused(config, chosen)
    ]
    return pytest.mark.parametrize(("config_class", "settings"), cases)


every_config = pytest.mark.parametrize("config_class", CONFIGS, ids=lambda each: each.__name__)
every_training_config = pytest.mark.parametrize("config_class", TRAINING, ids=lambda each: each.__name__)
every_mode = every(normalize_activations=MODES)
every_row_mode = every(normalize_activations=PER_ROW)
every_training_mode = every(TRAINING, normalize_activations=MODES)


@every_config
def test_settings_without_a_meaning_are_refused(config_class: type[SAEConfig]):
    values = {"apply_b_dec_to_input": [True], "normalize_activations": PER_ROW, "reshape_activations": ["hook_z"]}
    for setting in [{name: value} for name, each in values.items() for value in each]:
        if is_refused(config_class, setting):
            with pytest.raises(ValueError, match=r"apply_b_dec_to_input|expected_average_only_in|reshape_activations"):
                random_sae(config_class, **setting)
        else:
            random_sae(config_class, **setting)


def bytes_of(sae: SAE) -> dict[str, tuple[str, bytes]]:
    return {name: (str(each.dtype), each.contiguous().numpy().tobytes()) for name, each in sae.state_dict().items()}


def test_the_architectures_are_registered():
    of_saes = {"standard", "gated", "topk", "abstopk", "jumprelu", "batchtopk", "matryoshka_batchtopk"}
    of_saes |= {"matching_pursuit", "temporal", "crosscoder"}
    of_transcoders = {"transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder"}
    assert of_saes | of_transcoders | {"cross_layer_transcoder"} <= SAE_CLASSES.keys()


@every(apply_b_dec_to_input=[True, False], normalize_activations=MODES)
def test_forward_is_decode_of_encode(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae = random_sae(config_class, **settings)
    for shape in [(6,), (4, 6), (2, 3, 6), (0, 6)]:
        x = random_x(*shape)
        out = sae(x)
        assert out.shape == output_shape(sae, *shape[:-1])
        feature_acts = sae.encode(x)
        assert feature_acts.shape == (*shape[:-1], 20)
        torch.testing.assert_close(sae.decode(feature_acts, x) + sae.bypass(x), out, rtol=1e-12, atol=1e-12)
        sparse = sae.encode_sparse(x)
        torch.testing.assert_close(sparse.to_dense(20), feature_acts, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(sae.decode(sparse, x) + sae.bypass(x), out, rtol=1e-12, atol=1e-12)


@every_config
def test_something_fires_and_something_does_not(config_class: type[SAEConfig]):
    feature_acts = random_sae(config_class).encode(random_x(50, 6))
    share = (feature_acts != 0).double().mean()
    assert 0.02 < share < 0.8


@every_mode
def test_permuting_features_permutes_nothing_else(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae, x = random_sae(config_class, **settings), random_x(9, 6)
    other, order = copy.deepcopy(sae), torch.randperm(20, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for name, weight in other.state_dict().items():
            axis = feature_axis(name, weight)
            if axis is not None:
                weight.copy_(sae.state_dict()[name].index_select(axis, order))
    torch.testing.assert_close(other.encode(x), sae.encode(x)[:, order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(other(x), sae(x), rtol=1e-12, atol=1e-12)


def feature_axis(name: str, weight: torch.Tensor) -> int | None:
    """The axis of a weight that counts features, if there is one."""
    if name.startswith("attn_layers."):  # inside attention as many numbers as features go from head to head
        return 0 if "c_proj" in name else (1 if name.endswith("weight") else None)
    return next((axis for axis, size in enumerate(weight.shape) if size == 20), None)


@every_mode
def test_folding_decoder_norms_keeps_the_function_or_is_refused(
    config_class: type[SAEConfig], settings: dict[str, Any]
):
    sae, x = random_sae(config_class, **settings), random_x(40, 6)
    before, acts = sae(x), sae.encode(x)
    norms = sae.W_dec.norm(dim=-1).detach()
    if not sae_can_fold(sae):
        weights = bytes_of(sae)
        with pytest.raises(NotImplementedError, match="Folding decoder norms would change"):
            sae.fold_W_dec_norm()
        assert bytes_of(sae) == weights
        return
    sae.fold_W_dec_norm()
    torch.testing.assert_close(sae(x), before, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sae.W_dec.norm(dim=-1), torch.ones(20, dtype=torch.float64), rtol=1e-12, atol=0)
    rescaled = getattr(sae, "is_rescaled", False)
    torch.testing.assert_close(sae.encode(x), acts if rescaled else acts * norms, rtol=1e-10, atol=1e-10)


def sae_can_fold(sae: SAE) -> bool:
    if str(sae.cfg.architecture) in ("matching_pursuit", "temporal"):
        return False
    return getattr(sae, "is_rescaled", True)


@every(apply_b_dec_to_input=[True, False])
def test_folding_the_input_scale_keeps_the_function(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae = random_sae(config_class, normalize_activations="expected_average_only_in", **settings)
    x, scale = random_x(40, 6), 2.5
    if str(sae.cfg.architecture) == "temporal":
        with pytest.raises(NotImplementedError, match="would change what attention predicts"):
            sae.fold_activation_norm_scaling_factor(scale)
        return
    before = sae(scale * x) / scale
    before_eval = sae.eval()(scale * x) / scale
    sae.fold_activation_norm_scaling_factor(scale)
    assert sae.cfg.normalize_activations == "none"
    torch.testing.assert_close(sae(x), before_eval, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sae.train()(x), before, rtol=1e-10, atol=1e-10)


@every_row_mode
def test_folding_an_input_scale_is_refused_where_rows_are_normalised(
    config_class: type[SAEConfig], settings: dict[str, Any]
):
    with pytest.raises(NotImplementedError, match="scales each row anew"):
        random_sae(config_class, **settings).fold_activation_norm_scaling_factor(2.0)


@every_config
@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_folding_needs_a_positive_finite_scale(config_class: type[SAEConfig], scale: float):
    with pytest.raises(ValueError, match="positive and finite"):
        random_sae(config_class).fold_activation_norm_scaling_factor(scale)


@every(apply_b_dec_to_input=[True, False])
def test_folding_whitening_keeps_the_function_or_is_refused(config_class: type[SAEConfig], settings: dict[str, Any]):
    architecture = str(config_class.architecture)
    if "transcoder" in architecture or architecture in ("crosscoder", "matching_pursuit", "temporal"):
        sae = random_sae(config_class)
        with pytest.raises(ValueError, match="covariance_whitening"):
            random_sae(config_class, normalize_activations="covariance_whitening")
        if architecture != "crosscoder":
            weights = bytes_of(sae)
            with pytest.raises(NotImplementedError, match=r"[Ww]hitening"):
                sae.fold_activation_whitening(*whitening_of(random_x(30, 6)))
            assert bytes_of(sae) == weights
        return
    sae = random_sae(config_class, normalize_activations="covariance_whitening", **settings)
    x = random_x(40, 6) @ random_x(6, 6, seed=7) + 3
    whitening = whitening_of(x)
    z = whitening.apply(x)
    for mode in (True, False):
        whole = copy.deepcopy(sae).train(mode)
        out, acts = whitening.undo(whole(z)), whole.encode(z)
        whole.fold_activation_whitening(*whitening)
        assert whole.cfg.normalize_activations == "none"
        torch.testing.assert_close(whole.encode(x), acts, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(whole(x), out, rtol=1e-9, atol=1e-9)


@every_row_mode
def test_folding_whitening_is_refused_where_rows_are_normalised(
    config_class: type[SAEConfig], settings: dict[str, Any]
):
    with pytest.raises(NotImplementedError, match=r"[Ww]hitening"):
        random_sae(config_class, **settings).fold_activation_whitening(*whitening_of(random_x(30, 6)))


@every_config
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_save_then_load_is_bit_exact(config_class: type[SAEConfig], dtype: str, tmp_path):
    sae = random_sae(config_class, dtype=dtype)
    sae.save_model(tmp_path)
    loaded = SAE.load_from_disk(tmp_path)
    assert type(loaded) is type(sae)
    assert loaded.cfg.to_dict() == sae.cfg.to_dict()
    assert loaded.folder == sae.folder == tmp_path
    for name, weight in sae.state_dict().items():
        assert loaded.state_dict()[name].dtype == weight.dtype
        assert torch.equal(loaded.state_dict()[name], weight)
    x = random_x(5, 6)
    # Copied: weights that lie in the file as it was mapped may be multiplied in another order, and rounded otherwise.
    assert torch.equal(copy.deepcopy(loaded)(x), sae.eval()(x))
    assert loaded.W_enc.stride() == sae.W_enc.stride()
    assert sae.W_enc.stride() == (1, 6) or not sae.cfg.is_training


@every_config
def test_pickle_and_deepcopy_give_an_equal_and_independent_sae(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class), random_x(5, 6)
    for other in (copy.deepcopy(sae), pickle.loads(pickle.dumps(sae))):
        assert torch.equal(other(x), sae(x))
        assert other.cfg == sae.cfg
        assert other.W_enc.stride() == sae.W_enc.stride()
        with torch.no_grad():
            other.W_dec.zero_()
            other.cfg.metadata.hook_name = "elsewhere"
        assert sae.W_dec.abs().sum() > 0
        assert sae.cfg.metadata.hook_name is None


@every_config
def test_the_callers_config_is_copied(config_class: type[SAEConfig]):
    config = random_sae(config_class).cfg
    sae = SAE.from_config(config)
    sae.to(torch.float32)
    assert config.dtype == "float64"
    assert sae.cfg.dtype == "float32"


@every_mode
def test_decode_remembers_nothing(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae = random_sae(config_class, **settings).eval()
    a, b = random_x(3, 6, seed=1) * 5 + 2, random_x(3, 6, seed=2)
    acts_a = sae.encode(a)
    acts_b = sae.encode(b)  # in between: whoever remembers would now decode `a` with the scale of `b`
    torch.testing.assert_close(sae.decode(acts_a, a) + sae.bypass(a), sae(a), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sae.decode(acts_a, a) + sae.bypass(a), sae(a), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sae.decode(acts_b, b) + sae.bypass(b), sae(b), rtol=1e-12, atol=1e-12)


@every_row_mode
def test_decode_asks_for_the_input_it_needs(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae = random_sae(config_class, **settings)
    assert sae.needs_input_to_decode == sae.reconstructs
    if not sae.reconstructs:  # a transcoder's output is not in the unit of its input
        x = random_x(2, 6)
        torch.testing.assert_close(sae.decode(sae.encode(x)) + sae.bypass(x), sae(x), rtol=1e-12, atol=1e-12)
        return
    with pytest.raises(ValueError, match=r"decode\(feature_acts, x\)"):
        sae.decode(sae.encode(random_x(2, 6)))


@every_config
def test_decode_needs_no_input_where_nothing_is_undone(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class), random_x(2, 6)
    out = sae.decode(sae.encode(x)) + sae.bypass(x).reshape(output_of(sae, 2))
    torch.testing.assert_close(out, sae(x).reshape(out.shape), rtol=1e-12, atol=1e-12)


def output_of(sae: SAE, *batch: int) -> tuple[int, ...]:
    """The shape of what `decode` gives when it sees no input."""
    return (*batch, sae.n_sources, sae.d_in // sae.n_sources) if sae.n_sources > 1 else output_shape(sae, *batch)


@every(reshape_activations=["hook_z"])
def test_hook_z_flattens_heads_and_gives_them_back(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae, x = random_sae(config_class, **settings), random_x(4, 5, 2, 3)
    flat = x.flatten(-2)
    assert sae.encode(x).shape == (4, 5, 20)
    assert torch.equal(sae.encode(x), sae.encode(flat))
    assert sae(x).shape == (x.shape if sae.reconstructs else output_shape(sae, 4, 5))
    assert torch.equal(sae(x), sae(flat).view(sae(x).shape))
    torch.testing.assert_close(sae.decode(sae.encode(x), x) + sae.bypass(x), sae(x), rtol=1e-12, atol=1e-12)
    assert sae.decode(sae.encode(x)).shape == output_shape(sae, 4, 5)  # without x nobody knows the heads
    target = x if sae.reconstructs else target_of(sae, flat)
    torch.testing.assert_close(sae(x, use_error_term=True, target=target), target)


@every_mode
def test_error_term_gives_the_target_back(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae, x = random_sae(config_class, **settings), random_x(7, 6)
    target = target_of(sae, x)
    torch.testing.assert_close(sae(x, use_error_term=True, target=target), target, rtol=1e-12, atol=1e-12)
    if sae.reconstructs:
        torch.testing.assert_close(sae(x, use_error_term=True), x, rtol=1e-12, atol=1e-12)
    else:
        with pytest.raises(ValueError, match="target="):
            sae(x, use_error_term=True)


@every_mode
def test_error_term_shows_only_what_a_hook_changes(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae, x = random_sae(config_class, **settings).eval(), random_x(7, 6)
    clean = sae(x)
    handle = sae.hook_points["hook_sae_acts_post"].add_hook(lambda value, hook: value * 0.5)
    changed = sae(x)
    assert not torch.allclose(changed, clean)
    target = target_of(sae, x)
    with_error = sae(x, use_error_term=True, target=target)
    torch.testing.assert_close(with_error, target + changed - clean, rtol=1e-12, atol=1e-12)
    handle.remove()
    assert torch.equal(sae(x), clean)


@every_config
@pytest.mark.parametrize("use_error_term", [True, False])
def test_forward_passes_every_hook_point_in_order(config_class: type[SAEConfig], use_error_term: bool):
    sae, x = random_sae(config_class), random_x(2, 3, 6)
    seen = {}
    for point in sae.hook_points.values():
        point.add_hook(lambda value, hook: seen.__setitem__(hook.name, value.detach().clone()))
    out = sae(x, use_error_term=use_error_term, target=target_of(sae, x))
    names = ["input", "acts_pre", "acts_post", "recons", *(["error"] if use_error_term else []), "output"]
    assert list(seen) == [f"hook_sae_{name}" for name in names]
    assert torch.equal(seen["hook_sae_output"], out)
    torch.testing.assert_close(seen["hook_sae_acts_post"], sae.encode(x))
    assert seen["hook_sae_acts_pre"].shape == (2, 3, 20)


@every_config
def test_hooks_see_what_the_unhooked_path_computes(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class), random_x(5, 6)
    plain = sae.encode(x)
    sae.hook_points["hook_sae_acts_pre"].add_hook(lambda value, hook: None)
    torch.testing.assert_close(sae.encode(x), plain, rtol=1e-12, atol=1e-12)


@every_config
def test_inference_form_computes_the_same(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class), random_x(30, 6)
    sae.eval()
    inference = sae.to_inference()
    assert not inference.cfg.is_training
    torch.testing.assert_close(inference(x), sae(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(inference.encode(x), sae.encode(x), rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        inference.W_dec.zero_()
    assert sae.W_dec.abs().sum() > 0


@every_training_mode
def test_train_parts_are_those_of_forward(config_class: type[SAEConfig], settings: dict[str, Any]):
    sae, x = random_sae(config_class, **settings).train(), random_x(8, 6)
    parts = sae.train_parts(x)
    acts = parts.feature_acts.to_dense(20) if isinstance(parts.feature_acts, SparseActs) else parts.feature_acts
    torch.testing.assert_close(acts, sae.encode(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.sae_out, sae(x).reshape(parts.sae_out.shape), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.sae_in, sae.process_sae_in(x), rtol=1e-12, atol=1e-12)


@every_training_mode
def test_objective_begins_with_the_mse_and_reaches_every_weight(
    config_class: type[SAEConfig], settings: dict[str, Any]
):
    sae, x = random_sae(config_class, **settings), random_x(16, 6)
    parts = sae.train_parts(x)
    target = flat_target(sae, x)
    terms = sae.objective(parts, target, loss_context(sae, torch.arange(20) < 10))
    assert next(iter(terms)) == "mse_loss"
    torch.testing.assert_close(terms["mse_loss"], ((parts.sae_out - target) ** 2).sum(-1).mean())
    sum(terms.values()).backward()
    for name, weight in sae.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.stride() == weight.stride(), name  # fused Adam walks along memory
        assert weight.grad.abs().sum() > 0, name


@every_training_config
def test_loss_falls_when_trained(config_class: type[SAEConfig]):
    sae = random_sae(config_class, dtype="float32")
    x = random_x(64, 6, dtype=torch.float32)
    target = flat_target(sae, x) if sae.reconstructs else (x @ random_x(6, len(sae.b_dec), dtype=x.dtype)).relu()
    optimizer = torch.optim.Adam(sae.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        terms = sae.objective(sae.train_parts(x), target, loss_context(sae, torch.zeros(20, dtype=torch.bool)))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        sae.after_step()
        losses.append(sum(terms.values()).item())
    assert losses[-1] < 0.7 * losses[0]


@every_config
def test_objective_of_an_inference_form_says_how_to_train_it(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class), random_x(4, 6)
    if not sae.training_config_class.is_training:
        with pytest.raises(NotImplementedError, match="for inference"):
            sae.objective(sae.train_parts(x), x, loss_context(sae))
        return
    inference = sae.to_inference()
    parts = random_sae(type(inference).training_config_class).train_parts(x)
    with pytest.raises(TypeError, match=r"sae\.to_training"):
        inference.objective(
            parts, flat_target(inference, x), loss_context(random_sae(type(inference).training_config_class))
        )


@every_config
def test_to_training_keeps_the_weights(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class).eval(), random_x(6, 6)
    if not sae.training_config_class.is_training:
        with pytest.raises(NotImplementedError, match="for inference"):
            sae.to_training()
        return
    trainable = sae.to_training()
    assert trainable.cfg.is_training
    torch.testing.assert_close(trainable(x), sae(x), rtol=1e-6, atol=1e-6)  # a threshold becomes float32
    with pytest.raises(TypeError, match="no setting 'l9_coefficient'"):
        sae.to_training(l9_coefficient=1.0)


@every_config
def test_dtype_and_device_are_those_of_the_weights(config_class: type[SAEConfig]):
    sae = random_sae(config_class, dtype="float32")
    sae.to(torch.bfloat16)
    assert sae.dtype == torch.bfloat16 == sae(random_x(2, 6)).dtype
    assert sae.cfg.dtype == "bfloat16"
    assert str(sae.device) == sae.cfg.device == "cpu"
    for name, dtype in (sae.kept_dtypes if sae.cfg.is_training else {}).items():
        assert getattr(sae, name).dtype == dtype


@every_config
def test_a_wrong_width_is_said_plainly(config_class: type[SAEConfig]):
    with pytest.raises(ValueError, match=r"width 6; got shape \(2, 5\), width 5"):
        random_sae(config_class).encode(random_x(2, 5))


@every_config
def test_features_of_a_token_do_not_depend_on_its_neighbours(config_class: type[SAEConfig]):
    sae, x = random_sae(config_class).eval(), random_x(10, 6)
    if str(sae.cfg.architecture) == "temporal":  # reads sequences: on those before it, but never on later ones
        torch.testing.assert_close(sae.encode(x[:4]), sae.encode(x)[:4], rtol=1e-12, atol=1e-12)
        assert not torch.allclose(sae.encode(x[3]), sae.encode(x)[3])
        return
    one_by_one = torch.stack([sae.encode(row) for row in x])
    torch.testing.assert_close(one_by_one, sae.encode(x), rtol=1e-12, atol=1e-12)


@every_config
def test_float32_is_close_to_float64(config_class: type[SAEConfig]):
    x = random_x(200, 6)
    exact = random_sae(config_class).eval()(x)
    single = random_sae(config_class, dtype="float32").eval()(x).double()
    # A feature at the edge of being chosen may be chosen in one precision only; few tokens have one.
    assert ((single - exact).abs().amax(-1) < 1e-5).double().mean() > 0.99


@every_config
def test_repr_says_what_it_is(config_class: type[SAEConfig]):
    sae = random_sae(config_class)
    sae.cfg.metadata.hook_name = "blocks.1.hook_resid_post"
    text = repr(sae)
    assert "d_in=6, d_sae=20" in text
    assert "blocks.1.hook_resid_post" in text


@every_config
def test_same_generator_gives_the_same_weights(config_class: type[SAEConfig]):
    config = random_sae(config_class).cfg
    state = torch.get_rng_state()
    one, two = (SAE.from_config(config, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert bytes_of(one) == bytes_of(two)
    assert torch.equal(torch.get_rng_state(), state)
    if config.is_training:
        parts = one.W_dec.unflatten(-1, (one.n_sources, -1)).norm(dim=-1)
        length = config.decoder_init_norm
        torch.testing.assert_close(parts, torch.full((20, one.n_sources), length, dtype=torch.float64))
    if one.reconstructs:
        assert torch.equal(one.W_enc, one.W_dec.T)
    else:
        assert one.W_enc.abs().sum() > 0
        assert one.b_dec.abs().sum() == 0
