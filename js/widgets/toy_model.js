// @ts-check
/**
 * The toy model of superposition: directions of the features in the plane, live, with the sliders of its data. The kernel
 * writes what is (`frame`, `curve`, `told`); this view asks (play, pause, step, reset) and sets the data's traits.
 */

import { lineChart } from "../lib/chart.js";
import { h, listen, needsKernel, uniqueId, write } from "../lib/dom.js";
import { count, number } from "../lib/format.js";
import { perFrame, throttle } from "../lib/sync.js";
import { unpackOne } from "../lib/unpack_one.js";

const SIZE = 320;
const REACH = 1.35; // the plane is shown up to here; directions end near length 1
const SHORT = 0.12; // directions below this have no number beside them

/** @typedef {{step: number, loss: number | null, playing: boolean, features: [number, number][], importance: number[], dimensionality: number[],
 *   kept: number[], rows: [number, number][], cosines: number[]}} Frame */

/** Where a point of the plane stands in the picture. @param {number} x @param {number} y @returns {[number, number]} */
export function placed(x, y) {
  const half = SIZE / 2;
  return [half + (x / REACH) * half, half - (y / REACH) * half];
}

/**
 * Where the number of a feature stands: just beyond its end; null for a direction too short to tell.
 * @param {number} x @param {number} y @returns {[number, number] | null}
 */
export function numberAt(x, y) {
  const length = Math.hypot(x, y);
  return length > SHORT ? placed(x * (1 + 0.14 / length), y * (1 + 0.14 / length)) : null;
}

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, offline }) {
  const frame = () => /** @type {Frame} */ (model.get("frame"));
  const send = (/** @type {string} */ action) => model.send({ kind: "control", action });
  const button = (/** @type {string} */ label, /** @type {string} */ action, /** @type {string} */ title) =>
    needsKernel(h("button", { class: "sw-btn", type: "button", title, onclick: () => send(action) }, label), offline);
  const play = needsKernel(h("button", { class: "sw-btn sw-primary sw-toy-play", type: "button", onclick: () => send(frame().playing ? "pause" : "play") }, "Play"), offline);
  const counted = h("span", { class: "sw-num sw-toy-step" });
  const controls = h("div", { class: "sw-row", role: "group", "aria-label": "Training" },
    play, button("Step", "step", "One step of training"), button("Reset", "reset", "Begin again with the same seed"), counted);

  const sliders = [
    slider("sparsity", "Sparsity", 0, 0.99, 0.01, "Probability that a feature is zero"),
    slider("importance", "Importance", 0.3, 1, 0.01, "Each feature counts this times the one before it"),
    slider("n_features", "Features", 1, 24, 1, "Begins again"),
  ];
  const seed = needsKernel(h("input", { class: "sw-input sw-toy-seed", type: "number", min: "0", step: "1", onchange: () => seed.validity.valid && seed.value !== "" && write(model, { seed: Number(seed.value) }) }), offline);
  const sae = needsKernel(h("input", { type: "checkbox", onchange: () => write(model, { with_sae: sae.checked }) }), offline);
  const settings = h("div", { class: "sw-toy-settings", role: "group", "aria-label": "Data" },
    sliders.map((each) => each.element),
    h("div", { class: "sw-row" }, h("label", { class: "sw-row" }, h("span", { class: "sw-muted" }, "Seed"), seed), h("label", { class: "sw-check" }, sae, "Fit an SAE")));

  const titleId = uniqueId("toy");
  const title = h("svg:title", { id: titleId }, "");
  const ground = h("g", { class: "sw-toy-ground" },
    h("circle", { cx: SIZE / 2, cy: SIZE / 2, r: SIZE / 2 / REACH }), h("path", { d: `M0 ${SIZE / 2}H${SIZE}M${SIZE / 2} 0V${SIZE}` }));
  const [rowLayer, featureLayer] = [h("g", { class: "sw-toy-rows" }), h("g", { class: "sw-toy-features" })];
  const picture = h("svg", { class: "sw-toy-plane", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-labelledby": titleId }, title, ground, rowLayer, featureLayer);
  const saeKey = h("span", { class: "sw-row", hidden: true }, h("i", { class: "sw-toy-key sw-toy-key-sae" }), "SAE decoder");
  const legend = h("div", { class: "sw-row sw-small sw-muted" }, h("i", { class: "sw-toy-key" }), "feature, 1 the most important", saeKey);
  const chart = lineChart({ title: "Loss", log: false, onCursor() {} });
  const told = h("p", { class: "sw-toy-told" });
  const spoken = h("p", { class: "sw-hidden-text", role: "status", "aria-live": "polite" });
  const body = h("tbody");
  const table = h("details", {}, h("summary", {}, "Numbers"), h("table", { class: "sw-table sw-small" },
    h("thead", {}, h("tr", {}, ["Feature", "Importance", "Length", "Dimensionality", "Cosine with the SAE"].map((text) => h("th", { scope: "col" }, text)))), body));
  table.addEventListener("toggle", () => drawTable());
  el.append(h("section", { class: "sw-toy sw-card", "aria-label": "Toy model of superposition" },
    h("div", { class: "sw-toy-left" }, picture, legend),
    h("div", { class: "sw-toy-right" }, controls, settings, told, spoken, chart.element, table)));

  /** @param {string} name @param {string} label @param {number} min @param {number} max @param {number} step @param {string} hint */
  function slider(name, label, min, max, step, hint) {
    const id = uniqueId(name);
    const output = h("output", { for: id, class: "sw-num" });
    const save = throttle(() => write(model, { [name]: Number(input.value) }), 50);
    const input = needsKernel(h("input", { id, class: "sw-range", type: "range", min, max, step, title: hint, oninput: () => { output.textContent = input.value; save(); } }), offline);
    const draw = () => {
      const value = Number(model.get(name));
      if (Number(input.value) !== value) input.value = String(value);
      output.textContent = String(Number(value.toFixed(3)));
    };
    return { element: h("div", { class: "sw-toy-slider" }, h("label", { for: id }, label), input, output), draw, cancel: save.cancel };
  }

  function drawSettings() {
    for (const each of sliders) each.draw();
    if (seed.value !== String(model.get("seed"))) seed.value = String(model.get("seed"));
    sae.checked = Boolean(model.get("with_sae"));
  }

  function drawPlane() {
    const { features, rows } = frame();
    const n = features.length;
    const line = (/** @type {number} */ x, /** @type {number} */ y) => `M${SIZE / 2} ${SIZE / 2}L${x.toFixed(1)} ${y.toFixed(1)}`;
    rowLayer.replaceChildren(...rows.flatMap(([x, y]) => {
      const [px, py] = placed(1.12 * x, 1.12 * y);
      return [h("path", { d: line(px, py) }), h("circle", { cx: px, cy: py, r: 4.5 })];
    }));
    featureLayer.replaceChildren(...features.map(([x, y], i) => {
      const [px, py] = placed(x, y);
      const at = numberAt(x, y);
      const share = `${Math.round((100 * i) / Math.max(n - 1, 1))}%`;
      return h("g", { style: { "--share": share } }, h("path", { d: line(px, py) }), h("circle", { cx: px, cy: py, r: 5 }),
        at && h("text", { x: at[0], y: at[1] + 4 }, String(i + 1)));
    }));
    saeKey.hidden = rows.length === 0;
  }

  function drawTable() {
    if (!table.open) return;
    const { features, importance, dimensionality, cosines } = frame();
    body.replaceChildren(...features.map(([x, y], i) => h("tr", {}, h("th", { scope: "row" }, String(i + 1)),
      [importance[i], Math.hypot(x, y), dimensionality[i], cosines[i]].map((value) => h("td", {}, number(value, 3))))));
  }

  let wasPlaying = false;
  function draw() {
    const now = frame();
    play.textContent = now.playing ? "Pause" : "Play";
    counted.textContent = `step ${count(now.step)}`;
    const words = String(model.get("told"));
    told.textContent = words;
    title.textContent = words;
    // Said when it rests: a text that changes at every frame would never let a reader finish.
    if (!now.playing && (wasPlaying || spoken.textContent !== words)) spoken.textContent = words;
    wasPlaying = now.playing;
    drawPlane();
    drawTable();
    const { steps, values } = unpackOne(model.get("curve"));
    const domain = /** @type {[number, number]} */ ([0, Math.max(1, steps[steps.length - 1] ?? 1)]);
    chart.draw([{ name: "loss", label: "loss", steps, values }], { domain, log: false, tau: 0, cursor: NaN, exact: new Map(), marks: [] });
  }

  const paint = perFrame(draw);
  const stops = [
    listen(model, ["frame", "curve", "told"], paint),
    listen(model, ["sparsity", "importance", "n_features", "seed", "with_sae"], drawSettings),
  ];
  drawSettings();
  draw();
  return () => {
    for (const stop of stops) stop();
    for (const each of sliders) each.cancel();
    paint.cancel();
    chart.destroy();
  };
}

export const css = `
.sw-toy { container-type: inline-size; --toy-near: #0b3d7a; --toy-far: #68a9e2; --toy-sae: #b45309; --c0: #0b6bb8; display: flex; flex-wrap: wrap; gap: 14px 24px; padding: 14px 16px; }
[data-theme="dark"] .sw-toy { --toy-near: #d6e9fb; --toy-far: #3d7fbd; --toy-sae: #f0a04b; --c0: #5cb0f2; }
.sw-toy-left { flex: 1 1 260px; max-width: 360px; }
.sw-toy-right { flex: 1 1 320px; min-width: 0; display: grid; gap: 10px; align-content: start; }
.sw-toy-plane { display: block; width: 100%; height: auto; }
.sw-toy-ground * { fill: none; stroke: var(--sw-line); }
.sw-toy-features g { --ink: color-mix(in oklab, var(--toy-far) var(--share), var(--toy-near)); }
.sw-toy-features path { stroke: var(--ink); stroke-width: 2.5; stroke-linecap: round; }
.sw-toy-features circle { fill: var(--ink); stroke: var(--sw-bg); stroke-width: 1; }
.sw-toy-features text { fill: var(--sw-fg); font-size: 12px; text-anchor: middle; }
.sw-toy-rows * { fill: none; stroke: var(--toy-sae); stroke-width: 1.5; }
.sw-toy-rows path { stroke-dasharray: 4 3; opacity: .75; }
.sw-toy-key { width: 18px; border-top: 2.5px solid var(--toy-near); }
.sw-toy-key-sae { border-top: 2px dashed var(--toy-sae); }
.sw-toy-play { min-width: 72px; justify-content: center; }
.sw-toy-step { margin-inline-start: auto; color: var(--sw-muted); }
.sw-toy-settings { display: grid; gap: 4px; }
.sw-toy-slider { display: grid; grid-template-columns: 84px minmax(60px, 1fr) 44px; gap: 8px; align-items: center; }
.sw-toy-slider .sw-range { width: 100%; min-width: 0; }
.sw-toy-seed { width: 92px; }
.sw-toy-told { min-height: 38px; }
.sw-toy summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; width: fit-content; }
.sw-toy .sw-chart { margin: 0; min-width: 0; }
.sw-toy .sw-chart figcaption { flex-wrap: nowrap; padding-right: 8px; }
.sw-toy .sw-chart svg { display: block; width: 100%; overflow: visible; }
.sw-toy .sw-chart line { stroke: var(--sw-line); shape-rendering: crispEdges; }
.sw-toy .sw-chart .sw-grid { opacity: .55; }
.sw-toy .sw-chart text { fill: var(--sw-muted); font-size: 10.5px; }
.sw-toy .sw-chart-legend { display: none; }
.sw-toy .sw-line { fill: none; stroke: currentColor; stroke-width: 1.6; }
.sw-toy .sw-c0 { color: var(--c0); }
`;
