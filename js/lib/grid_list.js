// @ts-check
// A table of any length after the ARIA grid pattern: only rows in view are in the page. Arrows move and choose.
import { fill, h, on, uniqueId } from "./dom.js";

/** @typedef {{ key: string, title: string, class?: string, head?: Node }} Column `head`: what stands in the header in place of the title */

const ROW = 28;

/**
 * @param {{
 *   label: string, columns: Column[], cells: (row: number) => string[], isChosen: (row: number) => boolean,
 *   onChoose: (row: number) => void, onHeader?: (key: string) => void, onOpen?: (row: number) => void, headHeight?: number,
 * }} props `cells` gives a row's texts in the order of the columns; `onOpen`: Enter, or a double click
 */
export function gridList({ label, columns, cells, isChosen, onChoose, onHeader, onOpen, headHeight = ROW }) {
  const id = uniqueId("row");
  /** @type {HTMLElement[]} */
  let heads = [];
  const head = h("div", { class: "sw-gl-row sw-gl-head", role: "row", "aria-rowindex": 1, style: { height: `${headHeight}px` } });
  const rows = h("div", { class: "sw-gl-rows", role: "rowgroup" });
  const node = h("div", { class: "sw-gl", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, head, rows);
  /** @typedef {{ node: HTMLElement, cells: HTMLElement[], texts: string[] }} Line */
  /** @type {Line[]} */
  let lines = [];
  let top = 0; // place of the first line
  /** @type {Int32Array} */
  let shown = new Int32Array();
  let active = 0;
  let empty = "";
  let isStale = false;

  function drawHead() {
    heads = columns.map(({ key, title, class: kind = "", head: own }, i) =>
      h("span", { class: `sw-gl-cell ${kind}`, role: "columnheader", "aria-colindex": i + 1, "data-key": key, onclick: () => onHeader?.(key) }, own ?? title));
    fill(head, heads);
    node.setAttribute("aria-colcount", String(columns.length));
  }
  drawHead();

  function draw() {
    // Hidden, as JupyterLab has it while the theme changes: where it is scrolled to is not known, and comes back unsaid.
    isStale = node.clientHeight === 0;
    if (isStale) return;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW) - 2);
    const last = Math.min(shown.length, Math.ceil((node.scrollTop + node.clientHeight) / ROW) + 2, first + 56);
    Object.assign(rows.style, { height: shown.length ? `${shown.length * ROW}px` : "auto", paddingTop: `${first * ROW}px` });
    node.setAttribute("aria-rowcount", String(shown.length + 1));
    if (!shown.length) clear(h("div", { class: "sw-gl-empty sw-muted", role: "row" }, h("span", { role: "gridcell" }, empty)));
    else if (!lines.length) clear();
    turnTo(first, last - first);
    lines.forEach((line, i) => drawLine(line, first + i));
    if (active >= first && active < last) node.setAttribute("aria-activedescendant", `${id}-${active}`);
    else node.removeAttribute("aria-activedescendant");
  }

  /** @param {HTMLElement} [instead] */
  function clear(instead) {
    lines = [];
    fill(rows, instead);
  }

  /**
   * Have `n` lines for the rows from `first` on. A row that stays in view keeps its elements, and those that leave serve
   * anew: with new elements at each step of scrolling, styling them takes longer than a frame has.
   * @param {number} first
   * @param {number} n
   */
  function turnTo(first, n) {
    const step = first - top;
    top = first;
    if (step > 0 && step < lines.length) for (const line of lines.splice(0, step)) put(line);
    else if (step < 0 && -step < lines.length) {
      const moved = lines.splice(step);
      rows.prepend(...moved.map((line) => line.node));
      lines.unshift(...moved);
    }
    while (lines.length < n) {
      const own = columns.map(({ class: kind = "" }, i) => h("span", { class: `sw-gl-cell ${kind}`, role: "gridcell", "aria-colindex": i + 1 }));
      put({ node: h("div", { class: "sw-gl-row", role: "row" }, own), cells: own, texts: [] });
    }
    for (const line of lines.splice(n)) line.node.remove();
  }

  /** @param {Line} line */
  function put(line) {
    rows.append(line.node);
    lines.push(line);
  }

  /** @param {Line} line @param {number} place */
  function drawLine({ node: own, cells: boxes, texts: before }, place) {
    const row = shown[place];
    cells(row).forEach((text, i) => {
      if (text === before[i]) return;
      boxes[i].textContent = boxes[i].title = before[i] = text;
    });
    own.classList.toggle("sw-gl-active", place === active);
    const facts = { id: `${id}-${place}`, "aria-rowindex": String(place + 2), "aria-selected": String(isChosen(row)), "data-place": String(place) };
    for (const [name, value] of Object.entries(facts)) if (own.getAttribute(name) !== value) own.setAttribute(name, value);
  }

  /** Make `place` the active row and bring it into view. @param {number} place */
  function go(place) {
    active = Math.max(0, Math.min(shown.length - 1, place));
    const room = node.clientHeight - headHeight; // the head stays in view above the rows
    if (active * ROW < node.scrollTop) node.scrollTop = active * ROW;
    else if ((active + 1) * ROW > node.scrollTop + room) node.scrollTop = (active + 1) * ROW - room;
    draw();
  }

  /** @param {number} place */
  function choose(place) {
    if (!shown.length) return;
    go(place);
    onChoose(shown[active]);
    draw();
  }

  const stops = [
    on(node, "scroll", draw),
    on(rows, "click", (event) => {
      const row = event.target.closest("[data-place]");
      if (row) choose(Number(row.dataset.place));
      if (row && event.detail === 2) onOpen?.(shown[active]);
    }),
    on(rows, "mousedown", (event) => event.detail > 1 && event.preventDefault()), // a double click opens, and marks no text
    // The frame around the active row is for whoever uses keys. Nothing is drawn anew at a press of the mouse: the click
    // that follows would find another row than the one pressed, and be nobody's.
    on(node, "pointerdown", () => node.classList.remove("sw-gl-keys")),
    on(node, "focus", () => node.classList.toggle("sw-gl-keys", node.matches(":focus-visible"))),
    on(node, "blur", () => node.classList.remove("sw-gl-keys")),
    on(node, "keydown", (event) => {
      if (event.target !== node || event.ctrlKey || event.metaKey || event.altKey || !shown.length) return;
      const page = Math.max(1, Math.floor(node.clientHeight / ROW) - 2);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length }[/** @type {string} */ (event.key)];
      if (step === undefined && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      node.classList.add("sw-gl-keys");
      // The first arrow lands on the row that is active already, unless it is the chosen one.
      const isThere = isChosen(shown[active]);
      choose(step === undefined || (!isThere && Math.abs(step) === 1) ? active : active + step);
      if (event.key === "Enter") onOpen?.(shown[active]);
    }),
  ];
  const resized = new ResizeObserver(draw);
  resized.observe(node);
  const seen = new IntersectionObserver(() => isStale && go(active));
  seen.observe(node);

  return {
    node,
    draw,
    focus: () => node.focus(),
    /** @param {Int32Array} next @param {string} ifEmpty @param {{ toTop?: boolean }} [options] `toTop`: even if the chosen row is elsewhere */
    set(next, ifEmpty, { toTop = false } = {}) {
      shown = next;
      empty = ifEmpty;
      const place = toTop ? -1 : Array.prototype.findIndex.call(shown, isChosen);
      active = Math.max(0, place);
      if (place < 0) node.scrollTop = 0;
      go(active);
    },
    /** Other columns; `draw` or `set` shows their cells. @param {Column[]} next */
    setColumns(next) {
      columns = next;
      clear();
      drawHead();
    },
    /** Marks the column that rows are ordered by. @param {string} key @param {"ascending" | "descending" | "none"} direction */
    setOrder(key, direction) {
      for (const each of heads) {
        if (each.dataset.key === key && direction !== "none") each.setAttribute("aria-sort", direction);
        else each.removeAttribute("aria-sort");
      }
    },
    stop() {
      resized.disconnect();
      seen.disconnect();
      for (const stop of stops) stop();
    },
  };
}

export const GRID_LIST_CSS = `
.sw-gl { position: relative; min-width: 0; overflow: hidden scroll; overscroll-behavior: contain; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-gl-rows { position: relative; }
.sw-gl-row { display: grid; grid-template-columns: var(--sw-gl-columns); align-items: center; gap: 9px; height: ${ROW}px; padding: 0 10px; font-size: 12px; }
.sw-gl-rows > .sw-gl-row { cursor: pointer; }
.sw-gl-rows > .sw-gl-row:hover { background: var(--sw-raised); }
.sw-gl-rows > .sw-gl-row[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 3px 0 0 var(--sw-accent); }
.sw-gl-keys .sw-gl-active { outline: 2px solid var(--sw-accent); outline-offset: -2px; }
.sw-gl-head { position: sticky; top: 0; z-index: 1; background: var(--sw-raised); box-shadow: 0 1px 0 var(--sw-line); color: var(--sw-muted); font-weight: 600; }
.sw-gl-head .sw-gl-cell[data-key] { cursor: default; user-select: none; }
.sw-gl-cell { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.sw-gl-number { text-align: right; font-variant-numeric: tabular-nums; }
.sw-gl-head [aria-sort]::after { content: " \\2191"; }
.sw-gl-head [aria-sort="descending"]::after { content: " \\2193"; }
.sw-gl-empty { padding: 14px 10px; font-size: 12px; }
`;
