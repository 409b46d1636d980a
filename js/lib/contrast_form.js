// @ts-check
// Two texts: what fires on the first but not on the second.
import { h, listen, needsKernel, uniqueId, write } from "./dom.js";

/**
 * @param {{ model: any, offline: boolean }} props
 * @returns {{ open: HTMLElement, node: HTMLElement, stop: () => void }} `open` is the button that shows the form
 */
export function contrastForm({ model, offline }) {
  const get = (/** @type {string} */ name) => model.get(name);
  const id = uniqueId("contrast");
  const open = h("button", { class: "sw-btn", type: "button", "aria-expanded": "false", "aria-controls": id, hidden: !get("has_model"), onclick: () => show(node.hidden, true) }, "Contrast search");
  const side = (/** @type {string} */ label, /** @type {string} */ hint) => {
    const box = h("textarea", { class: "sw-textarea", rows: "1", placeholder: hint, spellcheck: "false" });
    box.readOnly = offline;
    box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || offline) return;
      event.preventDefault();
      search();
    });
    return { box, node: h("label", { class: "sw-cf-side" }, h("span", { class: "sw-small sw-muted" }, label), box) };
  };
  const [first, second] = [side("Fires on", "She said yes."), side("but not on", "She said no.")];
  const by = needsKernel(h("select", { class: "sw-select", "aria-label": "How a text's tokens are taken together" }, h("option", { value: "max" }, "strongest token"), h("option", { value: "mean" }, "mean over tokens")), offline);
  const go = needsKernel(h("button", { class: "sw-btn", type: "button", title: "Most different first (Enter)", onclick: search }, "Search"), offline);
  const node = h("div", { class: "sw-cf sw-card", id, hidden: true }, first.node, second.node, h("div", { class: "sw-row" }, by, go));

  function search() {
    write(model, { text_a: first.box.value, text_b: second.box.value, contrast_by: by.value });
    model.send({ kind: "contrast" });
  }

  /** @param {boolean} isShown @param {boolean} [focuses] */
  function show(isShown, focuses = false) {
    node.hidden = !isShown;
    open.setAttribute("aria-expanded", String(isShown));
    if (isShown && focuses) first.box.focus();
  }

  function take() {
    [first.box.value, second.box.value, by.value] = [get("text_a"), get("text_b"), get("contrast_by")];
    if (get("text_a") || get("text_b")) show(true);
  }
  take();
  return { open, node, stop: listen(model, ["text_a", "text_b", "contrast_by"], take) };
}

export const CONTRAST_FORM_CSS = `
.sw-cf { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: end; padding: 8px 10px; margin-bottom: 8px; }
.sw-cf-side { flex: 1 1 220px; }
.sw-cf .sw-textarea { min-height: 32px; }
`;
