"""Every widget for whoever sees, hears or points otherwise: axe-core in both themes, no motion where none is wanted.

One notebook shows all widgets; axe-core comes from `js/node_modules` and runs in the page, whose theme is JupyterLab's.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import ROOT, expect_error

AXE = ROOT / "js/node_modules/axe-core/axe.min.js"
# What is wrong, seriously; that nothing was looked at would be wrong, too.
SCAN = """async root => {
    const { violations, passes } = await axe.run(root, { resultTypes: ['violations'] });
    if (passes.length < 5) return [`only ${passes.length} rules found anything to check`];
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    return serious.map(({ id, nodes }) => `${id}: ` + nodes.slice(0, 4).map(node =>
        `${node.target.flat().at(-1)} (${[...node.any, ...node.all, ...node.none][0]?.message})`).join('; '));
}"""
MOVING = """root => root.getAnimations({ subtree: true }).length
    + [...root.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"""

MAKE = """
first = int(statistics.density.topk(30).indices[20])
statistics.labels.setdefault(first, "a name")
trained = sw.train(sw.LanguageModelSAERunnerConfig(
    sae=sw.TopKTrainingSAEConfig(d_in=sae.cfg.d_in, d_sae=64, k=4), model_name="demo", hook_name=sae.cfg.hook_name,
    context_size=64, training_tokens=512, train_batch_size_tokens=256, store_batch_size_prompts=2,
    n_batches_in_buffer=2, checkpoint_path=None, output_path=None),
    override_model=model, override_dataset=["Once upon a time there was a girl. " * 40] * 4, foreground=True)
"""
WIDGETS = {
    "TokenHeatmap": "sw.TokenHeatmap(model, sae, PROMPT, features=[first, 3, 5], selection=False)",
    "FeatureDashboard": "sw.FeatureDashboard(model, sae, first, pinned=[first, 3], selection=False)",
    "FeatureBrowser": "sw.FeatureBrowser(model, sae, selection=False)",
    "PromptView": "sw.PromptView(model, sae, PROMPT, selection=False)",
    "SteeringPanel": "sw.SteeringPanel(model, sae, 'Once upon', {first: 1.0}, max_new_tokens=4, selection=False)",
    "AttributionBars": "sw.AttributionBars(model, sae, 'Once upon a', ' time', methods=['direct'], selection=False)",
    "TrainingPanel": "sw.TrainingPanel(trained)",
    "CatalogBrowser": "sw.CatalogBrowser(text='gpt2', selected=('gpt2-small-res-jb', 'blocks.8.hook_resid_pre'))",
    "ToyModel": "sw.ToyModel(4, with_sae=True)",
    "failed": "sw.AttributionBars(model, sae, PROMPT, ' no such token', selection=False)",
}


@pytest.fixture(scope="module")
def views(lab, demo_notebook):
    """All widgets in the notebook that the widget tests share, each in its cell."""
    assert AXE.exists(), "axe-core is not installed: run `npm ci` in js/."
    demo_notebook.run(demo_notebook.add(MAKE))
    shown = {name: demo_notebook.show(f"seen_{name} = {source}\nseen_{name}") for name, source in WIDGETS.items()}
    for name in WIDGETS:
        demo_notebook.wait_python(f"seen_{name}.wait(60)")
    expect_error(shown["failed"])
    demo_notebook.page.evaluate(AXE.read_text("utf-8"))
    yield shown
    for name in WIDGETS:
        demo_notebook.python(f"seen_{name}.close()")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(book, views, theme):
    book.set_theme(theme)
    for view in views.values():
        expect(view).to_have_attribute("data-theme", theme)
    found = {name: problems for name, view in views.items() if (problems := view.evaluate(SCAN))}
    assert found == {}


def test_nothing_moves_where_no_motion_is_wanted(book, views):
    book.page.emulate_media(reduced_motion="reduce")
    moving = {name: n for name, view in views.items() if (n := view.evaluate(MOVING))}
    book.page.emulate_media(reduced_motion="no-preference")
    assert moving == {}
