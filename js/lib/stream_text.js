// @ts-check
// A text that grows token by token. While a new version is written, what is left of the old one stays, pale, so that
// nothing jumps; each token can be reached by mouse and keyboard and says its numbers.
import { likelier, signedFixed } from "./bars.js";
import { css, heat, inkOn } from "./color.js";
import { fill, h, on } from "./dom.js";
import { floating } from "./floating.js";
import { number, percent } from "./format.js";
import { quotedToken, spokenToken, visible } from "./tokens.js";

/** Text, id, log-probability, the unsteered model's, KL. @typedef {[string, number, number, number, number]} TokenRow */

/** Change of log-probability at which the tint is full: e^4, 55 times as likely. */
export const FULL_TINT = 4;

/**
 * @param {{ label: string, tinted: boolean, theme: () => import("./color.js").Theme, onActive?: (index: number) => void }} props
 */
export function streamText({ label, tinted, theme, onActive }) {
  const prompt = h("span", { class: "sw-stream-prompt" });
  const tokens = h("span", { role: "listbox", "aria-label": `${label}: tokens`, "aria-orientation": "horizontal" });
  const body = h("div", { class: "sw-stream" }, prompt, tokens);
  const tip = h("div", { class: "sw-tip sw-stream-tip", role: "tooltip" });
  const node = h("div", { class: "sw-stream-box" }, body, tip);
  /** @type {TokenRow[]} */
  let rows = [];
  let nFresh = 0;
  let cursor = 0;
  const float = floating(tip);

  /** @param {number} i */
  const span = (i) => /** @type {HTMLElement | undefined} */ (tokens.children[i]);

  /** @param {HTMLElement} at @param {TokenRow} row */
  function paint(at, row) {
    at.textContent = visible(row[0]);
    const delta = row[2] - row[3];
    if (!tinted || !Number.isFinite(delta) || Math.abs(delta) < 0.05) {
      at.style.background = at.style.color = "";
      return;
    }
    // The square root shows a doubled probability already; a linear map would leave most tokens white.
    const ground = heat(0.82 * Math.sign(delta) * Math.sqrt(Math.min(1, Math.abs(delta) / FULL_TINT)), theme());
    at.style.background = css(ground);
    at.style.color = css(inkOn(ground));
  }

  /** @param {number} i @param {TokenRow} row */
  function put(i, row) {
    rows[i] = row;
    let at = span(i);
    if (!at) {
      at = h("span", { class: "sw-stream-token", role: "option", "aria-selected": "false", tabindex: i === cursor ? "0" : "-1" });
      tokens.append(at);
    }
    at?.classList.remove("sw-stale");
    if (at) paint(at, row);
  }

  /** @param {number} i */
  function spoken(i) {
    const [text, , p, plain, kl] = rows[i];
    const words = [`${spokenToken(text)}, token ${i + 1} of ${rows.length}`, `log-probability ${number(p)}`];
    if (tinted) words.push(`unsteered ${number(plain)}`, likelier(p - plain), `KL ${number(kl)} nats`);
    return words.join(", ");
  }

  /** @param {number} i */
  function showTip(i) {
    const at = span(i);
    if (!at || !rows[i]) return;
    const [text, id, p, plain, kl] = rows[i];
    /** @param {string} name @param {number} logp */
    const line = (name, logp) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(logp, 4)), h("td", {}, percent(Math.exp(logp))));
    fill(
      tip,
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(text)), h("span", { class: "sw-muted" }, `token ${i + 1}, id ${id}`)),
      h("table", { class: "sw-stream-table" },
        h("tr", {}, h("td"), h("th", { scope: "col" }, "log p"), h("th", { scope: "col" }, "p")),
        tinted ? [line("steered", p), line("unsteered", plain)] : line("unsteered", p)),
      tinted && h("div", {}, `${signedFixed(p - plain, 2)} nats: ${likelier(p - plain)} through steering`),
      tinted && h("div", { class: "sw-muted" }, `KL to the unsteered model here: ${number(kl)} nats`),
    );
    float.open(at);
    onActive?.(i);
  }

  function hideTip() {
    float.close();
    onActive?.(-1);
  }

  /** @param {number} to */
  function focusToken(to) {
    const last = rows.length - 1;
    if (last < 0) return;
    span(cursor)?.setAttribute("tabindex", "-1");
    span(cursor)?.setAttribute("aria-selected", "false");
    cursor = Math.max(0, Math.min(last, to));
    const at = span(cursor);
    at?.setAttribute("tabindex", "0");
    at?.setAttribute("aria-selected", "true");
    at?.setAttribute("aria-label", spoken(cursor));
    at?.focus({ preventScroll: false });
  }

  /** @param {Event} event */
  const indexOf = (event) => Array.prototype.indexOf.call(tokens.children, /** @type {Element} */ (event.target));

  const STEPS = /** @type {Record<string, (at: number) => number>} */ ({
    ArrowRight: (at) => at + 1, ArrowLeft: (at) => at - 1, ArrowDown: (at) => at + 10, ArrowUp: (at) => at - 10,
    Home: () => 0, End: () => rows.length - 1,
  });
  const stops = [
    on(tokens, "pointerover", (event) => showTip(indexOf(event))),
    on(tokens, "pointerleave", hideTip),
    on(tokens, "focusin", (event) => {
      const i = indexOf(event);
      if (i < 0) return;
      span(i)?.setAttribute("aria-label", spoken(i));
      showTip(i);
    }),
    on(tokens, "focusout", hideTip),
    on(tokens, "keydown", (event) => {
      const step = STEPS[event.key];
      if (step) {
        event.preventDefault();
        focusToken(step(Math.max(0, indexOf(event))));
      } else if (event.key === "Escape" && float.isOpen()) {
        event.preventDefault();
        hideTip();
      }
    }),
    on(tokens, "click", (event) => indexOf(event) >= 0 && focusToken(indexOf(event))),
  ];

  return {
    node,
    rows: () => rows.slice(0, nFresh),
    /** @param {string} text */
    setPrompt(text) {
      prompt.textContent = visible(text);
    },
    /** A new version begins: the old text turns pale and is replaced token by token. */
    begin() {
      nFresh = 0;
      for (const at of tokens.children) at.classList.add("sw-stale");
    },
    /** @param {number} start @param {TokenRow[]} more */
    patch(start, more) {
      if (start > nFresh) return false; // a view that came late misses the beginning; the outcome brings all
      more.forEach((row, i) => put(start + i, row));
      nFresh = Math.max(nFresh, start + more.length);
      return true;
    },
    /** The text is whole: what is left of the old one goes. */
    end() {
      rows.length = nFresh;
      while (tokens.children.length > nFresh) tokens.lastElementChild?.remove();
      if (cursor >= nFresh) {
        cursor = 0;
        span(0)?.setAttribute("tabindex", "0");
      }
    },
    /** @param {TokenRow[]} all */
    set(all) {
      this.patch(0, all);
      nFresh = all.length;
      this.end();
    },
    repaint() {
      rows.forEach((row, i) => paint(/** @type {HTMLElement} */ (span(i)), row));
    },
    showTip,
    hideTip,
    stop() {
      float.close();
      for (const stop of stops) stop();
    },
  };
}

export const STREAM_CSS = `
.sw-stream { padding: 10px 12px; line-height: 1.75; font-size: 14px; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; min-height: 96px; }
.sw-stream-prompt { color: var(--sw-muted); }
.sw-stream-token { border-radius: 3px; padding: 2px 0; cursor: default; }
.sw-stream-token:hover { box-shadow: inset 0 -2px 0 var(--sw-accent); }
.sw-stream-token.sw-stale { opacity: .32; background: none !important; color: inherit !important; }
.sw-stream-tip { line-height: 1.5; pointer-events: none; color: var(--sw-fg); }
.sw-stream-table { border-collapse: collapse; margin: 2px 0; }
.sw-stream-table th { font-weight: 400; color: var(--sw-muted); text-align: start; padding: 0 12px 0 0; }
.sw-stream-table td, .sw-stream-table th[scope="col"] { text-align: right; padding: 0 0 0 12px; font-variant-numeric: tabular-nums; }
`;
