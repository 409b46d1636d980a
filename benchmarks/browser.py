"""What a hand at the page waits for, in JupyterLab in Chromium: steering, heatmap, Stop; timed inside the page.

    python benchmarks/browser.py --moves 20

Bars: slider -> first steered token 150 ms (median of 20); first paint of a heatmap 150 ms (1,024 tokens) and 300 ms
(10,000 tokens, at most 400 DOM nodes); Stop -> the panel says so 250 ms beyond a training step; a browser of 100,000
features: sort and filter 150 ms to the frame that shows it, scrolling at 60 Hz, at most 300 rows in the page.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser.conftest import SETUP
from tests.browser.jupyter import Lab, Notebook
from tests.browser.test_feature_browser import MANY

HEATMAP = """
import numpy as np
rng = np.random.default_rng({n})
tokens = [f" w{{i % 700}}" if i % 40 else "\\n" for i in range({n})]
values = (np.maximum(rng.normal(size=({n}, 8)), 0) * (rng.random(({n}, 8)) < 0.3)).astype(np.float32)
view{n} = sw.TokenHeatmap.from_data(tokens, values)
view{n}
"""
PANEL = """
features = [int(f) for f in statistics.density.topk(40).indices[-3:]]
panel = sw.SteeringPanel(model, sae, "Once upon a time there was", features=features, max_new_tokens=24)
panel
"""
TRAIN = """
import tempfile
def start():
    global run
    cfg = sw.LanguageModelSAERunnerConfig(
        sae=sw.TopKTrainingSAEConfig(d_in=sae.cfg.d_in, d_sae=512, k=16), model_name="demo",
        hook_name=sae.cfg.hook_name, context_size=64, training_tokens=50_000_000, train_batch_size_tokens=512,
        store_batch_size_prompts=8, n_batches_in_buffer=4, checkpoint_path=tempfile.mkdtemp(), output_path=None)
    run = sw.train(cfg, override_model=model, override_dataset=["Once upon a time there was a girl. " * 40] * 50)
start()
"""
# From the slider's `input` event to the first fresh token in the steered text, and to the frame that shows it.
WATCH_STEERING = """root => {
  const slider = root.querySelector('input[type=range]');
  const text = root.querySelector('[aria-label="Steered text: tokens"]');
  const w = window.swSteer = {start: null, token: null, frame: null};
  slider.addEventListener('input', () => { w.start ??= performance.now(); }, {capture: true});
  new MutationObserver(() => {
    if (w.start === null || w.token !== null) return;
    const first = text.children[0];
    if (!first || first.classList.contains('sw-stale')) return;
    w.token = performance.now();
    requestAnimationFrame(() => { w.frame = performance.now(); });
  }).observe(text, {subtree: true, childList: true, characterData: true, attributes: true});
}"""
WATCH_STOP = """root => {
  const pill = root.querySelector('.sw-state');
  const w = window.swStop = {start: null, end: null};
  root.querySelector('.sw-stop').addEventListener('click', () => { w.start = performance.now(); }, {capture: true});
  new MutationObserver(() => { if (pill.textContent === 'Stopped') w.end ??= performance.now(); })
    .observe(pill, {subtree: true, childList: true, characterData: true});
}"""

# Each act and the frame that shows its result; then a frame's time while scrolling: 1,800 pixels a second, as a wheel
# does, so fast that all rows are new in each frame, and plain text of the same size.
WATCH_FEATURES = """async root => {
  const grid = root.querySelector('[role=grid]');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const changed = async act => {
    const [before, top] = [root.dataset.filterMs, grid.querySelectorAll('[role=row]')[1]?.textContent];
    const started = performance.now();
    act();
    const isNew = () => root.dataset.filterMs !== before || grid.querySelectorAll('[role=row]')[1]?.textContent !== top;
    while (!isNew() && performance.now() - started < 5000) await frame();
    await frame();
    return [performance.now() - started, Number(root.dataset.filterMs)];
  };
  const heads = [...grid.querySelectorAll('.sw-ch-sort')].slice(2);
  const found = {sort: [], brush: [], text: [], draws: []};
  for (let round = 0; round < 2; round++) for (const head of heads) found.sort.push(await changed(() => head.click()));
  for (const brush of grid.querySelectorAll('.sw-ch-filter')) {
    brush.setPointerCapture = () => {};
    const box = brush.getBoundingClientRect();
    const at = (type, share) => brush.dispatchEvent(new PointerEvent(type, {
      bubbles: true, button: 0, pointerId: 1, clientX: box.left + box.width * share, clientY: box.top + 5}));
    at('pointerdown', 0.1);
    for (const share of [0.7, 0.8, 0.9, 0.98]) found.brush.push(await changed(() => at('pointermove', share)));
    at('pointerup', 0.98);
  }
  const search = root.querySelector('input[type=search]');
  for (const text of ['label 7', 'label 77', 'label 1', '']) found.text.push(await changed(() => {
    search.value = text;
    search.dispatchEvent(new Event('input'));
  }));
  [...root.querySelectorAll('button')].find(each => each.textContent === 'Reset').click();
  for (let i = 0; i < 20; i++) await frame();
  const scrolled = async (what, step, act = () => {}) => {
    const frames = [];
    for (let i = 0, last = performance.now(); i < 120; i++) {
      what.scrollTop += step;
      act();
      await frame();
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    return frames;
  };
  found.frames = await scrolled(grid, 30);
  found.leaps = await scrolled(grid, 700);
  await scrolled(grid, 700, () => {
    const started = performance.now();
    grid.dispatchEvent(new Event('scroll'));
    found.draws.push(performance.now() - started);
  });
  const plain = document.createElement('pre');
  plain.style = 'height: 424px; overflow: scroll; font: 12px/28px sans-serif';
  for (let i = 0; i < 4000; i++) plain.append(`${i}  label ${i % 977}  ${i / 7}`, document.createElement('br'));
  grid.after(plain);
  found.plain = await scrolled(plain, 30);
  plain.remove();
  return {...found, rows: grid.querySelectorAll('[role=row]').length, nodes: root.querySelectorAll('*').length};
}"""


def say(what: str, times: list[float], bar: str) -> None:
    ordered = sorted(times)
    p90 = ordered[round(0.9 * (len(ordered) - 1))]
    print(
        f"{what}: median {statistics.median(times):.0f} ms, p90 {p90:.0f}, max {ordered[-1]:.0f}, n {len(times)}; {bar}"
    )


def steering(book: Notebook, n_moves: int) -> None:
    view = book.show(PANEL)
    book.wait_python("panel.wait(60)")
    view.evaluate(WATCH_STEERING)
    slider = view.get_by_role("slider").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    tokens, frames = [], []
    for move in range(n_moves):
        book.page.evaluate("() => { Object.assign(window.swSteer, {start: null, token: null, frame: null}); }")
        share = 0.55 + 0.4 * ((move * 7) % 20) / 20
        book.page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        book.page.wait_for_function("() => window.swSteer.frame !== null", timeout=30_000)
        seen = book.page.evaluate("() => window.swSteer")
        tokens.append(seen["token"] - seen["start"])
        frames.append(seen["frame"] - seen["start"])
        book.wait_python("panel.wait(60)")
    say("slider -> first steered token in the page", tokens, "bar 150 ms median")
    say("slider -> frame with it", frames, "")


def heatmap(book: Notebook, n_tokens: int, bar: str, n_runs: int = 7) -> None:
    times, nodes = [], 0
    for _ in range(n_runs):
        view = book.show(HEATMAP.format(n=n_tokens))
        view.locator("xpath=self::*[@data-paint-ms]").wait_for()
        times.append(float(view.get_attribute("data-paint-ms")))
        nodes = view.evaluate("root => root.querySelectorAll('*').length + 1")
        book.python(f"view{n_tokens}.close()")
    say(f"heatmap of {n_tokens:,} tokens, data -> first paint", times, f"{bar}; {nodes} DOM nodes")


def stop(book: Notebook, n_runs: int = 5) -> None:
    times = []
    for _ in range(n_runs):
        view = book.show(TRAIN)
        book.wait_python("run.n_steps > 5", timeout_s=120)
        view.evaluate(WATCH_STOP)
        view.get_by_role("button", name="Stop").click()
        book.page.wait_for_function("() => window.swStop.end !== null", timeout=30_000)
        seen = book.page.evaluate("() => window.swStop")
        times.append(seen["end"] - seen["start"])
    say("Stop -> the panel says Stopped, checkpoint written", times, "bar 250 ms median to the end of the step")


def features(book: Notebook) -> None:
    view = book.show(MANY)
    view.locator("xpath=self::*[@data-shown='100000']").wait_for(timeout=120_000)
    seen = view.evaluate(WATCH_FEATURES)
    for act in ("sort", "brush", "text"):
        say(f"100,000 features, {act} -> frame", [total for total, _ in seen[act]], "bar 150 ms")
        say(f"100,000 features, {act}, work in the page", [work for _, work in seen[act]], "")
    say("100,000 features, scrolling, between frames", seen["frames"], "bar 16.7 ms median")
    say("100,000 features, all rows new in each frame", seen["leaps"], "")
    say("plain text, scrolling, between frames", seen["plain"], "")
    say("100,000 features, scrolling, drawing rows", seen["draws"], f"{seen['rows']} rows, {seen['nodes']} nodes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--only", choices=("steering", "heatmap", "stop", "features"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab, lab.notebook([SETUP]) as book:
        book.run(0)
        if args.only in (None, "steering"):
            steering(book, args.moves)
        if args.only in (None, "heatmap"):
            heatmap(book, 1024, "bar 150 ms")
            heatmap(book, 10_000, "bar 300 ms")
        if args.only in (None, "stop"):
            stop(book)
        if args.only in (None, "features"):
            features(book)
        print("requests to other machines:", len(book.external) + len(lab.kernel_external()))


if __name__ == "__main__":
    main()
