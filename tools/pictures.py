"""Take the README's pictures of the widgets, in JupyterLab with the demo bundle: docs/images/<name>-<theme>.png.

python tools/pictures.py
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser.jupyter import ROOT, Lab, Notebook

OUT = ROOT / "docs/images"
SETUP = """
import os, pathlib, tempfile
import sae_widgets as sw
model, sae = sw.load_demo()
statistics = sw.known_statistics(sae)
def about(kind):
    found = [f for f, label in statistics.labels.items() if label.startswith(kind)]
    return max(found, key=lambda f: statistics.density[f] * statistics.mean_act[f])
def firing(kind):
    data = sw.TokenHeatmap(model, sae, PROMPT)
    data.wait(60)
    return max((f for f, l in statistics.labels.items() if kind in l), key=lambda f: data.data.column(f).sum())
PROMPT = '''And the LORD said unto Moses, Go in unto Pharaoh.
Once upon a time there was a little girl who liked to play.
Boil the potatoes in salted water, and add a little butter.
def read(self, name): return self.values[name]'''
"""
WIDGETS = {
    "heatmap": "sw.TokenHeatmap(model, sae, PROMPT, mode='overlay',"
    " features=[firing(k) for k in ['scripture', 'stories', 'recipes', 'code']])",
    "steering": "sw.SteeringPanel(model, sae, 'I went to the', features={about('recipes'): 1.0, about('code'): 0.0})",
    "attribution": "sw.AttributionBars(model, sae, 'Once upon a time there was a little', target=' girl',"
    " contrast=' of', top=8)",
    "dashboard": "sw.FeatureDashboard(model, sae, about('scripture'))",
    "browser": "sw.FeatureBrowser(model, sae, text='scripture', order='-density')",
    "prompt": "sw.PromptView(model, sae, 'And the LORD said unto', other='And the king said unto', sort='difference')",
    "catalog": "sw.CatalogBrowser(model='gpt2-small', site='resid_pre',"
    " selected=('gpt2-small-res-jb', 'blocks.8.hook_resid_pre'))",
}
TRAIN = """
cfg = sw.LanguageModelSAERunnerConfig(
    sae=sw.TopKTrainingSAEConfig(d_in=sae.cfg.d_in, d_sae=1024, k=24), model_name="demo",
    hook_name=sae.cfg.hook_name, context_size=128, training_tokens=150_000, train_batch_size_tokens=1024,
    store_batch_size_prompts=16, n_batches_in_buffer=8, lr=2e-3, lr_warm_up_steps=10,
    checkpoint_path=tempfile.mkdtemp(), output_path=None)
texts = [p.read_text("utf-8", errors="ignore") for p in sorted(pathlib.Path(os.__file__).parent.glob("*.py"))]
run = sw.train(cfg, override_model=model, override_dataset=texts)
"""


def picture(book: Notebook, name: str, view) -> None:
    book.page.set_viewport_size({"width": 1180, "height": 1400})
    book.page.mouse.move(0, 0)
    for theme in ("dark", "light"):
        book.set_theme(theme)
        book.page.wait_for_timeout(800)
        view.scroll_into_view_if_needed()
        view.screenshot(path=OUT / f"{name}-{theme}.png")


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab, lab.notebook([SETUP]) as book:
        book.run(0)
        for name, source in WIDGETS.items():
            view = book.show(f"it = {source}\nit")
            book.wait_python("it.wait(60)")
            picture(book, name, view)
        view = book.show(TRAIN)
        book.wait_python("run.n_steps > 60", timeout_s=120)
        book.python("run.set(lr=5e-4)")
        book.wait_python("run.n_steps > 130", timeout_s=120)
        picture(book, "training", view)
    print(*sorted(f"{path.name} {path.stat().st_size / 1000:.0f} kB" for path in OUT.glob("*.png")), sep="\n")


if __name__ == "__main__":
    main()
