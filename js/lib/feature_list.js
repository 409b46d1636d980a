// @ts-check
// A list of features of any length: only rows in view are in the page. Enter shows one, "+" adds it to an overlay.
import { css } from "./color.js";
import { fill, h, on, uniqueId } from "./dom.js";
import { number } from "./format.js";
import { visible } from "./tokens.js";

/**
 * @typedef {{
 *   feature: number, label: string, value: number, share: number, color: import("./color.js").Rgb | null,
 *   isSelected: boolean, detail: () => string,
 * }} Entry `share` 0..1 is the length of the bar, `detail` makes the tooltip, for the rows in view only
 */

const ROW = 28;

/**
 * @param {{
 *   label: string, onShow: (feature: number) => void, onToggle: (feature: number) => void,
 *   onPreview: (feature: number | null) => void,
 * }} props
 */
export function featureList({ label, onShow, onToggle, onPreview }) {
  const rows = h("div", { class: "sw-fl-rows" });
  const view = h("div", {
    class: "sw-fl", role: "listbox", tabindex: "0", "aria-label": label, "aria-multiselectable": "true",
    "aria-description": "Enter shows a feature, plus adds it to the overlay or takes it out",
  }, rows);
  const id = uniqueId("feature");
  /** @type {Entry[]} */
  let entries = [];
  let active = 0;
  let empty = "";

  function draw() {
    const first = Math.max(0, Math.floor(view.scrollTop / ROW) - 1);
    const last = Math.min(entries.length, Math.ceil((view.scrollTop + (view.clientHeight || 280)) / ROW) + 1);
    rows.style.height = `${entries.length * ROW}px`;
    if (!entries.length) {
      rows.style.height = "auto";
      fill(rows, h("p", { class: "sw-fl-empty sw-muted" }, empty));
      view.removeAttribute("aria-activedescendant");
      return;
    }
    fill(rows, entries.slice(first, last).map((entry, i) => drawRow(entry, first + i)));
    if (active >= first && active < last) view.setAttribute("aria-activedescendant", `${id}-${active}`);
    else view.removeAttribute("aria-activedescendant");
  }

  /** @param {Entry} entry @param {number} i */
  function drawRow(entry, i) {
    const color = entry.color ? css(entry.color) : "";
    const words = entry.label ? visible(entry.label) : "";
    const detail = entry.detail();
    return h("div", {
      class: `sw-fl-row${i === active ? " sw-fl-active" : ""}`, role: "option", id: `${id}-${i}`,
      "aria-selected": String(entry.isSelected), "aria-setsize": String(entries.length), "aria-posinset": String(i + 1),
      "aria-label": `Feature ${entry.feature}${words ? `, ${words}` : ""}, ${detail}`,
      title: `${entry.feature}${words ? ` ${words}` : ""}\n${detail}`, "data-index": String(i),
      style: { top: `${i * ROW}px` },
    },
      h("span", { class: "sw-fl-id", "aria-hidden": "true", style: color ? { "border-color": color } : {} }, String(entry.feature)),
      h("span", { class: "sw-fl-label sw-ellipsis sw-token", "aria-hidden": "true" }, words),
      h("i", { class: "sw-fl-bar", style: { width: `${44 * Math.min(1, Math.max(0, entry.share))}px`, ...(color && { background: color }) } }),
      h("span", { class: "sw-num sw-fl-value", "aria-hidden": "true" }, entry.value === 0 ? "–" : number(entry.value)),
      h("span", { class: "sw-fl-add", "aria-hidden": "true", "data-add": "" }, entry.isSelected ? "−" : "+"));
  }

  /** @param {number} i */
  function go(i) {
    active = Math.max(0, Math.min(entries.length - 1, i));
    if (active * ROW < view.scrollTop) view.scrollTop = active * ROW;
    else if ((active + 1) * ROW > view.scrollTop + view.clientHeight) view.scrollTop = (active + 1) * ROW - view.clientHeight;
    draw();
    onPreview(entries[active]?.feature ?? null);
  }

  /** The choice itself is shown, not the preview of what was pointed at. @param {(feature: number) => void} fn @param {number} feature */
  function act(fn, feature) {
    onPreview(null);
    fn(feature);
  }

  /** @param {Event} event @returns {Entry | undefined} */
  const under = (event) => {
    const row = /** @type {Element} */ (event.target).closest?.("[data-index]");
    return row ? entries[Number(row.getAttribute("data-index"))] : undefined;
  };

  const stops = [
    on(view, "scroll", draw),
    on(view, "click", (event) => {
      const entry = under(event);
      if (!entry) return;
      active = entries.indexOf(entry);
      const wantsMore = event.target.closest("[data-add]") || event.shiftKey || event.ctrlKey || event.metaKey;
      act(wantsMore ? onToggle : onShow, entry.feature);
    }),
    on(view, "pointerover", (event) => onPreview(under(event)?.feature ?? null)),
    on(view, "pointerleave", () => onPreview(null)),
    // The frame around the active row is for whoever uses keys. Nothing is drawn anew at a press of the mouse: the click
    // that follows would find another row than the one pressed, and be nobody's.
    on(view, "pointerdown", () => view.classList.remove("sw-fl-keys")),
    on(view, "focus", () => view.classList.toggle("sw-fl-keys", view.matches(":focus-visible"))),
    on(view, "blur", () => {
      view.classList.remove("sw-fl-keys");
      onPreview(null);
    }),
    on(view, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !entries.length) return;
      view.classList.add("sw-fl-keys");
      const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -entries.length, End: entries.length }[/** @type {string} */ (event.key)];
      if (step !== undefined) go(active + step);
      else if (event.key === "Enter" || event.key === " ") act(onShow, entries[active].feature);
      else if (event.key === "+" || event.key === "-" || event.key === "=") act(onToggle, entries[active].feature);
      else return;
      event.preventDefault();
    }),
  ];
  const resized = new ResizeObserver(draw);
  resized.observe(view);

  return {
    node: view,
    /** @param {Entry[]} next @param {string} [ifEmpty] */
    set(next, ifEmpty = "Nothing fires.") {
      entries = next;
      empty = ifEmpty;
      active = Math.min(active, Math.max(0, entries.length - 1));
      draw();
    },
    toTop() {
      active = 0;
      view.scrollTop = 0;
    },
    focus: () => view.focus(),
    stop() {
      resized.disconnect();
      for (const stop of stops) stop();
    },
  };
}

export const FEATURE_LIST_CSS = `
.sw-fl { position: relative; overflow: auto; overscroll-behavior: contain; flex: 1 1 0; min-height: 84px; }
.sw-fl-rows { position: relative; }
.sw-fl-row { position: absolute; left: 0; right: 0; height: ${ROW}px; display: flex; align-items: center; gap: 6px; padding: 0 2px 0 8px; cursor: pointer; font-size: 12px; }
.sw-fl-row:hover { background: var(--sw-hover); }
.sw-fl-row[aria-selected="true"] { background: var(--sw-raised); }
.sw-fl-keys .sw-fl-active { box-shadow: inset 0 0 0 2px var(--sw-accent); }
.sw-fl-bar { flex: none; height: 8px; border-radius: 2px; background: var(--sw-muted); opacity: .8; }
.sw-fl-value { min-width: 38px; }
.sw-fl-id { font-family: var(--sw-mono); color: var(--sw-muted); border-inline-start: 3px solid transparent; padding-inline-start: 5px; }
.sw-fl-label { flex: 1 1 0; white-space: nowrap; }
.sw-fl-add { width: 20px; text-align: center; color: var(--sw-muted); border-radius: 4px; visibility: hidden; }
.sw-fl-add:hover { background: var(--sw-line); color: var(--sw-fg); }
.sw-fl-row:hover .sw-fl-add, .sw-fl-row[aria-selected="true"] .sw-fl-add, .sw-fl-keys .sw-fl-active .sw-fl-add { visibility: visible; }
.sw-fl-empty { padding: 10px; font-size: 12px; }
`;
