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
    assert panel.locator(".sw-charts canvas, .sw-charts svg").count() >= 1


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
