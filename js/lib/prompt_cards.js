// @ts-check
// What is known of each feature of a prompt, side by side: its score, the prompt in its colours, histogram, logits, texts.
import { contextList } from "./context_list.js";
import { css, heat, inkOn } from "./color.js";
import { fill, h } from "./dom.js";
import { histogram, logitTables } from "./feature_panels.js";
import { count, number, percent } from "./format.js";
import { along } from "./prompt_matrix.js";
import { tokenText, visible } from "./tokens.js";

/**
 * @typedef {{ feature: number, label: string, up?: any[], down?: any[], note?: string, density?: number, max_act?: number, counts?: number[], width?: number,
 *   contexts?: import("./context_list.js").Context[] }} Card
 */

/** @param {{ onFeature: (feature: number) => void }} props */
export function promptCards({ onFeature }) {
  const node = h("div", { class: "sw-pc", role: "list", "aria-label": "The features in detail" });
  /** @type {{ stop: () => void }[]} */
  let lists = [];

  function clear() {
    for (const list of lists) list.stop();
    lists = [];
  }

  /**
   * @param {Card} card @param {import("./prompt_matrix.js").PromptMatrix} matrix @param {number} row
   * @param {{ score: (row: number) => string, looked: (side: "left" | "right") => number | null, chosen: number | null, theme: import("./color.js").Theme }} props
   */
  function draw(card, matrix, row, { score, looked, chosen, theme }) {
    const { feature } = card;
    const name = matrix.rows[row].label;
    const isChosen = feature === chosen;
    return h("div", { class: "sw-pc-card sw-card", role: "listitem", "aria-label": `Feature ${feature}${name ? `, ${visible(name)}` : ""}`, "data-feature": feature, "data-chosen": isChosen },
      h("div", { class: "sw-pc-head" },
        h("button", { class: "sw-btn sw-plain sw-mono", type: "button", "aria-pressed": String(isChosen), title: "Choose this feature: other views follow", onclick: () => onFeature(feature) }, `#${feature}`),
        h("strong", { class: "sw-ellipsis sw-token", title: visible(name) }, visible(name))),
      h("div", { class: "sw-small" }, score(row)),
      prompts(matrix, row, looked, theme),
      activations(card, matrix.rows[row].act),
      card.up ? h("div", { class: "sw-fp sw-pc-part" }, logitTables({ up: card.up, down: card.down })) : h("p", { class: "sw-small sw-muted" }, visible(card.note ?? "")),
      contexts(card, theme));
  }

  /** @param {import("./prompt_matrix.js").PromptMatrix} matrix @param {number} row @param {(side: "left" | "right") => number | null} looked @param {import("./color.js").Theme} theme */
  function prompts(matrix, row, looked, theme) {
    const sides = /** @type {("left" | "right")[]} */ (matrix.right ? ["left", "right"] : ["left"]);
    const values = sides.map((side) => along(matrix, row, side));
    const top = Math.max(1e-12, ...values.flat().map(Math.abs));
    return sides.map((side, s) => h("p", { class: "sw-pc-text" }, matrix.right && h("span", { class: "sw-small sw-muted" }, side === "left" ? "L " : "R "),
      /** @type {import("./prompt_matrix.js").Side} */ (matrix[side]).tokens.map((text, i) => {
        const ground = values[s][i] ? heat((0.82 * values[s][i]) / top, theme) : null;
        return h("span", { class: i === looked(side) ? "sw-pc-token sw-pc-looked" : "sw-pc-token", style: ground ? { background: css(ground), color: css(inkOn(ground)) } : {} }, tokenText(text, { newlines: true }));
      })));
  }

  /** @param {Card} card @param {number} act */
  function activations({ counts = [], width = 0, density, max_act: top }, act) {
    const used = counts.findLastIndex((n) => n > 0) + 1;
    if (!used) return h("p", { class: "sw-small sw-muted" }, density === undefined ? "No statistics of this SAE." : "It has not fired on the statistics\u2019 texts.");
    const seen = h("div", { class: "sw-small sw-muted sw-pc-seen", "aria-hidden": "true" });
    const bars = { counts: counts.slice(0, used), low: 0, high: used * width, name: `Activations by strength; here ${number(act)}`, unit: "tokens" };
    return [
      h("div", { class: "sw-small sw-muted" }, `fires on ${percent(density)}, at most ${number(top)}`),
      histogram(bars, { isLog: false, mark: act ? Math.min(Math.abs(act), used * width) : null, onLook: (words) => (seen.textContent = words) }), seen];
  }

  /** @param {Card} card @param {import("./color.js").Theme} theme */
  function contexts({ contexts: found = [], max_act: top = 1 }, theme) {
    if (!found.length) return null;
    const never = () => Promise.reject(new Error("Open the feature's dashboard for this."));
    const list = contextList({ onRow: never, onEffects: never, onLook: () => {}, offline: true });
    list.set([{ kind: "top", contexts: found }], { width: "stacked", breaks: true, sort: "strength", top, theme });
    lists.push(list);
    return list.node;
  }

  return {
    node,
    /**
     * @param {Card[]} cards @param {import("./prompt_matrix.js").PromptMatrix} matrix
     * @param {{ score: (row: number) => string, looked: (side: "left" | "right") => number | null, chosen: number | null, theme: import("./color.js").Theme }} props
     */
    set(cards, matrix, props) {
      clear();
      const rowOf = new Map(matrix.rows.map((row, i) => [row.feature, i]));
      const shown = cards.filter((card) => rowOf.has(card.feature));
      node.hidden = !shown.length;
      fill(node, shown.map((card) => draw(card, matrix, /** @type {number} */ (rowOf.get(card.feature)), props)));
    },
    /** @param {number | null} feature */
    choose(feature) {
      for (const card of node.children) {
        const isChosen = Number(/** @type {HTMLElement} */ (card).dataset.feature) === feature;
        card.toggleAttribute("data-chosen", isChosen);
        card.querySelector("button")?.setAttribute("aria-pressed", String(isChosen));
      }
    },
    describe: (/** @type {number} */ n) => `${count(n)} features in detail`,
    stop: clear,
  };
}

export const CARDS_CSS = `
.sw-pc { display: flex; gap: 10px; overflow-x: auto; padding: 2px 2px 8px; margin-top: 10px; overscroll-behavior-x: contain; }
.sw-pc-card { flex: none; width: 292px; padding: 6px 10px 8px; display: flex; flex-direction: column; gap: 4px; }
.sw-pc-card[data-chosen] { border-color: var(--sw-accent); box-shadow: inset 0 0 0 1px var(--sw-accent); }
.sw-pc-head { display: flex; align-items: baseline; gap: 4px; min-width: 0; margin-inline-start: -6px; }
.sw-pc-head .sw-btn { padding: 1px 6px; min-height: 24px; color: var(--sw-accent); }
.sw-pc-text { line-height: 1.7; max-height: 96px; overflow-y: auto; overflow-wrap: anywhere; white-space: pre-wrap; border-block: 1px solid var(--sw-line); padding: 3px 0; }
.sw-pc-text + .sw-pc-text { border-top: 0; }
.sw-pc-token { unicode-bidi: isolate; border-radius: 2px; padding: 1px 0; }
.sw-pc-looked { outline: 2px solid var(--sw-accent); outline-offset: -1px; font-weight: 700; }
.sw-pc .sw-pc-part { padding: 0; border: 0; }
.sw-pc-seen { min-height: 18px; }
.sw-pc .sw-hist { height: 52px; }
.sw-pc .sw-cl-act { min-width: 40px; }
.sw-pc .sw-cl-tools { display: none; }
.sw-pc .sw-fp-token { max-width: 70px; }
.sw-pc .sw-fp-logit { min-width: 48px; }
`;
