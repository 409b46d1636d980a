// @ts-check
// The prompt as a strip of tokens, tinted by a signed value at each position.
import { signedFixed } from "./bars.js";
import { h } from "./dom.js";
import { LINE_CSS, tintToken, tokenLine } from "./token_line.js";
import { quotedToken, spokenToken, tokenText } from "./tokens.js";

/**
 * @param {{ label: string, theme: () => import("./color.js").Theme }} props
 */
export function tokenStrip({ label, theme }) {
  /** @type {string[]} */
  let tokens = [];
  /** @type {number[]} */
  let values = [];
  const line = tokenLine({
    label,
    tip: (i) => [h("b", { class: "sw-token" }, quotedToken(tokens[i])), h("span", { class: "sw-muted" }, ` position ${i}: `), signedFixed(values[i])],
    spoken: (i) => `${spokenToken(tokens[i])}, position ${i}, ${signedFixed(values[i])}`,
  });

  function paint() {
    const top = Math.max(...values.map(Math.abs)) || 1;
    tokens.forEach((_, i) => tintToken(/** @type {HTMLElement} */ (line.at(i)), values[i] / top, theme()));
  }

  return {
    node: h("div", { class: "sw-strip" }, line.node, line.box),
    /** @param {string[]} newTokens @param {number[]} newValues */
    set(newTokens, newValues) {
      [tokens, values] = [newTokens, newValues];
      line.cut(tokens.length);
      tokens.forEach((token, i) => line.put(i, tokenText(token, { newlines: true })));
      paint();
    },
    repaint: paint,
    stop: line.stop,
  };
}

export const STRIP_CSS = `${LINE_CSS}
.sw-strip { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; font-size: 14px; max-height: 180px; overflow-y: auto; }
.sw-strip .sw-line-token { unicode-bidi: isolate; box-shadow: inset 0 -1px 0 var(--sw-line); margin-inline-end: 1px; }
`;
