// @ts-check
// How far texts are read for a widget's statistics, with buttons to pause and to end it.
import { fill, h, listen } from "./dom.js";
import { count } from "./format.js";

/** @param {any} model with the trait `gathering` */
export function passBar(model) {
  const node = h("div", { class: "sw-row sw-small sw-pass", role: "status" });

  function draw() {
    const { done, total, is_paused: isPaused } = model.get("gathering") ?? {};
    node.hidden = done === undefined;
    if (node.hidden) return;
    const act = (/** @type {string} */ action) => () => model.send({ kind: "gathering", action });
    const share = total ? Math.min(100, (100 * done) / total) : 0;
    const focused = /** @type {HTMLElement | null} */ (node.querySelector(":focus"))?.dataset.kind;
    fill(node,
      h("span", { class: "sw-progress", "aria-hidden": "true" }, h("i", { style: { width: `${share}%` } })),
      h("span", {}, `${isPaused ? "Paused at" : "Reading"} ${count(done)}${total ? ` of ${count(total)}` : ""} tokens; what shows sharpens as it goes`),
      h("button", { class: "sw-btn sw-plain sw-small", type: "button", "data-kind": "pause", onclick: act(isPaused ? "resume" : "pause") }, isPaused ? "Go on" : "Pause"),
      h("button", { class: "sw-btn sw-plain sw-small", type: "button", "data-kind": "stop", onclick: act("stop") }, "Stop here"));
    if (focused) /** @type {HTMLElement | null} */ (node.querySelector(`[data-kind="${focused}"]`))?.focus();
  }

  draw();
  return { node, stop: listen(model, ["gathering"], draw) };
}

export const PASS_BAR_CSS = `
.sw-pass { margin-bottom: 6px; }
`;
