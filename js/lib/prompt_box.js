// @ts-check
// The text box of the trait `prompt`: sends when typing pauses, on Enter at once; Shift+Enter is a newline.
import { h, listen, needsKernel, on, write } from "./dom.js";
import { debounce } from "./sync.js";

const TYPING_MS = 500;

/**
 * @param {any} model
 * @param {string} placeholder
 * @param {boolean} offline
 */
export function promptBox(model, placeholder, offline) {
  const node = needsKernel(h("textarea", { class: "sw-textarea", rows: 2, "aria-label": "Prompt", spellcheck: "false", placeholder }), offline);
  const send = debounce(() => node.value !== model.get("prompt") && write(model, { prompt: node.value }), TYPING_MS);
  const draw = () => {
    if (node.value !== model.get("prompt")) node.value = model.get("prompt");
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
    listen(model, ["prompt"], draw),
  ];
  draw();
  return { node, stop: () => stops.forEach((stop) => stop()) };
}
