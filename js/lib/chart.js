// @ts-check
/**
 * Line charts over training steps, in SVG: colours and fonts come from the style sheet, so a theme switch needs no redraw.
 *
 * Everything above `lineChart` is arithmetic on typed arrays and is tested without a page. At most one point is drawn
 * per half pixel column pair (lowest and highest), so a chart costs the same whether a run has 500 or 500,000 steps.
 */

import { h } from "./dom.js";

/** @typedef {{name: string, label: string, steps: Float32Array, values: Float32Array, look?: string}} Series `look`: classes in the place of the colour by number */
/** @typedef {{step: number, name: string, label: string}} Mark */
/** @typedef {{px: (v: number) => number, value: (px: number) => number, lo: number, hi: number, log: boolean}} Scale */

/**
 * The same number as a person writes it: at most `digits` significant digits, thousands separated, no trailing zeros.
 * @param {number} value @param {number} [digits]
 */
export function formatValue(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size < 1e-3 || size >= 1e9) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    text = `${String(Number(mantissa))}e${Number(exponent)}`;
  } else if (size >= 10 ** (digits - 1)) {
    text = Math.round(value).toLocaleString("en-US");
  } else {
    text = String(Number(value.toPrecision(digits)));
  }
  return text.replace("-", "−").replace("e−", "e-");
}

/**
 * Round numbers inside [lo, hi], about `count` of them.
 * @param {number} lo @param {number} hi @param {number} [count] @returns {number[]}
 */
export function linearTicks(lo, hi, count = 4) {
  if (!(hi > lo) || !Number.isFinite(hi - lo)) return Number.isFinite(lo) ? [lo] : [];
  const rough = (hi - lo) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.85) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/**
 * Powers of ten inside [lo, hi]; with 2 and 5 between them when there are few, linear ticks when there are none.
 * @param {number} lo @param {number} hi @param {number} [count] @returns {number[]}
 */
export function logTicks(lo, hi, count = 4) {
  if (!(lo > 0) || !(hi > lo)) return lo > 0 ? [lo] : [];
  const first = Math.floor(Math.log10(lo));
  const last = Math.ceil(Math.log10(hi));
  const inside = (/** @type {number[]} */ ts) => ts.filter((t) => t >= lo * (1 - 1e-9) && t <= hi * (1 + 1e-9));
  const decades = [];
  for (let e = first; e <= last; e++) decades.push(Number((10 ** e).toPrecision(12)));
  const stride = Math.ceil(inside(decades).length / Math.max(1, count + 1));
  if (inside(decades).length > 2) return inside(decades).filter((_, i) => i % stride === 0);
  const between = inside(decades.flatMap((d) => [d, 2 * d, 5 * d].map((t) => Number(t.toPrecision(12)))));
  return between.length >= 2 ? between : linearTicks(lo, hi, count);
}

/**
 * Lowest and highest finite value of all series; only positive ones count on a log scale. null when there is none.
 * @param {ArrayLike<number>[]} arrays @param {boolean} [log] @returns {[number, number] | null}
 */
export function extent(arrays, log = false) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      if (!Number.isFinite(v) || (log && v <= 0)) continue;
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
  }
  return lo <= hi ? [lo, hi] : null;
}

/**
 * [lo, hi] with air around it, so that a flat curve lies in the middle and a line never hugs the frame.
 * @param {number} lo @param {number} hi @param {boolean} [log] @returns {[number, number]}
 */
export function padded(lo, hi, log = false) {
  if (log) {
    const air = Math.max(Math.log10(hi / lo) * 0.08, 0.04);
    return [lo / 10 ** air, hi * 10 ** air];
  }
  const air = hi > lo ? (hi - lo) * 0.08 : Math.abs(hi) * 0.1 || 1;
  // A quantity that is never negative keeps its zero line: an axis that starts at −3 dead features would be silly.
  return [lo >= 0 && lo - air < 0 ? 0 : lo - air, hi + air];
}

/**
 * A map between values and pixels; on a log scale what is not positive has no place (NaN).
 * @param {number} lo @param {number} hi @param {number} from @param {number} to @param {boolean} [log] @returns {Scale}
 */
export function makeScale(lo, hi, from, to, log = false) {
  const f = log ? Math.log : (/** @type {number} */ v) => v;
  const g = log ? Math.exp : (/** @type {number} */ v) => v;
  const a = f(lo);
  const span = f(hi) - a || 1;
  return {
    px: (v) => (log && v <= 0 ? NaN : from + ((f(v) - a) / span) * (to - from)),
    value: (px) => g(a + ((px - from) / (to - from)) * span),
    lo,
    hi,
    log,
  };
}

/**
 * A running mean that forgets over `tau` steps, whatever the spacing of the points; unbiased at the start, NaN skipped.
 *
 *     m_i = sum_j w_j v_j / sum_j w_j,   w_j = exp(-(s_i - s_j) / tau)
 *
 * @param {ArrayLike<number>} steps @param {ArrayLike<number>} values @param {number} tau @returns {Float32Array}
 */
export function smooth(steps, values, tau) {
  const out = new Float32Array(values.length);
  let sum = 0;
  let weight = 0;
  let before = NaN;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      out[i] = NaN;
      continue;
    }
    if (!(tau > 0)) {
      out[i] = values[i];
      continue;
    }
    const keep = Number.isNaN(before) ? 0 : Math.exp(-Math.max(0, steps[i] - before) / tau);
    sum = sum * keep + values[i];
    weight = weight * keep + 1;
    before = steps[i];
    out[i] = sum / weight;
  }
  return out;
}

/**
 * Index of the point whose step is nearest to `step`; -1 when there is none. Steps ascend.
 * @param {ArrayLike<number>} steps @param {number} step
 */
export function nearest(steps, step) {
  let lo = 0;
  let hi = steps.length - 1;
  if (hi < 0) return -1;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (steps[mid] <= step) lo = mid;
    else hi = mid;
  }
  return Math.abs(steps[hi] - step) < Math.abs(steps[lo] - step) ? hi : lo;
}

/**
 * The `d` of an SVG path: one lowest and one highest point per pixel column, gaps where a value has no place.
 * @param {ArrayLike<number>} steps @param {ArrayLike<number>} values @param {Scale} x @param {Scale} y
 */
export function pathData(steps, values, x, y) {
  let d = "";
  let pen = false;
  let column = NaN;
  /** @type {[number, number][]} */
  let held = [];
  const flush = () => {
    for (const [px, py] of extremes(held)) {
      d += `${pen ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
      pen = true;
    }
    held = [];
  };
  for (let i = 0; i < steps.length; i++) {
    const px = x.px(steps[i]);
    const py = y.px(values[i]);
    if (!Number.isFinite(py)) {
      flush();
      pen = false;
      column = NaN;
      continue;
    }
    if (Math.floor(px) !== column) {
      flush();
      column = Math.floor(px);
    }
    held.push([px, py]);
  }
  flush();
  return d;
}

/** First, lowest, highest and last of the points in one pixel column, in order. @param {[number, number][]} points */
function extremes(points) {
  if (points.length <= 4) return points;
  let lo = 0;
  let hi = 0;
  points.forEach((p, i) => {
    if (p[1] < points[lo][1]) lo = i;
    if (p[1] > points[hi][1]) hi = i;
  });
  return [...new Set([0, lo, hi, points.length - 1])].sort((a, b) => a - b).map((i) => points[i]);
}

/**
 * Where each mark's label stands: right of its line, or left of it near the edge; in the first row that is free.
 * A label for which no row has room gets row -1: its line is drawn, its text is left to the crosshair and the table.
 * @param {{x: number, width: number}[]} marks ascending in x @param {number} left @param {number} right @param {number} rows
 * @returns {{row: number, anchor: "start" | "end", x: number}[]}
 */
export function placeLabels(marks, left, right, rows = 2) {
  const gap = 4;
  /** @type {[number, number][][]} */
  const taken = Array.from({ length: rows }, () => []);
  /** @type {{row: number, anchor: "start" | "end", x: number}[]} */
  const placed = marks.map(({ x }) => ({ row: -1, anchor: "start", x }));
  // The newest first: what was changed last is what a reader looks for.
  for (let i = marks.length - 1; i >= 0; i--) {
    const { x, width } = marks[i];
    const sides = /** @type {const} */ ([["start", x + gap, x + gap + width], ["end", x - gap - width, x - gap]]);
    search: for (let row = 0; row < rows; row++) {
      for (const [anchor, a, b] of sides) {
        if (a < left || b > right || taken[row].some(([c, d]) => a < d + gap && c < b + gap)) continue;
        taken[row].push([a, b]);
        placed[i] = { row, anchor, x: anchor === "start" ? a : b };
        break search;
      }
    }
  }
  return placed;
}

const PAD = { left: 46, right: 8, top: 6, bottom: 18 };
const HEIGHT = 136;
const LABEL_ROW = 13;

/**
 * @typedef {object} ChartView What all charts of a panel share.
 * @property {[number, number]} domain first and last step shown
 * @property {boolean} log wish for a log scale (taken where all is positive)
 * @property {number} tau smoothing, steps
 * @property {number} cursor step under the crosshair, or NaN
 * @property {Map<string, number>} exact values at the cursor by curve name, where known better than from the points
 * @property {Mark[]} marks
 */

/**
 * A chart with title, value at the crosshair (else the last one), curves, marks and crosshair.
 *
 * @param {{title: string, log?: boolean, isNoisy?: boolean, isLabelled?: (mark: Mark) => boolean, onCursor: (step: number | null) => void,
 *   plotHeight?: number, isBare?: boolean}} options
 *   `isNoisy`: smoothing helps, as it does not where the values were set; `isLabelled` says which marks carry their label here; the others are only a line;
 *   `isBare`: many lines, told apart elsewhere: no legend, and smoothed lines without the raw ones behind them
 * @returns {{element: HTMLElement, draw: (series: Series[], view: ChartView) => void, moveCursor: (cursor: number, exact: Map<string, number>) => void,
 *   destroy: () => void}}
 */
export function lineChart({ title, log = false, isNoisy = true, isLabelled = () => true, onCursor, plotHeight = HEIGHT, isBare = false }) {
  const reading = h("span", { class: "sw-num" });
  const [gridLayer, markLayer, lineLayer, cursorLayer] = [0, 1, 2, 3].map(() => h("g"));
  const picture = h("svg", { "aria-hidden": "true", height: plotHeight }, gridLayer, markLayer, lineLayer, cursorLayer);
  const legend = h("div", { class: "sw-chart-legend sw-row sw-small" });
  const caption = h("figcaption", { class: "sw-row" }, h("b", { class: "sw-grow sw-ellipsis sw-small" }, title), reading);
  /** @type {HTMLElement} */
  const element = h("figure", { class: "sw-chart" }, caption, picture, legend);

  let width = 0;
  let height = plotHeight;
  let top = PAD.top;
  let nLabelRows = 0;
  /** @type {Series[]} */ let series = [];
  /** @type {ChartView | null} */ let view = null;
  /** @type {{x: Scale, y: Scale, smoothed: Float32Array[]} | null} */ let frame = null;

  const resize = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width || now < 40) return; // a hidden tab measures 0: keep the last good picture
    width = now;
    paint();
  });
  resize.observe(picture);

  const onMove = (/** @type {PointerEvent} */ event) => {
    if (!frame) return;
    const box = picture.getBoundingClientRect();
    const step = frame.x.value(Math.min(width - PAD.right, Math.max(PAD.left, event.clientX - box.left)));
    const steps = longest(series)?.steps;
    if (steps?.length) onCursor(steps[nearest(steps, step)]);
  };
  picture.addEventListener("pointermove", onMove);
  picture.addEventListener("pointerdown", onMove);
  picture.addEventListener("pointerleave", () => onCursor(null));

  function paint() {
    if (!view || !width) return;
    const { tau, marks } = view;
    const smoothed = series.map((s) => smooth(s.steps, s.values, tau));
    const useLog = log && view.log;
    // A band above the curves for the labels, in every chart alike so that neighbours stay aligned.
    nLabelRows = marks.length > 3 ? 2 : Math.min(1, marks.length);
    top = PAD.top + LABEL_ROW * nLabelRows;
    height = plotHeight + top - PAD.top;
    picture.setAttribute("height", String(height));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const range = extent(series.map((s) => s.values), useLog);
    const [lo, hi] = range ? padded(range[0], range[1], useLog) : [0, 1];
    frame = {
      x: makeScale(view.domain[0], Math.max(view.domain[1], view.domain[0] + 1), PAD.left, width - PAD.right),
      y: makeScale(lo, hi, height - PAD.bottom, top, useLog),
      smoothed,
    };
    paintGrid(gridLayer, frame.x, frame.y, { width, height, isEmpty: !range });
    paintMarks(markLayer, frame.x, marks, { width, height, top, nLabelRows, isLabelled });
    paintLines();
    paintCursor();
  }

  function paintLines() {
    if (!frame || !view) return;
    const { x, y, smoothed } = frame;
    const nodes = [];
    for (const [i, s] of series.entries()) {
      const look = lookOf(s, i);
      if (view.tau > 0 && !isBare) nodes.push(h("path", { class: `sw-line sw-raw ${look}`, d: pathData(s.steps, s.values, x, y) }));
      nodes.push(h("path", { class: `sw-line ${look}`, d: pathData(s.steps, smoothed[i], x, y) }));
      if (s.steps.length === 1) {
        const cy = y.px(s.values[0]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point ${look}`, r: 2.5, cx: x.px(s.steps[0]), cy }));
      }
    }
    lineLayer.replaceChildren(...nodes);
  }

  function paintCursor() {
    if (!frame || !view) return;
    const { x, y, smoothed } = frame;
    const { tau, exact } = view;
    const nodes = [];
    const at = Number.isNaN(view.cursor) ? Infinity : view.cursor;
    if (Number.isFinite(at)) {
      const px = x.px(at).toFixed(1);
      nodes.push(h("line", { class: "sw-crosshair", x1: px, x2: px, y1: top, y2: height - PAD.bottom }));
    }
    const entries = series.map((s, i) => {
      const k = Number.isFinite(at) ? nearest(s.steps, at) : s.steps.length - 1;
      if (k >= 0 && Number.isFinite(at)) {
        const cy = y.px(tau > 0 ? smoothed[i][k] : s.values[k]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point ${lookOf(s, i)}`, r: 3, cx: x.px(s.steps[k]), cy }));
      }
      const value = exact.get(s.name) ?? (k >= 0 ? s.values[k] : NaN);
      return { label: s.label, value: formatValue(value), color: lookOf(s, i) };
    });
    cursorLayer.replaceChildren(...nodes);
    reading.textContent = entries.length === 1 ? entries[0].value : "";
    paintLegend(legend, entries.length > 1 && !isBare ? entries : []);
  }

  return {
    element,
    draw(nextSeries, nextView) {
      series = nextSeries;
      view = isNoisy ? nextView : { ...nextView, tau: 0 };
      paint();
    },
    moveCursor(cursor, exact) {
      if (!view) return;
      view = { ...view, cursor, exact };
      paintCursor();
    },
    destroy() {
      resize.disconnect(); // the listeners go with the elements they are on
      element.remove();
    },
  };
}

/** @param {Series} series @param {number} i */
const lookOf = (series, i) => series.look ?? lineLook(i);

/** Classes of line number `i`: six colours, then the same dashed. @param {number} i */
export function lineLook(i) {
  const dash = Math.floor(i / 6) % 4;
  return `sw-c${i % 6}${dash ? ` sw-d${dash}` : ""}`;
}

/** The series with the most points: its steps are where a crosshair can stand. @param {Series[]} series */
export function longest(series) {
  return series.reduce((/** @type {Series | undefined} */ best, s) => (!best || s.steps.length > best.steps.length ? s : best), undefined);
}

/** @param {Element} layer @param {Scale} x @param {Scale} y @param {{width: number, height: number, isEmpty: boolean}} size */
function paintGrid(layer, x, y, { width, height, isEmpty }) {
  const nodes = [];
  const ticks = isEmpty ? [] : y.log ? logTicks(y.lo, y.hi, 4) : linearTicks(y.lo, y.hi, 4);
  for (const tick of ticks) {
    const py = y.px(tick).toFixed(1);
    nodes.push(h("line", { class: "sw-grid", x1: PAD.left, x2: width - PAD.right, y1: py, y2: py }));
    nodes.push(h("text", { class: "sw-tick", x: PAD.left - 6, y: py, "text-anchor": "end", "dominant-baseline": "middle" }, formatValue(tick, 3)));
  }
  const base = height - PAD.bottom;
  nodes.push(h("line", { class: "sw-axis", x1: PAD.left, x2: width - PAD.right, y1: base, y2: base }));
  for (const tick of linearTicks(x.lo, x.hi, Math.max(3, Math.floor(width / 80))).filter(Number.isInteger)) {
    const px = x.px(tick);
    const anchor = px > width - PAD.right - 14 ? "end" : px < PAD.left + 8 ? "start" : "middle";
    nodes.push(h("text", { class: "sw-tick", x: px.toFixed(1), y: height - 5, "text-anchor": anchor }, formatCount(tick)));
  }
  if (isEmpty) {
    nodes.push(h("text", { class: "sw-empty", x: (PAD.left + width) / 2, y: height / 2 - 4, "text-anchor": "middle" }, "no values yet"));
  }
  layer.replaceChildren(...nodes);
}

/** 1500 -> "1,500", 25300 -> "25.3k", 2000000 -> "2M". @param {number} n @param {number} [digits] */
export function formatCount(n, digits = 4) {
  const power = n >= 1e9 ? 9 : n >= 1e6 ? 6 : n >= 1e4 ? 3 : 0;
  return power ? Number((n / 10 ** power).toPrecision(digits)) + { 3: "k", 6: "M", 9: "B" }[power] : Math.round(n).toLocaleString("en-US");
}

/**
 * A dotted line per change; its label where it concerns this chart and there is room.
 * @param {Element} layer @param {Scale} x @param {Mark[]} marks
 * @param {{width: number, height: number, top: number, nLabelRows: number, isLabelled: (mark: Mark) => boolean}} place
 */
function paintMarks(layer, x, marks, { width, height, top, nLabelRows, isLabelled }) {
  const inside = marks.filter((m) => m.step >= x.lo && m.step <= x.hi).sort((a, b) => a.step - b.step);
  const named = inside.filter(isLabelled);
  const places = placeLabels(named.map((m) => ({ x: x.px(m.step), width: m.label.length * 5.6 })), 0, width, nLabelRows);
  const nodes = inside.map((mark) => {
    const px = x.px(mark.step).toFixed(1);
    const place = places[named.indexOf(mark)];
    const from = place?.row >= 0 ? PAD.top + LABEL_ROW * place.row - 4 : top;
    return h("line", { class: "sw-mark", x1: px, x2: px, y1: from, y2: height - PAD.bottom });
  });
  for (const [i, { row, anchor, x: at }] of places.entries()) {
    if (row < 0) continue;
    nodes.push(h("text", { class: "sw-mark-label", x: at.toFixed(1), y: PAD.top + 5 + row * LABEL_ROW, "text-anchor": anchor }, named[i].label));
  }
  layer.replaceChildren(...nodes);
}

/** @param {HTMLElement} legend @param {{label: string, value: string, color: string}[]} entries */
function paintLegend(legend, entries) {
  legend.replaceChildren(...entries.map(({ label, value, color }) =>
    h("span", { class: color }, h("i"), h("span", { class: "sw-muted" }, label), h("span", {}, value))));
}
