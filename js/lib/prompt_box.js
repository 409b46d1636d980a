// @ts-check
// The text box of the trait `prompt`, or another: sends when typing pauses, on Enter at once; Shift+Enter is a newline.
import { h, listen, needsKernel, on, write } from "./dom.js";
import { debounce } from "./sync.js";

const TYPING_MS = 500;

/**
 * @param {any} model
 * @param {string} placeholder
 * @param {boolean} offline
 * @param {{ trait?: string, label?: string }} [options]
 */
export function promptBox(model, placeholder, offline, { trait = "prompt", label = "Prompt" } = {}) {
  const node = needsKernel(h("textarea", { class: "sw-textarea", rows: 2, "aria-label": label, spellcheck: "false", placeholder }), offline);
  const send = debounce(() => node.value !== model.get(trait) && write(model, { [trait]: node.value }), TYPING_MS);
  const draw = () => {
    if (node.value !== model.get(trait)) node.value = model.get(trait);
  };
  const stops = [
    send.cancel,
    on(node, "input", () => send()),
    on(node, "blur", send.flush),
    on(node, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      send();
      send.flush();
    }),
    listen(model, [trait], draw),
  ];
  draw();
  return { node, stop: () => stops.forEach((stop) => stop()) };
}
