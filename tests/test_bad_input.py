"""Bad input, end to end through the public names: a clear error, and nothing is lost.

Details are tested beside each module; here is what a user does wrong, in the order of the project's promise.
"""

import json
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sae_widgets as sw
from tests.tiny_model import N_CTX, TEXT, tiny_topk

LONG = TEXT * 20


def shown(widget, state="failed"):
    """The widget's words, once its worker has ended in `state`."""
    assert widget.wait(60)
    assert widget.status["state"] == state, widget.status
    return widget.status["text"]


# -- prompts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prompt", "message"), [("", "prompt is empty"), (LONG, f"{N_CTX}")])
def test_a_prompt_that_is_empty_or_too_long_is_refused_in_words(tiny_model, tiny_sae, prompt, message):
    with pytest.raises(ValueError, match=message):
        list(sw.generate_stream(tiny_model, tiny_sae, prompt, max_new_tokens=2))
    with pytest.raises(ValueError, match=message):
        sw.attribute(tiny_model, tiny_sae, prompt, target=" mat")
    for widget in (sw.SteeringPanel(tiny_model, tiny_sae, prompt), sw.AttributionBars(tiny_model, tiny_sae, prompt)):
        assert message in shown(widget)
        widget.close()


def test_a_heatmap_keeps_its_picture_when_the_next_prompt_is_too_long(tiny_model, tiny_sae):
    heatmap = sw.TokenHeatmap(tiny_model, tiny_sae, "The cat sat on the mat.")
    shown(heatmap, "done")
    before = heatmap.data.tokens
    heatmap.prompt = LONG
    assert str(N_CTX) in shown(heatmap)
    assert heatmap.data.tokens == before
    assert "cat" in heatmap.fallback_html()
    heatmap.prompt = "The dog ran."
    shown(heatmap, "done")
    heatmap.close()


# -- hooks, features, strengths ------------------------------------------------------------------------------------


def test_an_unknown_hook_is_refused_with_the_nearest_names(tiny_model):
    with pytest.raises(ValueError, match=r"blocks\.1\.hook_resid_pree.*Did you mean 'blocks\.1\.hook_resid_pre'"):
        sw.TokenHeatmap(tiny_model, tiny_topk("blocks.1.hook_resid_pree"), "The cat")
    with (
        pytest.raises(ValueError, match="layers are 0 to 1"),
        sw.attach(tiny_model, tiny_topk("blocks.7.hook_resid_pre")),
    ):
        raise AssertionError("never attached")


@pytest.mark.parametrize("feature", [40, -1, 10**9])
def test_an_unknown_feature_is_refused_with_the_range(tiny_model, tiny_sae, feature):
    for make in (
        lambda: sw.SteeringPanel(tiny_model, tiny_sae, "The cat", features=[feature]),
        lambda: sw.TokenHeatmap(tiny_model, tiny_sae, "The cat", features=[feature]),
        lambda: list(sw.generate_stream(tiny_model, tiny_sae, "The cat", [sw.FeatureSteer(feature, 1.0, "add")])),
    ):
        with pytest.raises(ValueError, match=r"0 to 39|index from 0"):
            make()


@pytest.mark.parametrize("strength", [float("nan"), float("inf")])
def test_a_strength_that_is_no_number_is_refused_and_the_panel_keeps_its_own(tiny_model, tiny_sae, strength):
    with pytest.raises(ValueError, match="finite"):
        sw.FeatureSteer(3, strength, "add")
    panel = sw.SteeringPanel(tiny_model, tiny_sae, "The cat", features={3: 0.5}, max_new_tokens=2)
    shown(panel, "done")
    with pytest.raises(ValueError, match="finite"):
        panel.strengths = {3: strength}
    assert panel.strengths == {3: 0.5}
    panel.close()


# -- an SAE that does not belong -----------------------------------------------------------------------------------


def test_an_sae_of_another_width_or_model_is_refused_with_the_remedy(tiny_model, tiny_gpt2_model):
    narrow = tiny_topk("blocks.1.hook_resid_pre", d_in=12)
    with pytest.raises(ValueError, match=r"width 12.*width 16.*load_model\(sae=sae\)"):
        sw.SteeringPanel(tiny_model, narrow, "The cat")
    foreign = tiny_topk("blocks.1.hook_resid_pre")
    foreign.cfg.metadata.model_name = "gemma-2-2b"
    tiny_model.cfg.model_name, mine = "pythia-70m", tiny_model.cfg.model_name
    try:
        with pytest.raises(ValueError, match=r"trained on gemma-2-2b.*load_model\('gemma-2-2b'\)"):
            sw.TokenHeatmap(tiny_model, foreign, "The cat")
    finally:
        tiny_model.cfg.model_name = mine


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tiny_sae, tmp_path) -> Path:
    tiny_sae.save_model(tmp_path / "sae")
    return tmp_path / "sae"


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99])
@pytest.mark.parametrize("name", ["sae_weights.safetensors", "cfg.json"])
def test_a_truncated_file_is_named(saved, name, share):
    cut(saved / name, share)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        sw.SAE.load_from_disk(saved)


def test_noise_in_the_place_of_weights_is_refused(saved):
    (saved / "sae_weights.safetensors").write_bytes(random.Random(0).randbytes(4096))
    with pytest.raises(ValueError, match=r"sae_weights\.safetensors"):
        sw.SAE.load_from_disk(saved)


def test_a_config_that_lies_about_shapes_is_refused(saved):
    values = json.loads((saved / "cfg.json").read_text())
    (saved / "cfg.json").write_text(json.dumps({**values, "d_sae": 41}))
    with pytest.raises(ValueError, match="d_sae=41"):
        sw.SAE.load_from_disk(saved)


def test_a_folder_without_an_sae_says_what_is_there(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"notes\.txt"):
        sw.SAE.load_from_disk(tmp_path)
    with pytest.raises(FileNotFoundError, match="No folder"):
        sw.SAE.load_from_disk(tmp_path / "nowhere")


# -- a disk that takes no more -------------------------------------------------------------------------------------

TRAIN = """
import sae_widgets as sw
from tests.tiny_model import TEXT, tiny_llama, tiny_tokenizer
from sae_widgets.training.checkpoints import read_checkpoint
from sae_widgets.model import load_model
model = load_model(tiny_llama(), tokenizer=tiny_tokenizer())
cfg = sw.LanguageModelSAERunnerConfig(
    sae=sw.TopKTrainingSAEConfig(d_in=16, d_sae=64, k=4), model_name="tiny", hook_name="blocks.1.hook_resid_pre",
    context_size=16, training_tokens=64 * 100_000, train_batch_size_tokens=64, store_batch_size_prompts=4,
    n_batches_in_buffer=4, checkpoint_path={folder!r}, output_path=None, verbose=False)
data = dict(override_model=model, override_dataset=[TEXT] * 200)
"""


def python(program: str, folder: Path, **settings) -> str:
    """What a new Python printed; ours is importable there as it is here."""
    root = Path(__file__).resolve().parents[1]
    source = TRAIN.format(folder=str(folder)) + textwrap.dedent(program)
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=root, env=env, capture_output=True, text=True, check=False, **settings
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_is_full_costs_neither_the_run_nor_earlier_checkpoints(tmp_path):
    """The limit on file size makes every larger write fail, as a full disk does."""
    program = """
    import resource, signal
    from sae_widgets.runs.runner import start
    run = start(cfg, **data)
    run.wait(timeout=0.5)
    first = run.checkpoint().result(60)
    before = {file.name: file.read_bytes() for file in first.iterdir()}
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, resource.RLIM_INFINITY))
    try:
        run.checkpoint().result(60)
    except OSError as error:
        print("refused:", error)
    steps = run.n_steps
    run.wait(timeout=0.5)
    print("goes on:", run.status == "running" and run.n_steps > steps)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print("whole:", before == {file.name: file.read_bytes() for file in first.iterdir()})
    print("clean:", [path.name for path in first.parent.iterdir() if path.name.startswith(".")])
    later = run.checkpoint().result(60)
    run.stop()
    print("kept:", run.result(60).cfg.d_sae, read_checkpoint(later).sae.cfg.d_sae)
    """
    said = python(program, tmp_path)
    assert "refused: Could not write" in said
    assert "goes on: True" in said
    assert "whole: True" in said
    assert "clean: []" in said
    assert "kept: 64 64" in said


# -- interrupts while training -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_interrupted_training_keeps_a_whole_checkpoint_and_a_clean_model(tmp_path):
    """SIGINT at moments of no choice, many runs in one process: graceful stop, or the interrupt itself; never less."""
    program = """
    import os, random, signal, threading
    from pathlib import Path

    def press(is_done):
        # Python forgets what is raised while something is collected: who sees nothing happen presses again.
        os.kill(os.getpid(), signal.SIGINT)
        while not is_done.wait(15):
            os.kill(os.getpid(), signal.SIGINT)

    from sae_widgets.runs.runner import start
    rng = random.Random(1)
    n_stopped = 0
    for _ in range(12):
        is_done = threading.Event()
        timer = threading.Timer(rng.uniform(0.01, 0.6), press, [is_done])
        timer.start()
        try:
            run = start(cfg, **data, foreground=True)
            assert run.status == "stopped", run.status
            assert read_checkpoint(run.snapshot()["checkpoint"]).numbers["n_steps"] == run.n_steps
            assert run.result(60).W_dec.isfinite().all()
            n_stopped += 1
        except KeyboardInterrupt:
            pass
        finally:
            is_done.set()
        timer.join()
        points = model.hook_dict.values()
        assert not [point for point in points if point.fwd_hooks or getattr(point, "_forward_hooks", ())]
    for state in Path(cfg.checkpoint_path).rglob("training_state.json"):
        read_checkpoint(state.parent)
    print("stopped gracefully:", n_stopped, "unfinished:", [p.name for p in Path(cfg.checkpoint_path).rglob("*.part")])
    """
    said = python(program, tmp_path, timeout=300)
    assert "unfinished: []" in said
    assert int(said.split("stopped gracefully: ")[1].split()[0]) >= 6
