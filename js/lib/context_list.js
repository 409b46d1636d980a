// @ts-check
// Contexts of a feature, coloured by its activation: the mouse or the arrow keys go from context to context and from
// token to token, and a tip says what is known of each.
import { css, heat, inkOn } from "./color.js";
import { fill, h, on } from "./dom.js";
import { floating } from "./floating.js";
import { number, percent, plural, signed } from "./format.js";
import { quotedToken, spokenToken, tokenText } from "./tokens.js";

const STACKED = 5; // tokens to either side
const CHARACTER = 8; // pixels, or a little less
const USUAL_WIDTH = 800; // until it is known
const AT_ONCE = 12; // rows that are filled with the page: as many as are on view; the others follow, a few a frame
const FRAME_MS = 8;

/**
 * @typedef {{ texts: string[], ids: number[], acts: number[], at: number, row: number | null, start: number, document: number | null, n_times: number }} Context
 * @typedef {{ loss: (number | null)[], kl: number[], up: [string, number][][], down: [string, number][][] }} Effects
 * @typedef {{ kind: string, low?: number, high?: number, share?: number, contexts: Context[] }} Group
 * @typedef {{ width: string, breaks: boolean, sort: string, top: number, theme: import("./color.js").Theme }} Settings
 */

/**
 * @param {{
 *   onRow: (group: number, place: number) => Promise<Context>, onEffects: (group: number, place: number, whole: boolean) => Promise<Effects>,
 *   onLook: (act: number | null) => void, offline: boolean,
 * }} props
 */
export function contextList({ onRow, onEffects, onLook, offline }) {
  const node = h("div", { class: "sw-cl" });
  const box = h("div", { class: "sw-tip", role: "tooltip" });
  const float = floating(box);
  /** @type {Map<string, { context: Context, effects?: Effects, isWhole: boolean }>} */
  let known = new Map();
  /** @type {Group[]} */
  let groups = [];
  /** @type {Settings} */
  let settings = { width: "snippet", breaks: true, sort: "strength", top: 1, theme: "light" };
  /** @type {{ row: HTMLElement, i: number } | null} */
  let looked = null;
  let frame = 0;
  let width = USUAL_WIDTH;

  /** @param {Group} group */
  function title(group) {
    if (group.kind === "top") return ["Strongest", `maximum ${number(settings.top)}`];
    if (group.kind === "random") return ["At random", "from all that fire"];
    return [`${number(group.low)} – ${number(group.high)}`, group.kind === "quantile" ? `a ${percent(group.share)} part of its tokens` : `${percent(group.share)} of its tokens`];
  }

  function draw() {
    hide();
    fill(node, groups.map((group, g) => {
      const [name, aside] = title(group);
      const order = group.contexts.map((_, i) => i);
      if (settings.sort === "document") order.sort((a, b) => (group.contexts[a].document ?? 0) - (group.contexts[b].document ?? 0) || (group.contexts[a].row ?? 0) - (group.contexts[b].row ?? 0));
      return h("section", { class: "sw-cl-group", "aria-label": `${name}, ${aside}` },
        h("div", { class: "sw-cl-head" }, h("strong", {}, name), h("span", { class: "sw-muted sw-small" }, aside)),
        h("div", { role: "list" }, order.map((i) => h("div", { class: "sw-cl-row", role: "listitem", tabindex: "-1", "data-key": `${g}:${i}` }))));
    }), box);
    const all = rows();
    for (const row of all.slice(0, AT_ONCE)) drawRow(row);
    later(all.slice(AT_ONCE));
    all[0]?.setAttribute("tabindex", "0");
    if (!groups.length) fill(node, h("p", { class: "sw-muted sw-cl-empty" }, "It has not fired on the texts that were read."), box);
  }

  /** @param {HTMLElement[]} left */
  function later(left) {
    cancelAnimationFrame(frame);
    if (!left.length) return;
    frame = requestAnimationFrame(() => {
      const until = performance.now() + FRAME_MS;
      while (left.length && performance.now() < until) drawRow(/** @type {HTMLElement} */ (left.shift()));
      later(left);
    });
  }

  /** @returns {HTMLElement[]} */
  const rows = () => [...node.querySelectorAll(".sw-cl-row")].map((each) => /** @type {HTMLElement} */ (each));
  const keyOf = (/** @type {HTMLElement} */ row) => /** @type {string} */ (row.dataset.key);
  const placeOf = (/** @type {HTMLElement} */ row) => /** @type {[number, number]} */ (keyOf(row).split(":").map(Number));
  const entryOf = (/** @type {HTMLElement} */ row) => {
    const [g, i] = placeOf(row);
    return known.get(keyOf(row)) ?? { context: groups[g].contexts[i], isWhole: false };
  };

  /** @param {HTMLElement} row */
  function drawRow(row) {
    const { context, effects, isWhole } = entryOf(row);
    const full = settings.width === "full" || isWhole;
    const first = full ? 0 : Math.max(firstSeen(context), settings.width === "stacked" ? context.at - STACKED : 0);
    const last = settings.width === "stacked" && !isWhole ? Math.min(context.texts.length, context.at + STACKED + 1) : context.texts.length;
    const act = context.acts[context.at];
    const spans = [];
    for (let i = first; i < last; i += 1) spans.push(token(context, effects, i));
    const times = context.n_times > 1 ? ` ×${context.n_times}` : "";
    row.setAttribute("aria-label", `${number(act)} at ${spokenToken(context.texts[context.at])}${times}${context.document === null ? "" : `, document ${context.document}`}`);
    row.classList.toggle("sw-cl-full", full);
    fill(row,
      h("span", { class: "sw-cl-act sw-num", title: times ? `${plural(context.n_times, "row")} with this text` : "" }, `${number(act)}${times}`),
      h("span", { class: "sw-cl-text" }, spans),
      h("span", { class: "sw-cl-tools" },
        context.document !== null && h("span", { class: "sw-small sw-muted", title: `document ${context.document}, row ${context.row}, from token ${context.start}` }, `doc ${context.document}`),
        !offline && h("span", { class: "sw-cl-acts" },
          !isWhole && context.row !== null && h("button", { class: "sw-btn sw-plain sw-cl-btn", type: "button", tabindex: "-1", "data-act": "row" }, "whole row"),
          !effects && h("button", { class: "sw-btn sw-plain sw-cl-btn", type: "button", tabindex: "-1", "data-act": "effects" }, "effects"))));
  }

  /** Where a line begins so that its strongest token is in view: half of the width is for what comes before. @param {Context} context */
  function firstSeen({ texts, at }) {
    let room = (width / 2 - 58) / CHARACTER;
    let first = at;
    while (first > 0 && (room -= texts[first - 1].length) > 0) first -= 1;
    return first;
  }

  /** @param {Context} context @param {Effects | undefined} effects @param {number} i */
  function token(context, effects, i) {
    const share = settings.top > 0 ? context.acts[i] / settings.top : 0;
    const style = /** @type {Record<string, string>} */ ({});
    if (share) {
      const ground = heat(share, settings.theme);
      style.background = css(ground);
      style.color = css(inkOn(ground));
    }
    const loss = effects?.loss[i];
    if (loss && Math.abs(loss) > 0.005) style["border-bottom"] = `2px solid ${loss > 0 ? "#d9680a" : "#3177b8"}`;
    const text = settings.breaks ? tokenText(context.texts[i], { newlines: true }) : tokenText(context.texts[i]);
    return h("span", { class: i === context.at ? "sw-cl-token sw-cl-peak" : "sw-cl-token", "data-i": i, style }, text);
  }

  /** @param {HTMLElement} row @param {number} i */
  function look(row, i) {
    const span = row.querySelector(`[data-i="${i}"]`);
    if (!span) return;
    looked?.row.querySelector(".sw-cl-looked")?.classList.remove("sw-cl-looked");
    looked = { row, i };
    span.classList.add("sw-cl-looked");
    const { context, effects } = entryOf(row);
    const some = (/** @type {[string, number][]} */ tokens) => tokens.map(([text, value]) => `${quotedToken(text, 14)} ${signed(value, 2)}`).join("  ");
    fill(box,
      h("div", {}, h("b", { class: "sw-token" }, quotedToken(context.texts[i])), context.ids.length > 0 && h("span", { class: "sw-muted" }, `  token ${context.ids[i]}`)),
      h("div", {}, `activation ${number(context.acts[i], 4)}`),
      effects && effects.loss[i] !== null && h("div", {}, `loss of the next token without it ${signed(effects.loss[i])} nats`),
      effects && h("div", {}, `prediction moved by ${number(effects.kl[i])} nats (KL)`),
      effects && h("div", { class: "sw-token" }, `raises ${some(effects.up[i])}`),
      effects && h("div", { class: "sw-token" }, `lowers ${some(effects.down[i])}`));
    float.open(span);
    onLook(context.acts[i]);
  }

  function hide() {
    looked?.row.querySelector(".sw-cl-looked")?.classList.remove("sw-cl-looked");
    looked = null;
    float.close();
    onLook(null);
  }

  /** @param {HTMLElement} row @param {string} what */
  async function act(row, what) {
    const button = /** @type {HTMLButtonElement | null} */ (row.querySelector(`[data-act="${what}"]`));
    if (!button || button.disabled) return;
    button.disabled = true;
    const drawnGroups = groups;
    try {
      const [g, i] = placeOf(row);
      const entry = entryOf(row);
      const effects = what === "effects" ? await onEffects(g, i, entry.isWhole) : undefined;
      const context = what === "row" ? await onRow(g, i) : entry.context;
      if (groups !== drawnGroups) return; // another feature by now
      known.set(keyOf(row), { context, effects, isWhole: entry.isWhole || what === "row" });
      drawRow(row);
      row.focus();
    } catch (error) {
      button.title = error instanceof Error ? error.message : String(error);
      button.textContent = "failed";
    }
  }

  const sized = new ResizeObserver(() => {
    if (!node.clientWidth || Math.abs(node.clientWidth - width) < 4 * CHARACTER) return;
    width = node.clientWidth;
    if (settings.width !== "full") draw();
  });
  sized.observe(node);
  const rowUnder = (/** @type {Event} */ event) => /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".sw-cl-row"));
  const stops = [
    on(node, "pointerover", (event) => {
      const span = event.target.closest("[data-i]");
      const row = rowUnder(event);
      if (span && row) look(row, Number(span.dataset.i));
      else hide();
    }),
    on(node, "pointerleave", hide),
    on(node, "focusout", hide),
    on(node, "click", (event) => {
      const row = rowUnder(event);
      const what = event.target.closest("[data-act]")?.dataset.act;
      if (row && what) act(row, what);
    }),
    on(node, "keydown", (event) => {
      const row = rowUnder(event);
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      const all = rows();
      const { context } = entryOf(row);
      const here = looked?.row === row ? looked.i : context.at - (event.key === "ArrowRight" ? 1 : -1);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const to = all[all.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
        if (!to) return;
        row.setAttribute("tabindex", "-1");
        to.setAttribute("tabindex", "0");
        to.focus();
      } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") look(row, here + (event.key === "ArrowRight" ? 1 : -1));
      else if (event.key === "Enter" || event.key === "e") act(row, "effects");
      else if (event.key === "r") act(row, "row");
      else if (event.key === "Escape" && float.isOpen()) hide();
      else return;
      event.preventDefault();
    }),
  ];

  return {
    node,
    /** @param {Group[]} next @param {Settings} look */
    set(next, look) {
      if (next !== groups) known = new Map();
      groups = next;
      settings = look;
      draw();
    },
    stop() {
      cancelAnimationFrame(frame);
      sized.disconnect();
      for (const stop of stops) stop();
      float.close();
    },
  };
}

export const CONTEXTS_CSS = `
.sw-cl { min-width: 0; container-type: inline-size; }
.sw-cl-group { margin-bottom: 12px; }
.sw-cl-head { display: flex; gap: 8px; align-items: baseline; padding: 2px 0 4px; font-size: 12px; }
.sw-cl-row { display: flex; align-items: baseline; gap: 8px; padding: 2px 4px; border-radius: 4px; content-visibility: auto; contain-intrinsic-size: auto 24px; }
.sw-cl-row:hover, .sw-cl-row:focus-visible, .sw-cl-row:focus-within { background: var(--sw-raised); }
.sw-cl-act { flex: none; min-width: 58px; font-size: 12px; color: var(--sw-muted); }
.sw-cl-text { flex: 1 1 0; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; line-height: 1.6; }
.sw-cl-full .sw-cl-text { white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-cl-token { white-space: pre; unicode-bidi: isolate; border-radius: 2px; padding: 1px 0; }
.sw-cl-full .sw-cl-token { white-space: pre-wrap; }
.sw-cl-peak { font-weight: 700; }
.sw-cl-looked { outline: 2px solid var(--sw-accent); outline-offset: -1px; }
.sw-cl-tools { flex: none; position: relative; display: inline-flex; align-items: baseline; }
.sw-cl-acts { position: absolute; inset-inline-end: 100%; top: 50%; translate: 0 -50%; display: flex; gap: 2px; padding-inline: 4px; background: var(--sw-raised); visibility: hidden; }
.sw-cl-btn { min-height: 20px; padding: 0 6px; font-size: 11px; white-space: nowrap; }
.sw-cl-row:hover .sw-cl-acts, .sw-cl-row:focus-within .sw-cl-acts, .sw-cl-row:focus .sw-cl-acts { visibility: visible; }
.sw-cl-full .sw-cl-acts { position: static; translate: none; background: none; }
.sw-cl-empty { padding: 14px 0; }
@container (max-width: 560px) {
  .sw-cl-row { flex-wrap: wrap; row-gap: 0; } .sw-cl-act { min-width: 40px; }
  .sw-cl-tools { flex-basis: 100%; padding-inline-start: 48px; }
  .sw-cl-acts { position: static; translate: none; background: none; }
}
`;
