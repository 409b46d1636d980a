"""Damaged, lying and hostile files: each is a clear error, and nothing in a file is ever run."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sae_widgets.loaders import FolderSource, load_folder, recognise
from tests.loaders.layouts import D_IN, D_SAE, cases, drawn, write_json

CASES = cases()


class Hostile:
    """An object whose unpickling makes a folder."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def published(case, folder):
    return CASES[case][1](folder)


def retensored(file, **changes):
    """The safetensors file with some tensors replaced."""
    save_file({**{name: tensor.clone() for name, tensor in load_file(file).items()}, **changes}, file)


# -- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before_1.6"])
def test_code_in_a_pt_file_is_not_run(tmp_path, is_zip):
    expected = published("dictionary_learning/AutoEncoder", tmp_path)
    trace = tmp_path / "trace"
    state = {**torch.load(expected.local / "ae.pt", weights_only=True), "extra": Hostile(trace)}
    torch.save(state, expected.local / "ae.pt", _use_new_zipfile_serialization=is_zip)
    for look in (load_folder, recognise):
        with pytest.raises(ValueError, match=r"asks for posix\.mkdir; nothing in it was run"):
            look(expected.local)
    assert not trace.exists()


def test_a_bare_pickle_is_not_run(tmp_path):
    expected = published("goodfire/8b", tmp_path)
    trace = tmp_path / "trace"
    expected.local.write_bytes(pickle.dumps({"encoder_linear.weight": Hostile(trace)}))
    with pytest.raises(ValueError, match="nothing in it was run"):
        load_folder(expected.local)
    assert not trace.exists()


def test_code_in_an_npz_file_is_not_run(tmp_path):
    expected = published("gemma_scope/residual", tmp_path)
    trace = tmp_path / "trace"
    arrays = dict(np.load(expected.local / "params.npz"))
    arrays["threshold"] = np.array([Hostile(trace)], dtype=object)
    np.savez(expected.local / "params.npz", **arrays)
    with pytest.raises(ValueError, match=r"threshold\.npy holds pickled objects.*nothing in it was run"):
        load_folder(expected.local)
    assert not trace.exists()


def test_code_in_yaml_is_not_run(tmp_path):
    expected = published("mntss/relu", tmp_path)
    trace = tmp_path / "trace"
    (expected.root / "config.yaml").write_text(f'model_name: !!python/object/apply:os.mkdir ["{trace}"]\n', "utf-8")
    with pytest.raises(ValueError, match=r"config\.yaml is not YAML"):
        load_folder(expected.local)
    assert not trace.exists()


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(tmp_path):
    expected = published("gemma_scope/residual", tmp_path)
    file = expected.local / "params.npz"
    packed = bytearray(file.read_bytes())
    entry = packed.index(b"PK\x01\x02")
    packed[entry + 24 : entry + 28] = (0xF0000000).to_bytes(4, "little")  # the unpacked size in the directory
    file.write_bytes(packed)
    with pytest.raises(ValueError, match=r"claim to unpack to 4,0\d\d,\d\d\d,\d\d\d.*Nothing was unpacked"):
        load_folder(expected.local)


def test_an_array_that_claims_more_than_is_there_gets_no_memory(tmp_path):
    expected = published("gemma_scope/residual", tmp_path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**11,)})
    with zipfile.ZipFile(expected.local / "params.npz", "a") as archive:
        archive.writestr("w_huge.npy", header.getvalue() + b"\0" * 40)
    with pytest.raises(ValueError, match=r"header of w_huge\.npy promises 400,000,000,000 bytes and 40 are there"):
        load_folder(expected.local)


def test_names_that_lead_out_are_refused(tmp_path):
    expected = published("gemma_scope/residual", tmp_path)
    (expected.root.parent / "secret").write_text("{}", "utf-8")
    source = FolderSource(expected.local)
    for name in ("../../../../secret", "/etc/passwd", "..\\secret", "a/../../../../b"):
        with pytest.raises(ValueError, match=r"leads out of|is no path inside"):
            source.file(name)
    with zipfile.ZipFile(expected.local / "params.npz", "a") as archive:
        archive.writestr("../../evil.npy", b"no array")
    with pytest.raises(ValueError, match=r"evil\.npy|magic string"):
        load_folder(expected.local)
    assert not list(tmp_path.rglob("evil*"))


# -- damaged ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("sparsify/layer", "sae.safetensors"),
        ("dictionary_learning/AutoEncoder", "ae.pt"),
        ("gemma_scope/residual", "params.npz"),
    ],
)
@pytest.mark.parametrize("kept", [0.0, 0.6])
def test_a_file_cut_off_is_damaged(tmp_path, case, file, kept):
    expected = published(case, tmp_path)
    file = expected.local / file
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    with pytest.raises(ValueError, match=rf"{file.name}.*[Cc]opy or download it again"):
        load_folder(expected.local)


def test_a_lying_safetensors_header_is_damage(tmp_path):
    expected = published("gemma_scope_2/residual", tmp_path)
    file = expected.local / "params.safetensors"
    packed = file.read_bytes()
    file.write_bytes((1 << 40).to_bytes(8, "little") + packed[8:])
    with pytest.raises(ValueError, match=r"header should have 1,099,511,627,776 bytes"):
        load_folder(expected.local)


def test_a_pt_that_is_no_dict_says_what_it_is(tmp_path):
    expected = published("goodfire/8b", tmp_path)
    torch.save(torch.zeros(3), expected.local)
    with pytest.raises(ValueError, match="holds a Tensor; expected a dict of tensors"):
        load_folder(expected.local)


# -- contradictory ----------------------------------------------------------------------------------------------------


def test_a_missing_tensor_is_named(tmp_path):
    expected = published("dictionary_learning/AutoEncoder", tmp_path)
    state = torch.load(expected.local / "ae.pt", weights_only=True)
    del state["bias"]
    torch.save(state, expected.local / "ae.pt")
    with pytest.raises(ValueError, match=r"ae\.pt lacks bias; it has decoder\.weight, encoder\.bias, encoder\.weight"):
        load_folder(expected.local)


def test_a_missing_setting_is_named(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    write_json(expected.local / "cfg.json", {"d_in": D_IN, "num_latents": D_SAE})
    with pytest.raises(ValueError, match="looks like sparsify, but its config lacks 'k'"):
        load_folder(expected.local)


def test_a_config_of_another_width_than_the_weights_is_refused(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    write_json(expected.local / "cfg.json", {"d_in": D_IN, "num_latents": 2 * D_SAE, "k": 2})
    with pytest.raises(ValueError, match=r"W_enc is \[6, 10\] where the config asks for \[6, 20\]"):
        load_folder(expected.local)


def test_a_transposed_matrix_is_explained(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    retensored(expected.local / "sae.safetensors", W_dec=drawn(D_IN, D_SAE, seed=3))
    with pytest.raises(ValueError, match=r"W_dec is \[6, 10\] where the config asks for \[10, 6\] \(transposed\?\)"):
        load_folder(expected.local)
    nameless = published("gemma_scope/residual", tmp_path)  # whose widths stand nowhere but in the arrays
    arrays = dict(np.load(nameless.local / "params.npz"))
    np.savez(nameless.local / "params.npz", **{**arrays, "w_enc": arrays["w_enc"].T})
    with pytest.raises(ValueError, match=r"W_enc is \[10, 6\] where the config asks for \[6, 10\] \(transposed\?\)"):
        load_folder(nameless.local)


def test_whole_numbers_are_no_weights(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    retensored(expected.local / "sae.safetensors", b_dec=torch.zeros(D_IN, dtype=torch.int64))
    with pytest.raises(ValueError, match="no floating-point numbers: b_dec"):
        load_folder(expected.local)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_numbers_that_are_none_are_counted(tmp_path, broken, dtype):
    expected = published("sparsify/layer", tmp_path)
    rows = drawn(D_SAE, D_IN, seed=3).to(dtype)
    rows[2, 3] = broken
    retensored(expected.local / "sae.safetensors", W_dec=rows)
    with pytest.raises(ValueError, match="W_dec holds 1 numbers of 60 that are NaN or infinite"):
        load_folder(expected.local)


def test_huge_numbers_are_numbers(tmp_path):
    expected = published("goodfire/8b", tmp_path)
    state = torch.load(expected.local, weights_only=True)
    torch.save({**state, "decoder_linear.bias": torch.full((D_IN,), 3e38)}, expected.local)
    assert float(load_folder(expected.local).b_dec.detach().max()) == pytest.approx(3e38)


def test_two_files_that_disagree_on_k_are_refused(tmp_path):
    expected = published("dictionary_learning/AutoEncoderTopK", tmp_path)
    state = torch.load(expected.local / "ae.pt", weights_only=True)
    torch.save({**state, "k": torch.tensor(7)}, expected.local / "ae.pt")
    with pytest.raises(ValueError, match=r"config\.json has k=3 and ae\.pt has k=7"):
        load_folder(expected.local)


def test_a_dictionary_of_another_class_offers_the_nearest(tmp_path):
    expected = published("dictionary_learning/AutoEncoder", tmp_path)
    write_json(expected.local / "config.json", {"trainer": {"dict_class": "AutoEncoderTopk"}})
    with pytest.raises(ValueError, match="Did you mean 'AutoEncoderTopK'"):
        load_folder(expected.local)


def test_a_setting_that_no_config_has_is_not_overridden(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    assert load_folder(expected.local, overrides={"k": 2, "neuronpedia_id": "a/b"}).cfg.k == 2
    with pytest.raises(ValueError, match=r"No config has 'hook_nmae' to override\. Did you mean 'hook_name'"):
        load_folder(expected.local, overrides={"hook_nmae": "x"})


def test_a_format_of_another_name_offers_the_nearest(tmp_path):
    expected = published("sparsify/layer", tmp_path)
    with pytest.raises(ValueError, match=r"No format 'sparsfy'\. Did you mean 'sparsify'"):
        load_folder(expected.local, format="sparsfy")
    assert load_folder(expected.local, format="sparsify").d_sae == D_SAE
