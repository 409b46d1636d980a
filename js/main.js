// @ts-check
// What surrounds every view: a shadow root, the shared styles, theme, keys, questions to the kernel, and a foot.
// `build.mjs` makes one bundle of this and one module of `widgets/`, since each instance carries its whole bundle.
import { isCancelled, makeAsk } from "./lib/ask.js";
import { makeFoot, watchKernel } from "./lib/chrome.js";
import { h } from "./lib/dom.js";
import { makeHost, parseState } from "./lib/host.js";
import { THEME_CSS } from "./lib/theme.css.js";
import { watchTheme } from "./lib/theme.js";
import { visible } from "./lib/tokens.js";

/**
 * @typedef {{
 *   model: any, el: HTMLElement, root: HTMLElement, ask: import("./lib/ask.js").Ask, signal: AbortSignal, offline: boolean,
 *   theme: { name: () => import("./lib/color.js").Theme, onChange: (fn: () => void) => void },
 *   childModel: (id: string) => Promise<any>,
 * }} ViewProps `el` is the view's own box, `root` carries theme and keys; `childModel` finds another widget of the kernel
 */
/** @typedef {{ render: (props: any) => void | (() => void), css?: string }} View `render` takes ViewProps; `css` is added to the shared styles */

/**
 * Show a view in `el`; several views of one model are normal.
 * @param {View} view
 * @param {{ model: any, el: HTMLElement, signal?: AbortSignal, offline?: boolean, isInner?: boolean }} props `isInner`: part of
 *   another view, which has the tools for both
 * @returns {() => void} removes everything the view added
 */
export function show(view, { model, el, signal, offline = false, isInner = false }) {
  const host = h("div");
  const shadow = host.attachShadow({ mode: "open" });
  const box = h("div", { class: "sw-view" });
  const root = h("div", { class: "sw-root", "data-view": model.get("_view"), "data-offline": offline ? "true" : false });
  const ending = new AbortController();
  /** @type {(() => void)[]} */
  const stops = [];
  el.append(host);
  shadow.append(h("style", {}, THEME_CSS + (view.css ?? "")), root);
  root.append(box);

  const asking = makeAsk(model);
  const foot = makeFoot(model, { ask: asking.ask, offline, isInner });
  root.append(foot.node);
  const watched = offline
    ? { model, stop() {} }
    : watchKernel(model, asking.ping, (state) => foot.say(NOTICES[state], state === "gone"), () => el.closest(".jupyter-widgets-disconnected") !== null);
  /** @type {Set<() => void>} */
  const themed = new Set();
  stops.push(asking.stop, foot.stop, watched.stop, keepKeys(root, el), watchTheme(root, () => themed.forEach((fn) => fn())));

  try {
    const theme = { name: () => /** @type {any} */ (root.dataset.theme ?? "light"), onChange: (/** @type {() => void} */ fn) => void themed.add(fn) };
    const childModel = async (/** @type {string} */ id) => {
      if (!model.widget_manager?.get_model) throw new Error("This notebook cannot show one widget inside another.");
      return model.widget_manager.get_model(id);
    };
    const cleanup = view.render({ model: watched.model, el: box, root, ask: asking.ask, signal: ending.signal, offline, theme, childModel });
    if (cleanup) stops.push(cleanup);
  } catch (error) {
    if (!isCancelled(error)) showFailure(box, error);
  }
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    ending.abort();
    for (const stop of stops.reverse()) stop();
    host.remove();
  };
  signal?.addEventListener("abort", end, { once: true });
  return end;
}

const NOTICES = {
  ok: "",
  busy: "The kernel is busy with another cell; your change applies when it is done.",
  gone: "The kernel is gone. This is the last state; run the cell again to go on.",
};

/** @param {HTMLElement} box @param {unknown} error */
function showFailure(box, error) {
  const trace = error instanceof Error ? `${error.message}\n\n${error.stack ?? ""}` : String(error);
  box.replaceChildren(h("div", { class: "sw-error", role: "alert" }, h("b", {}, "This view failed."), h("pre", { tabindex: "0" }, visible(trace))));
}

/**
 * Keep keys from the notebook, which would run commands with them ("b" inserts a cell); Escape goes back to it.
 * @param {HTMLElement} root
 * @param {HTMLElement} el
 */
function keepKeys(root, el) {
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    if (isSave || /^F\d+$/.test(event.key)) return; // saving and function keys stay the notebook's and the browser's
    event.stopPropagation();
    if (event.key === "Escape" && !event.defaultPrevented) {
      /** @type {any} */ (root.getRootNode()).activeElement?.blur();
      /** @type {HTMLElement | null} */ (el.closest(".jp-Notebook"))?.focus();
    }
  };
  root.addEventListener("keydown", onKey);
  return () => root.removeEventListener("keydown", onKey);
}

/**
 * Start the view of a page written by `save()`.
 * @param {View} view
 * @param {Document} page
 */
export function mount(view, page) {
  const el = page.getElementById("sae-widget");
  const text = page.getElementById("sae-widget-state")?.textContent;
  if (!el || !text) return;
  const answer = { type: "OfflineError", message: "This needs a running kernel; this is a saved page." };
  const model = makeHost(parseState(text), (content, reply) => {
    if (content?.kind === "req") reply({ kind: "res", id: content.id, ok: false, error: answer });
  });
  show(view, { model, el, offline: true });
}
