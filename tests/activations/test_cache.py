"""Activations on the disk: written, stopped, gone on with, read in any order, damaged."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import sae_widgets as sw
from sae_widgets.activations.cache import CachedActivations
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.runs.cache_activations import CacheActivationsRunner, CacheActivationsRunnerConfig
from tests.tiny_lm import WORDS, TinyLM, sentences

HOOK, OTHER = "blocks.1.hook_resid_pre", "blocks.0.hook_mlp_out"


def config(folder, **settings):
    """Shards of 8 rows, two forwards each."""
    values = {
        **{"model_name": "tiny", "dataset_path": "sentences", "hook_name": HOOK, "context_size": 8, "device": "cpu"},
        **{"model_batch_size": 4, "training_tokens": 320, "buffer_size_gb": 5e-6},
        **{"new_cached_activations_path": str(folder / "acts"), **settings},
    }
    return CacheActivationsRunnerConfig(**values)


def runner(folder, model=None, data=None, **settings):
    return CacheActivationsRunner(config(folder, **settings), data or sentences(), model or TinyLM())


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def store_of(cached, model=None, documents=None, **settings):
    values = {"hook_name": HOOK, "context_size": 8, "store_batch_size_prompts": 4, "n_batches_in_buffer": 4}
    values |= {"train_batch_size_tokens": 32, **settings}
    return ActivationsStore(model or TinyLM(), documents, StoreSettings(**values), cached=cached)


# Writing


def test_what_is_written_is_what_the_model_gives_on_the_tokens_beside_it(tmp_path):
    model = TinyLM()
    cached = runner(tmp_path, model, hook_names=[HOOK, OTHER]).run()
    assert (cached.n_rows, cached.n_tokens, cached.hook_names) == (40, 320, [HOOK, OTHER])
    rows = list(range(40))
    tokens = cached.rows.read_tokens(rows)
    _, cache = model.run_with_cache(tokens, names_filter=[HOOK, OTHER])
    for name in (HOOK, OTHER):
        torch.testing.assert_close(cached.rows.read(rows, name), cache[name], rtol=0.0, atol=1e-6)
    assert torch.equal(cached.rows.read([33, 2, 17], HOOK), cached.rows.read(rows, HOOK)[[33, 2, 17]])
    shard = load_file(tmp_path / "acts" / "shard-00001.safetensors")
    assert torch.equal(shard[HOOK], cached.rows.read(range(len(shard[HOOK]), 2 * len(shard[HOOK])), HOOK))
    cached.check()


def test_documents_for_evaluation_are_left_out_and_the_cache_says_so(tmp_path):
    data = ([WORDS[0]] * 19 + [WORDS[1]]) * 4  # every 20th is kept out
    kept_out, _ = TinyLM().tokenizer([WORDS[1], WORDS[0]])["input_ids"]
    for keeps in (True, False):
        cached = runner(tmp_path / str(keeps), data=data, keep_held_out=keeps).run()
        assert cached.keeps_held_out is keeps
        assert (kept_out[-1] in cached.rows.read_tokens(range(cached.n_rows))) is not keeps


def test_writing_again_does_nothing_and_other_settings_are_named(tmp_path):
    runner(tmp_path).run()
    before = files_of(tmp_path / "acts")
    model = TinyLM()
    runner(tmp_path, model).run()
    assert files_of(tmp_path / "acts") == before
    assert model.n_forwards == 1  # which told the width
    with pytest.raises(ValueError, match=r"made with other settings \(seed: 42 there, 7 here\)"):
        runner(tmp_path, seed=7).run()


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "acts").mkdir()
    (tmp_path / "acts" / "diary.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else: name a folder that is empty or new"):
        runner(tmp_path).run()
    assert os.listdir(tmp_path / "acts") == ["diary.txt"]


def test_writing_ends_where_the_text_does(tmp_path):
    cached = runner(tmp_path, data=sentences(20), training_tokens=1_000_000).run()
    tokens = cached.rows.read_tokens(range(cached.n_rows))
    assert 30 < cached.n_rows < 100
    assert len(tokens.unique(dim=0)) == cached.n_rows


def test_positions_dtype_and_one_head_are_kept_as_asked(tmp_path):
    settings = {"hook_name": "blocks.0.attn.hook_z", "hook_head_index": 2, "seqpos_slice": (1, 6), "dtype": "bfloat16"}
    cached = runner(tmp_path, **settings).run()
    assert cached.rows.read([0], "blocks.0.attn.hook_z").shape == (1, 5, 4)
    assert cached.rows.dtype == torch.bfloat16
    store = store_of(cached, **(settings | {"dtype": "float32"}))
    assert store.next_batch().dtype == torch.float32


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.activations.test_cache import TinyLM, runner
model = TinyLM()
model.when_called = lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == int(sys.argv[2]) else None
runner(Path(sys.argv[1]), model).run()
"""


def test_killed_at_any_moment_it_goes_on_and_gives_the_same_files(tmp_path):
    runner(tmp_path / "whole").run()
    expected = files_of(tmp_path / "whole" / "acts")
    assert len(expected) >= 5
    killed = tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(killed), "9"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    written = [name for name in os.listdir(killed / "acts") if name.startswith("shard")]
    assert 0 < len(written) < len(expected) - 1
    with pytest.raises(ValueError, match="are not finished: run CacheActivationsRunner again with the same settings"):
        CachedActivations.open(killed / "acts")
    runner(killed).run()
    found = files_of(killed / "acts")
    assert found == expected


def test_an_interrupted_runner_leaves_whole_shards_and_goes_on(tmp_path):
    runner(tmp_path / "whole").run()
    expected = files_of(tmp_path / "whole" / "acts")

    for moment in (3, 6, 9):  # the third forward is the first after the plan's two and the width's
        model, folder = TinyLM(), tmp_path / str(moment)

        def stop(n_forwards, moment=moment):
            if n_forwards == moment:
                raise InterruptedError

        model.when_called = stop
        with pytest.raises(InterruptedError):
            runner(folder, model).run()
        runner(folder).run()
        assert files_of(folder / "acts") == expected


def test_a_full_disk_is_said_and_what_is_there_stays_whole(tmp_path, monkeypatch):
    from sae_widgets.activations import cache

    write, n_written = cache._write_tensors, []

    def fill(path, tensors):
        if len(n_written) == 2:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        n_written.append(path)
        return write(path, tensors)

    monkeypatch.setattr(cache, "_write_tensors", fill)
    with pytest.raises(OSError, match=r"shard-00002.*No space left on device.*goes on after them"):
        runner(tmp_path).run()
    assert sorted(os.listdir(tmp_path / "acts")) == [
        *("activations.json", "shard-00000.safetensors", "shard-00001.safetensors"),
    ]


# The plan


def test_the_plan_says_what_it_takes_and_refuses_what_the_disk_cannot_hold(tmp_path, monkeypatch):
    making = runner(tmp_path)
    plan = making.plan()
    assert plan.n_tokens == 320
    assert plan.n_bytes == pytest.approx(320 * (16 * 4 + 4), rel=0.05)
    assert plan.tokens_per_s > 0
    assert "activations of 320 tokens to" in str(plan)
    of_short_text = runner(tmp_path, training_tokens=10**9).plan()
    n_tokens = 8 * len(runner(tmp_path / "all", training_tokens=10**9).run())
    assert n_tokens <= of_short_text.n_tokens < 1.6 * n_tokens
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 64 * 1024**2 + 7000})())
    with pytest.raises(ValueError, match=r"do not fit: .* are free at .*enough for 100 tokens\. Lower training_tokens"):
        making.run()
    assert not list((tmp_path / "acts").glob("shard*"))


# Reading


def test_training_reads_every_row_once_an_epoch_across_all_shards(tmp_path):
    cached = runner(tmp_path).run()
    store = store_of(cached, activations_mixing_fraction=0.0)
    epochs = [torch.cat([store.next_batch() for _ in range(10)]) for _ in range(2)]
    rows = cached.rows.read(range(40), HOOK).flatten(0, 1)

    def ordered(activations):
        return sorted(map(tuple, activations.tolist()))

    assert ordered(epochs[0]) == ordered(epochs[1]) == ordered(rows)
    assert not torch.equal(epochs[0], epochs[1])
    first_forward = {tuple(each) for each in epochs[0][:32:8].tolist()}
    shards = {index // 8 for index in range(40) if tuple(rows[8 * index].tolist()) in first_forward}
    assert len(shards) > 1


def test_cached_batches_go_on_where_their_state_was_taken(tmp_path):
    cached = runner(tmp_path).run()
    whole = store_of(cached)
    expected = [whole.next_batch() for _ in range(30)]
    first = store_of(cached, prefetch_llm_batches=2)
    for _ in range(13):
        first.next_batch()
    second = store_of(cached)
    second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    assert all(torch.equal(second.next_batch(), batch) for batch in expected[13:])
    with pytest.raises(ValueError, match="resume with use_cached_activations=True"):
        ActivationsStore.from_sae(TinyLM(), _sae(), sentences(), **_sizes()).load_state_dict(second.state_dict())


def _sizes():
    return {"store_batch_size_prompts": 4, "train_batch_size_tokens": 32, "n_batches_in_buffer": 4}


def _sae():
    sae = sw.SAE.from_config(sw.StandardSAEConfig(d_in=16, d_sae=8))
    for name, value in {"hook_name": HOOK, "context_size": 8, "prepend_bos": True}.items():
        sae.cfg.metadata[name] = value
    return sae


def test_special_tokens_are_left_out_and_texts_can_be_evaluated_on(tmp_path):
    cached = runner(tmp_path).run()
    model = TinyLM()
    store = store_of(cached, model, exclude_special_tokens=True)
    bos = cached.rows.read([0], HOOK)[0, 0]
    batches = torch.cat([store.next_batch() for _ in range(6)])
    assert not (batches - bos).abs().amax(1).lt(1e-6).any()
    assert store.eval_tokens(5).shape == (5, 8)
    with pytest.raises(ValueError, match="Cached activations are read here, and no text"):
        store.get_batch_tokens()


def test_shares_of_a_cache_have_no_row_in_common(tmp_path):
    cached = runner(tmp_path).run()
    stores = [store_of(cached, rank=rank, world_size=2, activations_mixing_fraction=0.0) for rank in (0, 1)]
    read = [torch.cat([store.next_batch() for _ in range(5)]) for store in stores]
    assert len(torch.cat(read).unique(dim=0)) == len(cached.rows.read(range(40), HOOK).flatten(0, 1).unique(dim=0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hook_name": OTHER}, f"are of '{HOOK}', not of '{OTHER}'"),
        ({"context_size": 16}, "context_size is 16 here and 8 there"),
        ({"prepend_bos": False}, "prepend_bos is False here and True there"),
        ({"seqpos_slice": (0, 5)}, None),
    ],
)
def test_activations_of_something_else_are_refused(settings, message, tmp_path):
    cached = runner(tmp_path).run()
    if message is None:
        assert store_of(cached, **settings).next_batch().shape == (32, 16)
        return
    with pytest.raises(ValueError, match=message):
        store_of(cached, **settings)


def test_activations_of_another_model_are_refused(tmp_path):
    cached, model = runner(tmp_path).run(), TinyLM()
    model.cfg.model_name = "other"
    with pytest.raises(ValueError, match="the model is 'other' here and 'tiny' there"):
        store_of(cached, model)


# Damage


def test_a_shard_that_was_cut_is_found_when_it_is_opened(tmp_path):
    runner(tmp_path).run()
    shard = tmp_path / "acts" / "shard-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"shard-00001\.safetensors has [\d,]+ bytes instead of .*run CacheActiv"):
        CachedActivations.open(tmp_path / "acts")
    shard.unlink()
    with pytest.raises(ValueError, match=r"shard-00001\.safetensors is missing"):
        CachedActivations.open(tmp_path / "acts")


def test_a_changed_byte_is_found_when_its_row_is_read(tmp_path):
    runner(tmp_path).run()
    shard = tmp_path / "acts" / "shard-00002.safetensors"
    content = bytearray(shard.read_bytes())
    header = int.from_bytes(content[:8], "little")
    row_bytes = 8 * 16 * 4
    content[8 + header + 5 * row_bytes + 3] ^= 1
    shard.write_bytes(content)
    cached = CachedActivations.open(tmp_path / "acts")
    n_rows = json.loads((tmp_path / "acts" / "activations.json").read_text())["shards"][0]["n_rows"]
    cached.rows.read([2 * n_rows + 4], HOOK)
    for look in (cached.check, lambda: cached.rows.read([2 * n_rows + 5], HOOK)):
        with pytest.raises(ValueError, match=r"shard-00002\.safetensors has another content .* at row 5 of"):
            look()


def test_a_folder_without_activations_says_what_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No cached .*neither activations\.json nor state\.json"):
        CachedActivations.open(tmp_path)
    (tmp_path / "activations.json").write_text("{")
    with pytest.raises(ValueError, match=r"activations\.json is damaged"):
        CachedActivations.open(tmp_path)


# SAELens' layout


def arrow_cache(folder, with_tokens=True, n_rows=30):
    """As SAELens writes it."""
    datasets = pytest.importorskip("datasets")
    tokens = torch.randint(1, 20, (n_rows, 8), generator=torch.Generator().manual_seed(0))
    acts = TinyLM().run_with_cache(tokens, names_filter=[HOOK])[1][HOOK]
    features = {HOOK: datasets.Array2D(shape=(8, 16), dtype="float32")}
    columns = {HOOK: acts.numpy()}
    if with_tokens:
        features["token_ids"] = datasets.Sequence(datasets.Value("int32"), length=8)
        columns["token_ids"] = tokens.to(torch.int32).numpy()
    datasets.Dataset.from_dict(columns, features=datasets.Features(features)).save_to_disk(folder)
    return acts, tokens


def test_the_layout_of_saelens_is_read(tmp_path):
    acts, tokens = arrow_cache(tmp_path / "arrow")
    cached = CachedActivations.open(tmp_path / "arrow")
    assert torch.equal(cached.rows.read([29, 3], HOOK), acts[[29, 3]])
    assert torch.equal(cached.rows.read_tokens([29, 3]), tokens[[29, 3]])
    served = torch.cat([store_of(cached, activations_mixing_fraction=0.0).next_batch() for _ in range(2)])
    known = set(map(tuple, acts.flatten(0, 1).tolist()))
    assert set(map(tuple, served.tolist())) <= known
    with pytest.raises(ValueError, match="a row has 16 positions here and 8 there"):
        store_of(cached, context_size=16)


def test_a_cache_without_tokens_cannot_leave_any_out(tmp_path):
    arrow_cache(tmp_path / "arrow", with_tokens=False)
    cached = CachedActivations.open(tmp_path / "arrow")
    assert store_of(cached).next_batch().shape == (32, 16)
    with pytest.raises(ValueError, match=r"exclude_special_tokens needs the tokens, and .* has none"):
        store_of(cached, exclude_special_tokens=True)
    with pytest.raises(ValueError, match="has no whole texts to evaluate on: set dataset_path"):
        store_of(cached).eval_tokens(3)


def test_a_damaged_arrow_file_is_named(tmp_path):
    arrow_cache(tmp_path / "arrow")
    (file,) = (tmp_path / "arrow").glob("*.arrow")
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"cached activations in '.*arrow' cannot be read"):
        CachedActivations.open(tmp_path / "arrow")
