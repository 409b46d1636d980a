"""TrainingPanel in JupyterLab: live curves, pause, a changed setting, Stop; the kernel stays free, the SAE kept."""

import pytest
from playwright.sync_api import expect

TRAIN = """
import tempfile
cfg = sw.LanguageModelSAERunnerConfig(
    sae=sw.TopKTrainingSAEConfig(d_in=sae.cfg.d_in, d_sae=512, k=16), model_name="demo", hook_name=sae.cfg.hook_name,
    context_size=64, training_tokens=5_000_000, train_batch_size_tokens=512, store_batch_size_prompts=8,
    n_batches_in_buffer=4, checkpoint_path=tempfile.mkdtemp(), output_path=None)
run = sw.train(cfg, override_model=model, override_dataset=["Once upon a time there was a girl. " * 40] * 50)
"""


@pytest.fixture(scope="module")
def panel(demo_notebook):
    view = demo_notebook.show(TRAIN)
    demo_notebook.wait_python("run.n_steps > 3", timeout_s=120)
    yield view
    demo_notebook.python("run.stop()")


def test_the_cell_returned_and_numbers_move(book, panel):
    step = panel.locator(".sw-numbers dd").first
    before = step.inner_text()
    expect(step).not_to_have_text(before)
    expect(panel.locator(".sw-charts canvas, .sw-charts svg").first).to_be_attached()


def test_pause_setting_and_resume_by_keyboard_alone(book, panel):
    panel.get_by_role("button", name="Pause").focus()
    book.page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Resume")).to_be_visible()
    n_steps = book.wait_python("run.status == 'paused' and run.n_steps")
    rate = panel.get_by_role("group", name="Settings that can be changed").get_by_role("textbox").first
    rate.focus()
    book.page.keyboard.press("Control+a")
    book.page.keyboard.type("1e-4")
    book.page.keyboard.press("Enter")
    book.wait_python("abs(run.settings['lr'] - 1e-4) < 1e-12")
    panel.get_by_role("button", name="Resume").focus()
    book.page.keyboard.press(" ")
    book.wait_python(f"run.n_steps > {n_steps} + 3")
    assert [event["name"] for event in book.python("run.events")] == ["lr"]


def test_a_checkpoint_is_written_on_request(book, panel):
    panel.get_by_role("button", name="Checkpoint").click()
    assert book.wait_python("run.snapshot()['checkpoint']")
    book.screenshots("training-panel", panel)


def test_stop_ends_training_and_keeps_the_sae(book, panel):
    panel.get_by_role("button", name="Stop").click()
    book.wait_python("run.status == 'stopped'")
    assert book.python("run.result(5).cfg.d_sae") == 512
    assert book.python("__import__('pathlib').Path(run.snapshot()['checkpoint']).exists()")
    expect(panel.get_by_role("status").first).to_have_text("Stopped")
    book.screenshots("training-panel-stopped", panel)


MANY = """
from dataclasses import replace
many = sw.MultiSAETrainingRunnerConfig(
    **sw.grid(sw.TopKTrainingSAEConfig, hook_names=sae.cfg.hook_name, d_in=sae.cfg.d_in, d_sae=256, k=[4, 8, 16]),
    model_name="demo", context_size=64, training_tokens=5_000_000, train_batch_size_tokens=256,
    store_batch_size_prompts=4, n_batches_in_buffer=4, checkpoint_path=tempfile.mkdtemp(), output_path=None)
runs = sw.train(many, override_model=model, override_dataset=["Once upon a time there was a girl. " * 40] * 50)
"""
FOLLOW = "follower = sw.TrainingPanel(runs.trainable.run_folder)\nfollower"


@pytest.fixture(scope="module")
def compared(demo_notebook, panel):
    view = demo_notebook.show(MANY)
    demo_notebook.wait_python("runs.n_steps > 2", timeout_s=120)
    yield view
    demo_notebook.python("runs.stop()")


def test_many_saes_are_compared_and_one_put_in_focus_by_keyboard_alone(book, compared):
    first = compared.get_by_role("button", name="k=4", exact=True)
    expect(first).to_be_visible()
    expect(compared.locator(".sw-compared path.sw-line")).to_have_count(3)
    expect(compared.locator(".sw-charts")).to_be_hidden()
    first.focus()
    book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    expect(compared.get_by_role("button", name="k=8", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(compared.locator(".sw-charts")).to_be_visible()
    expect(compared.get_by_text("Curves of k=8")).to_be_visible()
    compared.get_by_role("combobox", name="Curve that SAEs are compared by").select_option("l0")
    expect(compared.get_by_role("columnheader", name="L0 now")).to_be_visible()
    expect(compared.locator("tr", has_text="k=16").locator("td").first).to_have_text("16")
    book.screenshots("training-panel-many", compared)
    book.page.keyboard.press("Escape")
    expect(compared.locator(".sw-charts")).to_be_hidden()


def test_a_run_is_followed_from_its_folder(book, compared):
    view = book.show(FOLLOW)
    expect(view.get_by_role("button", name="k=4", exact=True)).to_be_visible()
    expect(view.get_by_role("button", name="Stop")).to_be_hidden()
    book.python("runs.stop()")
    expect(view.get_by_role("status").first).to_have_text("Stopped", timeout=20_000)
