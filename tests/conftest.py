"""For all tests: no network, quick tests first, and under `make test` nothing is skipped but for want of a GPU."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before anything imports the hub's client, which reads it once.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "disabled")


def pytest_configure():
    """Let interrupts through: a background job of a shell starts with SIGINT ignored, and so would every child."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: [item.get_closest_marker(name) is not None for name in ("browser", "slow")])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("SAE_WIDGETS_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(word in reason for word in ("CUDA", "GPU", "Triton")):
            report.outcome = "failed"
            report.longrepr = f"`make test` has all that is needed, so a skip is a failure: {reason}"
    return report


# -- tiny models, made once a session; each test leaves them as it found them, and the fixtures check it --------------
# Imported where they are used: what is imported with this file is not checked by jaxtyping.


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A byte-level tokenizer made in memory."""
    from tests.tiny_model import tiny_tokenizer

    return tiny_tokenizer()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """A folder with a tiny model and its tokenizer, in Hugging Face's layout."""
    from tests.tiny_model import tiny_llama

    folder = tmp_path_factory.mktemp("model")
    tiny_llama().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def _session_model(model_folder: Path) -> Any:
    from sae_widgets.model import load_model

    return load_model(model_folder, device="cpu")


@pytest.fixture
def tiny_model(_session_model: Any) -> Iterator[Any]:
    """A hooked random Llama: 2 layers, d_model 16, context 48."""
    yield from _unchanged(_session_model)


@pytest.fixture(scope="session")
def _session_gpt2(tokenizer: Any) -> Any:
    from sae_widgets.model import load_model
    from tests.tiny_model import tiny_gpt2

    return load_model(tiny_gpt2(), tokenizer=tokenizer)


@pytest.fixture
def tiny_gpt2_model(_session_gpt2: Any) -> Iterator[Any]:
    """A hooked random GPT-2: LayerNorm, learned positions."""
    yield from _unchanged(_session_gpt2)


@pytest.fixture(scope="session")
def tiny_sae() -> Any:
    """A random TopK SAE for the middle of the residual stream of `tiny_model`."""
    from tests.tiny_model import tiny_topk

    return tiny_topk("blocks.1.hook_resid_pre")


def _unchanged(model: Any) -> Iterator[Any]:
    yield model
    left = {name for name, point in model.hook_dict.items() if point.fwd_hooks or getattr(point, "_forward_hooks", ())}
    assert not left, f"hooks were left behind at {left}"
    assert not model.acts_to_saes, "SAEs were left attached"
