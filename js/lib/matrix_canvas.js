// @ts-check
// A matrix of small coloured cells on a canvas: only the columns in view are drawn. A hidden grid beside it says the cell
// that keys are on to a screen reader; the row of heads above is reached by the same arrows.
import { css, HATCH, heat } from "./color.js";
import { fill, h, on, uniqueId } from "./dom.js";
import { floating } from "./floating.js";
import { perFrame } from "./sync.js";

export const ROW = 22;
export const HEAD = 92;
const CELL = 26;

/**
 * `values`: one share of full colour in -1..1, or two for the cell's halves; NaN is not defined there.
 * @typedef {{
 *   nRows: number, heads: string[], isDim: (column: number) => boolean, values: (row: number, column: number) => number[],
 *   words: (row: number, column: number) => string, tip: (row: number, column: number) => import("./dom.js").Child[],
 *   chosenRow: number, chosenColumn: number | null, theme: import("./color.js").Theme,
 * }} Content row -1 is the row of heads
 */

/**
 * @param {{ label: string, onRow: (row: number) => void, onColumn: (column: number) => void }} props
 */
export function matrixCanvas({ label, onRow, onColumn }) {
  const canvas = h("canvas", { "aria-hidden": "true", class: "sw-mx-canvas" });
  const spacer = h("div", { class: "sw-mx-spacer" });
  const marker = h("div", { class: "sw-mx-marker", "aria-hidden": "true" });
  const spoken = h("div", { role: "row", class: "sw-hidden-text" }, h("span", { role: "gridcell" }));
  const node = h("div", { class: "sw-mx", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, canvas, spoken, marker, spacer);
  const box = h("div", { class: "sw-tip", role: "tooltip" });
  const float = floating(box);
  const id = uniqueId("cell");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {Content | null} */
  let content = null;
  let [row, column] = [0, 0];
  let turn = 0;
  let hasKeys = false;
  let width = 0;

  const height = () => HEAD + ROW * (content?.nRows ?? 0) + 2;

  function paint() {
    if (!content) return;
    // JupyterLab hides it while the theme changes; what is drawn meanwhile is what is seen afterwards.
    width = node.clientWidth || width;
    if (!width) return;
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height() * ratio);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height()}px`, marginBottom: `${-height()}px` });
    Object.assign(spacer.style, { width: `${content.heads.length * CELL + HEAD / 2}px`, height: `${height()}px` });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(node);
    const value = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const colors = { fg: style.color, muted: value("--sw-muted"), line: value("--sw-line"), accent: value("--sw-accent"), raised: value("--sw-raised"), font: `11px ${style.fontFamily}` };
    const first = Math.max(0, Math.floor(node.scrollLeft / CELL) - 4);
    const last = Math.min(content.heads.length - 1, Math.ceil((node.scrollLeft + width) / CELL));
    for (let j = first; j <= last; j += 1) drawColumn(content, j, colors);
    if (content.chosenRow >= 0) {
      context.strokeStyle = colors.fg;
      context.lineWidth = 1.5;
      context.strokeRect(1 - node.scrollLeft, HEAD + content.chosenRow * ROW + 0.5, content.heads.length * CELL, ROW - 1);
    }
  }

  /** @param {Content} shown @param {number} j @param {Record<string, string>} colors */
  function drawColumn(shown, j, colors) {
    const x = j * CELL - node.scrollLeft;
    if (shown.chosenColumn === j) {
      context.fillStyle = colors.raised;
      context.fillRect(x, 0, CELL, height());
    }
    context.save();
    context.translate(x + CELL / 2 + 2, HEAD - 6);
    context.rotate(-Math.PI / 3);
    context.font = shown.chosenColumn === j ? `bold ${colors.font}` : colors.font;
    context.fillStyle = shown.isDim(j) ? colors.muted : colors.fg;
    context.fillText(shown.heads[j], 0, 0, 96);
    context.restore();
    for (let i = 0; i < shown.nRows; i += 1) drawCell(shown, i, j, x + 1, HEAD + i * ROW + 1, colors);
  }

  /** @param {Content} shown @param {number} i @param {number} j @param {number} x @param {number} y @param {Record<string, string>} colors */
  function drawCell(shown, i, j, x, y, colors) {
    const values = shown.values(i, j);
    const [w, tall] = [CELL - 2, (ROW - 2) / values.length];
    values.forEach((value, part) => {
      const top = y + part * tall;
      if (Number.isNaN(value)) {
        context.strokeStyle = colors.line;
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(x + 4, top + tall - 3);
        context.lineTo(x + w - 4, top + 3);
        context.stroke();
      } else if (value !== 0) {
        context.fillStyle = css(heat(value, shown.theme));
        context.fillRect(x, top, w, tall - (values.length > 1 && part === 0 ? 1 : 0));
      }
    });
    context.strokeStyle = colors.line;
    context.lineWidth = 0.5;
    context.strokeRect(x + 0.25, y + 0.25, w - 0.5, ROW - 2.5);
  }

  const paintSoon = perFrame(paint);

  /** @param {number} toRow @param {number} toColumn @param {boolean} isKey */
  function look(toRow, toColumn, isKey) {
    if (!content || !content.heads.length) return;
    row = Math.max(-1, Math.min(content.nRows - 1, toRow));
    column = Math.max(0, Math.min(content.heads.length - 1, toColumn));
    Object.assign(marker.style, { left: `${column * CELL}px`, top: `${row < 0 ? HEAD - 24 : HEAD + row * ROW}px`, width: `${CELL}px`, height: `${row < 0 ? 24 : ROW}px` });
    marker.classList.toggle("sw-mx-keys", isKey && hasKeys);
    if (isKey) {
      const x = column * CELL;
      if (x < node.scrollLeft) node.scrollLeft = x;
      else if (x + CELL * 2 > node.scrollLeft + node.clientWidth) node.scrollLeft = x + CELL * 2 - node.clientWidth;
      say();
    }
    fill(box, content.tip(row, column));
    float.open(marker);
  }

  /** A screen reader says a cell when it becomes the active one: each step has an element of its own. */
  function say() {
    if (!content) return;
    turn = 1 - turn;
    spoken.setAttribute("aria-rowindex", String(row + 2));
    fill(spoken, h("span", { role: row < 0 ? "columnheader" : "gridcell", id: `${id}-${turn}`, "aria-colindex": column + 1, "aria-selected": row < 0 ? false : String(row === content.chosenRow) }, content.words(row, column)));
    node.setAttribute("aria-activedescendant", `${id}-${turn}`);
  }

  function hide() {
    float.close();
    marker.classList.remove("sw-mx-keys");
  }

  function choose() {
    if (!content) return;
    if (row < 0) onColumn(column);
    else onRow(row);
  }

  /** @param {PointerEvent} event @returns {[number, number] | null} */
  function cellUnder(event) {
    const at = node.getBoundingClientRect();
    const j = Math.floor((event.clientX - at.left + node.scrollLeft) / CELL);
    const i = Math.floor((event.clientY - at.top - HEAD) / ROW);
    return content && j >= 0 && j < content.heads.length && i < content.nRows ? [Math.max(-1, i), j] : null;
  }

  const stops = [
    on(node, "scroll", paintSoon),
    on(node, "pointermove", (event) => {
      const found = cellUnder(event);
      if (found) look(...found, false);
      else hide();
    }),
    on(node, "pointerleave", hide),
    on(node, "pointerdown", () => (hasKeys = false)),
    on(node, "click", (event) => {
      const found = cellUnder(event);
      if (!found) return;
      look(...found, false);
      choose();
    }),
    on(node, "focus", () => {
      hasKeys = node.matches(":focus-visible");
      if (hasKeys) look(row, column, true);
    }),
    on(node, "blur", hide),
    on(node, "keydown", (event) => {
      if (!content || event.ctrlKey || event.metaKey || event.altKey) return;
      const n = content.heads.length;
      const to = /** @type {Record<string, [number, number]>} */ ({
        ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column], ArrowUp: [row - 1, column],
        Home: [row, 0], End: [row, n - 1], PageDown: [content.nRows - 1, column], PageUp: [-1, column],
      })[event.key];
      hasKeys = true;
      if (to) look(...to, true);
      else if (event.key === "Enter" || event.key === " ") choose();
      else if (event.key === "Escape" && float.isOpen()) hide();
      else return;
      event.preventDefault();
    }),
  ];
  const sized = new ResizeObserver(paintSoon);
  sized.observe(node);

  return {
    node,
    box,
    /** @param {Content} next */
    set(next) {
      content = next;
      row = Math.min(row, next.nRows - 1);
      column = Math.max(0, Math.min(column, next.heads.length - 1));
      node.setAttribute("aria-rowcount", String(next.nRows + 1));
      node.setAttribute("aria-colcount", String(next.heads.length));
      if (node.matches(":focus")) say();
      paint();
    },
    stop() {
      sized.disconnect();
      paintSoon.cancel();
      float.close();
      for (const stop of stops) stop();
    },
  };
}

export const MATRIX_CSS = `
.sw-mx { position: relative; overflow-x: auto; overflow-y: hidden; cursor: pointer; min-width: 0; }
.sw-mx-canvas { position: sticky; left: 0; display: block; }
.sw-mx-marker { position: absolute; pointer-events: none; border-radius: 3px; }
.sw-mx-marker.sw-mx-keys { outline: 2px solid var(--sw-accent); outline-offset: 0; }
.sw-mx-none { background: ${HATCH}; }
`;
