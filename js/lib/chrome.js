// @ts-check
// What every widget has around it: status line, error panel, and an honest word when the kernel is busy or gone.
import { isCancelled } from "./ask.js";
import { fill, h, listen } from "./dom.js";
import { duration } from "./format.js";
import { visible } from "./tokens.js";

/**
 * The foot of a widget: errors, what the kernel does, and the tools that every widget has.
 * @param {any} model
 * @param {{ ask: import("./ask.js").Ask, offline: boolean, isInner: boolean }} place
 * @returns {{ node: HTMLElement, say: (notice: string, isGone?: boolean) => void, stop: () => void }}
 */
export function makeFoot(model, { ask, offline, isInner }) {
  const status = h("div", { class: "sw-foot sw-grow", role: "status", "aria-live": "polite" });
  const shownCode = h("div");
  const error = h("div", { role: "alert" });
  const notice = h("div", { role: "status" });
  let started = 0;

  function drawStatus() {
    const { state = "idle", text = "", done = 0, total = 0 } = model.get("status") ?? {};
    const isRunning = state === "running";
    if (isRunning && !started) started = performance.now();
    if (!isRunning) started = 0;
    const seconds = started ? (performance.now() - started) / 1000 : 0;
    const left = total && done && seconds > 1 ? `, ${duration((seconds * (total - done)) / done)} left` : "";
    const words = visible(text || (isRunning ? "Working\u2026" : ""));
    const shown = state === "failed" ? "" : words;
    fill(
      status,
      isRunning && !total && h("i", { class: "sw-dot", "aria-hidden": "true" }),
      isRunning && total > 0 &&
        h("span", { class: "sw-progress", "aria-hidden": "true" }, h("i", { style: { width: `${(100 * Math.min(done, total)) / total}%` } })),
      shown && h("span", {}, `${shown}${total ? ` ${done} of ${total}${left}` : ""}`),
    );
  }

  function drawError() {
    const found = model.get("error") ?? {};
    if (!found.message && !found.type) {
      fill(error);
      return;
    }
    const trace = visible(found.traceback ?? "");
    const words = visible(found.message || found.type);
    const copy = h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => copyText(`${trace || `${found.type}: ${words}`}`, copy) }, "Copy");
    fill(
      error,
      h("div", { class: "sw-error" },
        h("div", { class: "sw-row" },
          h("span", { class: "sw-grow sw-token" }, trace && h("b", {}, `${found.type}: `), words),
          copy),
        trace && h("details", {}, h("summary", {}, "Traceback"), h("pre", { tabindex: "0" }, trace))),
    );
  }

  // A page saved before there was code has none to give.
  const hasCode = !isInner && (!offline || Boolean(model.get("as_code")));
  const copy = hasCode && h("button", { class: "sw-btn sw-plain sw-tool", type: "button", title: "Python that makes this view again", onclick: copyCode }, "Copy as code");

  async function copyCode() {
    try {
      const code = offline ? model.get("as_code") : (await ask("code")).value;
      const isCopied = await copyText(code, copy);
      fill(shownCode, !isCopied && h("pre", { class: "sw-mono sw-code", tabindex: "0", "aria-label": "Python that makes this view again" }, visible(code)));
    } catch (found) {
      if (!isCancelled(found)) fill(shownCode, h("div", { class: "sw-notice" }, visible(String(/** @type {Error} */ (found).message))));
    }
  }

  const stops = [listen(model, ["status"], drawStatus), listen(model, ["error"], drawError)];
  drawStatus();
  drawError();
  return {
    node: h("div", {}, error, notice, shownCode, h("div", { class: "sw-foot-line" }, status, copy)),
    say(words, isGone = false) {
      fill(notice, words && h("div", { class: "sw-notice" }, words));
      if (isGone) fill(status); // nothing is at work any more
    },
    stop: () => stops.forEach((stop) => stop()),
  };
}

/**
 * Copy `text`; the button says whether it worked.
 * @param {string} text
 * @param {HTMLElement} button
 * @returns {Promise<boolean>} whether it did
 */
export async function copyText(text, button) {
  const label = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = label; // what it said before: a second click comes while it says "Copied"
  let isCopied = false;
  try {
    await navigator.clipboard.writeText(text);
    isCopied = true;
  } catch {
    // Not allowed here, or a page without a clipboard: the button says so.
  }
  button.textContent = isCopied ? "Copied" : "Cannot copy here";
  setTimeout(() => (button.textContent = label), 1500);
  return isCopied;
}

/**
 * The model as the widget sees it: after a change it asks for a sign of life, so that the page can say why nothing
 * happens yet.
 * @param {any} model
 * @param {(timeout: number) => Promise<boolean>} ping
 * @param {(state: "ok" | "busy" | "gone") => void} onState
 * @param {() => boolean} isDisconnected
 */
export function watchKernel(model, ping, onState, isDisconnected) {
  let asking = false;
  let last = 0;
  let stopped = false;
  async function check() {
    if (asking || stopped || performance.now() - last < 2000) return;
    asking = true;
    const slow = setTimeout(() => !stopped && onState(isDisconnected() ? "gone" : "busy"), 1500);
    const isAlive = await ping(isDisconnected() ? 3000 : 600_000);
    clearTimeout(slow);
    asking = false;
    last = performance.now();
    if (!stopped) onState(isAlive ? "ok" : "gone");
  }
  const onLive = () => {
    last = 0;
    check();
  };
  model.on("comm_live_update", onLive);
  const watched = {
    /** @param {string} name */
    get: (name) => model.get(name), // a host's model may be a class, which a spread would empty
    /** @param {string} name @param {any} value */
    set: (name, value) => model.set(name, value),
    /** @param {string} name @param {any} fn */
    on: (name, fn) => model.on(name, fn),
    /** @param {string} name @param {any} fn */
    off: (name, fn) => model.off(name, fn),
    /** @param {any} content @param {any} [callbacks] @param {any} [buffers] */
    send: (content, callbacks, buffers) => model.send(content, callbacks, buffers),
    save_changes() {
      model.save_changes();
      check();
    },
  };
  return {
    model: watched,
    stop() {
      stopped = true;
      model.off("comm_live_update", onLive);
    },
  };
}
