"""SAEs chosen by pattern, evaluated, and the files of results."""

import csv
import json

import pytest

from sae_widgets.evals import sweep
from sae_widgets.evals.command import run_evals_cli
from sae_widgets.evals.sweep import get_saes_from_regex, multiple_evals, process_results


def test_patterns_are_for_whole_names():
    found = get_saes_from_regex("gpt2-small-res-jb", r"blocks\.(8|11)\.hook_resid_pre")
    assert found == [
        ("gpt2-small-res-jb", "blocks.8.hook_resid_pre", 0.9, 60.0),
        ("gpt2-small-res-jb", "blocks.11.hook_resid_pre", 0.77, 56.0),
    ]
    assert get_saes_from_regex("gpt2-small-res", ".*") == []


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (("no-such-release", ".*"), r"No SAE matches 'no-such-release' and '\.\*'.*a folder, or 'demo'"),
        (("demo", "layer_2"), "No SAE matches 'demo' and 'layer_2'"),
        (("gpt2(", ".*"), r"'gpt2\(' is no regular expression"),
    ],
)
def test_what_matches_nothing_is_refused(patterns, message):
    with pytest.raises(ValueError, match=message):
        multiple_evals(*patterns)


def test_code_of_a_dataset_is_not_run():
    with pytest.raises(ValueError, match="is not run"):
        multiple_evals("demo", ".*", dataset_trust_remote_code=True)


TEXTS = ["Once upon a time there was a little girl who lived in a house near the wood. " * 3] * 40


@pytest.fixture(scope="module")
def demo_results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evals")
    data = folder / "texts.txt"
    data.write_text("\n<|endoftext|>\n".join(TEXTS))
    lines = []
    results = multiple_evals(
        "demo", ".*", 1, 1, 3, datasets=[str(data)], ctx_lens=[16], output_dir=folder / "out", report=lines.append
    )
    return results, lines, folder / "out"


def test_the_saes_of_a_model_are_evaluated_together(demo_results):
    results, lines, folder = demo_results
    assert [each["sae_id"] for each in results] == ["blocks.2.hook_resid_pre", "blocks.3.hook_resid_pre"]
    assert [line.split()[0] for line in lines] == [each["unique_id"] for each in results]
    first, second = (each["metrics"] for each in results)
    assert first["token_stats"] == {
        "total_tokens_eval_reconstruction": 42.0,
        "total_tokens_eval_sparsity_variance": 45.0,
    }
    performance = "model_performance_preservation"
    assert first[performance]["ce_loss_without_sae"] == second[performance]["ce_loss_without_sae"]
    assert 0.8 < first[performance]["ce_loss_score"] < 1.1
    assert len(results[0]["feature_metrics"]["feature_density"]) == 2048
    assert len(list(folder.glob("demo-*.json"))) == 2


def test_results_are_files_that_json_and_csv_readers_take(demo_results, tmp_path):
    results, *_ = demo_results
    files = process_results(results, tmp_path / "new")
    assert [path.name for path in files["individual_jsons"]] == [
        path.name for path in sorted(demo_results[2].glob("*.json"))
    ]
    combined = json.loads(files["combined_json"].read_text(), parse_constant=pytest.fail)
    assert [each["unique_id"] for each in combined] == [each["unique_id"] for each in results]
    silent = combined[0]["feature_metrics"]["consistent_activation_heuristic"]
    assert None in silent
    with files["csv"].open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["metrics.sparsity.l0"]) == results[0]["metrics"]["sparsity"]["l0"]
    assert float(rows[0]["intervals.l0.low"]) == results[0]["intervals"]["l0"][0]
    assert not any("feature_metrics" in column for column in rows[0])
    assert not [path for path in (tmp_path / "new").iterdir() if path.suffix == ".part"]


def test_the_shell_says_what_is_wrong(capsys):
    assert run_evals_cli(["no-such-release"]) == 2
    assert "No SAE matches 'no-such-release'" in capsys.readouterr().err


def test_the_shell_passes_its_arguments_on(monkeypatch, capsys, tmp_path, demo_results):
    asked = []

    def evaluated(*args, **kwargs):
        asked.append((args, kwargs))
        kwargs["report"]("a line")
        return demo_results[0]

    monkeypatch.setattr("sae_widgets.evals.command.multiple_evals", evaluated)
    command = f"demo blocks.2.* --batch_size_prompts 4 --ctx_lens 32 64 --output_dir {tmp_path} --datasets a.txt"
    assert run_evals_cli([*command.split(), "--compute_kl", "--verbose"]) == 0
    (args, kwargs) = asked[0]
    assert args == ("demo", "blocks.2.*", 10, 1, 4, ["a.txt"], False, [32, 64], str(tmp_path))
    assert kwargs["eval_config"].model_metrics == ["kl_div_score", "kl_div_with_sae", "kl_div_with_ablation"]
    assert kwargs["eval_config"].sae_metrics == []
    assert capsys.readouterr().out.startswith("a line\n2 evaluated.")


def test_groups_are_kept_within_memory(monkeypatch):
    monkeypatch.setattr(sweep, "WEIGHTS_AT_ONCE", 1_000_000)
    groups = list(sweep._groups(sweep.candidates("demo", ".*", "cpu")))
    assert [len(group) for group in groups] == [1, 1]
