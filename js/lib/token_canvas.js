// @ts-check
// Tokens as running text on one canvas: only rows in view are drawn, so 10,000 tokens cost as much as the screen holds.
// A hidden grid beside it says the focused token to a screen reader and takes the keys.
import { css, HATCH, inkOn } from "./color.js";
import { fill, h, on, uniqueId } from "./dom.js";
import { flow, moved, tokenAt } from "./flow.js";
import { perFrame } from "./sync.js";

/** @typedef {import("./color.js").Rgb} Rgb */
/**
 * How one token looks: its ground, small marks below in hues, a small text below.
 * @typedef {{ ground: Rgb | null, isHatched?: boolean, isDim?: boolean, marks?: Rgb[], note?: string, noteColor?: string }} Look
 */
/**
 * @typedef {{
 *   texts: string[], leads: Uint8Array, breaks: Uint8Array, notes: string[] | null, hasMarks: boolean,
 *   look: (i: number) => Look, spoken: (i: number) => string,
 * }} Content `texts` is what stands there, `leads` 1 where a space stands before it; `notes` the small texts, which widen a token
 */

const PAD = 2;
const GAP = 1;
const LEAD = 4; // a leading space stands before the coloured ground, so that the text sits in its middle
const MARK = 3;

/**
 * @param {{
 *   label: string, onHover: (i: number | null) => void, onFocus: (i: number | null) => void,
 *   onPin: (i: number) => void, onKey: (event: KeyboardEvent) => boolean,
 * }} props `onKey` is asked first and says whether it took the key
 */
export function tokenCanvas({ label, onHover, onFocus, onPin, onKey }) {
  const canvas = h("canvas", { "aria-hidden": "true", class: "sw-tc-canvas" });
  const spacer = h("div", { class: "sw-tc-spacer" });
  const cells = h("div", { role: "row", class: "sw-hidden-text" });
  const view = h("div", { class: "sw-tc", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, canvas, cells, spacer);
  const cellId = uniqueId("cell");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const measure = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  /** @type {Map<string, number>} */
  const textWidths = new Map();
  /** @type {Map<string, number>} */
  const noteWidths = new Map();
  /** @type {Content} */
  let content = { texts: [], leads: new Uint8Array(), breaks: new Uint8Array(), notes: null, hasMarks: false, look: () => ({ ground: null }), spoken: () => "" };
  let layout = flow([], [], 1);
  let rowHeight = 26;
  let width = 0;
  let active = 0;
  let isFocused = false;
  /** @type {number | null} */
  let hovered = null;
  /** @type {number | null} */
  let pinned = null;
  let fonts = { text: "14px sans-serif", note: "10px sans-serif", family: "" };
  let colors = { fg: "#000", muted: "#666", accent: "#06c", line: "#ccc" };

  function readStyles() {
    const style = getComputedStyle(view);
    const family = style.fontFamily || "sans-serif";
    if (family !== fonts.family) {
      fonts = { text: `14px ${family}`, note: `10px ${family}`, family };
      textWidths.clear();
      noteWidths.clear();
    }
    const value = (/** @type {string} */ name, /** @type {string} */ other) => style.getPropertyValue(name).trim() || other;
    colors = { fg: style.color, muted: value("--sw-muted", "#666"), accent: value("--sw-accent", "#06c"), line: value("--sw-line", "#ccc") };
  }

  /** @param {Map<string, number>} known @param {string} text */
  function widthOf(known, text) {
    let found = known.get(text);
    if (found === undefined) {
      found = measure.measureText(text).width;
      known.set(text, found);
    }
    return found;
  }

  function arrange() {
    width = view.clientWidth - 16;
    if (width <= 0) return;
    readStyles();
    const widths = new Float32Array(content.texts.length);
    measure.font = fonts.text;
    for (let i = 0; i < widths.length; i += 1) widths[i] = Math.max(8, widthOf(textWidths, content.texts[i]) + 2 * PAD) + LEAD * content.leads[i];
    if (content.notes) {
      measure.font = fonts.note;
      for (let i = 0; i < widths.length; i += 1) widths[i] = Math.max(widths[i], widthOf(noteWidths, content.notes[i]) + 2 * PAD + LEAD * content.leads[i]);
    }
    rowHeight = 26 + (content.notes ? 14 : 0) + (content.hasMarks ? MARK + 2 : 0);
    layout = flow(widths, content.breaks, width, GAP);
    spacer.style.height = `${layout.nRows * rowHeight + 12}px`;
    view.setAttribute("aria-rowcount", String(layout.nRows));
  }

  function paint() {
    const height = view.clientHeight;
    if (width <= 0 || height <= 0) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const full = view.clientWidth;
    if (canvas.width !== Math.round(full * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(full * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${full}px`;
      canvas.style.height = `${height}px`;
      canvas.style.marginBottom = `${-height}px`; // takes no room: the spacer alone decides how far one scrolls
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, full, height);
    context.textBaseline = "alphabetic";
    const first = Math.max(0, Math.floor((view.scrollTop - 6) / rowHeight));
    const last = Math.min(layout.nRows - 1, Math.ceil((view.scrollTop + height) / rowHeight));
    for (let row = first; row <= last; row += 1) {
      for (let i = layout.rowStarts[row]; i < layout.rowStarts[row + 1]; i += 1) drawToken(i, left(i), 6 + row * rowHeight - view.scrollTop);
    }
  }

  const left = (/** @type {number} */ i) => 8 + layout.x[i] + LEAD * content.leads[i];
  const innerWidth = (/** @type {number} */ i) => Math.max(4, layout.width[i] - LEAD * content.leads[i]);

  /** @param {number} i @param {number} x @param {number} y */
  function drawToken(i, x, y) {
    const look = content.look(i);
    const w = innerWidth(i);
    const inner = 22;
    context.globalAlpha = 1;
    if (look.ground) {
      context.fillStyle = css(look.ground);
      box(x, y, w, inner);
      context.fill();
    }
    if (look.isHatched) hatch(x, y, w, inner);
    if (look.isDim) {
      context.strokeStyle = colors.line;
      context.setLineDash([2, 2]);
      context.lineWidth = 1;
      box(x + 0.5, y + 0.5, w - 1, inner - 1);
      context.stroke();
      context.setLineDash([]);
    }
    context.font = fonts.text;
    context.fillStyle = look.isDim ? colors.muted : look.ground ? css(inkOn(look.ground)) : colors.fg;
    context.fillText(content.texts[i], x + PAD, y + 16, Math.max(1, w - 2 * PAD));
    let below = y + inner + 1;
    if (look.marks?.length) {
      const marks = look.marks;
      const each = w / marks.length;
      marks.forEach((mark, k) => {
        context.fillStyle = css(mark);
        context.fillRect(x + k * each, below, Math.max(1, each - (k + 1 < marks.length ? 1 : 0)), MARK);
      });
    }
    if (content.hasMarks) below += MARK + 2;
    if (look.note) {
      context.font = fonts.note;
      context.fillStyle = look.noteColor ?? colors.muted;
      context.fillText(look.note, x + PAD, below + 9, Math.max(1, w - 2 * PAD));
    }
    outline(i, x, y, w, inner);
  }

  /** @param {number} i @param {number} x @param {number} y @param {number} w @param {number} inner */
  function outline(i, x, y, w, inner) {
    const isActive = isFocused && i === active;
    if (i !== pinned && i !== hovered && !isActive) return;
    context.strokeStyle = i === pinned || isActive ? colors.accent : colors.muted;
    context.lineWidth = i === pinned ? 2.5 : isActive ? 2 : 1;
    box(x - 0.5, y - 0.5, w + 1, inner + 1);
    context.stroke();
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} height */
  function box(x, y, w, height) {
    context.beginPath();
    context.roundRect(x, y, w, height, 3);
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} height */
  function hatch(x, y, w, height) {
    context.save();
    box(x, y, w, height);
    context.clip();
    context.strokeStyle = colors.muted;
    context.globalAlpha = 0.5;
    context.lineWidth = 1;
    context.beginPath();
    for (let at = x - height; at < x + w; at += 5) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
  }

  const redraw = perFrame(paint);

  function say() {
    const n = content.texts.length;
    if (!n) {
      view.removeAttribute("aria-activedescendant");
      fill(cells);
      return;
    }
    const row = layout.row[active] ?? 0;
    cells.setAttribute("aria-rowindex", String(row + 1));
    const near = [active - 1, active, active + 1].filter((i) => i >= 0 && i < n && layout.row[i] === row);
    fill(
      cells,
      near.map((i) =>
        h("div", {
          role: "gridcell",
          id: i === active ? cellId : false,
          "aria-colindex": String(i - layout.rowStarts[row] + 1),
          "aria-selected": String(i === pinned),
        }, content.spoken(i)),
      ),
    );
    view.setAttribute("aria-activedescendant", cellId);
  }

  /** @param {number} i */
  function reveal(i) {
    const top = layout.row[i] * rowHeight;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + rowHeight + 12 > view.scrollTop + view.clientHeight) view.scrollTop = top + rowHeight + 12 - view.clientHeight;
  }

  /** @param {number} i @param {boolean} [isQuiet] without telling the owner */
  function go(i, isQuiet = false) {
    active = Math.max(0, Math.min(content.texts.length - 1, i));
    reveal(active);
    say();
    redraw();
    if (!isQuiet) onFocus(active);
  }

  /** @param {PointerEvent | MouseEvent} event */
  function tokenUnder(event) {
    const bounds = view.getBoundingClientRect();
    const y = event.clientY - bounds.top - view.clientTop + view.scrollTop - 6;
    if (event.clientX - bounds.left > view.clientLeft + view.clientWidth) return null; // on the scroll bar
    return tokenAt(layout, Math.floor(y / rowHeight), event.clientX - bounds.left - view.clientLeft - 8, true);
  }

  /** @param {number | null} i */
  function hover(i) {
    if (i === hovered) return;
    hovered = i;
    redraw();
    onHover(i);
  }

  const stops = [
    on(view, "scroll", () => (hover(null), paint())),
    on(view, "pointermove", (event) => hover(tokenUnder(event))),
    on(view, "pointerleave", () => hover(null)),
    on(view, "click", (event) => {
      const i = tokenUnder(event);
      if (i === null) return;
      active = i;
      say();
      onPin(i);
    }),
    on(view, "focus", () => {
      isFocused = view.matches(":focus-visible");
      if (isFocused && content.texts.length) onFocus(active);
      redraw();
    }),
    on(view, "blur", () => {
      isFocused = false;
      onFocus(null);
      redraw();
    }),
    on(view, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !content.texts.length) return;
      isFocused = true;
      if (onKey(event)) return event.preventDefault();
      const next = moved(layout, active, event.key, Math.max(1, Math.floor(view.clientHeight / rowHeight) - 1));
      if (next !== null) go(next);
      else if (event.key === "Enter" || event.key === " ") onPin(active);
      else return;
      event.preventDefault();
    }),
  ];
  const resized = new ResizeObserver(() => {
    if (view.clientWidth - 16 !== width) {
      arrange();
      say();
    }
    paint();
  });
  resized.observe(view);

  return {
    node: view,
    /** New tokens or other texts. @param {Content} next */
    setContent(next) {
      content = next;
      active = Math.min(active, Math.max(0, next.texts.length - 1));
      hovered = null;
      arrange();
      say();
      paint();
    },
    /** Other colours for the same texts. @param {Content["look"]} look */
    setLook(look) {
      content = { ...content, look };
      redraw();
    },
    /** @param {number | null} i */
    setPinned(i) {
      pinned = i;
      say();
      redraw();
    },
    restyle() {
      readStyles();
      redraw();
    },
    go,
    active: () => active,
    focus: () => view.focus(),
    /** Where a token stands, in pixels of the view's box. @param {number} i */
    place: (i) => ({ x: left(i), y: 6 + layout.row[i] * rowHeight - view.scrollTop, width: innerWidth(i), height: 22 }),
    stop() {
      redraw.cancel();
      resized.disconnect();
      for (const stop of stops) stop();
    },
  };
}

export const TOKEN_CANVAS_CSS = `
.sw-tc { position: relative; overflow: auto; overscroll-behavior: contain; max-height: 380px; min-height: 96px; cursor: default;
  border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-tc-canvas { position: sticky; top: 0; left: 0; display: block; pointer-events: none; }
.sw-hatch { background: ${HATCH}; }
`;
