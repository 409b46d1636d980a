"""benchmarks/gpu.py runs for minutes on machines that are lent: that it runs at all is tried here, without a GPU."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_the_gpu_benchmark_checks_measures_and_tells(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    command = ["gpu.py", "--device", "cpu", "--tiny", "--rounds", "1", "--architectures", "topk", "jumprelu"]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path)])
    import gpu

    gpu.main()
    told = json.loads((tmp_path / "gpu.json").read_text())
    assert not told["not_measured"]
    assert [result["what"] for result in told["results"] if result["failed"]] == []
    whats = [result["what"] for result in told["results"]]
    assert {"decode", "topk step", "topk encode", "jumprelu step"} <= set(whats)
    assert "| topk step | torch |" in (tmp_path / "gpu.md").read_text()
    assert capsys.readouterr().out.count("| topk step | dense |") == 2


def test_a_kernel_that_is_wrong_ends_the_run(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu
    from sides import gpu_cases

    right = gpu_cases.kernels.decode_rows
    monkeypatch.setattr(gpu_cases.kernels, "decode_rows", lambda *each: 1.001 * right(*each))
    with pytest.raises(SystemExit, match=r"kernels, torch, fp32: decode is 1\.\d+e-03 from the dense maths in float64"):
        gpu.check(["torch"], gpu.Sizes(**gpu.TINY, device="cpu"))
