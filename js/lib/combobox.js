// @ts-check
// A text box with a list of suggestions, after the ARIA combobox pattern: arrows move, Enter takes, Escape closes.
import { isCancelled } from "./ask.js";
import { fill, h, on, uniqueId } from "./dom.js";
import { floating } from "./floating.js";
import { debounce } from "./sync.js";

/**
 * @template T
 * @param {{
 *   label: string, placeholder?: string, search: (query: string, signal: AbortSignal) => Promise<T[]>,
 *   show: (option: T) => import("./dom.js").Child[], onPick: (option: T) => void,
 *   onText?: (text: string) => void, empty?: string, keepsText?: boolean,
 * }} props `onText`: Enter without a chosen suggestion; `keepsText`: the box holds a value rather than a search
 */
export function combobox({ label, placeholder = "", search, show, onPick, onText, empty = "Nothing found", keepsText = false }) {
  const listId = uniqueId("list");
  const list = h("div", { class: "sw-options", id: listId, role: "listbox", "aria-label": label });
  const input = h("input", {
    class: "sw-input sw-combo-input", type: "text", role: "combobox", "aria-label": label, "aria-controls": listId, "aria-expanded": "false",
    "aria-autocomplete": "list", placeholder, autocomplete: "off", spellcheck: "false",
  });
  const node = h("div", { class: "sw-combo" }, input, list);
  /** @type {T[]} */
  let options = [];
  let active = -1;
  let isOpen = false;
  let asking = new AbortController();
  const float = floating(list, { width: "anchor" });

  function open() {
    isOpen = true;
    input.setAttribute("aria-expanded", "true");
    float.open(input);
  }

  function close() {
    later.cancel();
    asking.abort();
    isOpen = false;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    float.close();
  }

  async function find() {
    asking.abort();
    const mine = (asking = new AbortController());
    try {
      options = await search(input.value, mine.signal);
      if (!mine.signal.aborted) drawOptions();
    } catch (error) {
      if (mine.signal.aborted || isCancelled(error)) return;
      options = [];
      active = -1;
      fill(list, h("div", { class: "sw-option-none" }, String(/** @type {Error} */ (error).message)));
      open();
    }
  }
  const later = debounce(find, 60);

  function drawOptions() {
    active = -1;
    input.removeAttribute("aria-activedescendant");
    fill(
      list,
      options.map((option, i) =>
        h("div", { class: "sw-option", role: "option", id: `${listId}-${i}`, "aria-selected": "false", onpointerdown: (/** @type {Event} */ event) => event.preventDefault(), onclick: () => pick(i) }, show(option)),
      ),
      options.length === 0 && h("div", { class: "sw-option-none" }, empty),
    );
    open();
  }

  /** @param {number} to */
  function move(to) {
    const nodes = list.querySelectorAll(".sw-option");
    nodes[active]?.setAttribute("aria-selected", "false");
    active = nodes.length ? (to + nodes.length) % nodes.length : -1;
    const chosen = nodes[active];
    if (!chosen) return;
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen.id);
  }

  /** @param {number} i */
  function pick(i) {
    const option = options[i];
    if (option === undefined) return;
    close();
    if (!keepsText) input.value = "";
    onPick(option);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) find();
      else move(active < 0 && event.key === "ArrowUp" ? -1 : active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isOpen && active >= 0) pick(active);
      else if (onText) {
        close();
        onText(input.value);
      } else if (isOpen) pick(0);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }

  const stops = [
    on(input, "input", () => later()),
    on(input, "focus", () => later()),
    on(input, "click", () => !isOpen && later()),
    on(input, "keydown", onKey),
    on(input, "blur", () => {
      close();
      if (onText && keepsText) onText(input.value);
    }),
  ];
  return {
    node,
    input,
    close,
    stop() {
      close();
      for (const stop of stops) stop();
    },
  };
}

export const COMBOBOX_CSS = `
.sw-combo { position: relative; min-width: 0; }
.sw-combo-input { width: 100%; }
.sw-options { max-height: min(320px, 45vh); overflow-y: auto; padding: 4px; border: 1px solid var(--sw-line); border-radius: var(--sw-radius);
  background: var(--sw-bg); color: var(--sw-fg); box-shadow: var(--sw-shadow); max-width: min(560px, 92vw); z-index: 20; }
.sw-option { display: flex; align-items: baseline; gap: 8px; padding: 4px 8px; border-radius: 4px; cursor: pointer; }
.sw-option:hover { background: var(--sw-hover); }
.sw-option[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 2px 0 0 var(--sw-accent); }
.sw-option-none { padding: 6px 8px; color: var(--sw-muted); }
`;
