// @ts-check
// The header of a column: its name sorts, its histogram filters. A drag over the histogram takes a range; Enter or a click
// opens a box with the same as numbers and sliders, for keys and screen readers.
import { fill, h, on } from "./dom.js";
import { binsIn, edgeOf, rangeOf } from "./feature_table.js";
import { popover } from "./floating.js";
import { count, number, percent, plural } from "./format.js";
import { visible } from "./tokens.js";

/** @typedef {import("./feature_table.js").Column} Column */
/** @typedef {import("./feature_table.js").Table} Table */
/** @typedef {[number | null, number | null]} Range */
/** @typedef {{ table: () => Table, range: (key: string) => Range | null, setRange: (key: string, range: Range | null) => void }} Source */

const HEIGHT = 26;
const DRAG = 4; // pixels from which a press is a drag

/** A value of a column for people. @param {Column} column @param {number} value */
export function shownValue(column, value) {
  if (column.kind === "count") return count(value);
  if (column.kind === "index") return Number.isNaN(value) ? "\u2013" : String(value);
  return column.kind === "share" ? percent(value) : number(value);
}

/** @param {Column} column @param {Range | null} range */
export function rangeWords(column, range) {
  const [low, high] = range ?? [null, null];
  if (low === null && high === null) return "all";
  if (low === null) return `up to ${shownValue(column, /** @type {number} */ (high))}`;
  return high === null ? `from ${shownValue(column, low)}` : `${shownValue(column, low)} to ${shownValue(column, high)}`;
}

/**
 * @param {Column} column
 * @param {Source & { onSort: () => void, onMore: (column: Column, anchor: HTMLElement) => void }} source
 */
export function columnHead(column, { table, range, setRange, onSort, onMore }) {
  const name = visible(column.title);
  const arrow = h("span", { "aria-hidden": "true" });
  const sort = h("button", { class: "sw-ch-sort", type: "button", title: visible(column.about), onclick: onSort }, h("span", { class: "sw-ellipsis" }, name), arrow);
  const node = h("span", { class: "sw-ch" }, sort);
  if (column.kind === "text" || column.key === "feature") {
    return { node, draw() {}, setArrow: (/** @type {string} */ text) => (arrow.textContent = text), stop() {} };
  }
  const canvas = h("canvas", { class: "sw-ch-canvas", "aria-hidden": "true" });
  const filter = h("button", { class: "sw-ch-filter", type: "button", "aria-haspopup": "dialog" }, canvas);
  node.append(filter);
  /** @type {number | null} */
  let start = null;
  let isDrag = false;

  function draw() {
    const bins = table().bins(column);
    const counts = table().counts(column);
    const own = range(column.key);
    const words = `Filter ${name}: ${rangeWords(column, own)}`;
    filter.setAttribute("aria-label", words);
    filter.title = `${words}. Drag for a range, click for numbers. Heights are square roots of counts.`;
    const [width, ratio] = [filter.clientWidth || 80, devicePixelRatio || 1];
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    const paint = canvas.getContext("2d");
    if (!paint) return;
    paint.scale(ratio, ratio);
    const style = getComputedStyle(node);
    const color = (/** @type {string} */ key) => style.getPropertyValue(key);
    const step = width / bins.n;
    const top = Math.max(1, ...bins.all);
    const bar = (/** @type {number} */ i, /** @type {number} */ n) => {
      const tall = n ? Math.max(1.5, (HEIGHT - 2) * Math.sqrt(n / top)) : 0;
      paint.fillRect(i * step, HEIGHT - tall, Math.max(1, step - 0.6), tall);
    };
    if (own) {
      const [from, to] = binsIn(bins, own);
      paint.fillStyle = color("--sw-hover");
      paint.fillRect(from * step, 0, (to - from + 1) * step, HEIGHT);
    }
    paint.fillStyle = color("--sw-line");
    for (let i = 0; i < bins.n; i += 1) bar(i, bins.all[i]);
    const [from, to] = own ? binsIn(bins, own) : [0, bins.n];
    for (let i = 0; i < bins.n; i += 1) {
      paint.fillStyle = i >= from && i <= to ? color("--sw-accent") : color("--sw-muted");
      bar(i, counts[i]);
    }
  }

  /** @param {PointerEvent} event */
  const binAt = (event) => {
    const box = filter.getBoundingClientRect();
    return Math.max(0, Math.min(table().bins(column).n - 1, Math.floor(((event.clientX - box.left) / box.width) * table().bins(column).n)));
  };
  const stops = [
    on(filter, "pointerdown", (event) => {
      if (event.button !== 0) return;
      start = event.clientX;
      isDrag = false;
      filter.setPointerCapture(event.pointerId);
      filter.dataset.from = String(binAt(event));
    }),
    on(filter, "pointermove", (event) => {
      if (start === null || (!isDrag && Math.abs(event.clientX - start) < DRAG)) return;
      isDrag = true;
      const [a, b] = [Number(filter.dataset.from), binAt(event)];
      setRange(column.key, rangeOf(table().bins(column), Math.min(a, b), Math.max(a, b)));
    }),
    on(filter, "pointerup", () => (start = null)),
    on(filter, "pointercancel", () => (start = null)),
    on(filter, "click", () => {
      if (!isDrag) onMore(column, filter);
      isDrag = false;
    }),
  ];
  return { node, draw, setArrow: (/** @type {string} */ text) => (arrow.textContent = text), stop: () => stops.forEach((stop) => stop()) };
}

/**
 * The box with a column's range as numbers and sliders; one for all columns.
 * @param {HTMLElement} place where it stands in the page
 * @param {Source} source
 */
export function rangeBox(place, { table, range, setRange }) {
  const box = h("div", { class: "sw-ch-box", role: "dialog" });
  const float = popover(place, box);

  /** @param {Column} column @param {HTMLElement} at */
  function open(column, at) {
    const bins = table().bins(column);
    const name = visible(column.title);
    box.setAttribute("aria-label", `Range of ${name}`);
    const take = (/** @type {Range} */ next) => {
      setRange(column.key, next[0] === null && next[1] === null ? null : next);
      show();
    };
    const typed = (/** @type {string} */ words, /** @type {0 | 1} */ end) => {
      const input = h("input", { class: "sw-input sw-ch-number", type: "number", step: "any", "aria-label": `${words} of ${name}`, placeholder: end ? "highest" : "lowest", onchange: () => {
        const next = /** @type {Range} */ ([...(range(column.key) ?? [null, null])]);
        next[end] = input.value === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value);
        if (next[0] !== null && next[1] !== null && next[0] > next[1]) next[end ? 0 : 1] = next[end]; // the other end gives way
        take(next);
      } });
      return input;
    };
    const slid = (/** @type {string} */ words, /** @type {0 | 1} */ end) => {
      const input = h("input", { class: "sw-range", type: "range", min: 0, max: bins.n - 1, step: 1, "aria-label": `${words} of ${name}, by bin`, oninput: () => {
        const at = Number(input.value);
        const [from, to] = binsIn(bins, range(column.key) ?? [null, null]);
        take(end ? rangeOf(bins, Math.min(from, at), at) : rangeOf(bins, at, Math.max(to, at)));
      } });
      return input;
    };
    const [low, high, left, right] = [typed("From", 0), typed("To", 1), slid("From", 0), slid("To", 1)];
    const said = h("p", { class: "sw-small sw-muted", role: "status" });
    const clear = h("button", { class: "sw-btn", type: "button", onclick: () => take([null, null]) }, "All");

    function show() {
      const own = range(column.key) ?? [null, null];
      [low.value, high.value] = own.map((value) => (value === null ? "" : String(value)));
      const [from, to] = binsIn(bins, own);
      [left.value, right.value] = [String(from), String(to)];
      for (const [input, i] of /** @type {[any, number][]} */ ([[left, from], [right, to + 1]])) input.setAttribute("aria-valuetext", shownValue(column, edgeOf(bins, i)));
      clear.disabled = own[0] === null && own[1] === null;
      const counts = table().counts(column);
      let n = 0;
      for (let i = from; i <= to; i += 1) n += counts[i];
      const ends = bins.isLog ? [10 ** bins.low, 10 ** bins.high] : [bins.low, bins.high];
      said.textContent = [
        `${shownValue(column, bins.hasLowest ? 0 : ends[0])} to ${shownValue(column, ends[1])}`,
        `about ${plural(n, "feature")} here`, bins.nWithout && `${count(bins.nWithout)} without a value`,
      ].filter(Boolean).join("; ");
    }

    fill(box,
      h("p", { class: "sw-label" }, name), column.about && h("p", { class: "sw-small" }, `${visible(column.about)}${column.kind === "share" ? " Typed as a share: 0.01 is 1 %." : ""}`),
      h("div", { class: "sw-ch-pair" }, h("span", { class: "sw-small" }, "from"), low, left, h("span", { class: "sw-small" }, "to"), high, right),
      said, h("div", { class: "sw-row" }, clear, h("span", { class: "sw-grow" }), h("button", { class: "sw-btn", type: "button", onclick: float.close }, "Done")));
    show();
    float.open(at);
    low.focus();
  }

  return { open, close: float.close, stop: float.stop };
}

export const COLUMN_HEAD_CSS = `
.sw-ch { display: flex; flex-direction: column; gap: 2px; min-width: 0; }
.sw-ch-sort { display: flex; gap: 4px; justify-content: inherit; font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; min-width: 0; text-align: inherit; }
.sw-ch-sort:hover { color: var(--sw-fg); text-decoration: underline; }
.sw-ch-filter { display: block; height: ${HEIGHT}px; padding: 0; border: 0; background: none; cursor: col-resize; touch-action: none; }
.sw-ch-filter:hover { background: var(--sw-hover); }
.sw-ch-canvas { display: block; width: 100%; height: ${HEIGHT}px; pointer-events: none; }
.sw-ch-box { width: 300px; padding: 10px 12px; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); color: var(--sw-fg); box-shadow: var(--sw-shadow); }
.sw-ch-box > * + * { margin-top: 6px !important; }
.sw-ch-pair { display: grid; grid-template-columns: auto 104px minmax(0, 1fr); gap: 6px 8px; align-items: center; }
.sw-ch-number { width: 100%; padding-inline: 6px; }
`;
