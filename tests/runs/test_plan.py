"""Plans: what they count, what they refuse, what they offer."""

import json

import pytest

import sae_widgets.runs.plan as plan_module
from sae_widgets.runs import plan_command
from sae_widgets.runs.multi_config import MultiSAETrainingRunnerConfig
from tests.runs.test_runner import HOOK, config
from tests.tiny_lm import TinyLM, sentences


def test_bytes_are_those_of_the_tensors(tmp_path):
    cfg = config(tmp_path, training_tokens=100_000, ema_decay=0.99, checkpoint_every_steps=100, keep_checkpoints=2)
    plan = cfg.plan(measure=False, override_model=TinyLM())
    weights = 4 * (2 * 16 * 48 + 16 + 48)
    buffer = 4 * 16 * (6 * 4 * 16 + 4 * 16)  # the buffer, and room for one more forward
    assert plan.memory["SAE"] == plan.memory["gradients"] == weights
    assert plan.memory["optimiser"] == 3 * weights  # two moments and the average
    assert plan.memory["mixing buffer"] == buffer
    assert plan.disk == {"SAE": weights, "3 checkpoints": 3 * (4 * weights + buffer)}
    assert plan.n_steps == 1563
    assert plan.fits
    assert plan.check() is plan
    many = MultiSAETrainingRunnerConfig(
        saes={"a": cfg.sae, "b": cfg.sae},
        hook_names={"a": HOOK, "b": "blocks.0.hook_resid_pre"},
        training_tokens=64_000,
    )
    assert many.plan(measure=False, override_model=TinyLM()).memory["2 SAEs"] == 2 * weights


def test_a_measured_plan_knows_speed_and_time_and_leaves_no_trace(tmp_path):
    plan = config(tmp_path).plan(override_model=TinyLM(), override_dataset=sentences())
    assert plan.tokens_per_s > 0
    assert plan.seconds > 0
    assert "tokens/s" in str(plan)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_fit_is_refused_with_the_change_that_would(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "_free_memory", lambda cfg, held: 600_000_000)
    monkeypatch.setattr(plan_module, "_free_disk", lambda cfg: 4_000_000)
    model = TinyLM()
    monkeypatch.setattr(plan_module, "process_memory_bytes", lambda: 0)
    cfg = config(tmp_path, training_tokens=10**9, n_batches_in_buffer=2**16)
    plan = cfg.plan(override_model=model)
    assert plan.tokens_per_s is None  # steps of what does not fit are not tried
    with pytest.raises(
        ValueError, match=r"7\d\d\.\d MB of memory needed, 600\.0 MB free.*n_batches_in_buffer=\d+ would need \d+"
    ):
        plan.check()
    assert "does not fit" in str(plan)
    assert "Does not fit" in plan._repr_html_()
    assert model.n_forwards == 0
    many = config(tmp_path, training_tokens=10**6, n_checkpoints=100).plan(measure=False, override_model=model)
    assert any(remedy.startswith("keep_checkpoints=1 would need") for remedy in many.remedies)
    assert all(remedy.endswith("of disk") for remedy in many.remedies)


def test_the_command_prints_a_plan_as_text_or_json(tmp_path, capsys):
    file = tmp_path / "cfg.yaml"
    file.write_text("{architecture: topk, d_in: 192, d_sae: 768, k: 16, hook_name: blocks.2.hook_resid_pre}")
    import sae_widgets.__main__ as front

    assert front.main(["plan", str(file), "--no-measure", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fits"]
    assert told["memory"]["model"] > 1e6  # the bundled model's, from its file
    assert told["flops"] > 0
    assert front.main(["plan", str(file), "--no-measure"]) == 0
    assert "not measured" in capsys.readouterr().out
    assert plan_command.__doc__
