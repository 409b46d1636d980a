// @ts-check
// A text that grows token by token. While a new version is written, what is left of the old one stays, pale, so that
// nothing jumps; each token says its numbers.
import { likelier, signedFixed } from "./bars.js";
import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { LINE_CSS, tintToken, tokenLine } from "./token_line.js";
import { quotedToken, spokenToken, visible } from "./tokens.js";

/** Text, id, log-probability, the unsteered model's, KL. @typedef {[string, number, number, number, number]} TokenRow */

/** Change of log-probability at which the tint is full: e^4, 55 times as likely. */
export const FULL_TINT = 4;

/**
 * Tint of a change of log-probability, -1..1. The root shows a doubled probability already; a linear map would leave
 * most tokens white.
 * @param {number} delta
 */
export function tintOf(delta) {
  if (!(Math.abs(delta) >= 0.05)) return 0;
  return Math.sign(delta) * Math.sqrt(Math.min(1, Math.abs(delta) / FULL_TINT));
}

/**
 * @param {{ label: string, tinted: boolean, theme: () => import("./color.js").Theme, onActive?: (index: number) => void }} props
 */
export function streamText({ label, tinted, theme, onActive }) {
  /** @type {TokenRow[]} */
  let rows = [];
  let nFresh = 0;
  const prompt = h("span", { class: "sw-muted" });
  const line = tokenLine({ label: `${label}: tokens`, tip, spoken, onActive });

  /** @param {number} i */
  function spoken(i) {
    const [text, , p, plain, kl] = rows[i];
    const words = [`${spokenToken(text)}, token ${i + 1} of ${rows.length}`, `log-probability ${number(p)}`];
    if (tinted) words.push(`unsteered ${number(plain)}`, likelier(p - plain), `KL ${number(kl)} nats`);
    return words.join(", ");
  }

  /** @param {number} i */
  function tip(i) {
    const [text, id, p, plain, kl] = rows[i];
    /** @param {string} name @param {number} logp */
    const row = (name, logp) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(logp, 4)), h("td", {}, percent(Math.exp(logp))));
    return [
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(text)), h("span", { class: "sw-muted" }, `token ${i + 1}, id ${id}`)),
      h("table", { class: "sw-stream-table" },
        h("tr", {}, h("td"), h("th", { scope: "col" }, "log p"), h("th", { scope: "col" }, "p")),
        tinted && row("steered", p), row("unsteered", tinted ? plain : p)),
      tinted && h("div", {}, `${signedFixed(p - plain, 2)} nats: ${likelier(p - plain)} through steering`),
      tinted && h("div", { class: "sw-muted" }, `KL to the unsteered model here: ${number(kl)} nats`),
    ];
  }

  /** @param {number} i */
  const paint = (i) => tintToken(/** @type {HTMLElement} */ (line.at(i)), tinted ? tintOf(rows[i][2] - rows[i][3]) : 0, theme());

  return {
    node: h("div", { class: "sw-stream" }, prompt, line.node, line.box),
    rows: () => rows.slice(0, nFresh),
    /** @param {string} text */
    setPrompt(text) {
      prompt.textContent = visible(text);
    },
    /** A new version begins: the old text turns pale and is replaced token by token. */
    begin() {
      nFresh = 0;
      for (const token of line.node.children) token.classList.add("sw-stale");
    },
    /** @param {number} start @param {TokenRow[]} more */
    patch(start, more) {
      if (start > nFresh) return; // a view that came late misses the beginning; the outcome brings all
      more.forEach((row, j) => {
        rows[start + j] = row;
        line.put(start + j, visible(row[0])).classList.remove("sw-stale");
        paint(start + j);
      });
      nFresh = Math.max(nFresh, start + more.length);
    },
    /** The whole text; what is left of an older one goes. @param {TokenRow[]} all */
    set(all) {
      this.patch(0, all);
      rows.length = nFresh = all.length;
      line.cut(nFresh);
    },
    repaint: () => rows.forEach((_, i) => paint(i)),
    showTip: line.show,
    hideTip: line.hide,
    stop: line.stop,
  };
}

export const STREAM_CSS = `${LINE_CSS}
.sw-stream { padding: 10px 12px; line-height: 1.75; font-size: 14px; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; min-height: 96px; }
.sw-stale { opacity: .32; background: none !important; color: inherit !important; }
.sw-stream-table { border-collapse: collapse; margin: 2px 0; }
.sw-stream-table th { font-weight: 400; color: var(--sw-muted); text-align: start; padding: 0 12px 0 0; }
.sw-stream-table td, .sw-stream-table th[scope="col"] { text-align: right; padding: 0 0 0 12px; }
`;
