// @ts-check
// The prompt as a strip of tokens, tinted by a signed value at each position; reached by mouse and keyboard.
import { signedFixed } from "./bars.js";
import { css, heat, inkOn } from "./color.js";
import { fill, h, on } from "./dom.js";
import { floating } from "./floating.js";
import { quotedToken, spokenToken, tokenText } from "./tokens.js";

/**
 * @param {{ label: string, theme: () => import("./color.js").Theme }} props
 */
export function tokenStrip({ label, theme }) {
  const node = h("div", { class: "sw-strip", role: "listbox", "aria-label": label, "aria-orientation": "horizontal" });
  const tip = h("div", { class: "sw-tip", role: "tooltip" });
  const box = h("div", {}, node, tip);
  /** @type {string[]} */
  let tokens = [];
  /** @type {number[]} */
  let values = [];
  let cursor = 0;
  const float = floating(tip);

  function paint() {
    const top = Math.max(...values.map(Math.abs), 0);
    [...node.children].forEach((at, i) => {
      const ground = heat(top > 0 ? (0.82 * (values[i] ?? 0)) / top : 0, theme());
      const isPlain = !values[i];
      /** @type {HTMLElement} */ (at).style.background = isPlain ? "" : css(ground);
      /** @type {HTMLElement} */ (at).style.color = isPlain ? "" : css(inkOn(ground));
      at.setAttribute("aria-label", `${spokenToken(tokens[i])}, position ${i}, ${signedFixed(values[i] ?? 0)}`);
    });
  }

  /** @param {number} i */
  function showTip(i) {
    const at = node.children[i];
    if (!at) return;
    fill(tip, h("b", { class: "sw-token" }, quotedToken(tokens[i])), h("span", { class: "sw-muted" }, ` position ${i}: `), signedFixed(values[i] ?? 0));
    float.open(at);
  }
  const hideTip = () => float.close();
  /** @param {Event} event */
  const indexOf = (event) => Array.prototype.indexOf.call(node.children, /** @type {Element} */ (event.target));

  /** @param {number} to */
  function focusToken(to) {
    node.children[cursor]?.setAttribute("tabindex", "-1");
    cursor = Math.max(0, Math.min(tokens.length - 1, to));
    const at = /** @type {HTMLElement | undefined} */ (node.children[cursor]);
    at?.setAttribute("tabindex", "0");
    at?.focus();
  }

  const stops = [
    on(node, "pointerover", (event) => showTip(indexOf(event))),
    on(node, "pointerleave", hideTip),
    on(node, "focusin", (event) => showTip(indexOf(event))),
    on(node, "focusout", hideTip),
    on(node, "keydown", (event) => {
      const steps = /** @type {Record<string, number>} */ ({ ArrowRight: cursor + 1, ArrowLeft: cursor - 1, Home: 0, End: tokens.length - 1 });
      if (!(event.key in steps)) return;
      event.preventDefault();
      focusToken(steps[event.key]);
    }),
  ];
  return {
    node: box,
    /** @param {string[]} newTokens @param {number[]} newValues */
    set(newTokens, newValues) {
      values = newValues;
      if (newTokens.length !== tokens.length || newTokens.some((token, i) => token !== tokens[i])) {
        tokens = newTokens;
        cursor = Math.min(cursor, Math.max(0, tokens.length - 1));
        fill(node, tokens.map((token, i) => h("span", { class: "sw-strip-token", role: "option", "aria-selected": "false", tabindex: i === cursor ? "0" : "-1" }, tokenText(token, { newlines: true }))));
      }
      paint();
    },
    repaint: paint,
    stop() {
      float.close();
      for (const stop of stops) stop();
    },
  };
}

export const STRIP_CSS = `
.sw-strip { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; font-size: 14px; max-height: 180px; overflow-y: auto; }
.sw-strip-token { border-radius: 3px; padding: 2px 1px; unicode-bidi: isolate; box-shadow: inset 0 -1px 0 var(--sw-line); margin-inline-end: 1px; cursor: default; }
.sw-strip-token:hover { box-shadow: inset 0 -2px 0 var(--sw-accent); }
`;
