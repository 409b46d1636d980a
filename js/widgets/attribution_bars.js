// @ts-check
/**
 * Signed bars: which features caused a prediction, by three methods side by side, each column adding up to the logit
 * difference. This view writes what is wanted (prompt, target, contrast, sort_by, selected_feature); the kernel writes
 * `suggestions` and `bars`, the ablation column last.
 */
import { barDomain, barSpan, signedFixed, strongestFirst } from "../lib/bars.js";
import { COMBOBOX_CSS, combobox } from "../lib/combobox.js";
import { fill, h, listen, needsKernel, on, write } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { promptBox } from "../lib/prompt_box.js";
import { STRIP_CSS, tokenStrip } from "../lib/token_strip.js";
import { quotedToken, visible } from "../lib/tokens.js";

/** @typedef {{ feature: number, label: string, values: Record<string, number | null>, at: Record<string, [number, number][]> }} Feature */
/** @typedef {{ others: number, error_term: number, remainder: number, total: number }} Rest */
/** @typedef {{ prompt: string, tokens: string[], target: string, contrast: string | null, logit_difference: number, unavailable: Record<string, string>,
 *   methods: Record<string, Rest>, features: Feature[] }} Bars */

const METHODS = /** @type {Record<string, [string, string]>} */ ({
  direct: ["Direct", "Activation × decoder direction · unembedding: what the feature writes straight into the logits"],
  gradient: ["Gradient", "Gradient of the logit difference × activation: every path through later layers, to first order"],
  ablation: ["Ablation", "How much the logit difference falls when the feature alone is taken away: the true effect, one run each"],
});
const REST = /** @type {[keyof Rest, string, string][]} */ ([
  ["others", "Other features", "All features without a bar of their own"],
  ["error_term", "SAE error", "What the SAE does not reconstruct"],
  ["remainder", "Remainder", "What reaches the logits past this hook, and what a method's approximation leaves over"],
]);

/**
 * The rows of the table under one order, and what is left of each method's total.
 * @param {Bars} bars @param {string} sortBy @param {number} top
 * @returns {{ rows: Feature[], rest: Record<string, Rest>, sums: Record<string, number> }}
 */
export function arrange(bars, sortBy, top) {
  const key = sortBy in bars.methods ? sortBy : Object.keys(bars.methods)[0];
  const order = strongestFirst(bars.features.map((feature) => feature.values[key] ?? Number.NaN));
  const rows = order.slice(0, top).map((i) => bars.features[i]);
  const hidden = order.slice(top).map((i) => bars.features[i]);
  /** @type {Record<string, Rest>} */
  const rest = {};
  /** @type {Record<string, number>} */
  const sums = {};
  for (const [name, method] of Object.entries(bars.methods)) {
    const sum = (/** @type {Feature[]} */ features) => features.reduce((total, feature) => total + (feature.values[name] ?? 0), 0);
    rest[name] = { ...method, others: method.others + sum(hidden) };
    sums[name] = sum(rows) + rest[name].others + method.error_term + method.remainder;
  }
  return { rows, rest, sums };
}

/**
 * Contribution at each position: of one feature, or of all that have a bar.
 * @param {Bars} bars @param {Feature[]} features @param {string} method
 */
export function byPosition(bars, features, method) {
  const values = new Array(bars.tokens.length).fill(0);
  for (const feature of features) for (const [position, value] of feature.at[method] ?? []) values[position] += value;
  return values;
}

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, ask, offline, theme }) {
  /** @type {(() => void)[]} */
  const stops = [];
  const prompt = promptBox(model, "Type the text before the prediction", offline);
  stops.push(prompt.stop);

  /** @param {"target" | "contrast"} name @param {string} label @param {string} placeholder */
  function tokenBox(name, label, placeholder) {
    const box = combobox({
      label,
      placeholder,
      keepsText: true,
      search: async (query) => {
        // A box that still holds the chosen token shows every likely one, not only itself.
        const isChosen = query === (model.get(name) ?? "");
        if (isChosen) return model.get("suggestions") ?? [];
        return (await ask("suggest", { query }, { key: name })).value;
      },
      show: ([text, , probability]) => [h("span", { class: "sw-mono sw-grow sw-ellipsis" }, quotedToken(text, 30)), h("span", { class: "sw-muted sw-small sw-num" }, percent(probability))],
      onPick: ([text]) => take(text),
      onText: (text) => take(text),
      empty: "No likely token holds this; Enter takes it as typed",
    });
    /** @param {string} text */
    const take = (text) => {
      box.input.value = text;
      if (text !== (model.get(name) ?? "")) write(model, { [name]: text });
    };
    needsKernel(box.input, offline);
    stops.push(box.stop);
    return box;
  }
  const boxes = { target: tokenBox("target", "Target token", "likeliest"), contrast: tokenBox("contrast", "Contrast token", "none") };
  const swap = needsKernel(h("button", { class: "sw-btn sw-plain sw-icon", type: "button", title: "Swap target and contrast", "aria-label": "Swap target and contrast",
    onclick: () => model.get("contrast") && write(model, { target: model.get("contrast"), contrast: model.get("target") }) }, "⇄"), offline);
  const go = h("button", { class: "sw-btn", type: "button" }, "Stop");
  stops.push(on(go, "click", () => model.send({ kind: go.dataset.kind })));
  const claim = h("div", { class: "sw-attr-claim", role: "status" });
  const stripTitle = h("div", { class: "sw-attr-where sw-small sw-muted" });
  const strip = tokenStrip({ label: "Contribution at each position of the prompt", theme: theme.name });
  stops.push(strip.stop);
  const missing = h("div");
  const table = h("div", { class: "sw-attr-table", role: "grid", "aria-label": "Contributions of features" });
  /** @type {Feature[]} */
  let rows = [];
  let cursor = 0;

  const methods = () => /** @type {string[]} */ (model.get("methods") ?? Object.keys(METHODS));
  const isRunning = () => model.get("status")?.state === "running";

  /** @param {number | null | undefined} value @param {{low: number, high: number}} domain @param {string} title */
  function barCell(value, domain, title) {
    const { left, width, zero, clipped } = barSpan(value ?? Number.NaN, domain);
    return h("div", { class: "sw-attr-cell", role: "gridcell", title },
      h("div", { class: "sw-attr-lane", "aria-hidden": "true" },
        h("i", { class: "sw-attr-zero", style: { left: `${zero}%` } }),
        width > 0 && h("i", { class: "sw-attr-bar", "data-sign": (value ?? 0) < 0 ? "down" : "up", "data-clipped": clipped, style: { left: `${left}%`, width: `${width}%` } })),
      h("span", { class: "sw-attr-value" }, signedFixed(value)));
  }

  /** @param {string} name */
  function headCell(name) {
    const isSorted = model.get("sort_by") === name;
    const [text, title] = METHODS[name];
    return h("div", { class: "sw-attr-cell", role: "columnheader", "aria-sort": isSorted ? "descending" : "none" },
      h("button", { class: "sw-btn sw-plain sw-attr-sort", type: "button", title: `${title}. Click to sort.`, "aria-pressed": String(isSorted), onclick: () => write(model, { sort_by: name }) }, text, isSorted ? " ▾" : ""));
  }

  function draw() {
    const bars = /** @type {Bars | undefined} */ (model.get("bars"));
    if (!bars?.methods) {
      rows = [];
      fill(table);
      fill(claim, h("span", { class: "sw-muted" }, isRunning() ? "Attributing…" : ""));
      return;
    }
    const arranged = arrange(bars, model.get("sort_by"), model.get("top"));
    rows = arranged.rows;
    cursor = Math.min(cursor, Math.max(0, rows.length - 1));
    const shown = methods().filter((name) => name in METHODS);
    const domain = barDomain(
      rows.flatMap((row) => shown.map((name) => row.values[name] ?? 0)),
      shown.flatMap((name) => (arranged.rest[name] ? REST.map(([key]) => arranged.rest[name][key]) : [])),
    );
    const hadFocus = table.contains(/** @type {any} */ (table.getRootNode()).activeElement);
    table.style.setProperty("--columns", String(shown.length));
    fill(
      table,
      h("div", { class: "sw-attr-row sw-attr-head", role: "row" }, h("div", { role: "columnheader", class: "sw-label" }, "Feature"), shown.map(headCell)),
      rows.map((row, i) => featureRow(row, i, shown, domain, bars)),
      REST.map(([key, text, title]) => restRow(text, title, shown, (name) => arranged.rest[name]?.[key], domain)),
      sumRow(shown, arranged.sums, bars),
    );
    if (hadFocus) rowNode(cursor)?.focus();
    drawClaim(bars, arranged.sums);
    const reasons = Object.entries(bars.unavailable ?? {}).map(([name, why]) => `${METHODS[name]?.[0]}: ${visible(why)} `);
    fill(missing, reasons.length > 0 && h("div", { class: "sw-notice" }, reasons));
    drawStrip();
  }

  /** @param {Feature} row @param {number} i @param {string[]} shown @param {{low: number, high: number}} domain @param {Bars} bars */
  function featureRow(row, i, shown, domain, bars) {
    const isSelected = model.get("selected_feature") === row.feature;
    const name = row.label ? visible(row.label) : "";
    return h("div", { class: "sw-attr-row sw-attr-feature", role: "row", tabindex: i === cursor ? "0" : "-1", "aria-selected": String(isSelected), "data-row": i,
      "aria-label": `Feature ${row.feature}${name ? `, ${name}` : ""}: ${shown.map((m) => `${METHODS[m][0]} ${m in bars.methods ? signedFixed(row.values[m]) : "not there yet"}`).join(", ")}` },
      h("div", { class: "sw-attr-name", role: "rowheader" }, h("span", { class: "sw-mono sw-attr-number" }, `#${row.feature}`), h("span", { class: "sw-ellipsis", title: name }, name)),
      shown.map((m) => {
        if (!(m in bars.methods)) return pendingCell(m);
        const value = row.values[m];
        return barCell(value, domain, value === null || value === undefined ? "Too small to be listed by this method; counted among the other features" : "");
      }));
  }

  /** @param {string} name */
  const pendingCell = (name) => {
    const reason = model.get("bars").unavailable?.[name];
    return h("div", { class: "sw-attr-cell", role: "gridcell", title: reason ? visible(reason) : "" },
      h("div", { class: "sw-attr-lane" }), h("span", { class: "sw-attr-value sw-muted" }, !reason && isRunning() ? "…" : "–"));
  };

  /** @param {string} text @param {string} title @param {string[]} shown @param {(name: string) => number | undefined} value @param {{low: number, high: number}} domain */
  function restRow(text, title, shown, value, domain) {
    return h("div", { class: "sw-attr-row sw-attr-rest", role: "row" },
      h("div", { class: "sw-attr-name", role: "rowheader", title }, text),
      shown.map((name) => (value(name) === undefined ? pendingCell(name) : barCell(value(name), domain, title))));
  }

  /** @param {string[]} shown @param {Record<string, number>} sums @param {Bars} bars */
  function sumRow(shown, sums, bars) {
    return h("div", { class: "sw-attr-row sw-attr-sum", role: "row" },
      h("div", { class: "sw-attr-name", role: "rowheader" }, "Sum"),
      shown.map((name) => {
        if (!(name in sums)) return pendingCell(name);
        const fits = addsUp(sums[name], bars.logit_difference);
        return h("div", { class: "sw-attr-cell", role: "gridcell" },
          h("span", { class: `sw-small sw-muted${fits ? " sw-attr-fits" : ""}` }, fits ? `= logit difference ✓` : `≠ logit difference ${signedFixed(bars.logit_difference)}`),
          h("span", { class: "sw-attr-value" }, signedFixed(sums[name])));
      }));
  }

  /** @param {Bars} bars @param {Record<string, number>} sums */
  function drawClaim(bars, sums) {
    const what = bars.contrast ? ["Logit of ", quotedToken(bars.target), " − logit of ", quotedToken(bars.contrast)] : ["Logit of ", quotedToken(bars.target), " − mean logit"];
    const whole = Object.entries(sums).every(([, sum]) => addsUp(sum, bars.logit_difference));
    fill(claim, h("b", {}, ...what.map((part) => h("span", { class: "sw-token" }, part)), " = ", signedFixed(bars.logit_difference)),
      h("span", { class: "sw-muted" }, whole ? "  The bars of each column add up to it." : "  The bars of a column do not add up: the numbers are not to be trusted."));
  }

  function drawStrip() {
    const bars = /** @type {Bars | undefined} */ (model.get("bars"));
    if (!bars?.methods) return;
    const method = model.get("sort_by") in bars.methods ? model.get("sort_by") : Object.keys(bars.methods)[0];
    const selected = bars.features.find((feature) => feature.feature === model.get("selected_feature"));
    const words = selected
      ? `Where #${selected.feature}${selected.label ? ` (${visible(selected.label)})` : ""} contributes, ${METHODS[method][0].toLowerCase()}: ${signedFixed(selected.values[method])} in all`
      : `Where the features with bars contribute, ${METHODS[method][0].toLowerCase()}. Click a bar to see its own places.`;
    const missing = model.get("selected_feature") !== null && !selected ? ` (#${model.get("selected_feature")} has no bar here.)` : "";
    fill(stripTitle, words + missing);
    strip.set(bars.tokens, byPosition(bars, selected ? [selected] : rows, method));
    for (const node of table.querySelectorAll("[data-row]")) {
      node.setAttribute("aria-selected", String(rows[Number(node.getAttribute("data-row"))]?.feature === model.get("selected_feature")));
    }
  }

  /** @param {number} i @returns {HTMLElement | null} */
  const rowNode = (i) => table.querySelector(`[data-row="${i}"]`);
  /** @param {number} to */
  function moveTo(to) {
    rowNode(cursor)?.setAttribute("tabindex", "-1");
    cursor = Math.max(0, Math.min(rows.length - 1, to));
    rowNode(cursor)?.setAttribute("tabindex", "0");
    rowNode(cursor)?.focus();
  }
  /** @param {number} i */
  function select(i) {
    const feature = rows[i]?.feature;
    if (feature === undefined) return;
    write(model, { selected_feature: model.get("selected_feature") === feature ? null : feature });
  }
  stops.push(on(table, "click", (event) => {
    const node = event.target.closest("[data-row]");
    if (!node) return;
    moveTo(Number(node.dataset.row));
    select(cursor);
  }));
  stops.push(on(table, "keydown", (event) => {
    if (!event.target.closest("[data-row]")) return;
    const order = methods();
    const column = order.indexOf(model.get("sort_by"));
    const keys = /** @type {Record<string, () => void>} */ ({
      ArrowDown: () => moveTo(cursor + 1), ArrowUp: () => moveTo(cursor - 1), Home: () => moveTo(0), End: () => moveTo(rows.length - 1),
      Enter: () => select(cursor), " ": () => select(cursor),
      ArrowRight: () => write(model, { sort_by: order[Math.min(order.length - 1, column + 1)] }),
      ArrowLeft: () => write(model, { sort_by: order[Math.max(0, column - 1)] }),
    });
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }));

  function drawInputs() {
    for (const name of /** @type {const} */ (["target", "contrast"])) {
      const value = model.get(name) ?? "";
      if (boxes[name].input.value !== value) boxes[name].input.value = value;
    }
  }
  function drawStatus() {
    go.textContent = isRunning() ? "■ Stop" : "↻ Run again";
    go.dataset.kind = isRunning() ? "stop" : "run";
    go.disabled = offline;
  }

  theme.onChange(() => strip.repaint());
  el.classList.add("sw-attr");
  el.append(
    prompt.node,
    h("div", { class: "sw-row sw-attr-tokens" },
      h("label", { class: "sw-attr-field" }, h("span", { class: "sw-muted sw-small" }, "Next token"), boxes.target.node), swap,
      h("label", { class: "sw-attr-field" }, h("span", { class: "sw-muted sw-small" }, "instead of"), boxes.contrast.node),
      h("span", { class: "sw-grow" }), go),
    claim, stripTitle, strip.node, table, missing,
    h("div", { class: "sw-row sw-small sw-muted sw-attr-legend" },
      h("i", { class: "sw-swatch", "data-sign": "up" }), "raises", h("i", { class: "sw-swatch", "data-sign": "down" }), "lowers", h("span", {}, "One scale for all columns; ▸ a bar longer than the scale.")),
  );
  stops.push(
    listen(model, ["bars", "sort_by", "top", "methods"], draw),
    listen(model, ["selected_feature"], drawStrip),
    listen(model, ["target", "contrast"], drawInputs),
    listen(model, ["status"], () => {
      if (go.dataset.kind !== (isRunning() ? "stop" : "run") && Object.keys(model.get("bars")?.methods ?? {}).length < methods().length) draw();
      drawStatus();
    }),
  );
  drawInputs();
  drawStatus();
  draw();
  return () => stops.forEach((stop) => stop());
}

/** Whether two sums agree as far as three decimals and float32 go. @param {number} a @param {number} b */
export function addsUp(a, b) {
  return Math.abs(a - b) <= 2e-3 + 1e-4 * Math.abs(b);
}

export const css = `
.sw-attr { container-type: inline-size; --sw-up: #d9680a; --sw-down: #3177b8; }
[data-theme="dark"] .sw-attr { --sw-up: #e29022; --sw-down: #529ede; }
.sw-attr > .sw-textarea { font-size: 14px; }
.sw-attr-tokens { margin: 8px 0; }
.sw-attr-field { display: inline-flex; align-items: center; gap: 6px; } .sw-attr-field .sw-combo-input { width: 150px; font-family: var(--sw-mono); }
.sw-attr-claim { min-height: 20px; margin: 4px 0 6px; }
.sw-attr-where { margin-top: 4px; min-height: 18px; }
.sw-attr-table { margin-top: 10px; }
.sw-attr-row { display: grid; grid-template-columns: minmax(110px, 1.3fr) repeat(var(--columns, 3), minmax(110px, 2fr)); gap: 0 14px; align-items: center; padding: 1px 6px; border-radius: 4px; }
.sw-attr-head { border-bottom: 1px solid var(--sw-line); border-radius: 0; margin-bottom: 3px; }
.sw-attr-sort { padding-inline: 4px; min-height: 24px; } .sw-attr-sort[aria-pressed="true"] { background: none; border-color: transparent; color: var(--sw-fg); }
.sw-attr-feature { cursor: pointer; } .sw-attr-feature:hover { background: var(--sw-raised); }
.sw-attr-feature[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 2px 0 0 var(--sw-accent); }
.sw-attr-name { display: flex; align-items: baseline; gap: 8px; min-width: 0; font-size: 13px; }
.sw-attr-number { flex: none; font-size: 12px; color: var(--sw-muted); }
.sw-attr-cell { display: flex; align-items: center; gap: 8px; min-width: 0; justify-content: space-between; }
.sw-attr-lane { position: relative; flex: 1; height: 20px; min-width: 40px; overflow: hidden; }
.sw-attr-zero { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--sw-line); }
.sw-attr-bar { position: absolute; top: 4px; bottom: 4px; min-width: 1px; border-radius: 2px; background: var(--sw-up); }
.sw-attr-bar[data-sign="down"] { background: var(--sw-down); }
.sw-attr-bar[data-clipped] { clip-path: polygon(0 0, calc(100% - 7px) 0, 100% 50%, calc(100% - 7px) 100%, 0 100%); border-radius: 0; }
.sw-attr-bar[data-sign="down"][data-clipped] { clip-path: polygon(7px 0, 100% 0, 100% 100%, 7px 100%, 0 50%); }
.sw-attr-value { flex: none; width: 62px; text-align: right; font-variant-numeric: tabular-nums; font-size: 12px; }
.sw-attr-rest { color: var(--sw-muted); } .sw-attr-rest .sw-attr-bar { opacity: .5; }
.sw-attr-feature + .sw-attr-rest, .sw-attr-sum { border-top: 1px solid var(--sw-line); border-radius: 0; margin-top: 3px; padding-top: 4px; }
.sw-attr-sum { font-weight: 600; } .sw-attr-sum .sw-small { font-weight: 400; }
.sw-attr-legend { margin-top: 8px; } .sw-attr-legend [data-sign="up"] { background: var(--sw-up); } .sw-attr-legend [data-sign="down"] { background: var(--sw-down); }
@container (max-width: 620px) { .sw-attr-row { grid-template-columns: repeat(var(--columns, 3), 1fr); } .sw-attr-name, .sw-attr-head > .sw-label { grid-column: 1 / -1; } .sw-attr-value { width: 48px; }
  .sw-attr-sum .sw-attr-cell { flex-wrap: wrap; justify-content: flex-end; } .sw-attr-sum .sw-attr-value { width: auto; } .sw-attr-fits { display: none; } }
${COMBOBOX_CSS}${STRIP_CSS}`;
