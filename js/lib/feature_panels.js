// @ts-check
// The numbers of one feature as small panels: a histogram that can be read out, and tables that lead to other features.
import { fill, h } from "./dom.js";
import { count, number, percent, signed } from "./format.js";
import { quotedToken, visible } from "./tokens.js";

/**
 * @typedef {{ counts: number[], low: number, high: number, name: string, unit: string, isSigned?: boolean }} Bars
 */

/**
 * Bars over equal bins; arrow keys go through them.
 * @param {Bars} bars
 * @param {{ isLog: boolean, mark?: number | null, onLook: (words: string) => void }} props `mark`: a value to point at
 * @returns {HTMLElement}
 */
export function histogram(bars, { isLog, mark = null, onLook }) {
  const [width, height] = [240, 72];
  const { counts, low, high } = bars;
  const top = Math.max(1, ...counts);
  const tall = (/** @type {number} */ n) => (n === 0 ? 0 : Math.max(1.5, (height - 2) * (isLog ? Math.log1p(n) / Math.log1p(top) : n / top)));
  const step = width / Math.max(1, counts.length);
  const at = (/** @type {number} */ value) => (high > low ? (width * (value - low)) / (high - low) : 0);
  const edge = (/** @type {number} */ i) => low + ((high - low) * i) / counts.length;
  const words = (/** @type {number} */ i) => `${number(edge(i))} to ${number(edge(i + 1))}: ${count(counts[i])} ${bars.unit}`;
  let active = -1;
  const drawn = counts.map((n, i) => {
    const isDown = bars.isSigned && edge(i) + edge(i + 1) < 0;
    return h("rect", { class: isDown ? "sw-hist-bar sw-hist-down" : "sw-hist-bar", x: i * step + 0.3, y: height - tall(n), width: Math.max(0.6, step - 0.6), height: tall(n) });
  });
  const svg = h("svg", { class: "sw-hist", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn, mark !== null && h("line", { class: "sw-hist-mark", x1: at(mark), x2: at(mark), y1: 0, y2: height }));
  const node = h("div", {
    class: "sw-hist-box", tabindex: "0", role: "slider", "aria-label": bars.name, "aria-valuemin": 0, "aria-valuemax": Math.max(0, counts.length - 1),
    "aria-valuenow": 0, "aria-valuetext": counts.length ? words(0) : "empty",
  }, svg);

  /** @param {number} i */
  function look(i) {
    drawn[active]?.classList.remove("sw-hist-on");
    active = Math.max(-1, Math.min(counts.length - 1, i));
    drawn[active]?.classList.add("sw-hist-on");
    if (active >= 0) {
      node.setAttribute("aria-valuenow", String(active));
      node.setAttribute("aria-valuetext", words(active));
    }
    onLook(active < 0 ? "" : words(active));
  }
  node.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const box = node.getBoundingClientRect();
    look(Math.floor(((event.clientX - box.left) / box.width) * counts.length));
  });
  node.addEventListener("pointerleave", () => look(-1));
  node.addEventListener("blur", () => look(-1));
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const to = /** @type {Record<string, number>} */ ({ ArrowRight: active + 1, ArrowUp: active + 1, ArrowLeft: active - 1, ArrowDown: active - 1, Home: 0, End: counts.length - 1 })[event.key];
    if (to === undefined) return;
    event.preventDefault();
    look(Math.max(0, to));
  });
  return node;
}

/**
 * A titled part of the dashboard.
 * @param {string} title
 * @param {import("./dom.js").Child | import("./dom.js").Child[]} aside
 * @param {...(import("./dom.js").Child | import("./dom.js").Child[])} children
 */
export function panel(title, aside, ...children) {
  return h("section", { class: "sw-fp", "aria-label": title }, h("div", { class: "sw-fp-head" }, h("h3", { class: "sw-label" }, title), h("span", { class: "sw-small sw-muted sw-fp-aside" }, aside)), children.flat());
}

/**
 * Tokens and what is done to their logits, in two columns.
 * @param {any} logits
 */
export function logitTables(logits) {
  const column = (/** @type {string} */ title, /** @type {any[]} */ rows, /** @type {string} */ kind) => {
    const most = Math.max(1e-9, ...rows.map((row) => Math.abs(row[2])));
    return h("table", { class: "sw-table sw-small" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title), h("th", { scope: "col", class: "sw-num" }, "logit"))),
      h("tbody", {}, rows.map(([id, text, effect]) => h("tr", { title: `${quotedToken(text, 60)}${id === null ? "" : `, token ${id}`}` },
        h("td", { class: "sw-token sw-fp-token" }, quotedToken(text, 24)),
        h("td", { class: "sw-num sw-fp-logit" }, h("i", { class: `sw-fp-fill ${kind}`, style: { width: `${(100 * Math.abs(effect)) / most}%` } }), h("span", {}, signed(effect)))))));
  };
  return h("div", { class: "sw-fp-two" }, column("Raises", logits.up, "sw-fp-up"), column("Lowers", logits.down, "sw-fp-down"));
}

/**
 * Rows of numbers, the first cell of which may lead to a feature.
 * @param {string[]} heads
 * @param {(string | number | { feature: number, label: string, isThere?: boolean })[][]} rows
 * @param {(feature: number) => void} onFeature
 * @param {string} ifEmpty
 */
export function facts(heads, rows, onFeature, ifEmpty) {
  if (!rows.length) return h("p", { class: "sw-small sw-muted" }, ifEmpty);
  const cell = (/** @type {any} */ value, /** @type {number} */ i) => {
    if (typeof value === "object") {
      return h("td", { class: "sw-ellipsis sw-fp-name" }, h("button", { class: "sw-fp-link", type: "button", disabled: value.isThere === false, title: value.isThere === false ? "Not in this saved page" : null, onclick: () => onFeature(value.feature) }, `#${value.feature}`), value.label && h("span", { class: "sw-token" }, ` ${visible(value.label)}`));
    }
    return h("td", { class: i ? "sw-num" : "sw-token" }, value);
  };
  return h("table", { class: "sw-table sw-small sw-fp-facts" },
    heads.some(Boolean) && h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: i ? "sw-num" : false }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
}

/** @param {any} page */
export function shapeWords(page) {
  const { mean, variance, skewness, kurtosis } = page.shape;
  return [["maximum", number(page.max_act)], ["mean", number(mean)], ["variance", number(variance)], ["skewness", number(skewness)], ["kurtosis", number(kurtosis)]];
}

/** @param {any} page */
export function densityWords(page) {
  return [percent(page.density), `${percent(page.density_low)} – ${percent(page.density_high)}`];
}

/** @param {HTMLElement} node @param {[string, string][]} pairs */
export function pairs(node, pairs) {
  fill(node, pairs.map(([name, value]) => h("span", { class: "sw-fp-pair" }, h("span", { class: "sw-muted" }, name), ` ${value}`)));
}

export const PANELS_CSS = `
.sw-fp { min-width: 0; padding: 8px 0 10px; border-bottom: 1px solid var(--sw-line); }
.sw-fp:last-child { border-bottom: 0; }
.sw-fp-head { display: flex; align-items: baseline; gap: 8px; margin-bottom: 4px; }
.sw-fp-head h3 { margin: 0; }
.sw-fp-aside { margin-inline-start: auto; text-align: end; min-width: 0; }
.sw-fp-two { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
.sw-fp .sw-table th.sw-num { text-align: right; }
.sw-fp .sw-table th { padding: 2px 6px 1px 0; }
.sw-fp .sw-table td { padding: 1px 6px 1px 0; }
.sw-fp-token { max-width: 0; width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sw-fp .sw-fp-logit { position: relative; padding-inline-end: 4px; min-width: 58px; }
.sw-fp-logit > span { position: relative; }
.sw-fp-fill { position: absolute; inset-block: 1px; right: 0; border-radius: 2px; opacity: .38; }
.sw-fp-up { background: #d9680a; }
.sw-fp-down { background: #3177b8; }
.sw-fp-facts { table-layout: auto; }
.sw-fp-name { max-width: 0; width: 99%; }
.sw-fp-link { font: inherit; color: var(--sw-accent); background: none; border: 0; padding: 0; cursor: pointer; }
.sw-fp-link:hover:not(:disabled) { text-decoration: underline; }
.sw-fp-link:disabled { color: var(--sw-muted); cursor: default; }
.sw-fp-line { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 1px 0; }
.sw-fp-pair { white-space: nowrap; }
.sw-hist-box { display: block; border-radius: 4px; }
.sw-hist { display: block; width: 100%; height: 72px; border-bottom: 1px solid var(--sw-line); }
.sw-hist-bar { fill: #d9680a; }
.sw-hist-down { fill: #3177b8; }
.sw-hist-on { fill: var(--sw-fg); }
.sw-hist-mark { stroke: var(--sw-good); stroke-width: 2; vector-effect: non-scaling-stroke; }
`;
