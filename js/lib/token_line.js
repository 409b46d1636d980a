// @ts-check
// A line of tokens that mouse and arrow keys go through, with a tip for each.
import { css, heat, inkOn } from "./color.js";
import { fill, h, on } from "./dom.js";
import { floating } from "./floating.js";

/**
 * @param {{ label: string, tip: (i: number) => import("./dom.js").Child[], spoken: (i: number) => string,
 *   onActive?: (i: number) => void }} props `onActive`: -1 when no token is looked at
 */
export function tokenLine({ label, tip, spoken, onActive = () => {} }) {
  const node = h("span", { role: "listbox", "aria-label": label, "aria-orientation": "horizontal" });
  const box = h("div", { class: "sw-tip sw-line-tip", role: "tooltip" });
  const float = floating(box);
  let cursor = 0;

  /** @param {number} i */
  const at = (i) => /** @type {HTMLElement | undefined} */ (node.children[i]);
  /** @param {Event} event */
  const indexOf = (event) => Array.prototype.indexOf.call(node.children, event.target);

  /** @param {number} i */
  function show(i) {
    const token = at(i);
    if (!token) return;
    fill(box, tip(i));
    float.open(token);
    onActive(i);
  }
  function hide() {
    float.close();
    onActive(-1);
  }
  /** @param {number} to */
  function move(to) {
    at(cursor)?.setAttribute("tabindex", "-1");
    cursor = Math.max(0, Math.min(node.children.length - 1, to));
    at(cursor)?.setAttribute("tabindex", "0");
    at(cursor)?.focus();
  }

  const STEPS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10, Home: -1e9, End: 1e9 });
  const stops = [
    on(node, "pointerover", (event) => show(indexOf(event))),
    on(node, "pointerleave", hide),
    on(node, "focusin", (event) => {
      event.target.setAttribute("aria-label", spoken(indexOf(event)));
      show(indexOf(event));
    }),
    on(node, "focusout", hide),
    on(node, "click", (event) => indexOf(event) >= 0 && move(indexOf(event))),
    on(node, "keydown", (event) => {
      if (event.key in STEPS) {
        event.preventDefault();
        move(indexOf(event) + STEPS[event.key]);
      } else if (event.key === "Escape" && float.isOpen()) {
        event.preventDefault();
        hide();
      }
    }),
  ];
  return {
    node,
    box,
    at,
    show,
    hide,
    /** The element of token `i`, made if it is the next. @param {number} i @param {string} text */
    put(i, text) {
      const token = at(i) ?? h("span", { class: "sw-line-token", role: "option", tabindex: i === cursor ? "0" : "-1" });
      if (!token.parentNode) node.append(token);
      token.textContent = text;
      return token;
    },
    /** Drop the tokens from `n` on. @param {number} n */
    cut(n) {
      while (node.children.length > n) node.lastElementChild?.remove();
      if (cursor < n) return;
      cursor = 0;
      at(0)?.setAttribute("tabindex", "0");
    },
    stop() {
      float.close();
      for (const stop of stops) stop();
    },
  };
}

/**
 * Tint a token by a signed value.
 * @param {HTMLElement} token
 * @param {number} t -1..1; 0 is no tint
 * @param {import("./color.js").Theme} theme
 */
export function tintToken(token, t, theme) {
  // Four fifths of the map at most: its very ends are too heavy behind running text.
  const ground = t ? heat(0.82 * t, theme) : null;
  token.style.background = ground ? css(ground) : "";
  token.style.color = ground ? css(inkOn(ground)) : "";
}

export const LINE_CSS = `
.sw-line-token { border-radius: 3px; padding: 2px 0; cursor: default; }
.sw-line-token:hover { box-shadow: inset 0 -2px 0 var(--sw-accent); }
.sw-line-tip { line-height: 1.5; white-space: normal; color: var(--sw-fg); }
`;
