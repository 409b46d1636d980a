"""For all tests: no network, quick tests first, and under `make test` nothing is skipped but for want of a GPU."""

import os

import pytest

# Before anything imports the hub's client, which reads it once.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "disabled")


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
