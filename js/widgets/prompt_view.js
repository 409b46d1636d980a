// @ts-check
/**
 * The features of a prompt, token by token: a matrix, and the first features in detail below it; with a second prompt both
 * at once, or their difference. This view writes what is wanted (prompt, other, metric, target, position, feature, sort,
 * show); the kernel writes `payload`, `cards`, `cost` and `suggestions`.
 */
import { signedFixed } from "../lib/bars.js";
import { gradient, heat } from "../lib/color.js";
import { COMBOBOX_CSS, combobox } from "../lib/combobox.js";
import { CONTEXTS_CSS } from "../lib/context_list.js";
import { fill, h, listen, needsKernel, on, write } from "../lib/dom.js";
import { PANELS_CSS } from "../lib/feature_panels.js";
import { count, duration, number, percent, plural } from "../lib/format.js";
import { HEAD, matrixCanvas, MATRIX_CSS, ROW } from "../lib/matrix_canvas.js";
import { promptBox } from "../lib/prompt_box.js";
import { CARDS_CSS, promptCards } from "../lib/prompt_cards.js";
import { cellValues, columnTokens, fullAt, isSpecial, readMatrix, scoreAt } from "../lib/prompt_matrix.js";
import { quotedToken, spokenToken, tokenText, visible } from "../lib/tokens.js";

/** name -> [tab, words, hint] */
const METRICS = /** @type {Record<string, [string, string, string]>} */ ({
  act_size: ["Activation", "activation", "How strongly each feature fires"],
  act_quantile: ["Quantile", "quantile", "Share of the feature's activations over much text that are weaker than here"],
  attribution: ["Attribution", "attribution", "Gradient × activation: how much each feature raises the logit of the next token"],
  loss_effect: ["Loss effect", "loss effect", "How much the loss of the following token rises when the feature is left out; above 0 it helps"],
});

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, root, ask, offline, theme }) {
  const get = (/** @type {string} */ name) => model.get(name);
  const set = (/** @type {Record<string, any>} */ values) => write(model, values);
  /** @type {import("../lib/prompt_matrix.js").PromptMatrix | null} */
  let matrix = null;
  let full = 1;
  let isComparing = Boolean(get("other"));

  // -- parts ---------------------------------------------------------------------------------------------------------

  const prompt = promptBox(model, "Type a text to look at", offline);
  const other = promptBox(model, "Type a second text to compare with", offline, { trait: "other", label: "Second prompt" });
  const compare = needsKernel(h("button", { class: "sw-btn", type: "button", onclick: toggleCompare }), offline);
  const texts = h("div", { class: "sw-pv-texts" }, prompt.node, other.node);
  const metrics = h("div", { class: "sw-seg", role: "radiogroup", "aria-label": "Measure" },
    Object.entries(METRICS).map(([name, [words, , hint]]) => needsKernel(h("button", { class: "sw-btn", type: "button", role: "radio", "data-metric": name, title: hint, onclick: () => set({ metric: name }) }, words), offline)));
  const target = combobox({
    label: "Next token to explain", placeholder: "likeliest", keepsText: true,
    search: async (query) => (query === get("target") ? (get("suggestions") ?? []) : (await ask("suggest", { query })).value),
    show: ([text, , probability]) => [h("span", { class: "sw-mono sw-grow sw-ellipsis" }, quotedToken(text, 30)), h("span", { class: "sw-muted sw-small sw-num" }, percent(probability))],
    onPick: ([text]) => takeTarget(text),
    onText: (text) => takeTarget(text),
    empty: "No likely token holds this; Enter takes it as typed",
  });
  needsKernel(target.input, offline);
  const targetBox = h("div", { class: "sw-pv-target sw-row" }, h("span", { class: "sw-small sw-muted" }, "next token"), target.node);
  const show = h("div", { class: "sw-seg", role: "radiogroup", "aria-label": "What cells show" },
    [["both", "Left and right"], ["difference", "Right − left"]].map(([name, words]) => h("button", { class: "sw-btn", type: "button", role: "radio", "data-show": name, onclick: () => set({ show: name }) }, words)));
  const sort = needsKernel(h("select", { class: "sw-select", "aria-label": "Which features", onchange: () => set({ sort: sort.value }) },
    h("option", { value: "score" }, "largest on either"), h("option", { value: "difference" }, "largest difference")), offline);
  const place = h("span", { class: "sw-pv-place sw-row sw-small" });
  const legend = h("span", { class: "sw-row sw-small sw-muted sw-pv-legend" });
  const cost = h("div", { class: "sw-pv-cost", role: "status" });
  const stop = h("button", { class: "sw-btn", type: "button", onclick: () => model.send({ kind: "stop" }) }, "Stop");
  const names = h("div", { class: "sw-pv-names" });
  const cells = matrixCanvas({
    label: "Features by tokens. Arrow keys move; Enter chooses the feature, in the first row the token.",
    onRow: (row) => matrix && choose(matrix.rows[row].feature),
    onColumn: (column) => lookAt(column),
  });
  const twin = h("details", { class: "sw-pv-twin sw-small", ontoggle: drawTwin }, h("summary", {}, "Numbers as a table"));
  const cards = promptCards({ onFeature: choose });
  const stage = h("div", { class: "sw-pv-stage" }, names, cells.node);
  const body = h("div", {}, h("div", { class: "sw-row sw-pv-about" }, place, h("span", { class: "sw-grow" }), legend), stage, twin, cards.node);
  const live = h("div", { class: "sw-hidden-text", "aria-live": "polite" });
  el.append(texts, h("div", { class: "sw-row sw-pv-controls" }, metrics, targetBox, h("span", { class: "sw-grow" }), show, sort, compare), cost, body, cells.box, live);

  // -- acting --------------------------------------------------------------------------------------------------------

  function toggleCompare() {
    isComparing = !isComparing;
    if (!isComparing && get("other")) set({ other: "", show: "both", sort: "score" });
    drawControls();
    if (isComparing) {
      if (!other.node.value) other.node.value = get("prompt"); // to be changed in a word or two
      other.node.focus();
      other.node.select();
    }
  }

  /** @param {string} text */
  function takeTarget(text) {
    target.input.value = text;
    if (text !== get("target")) set({ target: text });
  }

  /** @param {number} feature */
  function choose(feature) {
    const isOn = get("feature") === feature;
    set({ feature: isOn ? null : feature });
    live.textContent = isOn ? "no feature chosen" : `feature ${feature} chosen`;
  }

  /** @param {number} column */
  function lookAt(column) {
    if (!matrix || offline) return;
    if (isSpecial(matrix, column)) live.textContent = "special tokens are left out";
    else set({ position: get("position") === column ? null : column });
  }

  // -- words ---------------------------------------------------------------------------------------------------------

  const unit = () => METRICS[matrix?.metric ?? "act_size"][1];
  const digits = (/** @type {number | null | undefined} */ value) => (matrix?.metric === "act_size" || matrix?.metric === "act_quantile" ? number(value) : signedFixed(value));
  const head = (/** @type {number} */ column) => (matrix ? columnTokens(matrix, column).map((text) => (text === null ? "–" : tokenText(text, { spaces: true, newlines: true, limit: 14 }))).join(" | ") : "");
  const spokenHead = (/** @type {number} */ column) => (matrix ? columnTokens(matrix, column).map((text) => (text === null ? "no token" : spokenToken(text))).join(" against ") : "");
  const nameOf = (/** @type {number} */ row) => (matrix ? `#${matrix.rows[row].feature}${matrix.rows[row].label ? ` ${visible(matrix.rows[row].label)}` : ""}` : "");

  /** The numbers of a cell with their names. @param {number} row @param {number} column @returns {[string, string][]} */
  function cellWords(row, column) {
    if (!matrix) return [];
    const left = scoreAt(matrix, row, column, "left");
    if (!matrix.right) return [[unit(), digits(left)]];
    const right = scoreAt(matrix, row, column, "right");
    return [["left", digits(left)], ["right", digits(right)], ["difference", signedFixed(right - left)]];
  }

  /** @param {number} row @param {number} column */
  function words(row, column) {
    if (!matrix) return "";
    if (row < 0) return `token ${column}, ${spokenHead(column)}${isSpecial(matrix, column) ? ", special, left out" : ""}${column === matrix.position ? ", looked at" : ""}`;
    return `feature ${matrix.rows[row].feature} ${visible(matrix.rows[row].label)} at ${spokenHead(column)}: ${cellWords(row, column).map((pair) => pair.join(" ")).join(", ")}`;
  }

  /** @param {number} row @param {number} column */
  function tip(row, column) {
    if (!matrix) return [];
    const where = h("div", { class: "sw-token" }, h("b", {}, columnTokens(matrix, column).map((text) => (text === null ? "–" : quotedToken(text))).join("  ")), h("span", { class: "sw-muted" }, `  token ${column}`));
    if (row < 0) return [where, h("div", { class: "sw-muted" }, isSpecial(matrix, column) ? "Special tokens are left out." : "Enter or a click: the features that matter here")];
    return [h("div", { class: "sw-token" }, nameOf(row)), where, ...cellWords(row, column).map(([name, value]) => h("div", {}, `${name} ${value}`))];
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  function drawControls() {
    for (const button of metrics.children) {
      const isOn = button.dataset.metric === get("metric");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    for (const button of show.children) {
      const isOn = button.dataset.show === get("show");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    sort.value = get("sort");
    target.input.value = get("target");
    targetBox.hidden = get("metric") !== "attribution";
    isComparing ||= Boolean(get("other"));
    other.node.hidden = !isComparing;
    show.hidden = sort.hidden = !matrix?.right;
    compare.textContent = isComparing ? "One prompt" : "Compare with…";
    texts.classList.toggle("sw-pv-two", isComparing);
  }

  function drawCost() {
    const { n, tokens, seconds } = get("cost") ?? {};
    const isRunning = get("status")?.state === "running";
    cost.hidden = n === undefined && !(isRunning && get("metric") === "loss_effect");
    if (cost.hidden) return;
    if (isRunning) fill(cost, h("span", {}, "Leaving features out, one at a time…"), stop);
    else fill(cost, h("span", {}, `Not computed yet: ${plural(n, "forward pass", "forward passes")} of ${count(tokens)} tokens, one without each feature, about ${duration(seconds)}. Until then, those that fire most with their activations.`),
      needsKernel(h("button", { class: "sw-btn sw-primary", type: "button", onclick: () => model.send({ kind: "measure" }) }, "Compute"), offline));
  }

  function takeData() {
    matrix = readMatrix(get("payload"));
    draw();
  }

  function draw() {
    drawControls();
    drawCost();
    body.hidden = !matrix;
    if (!matrix) return;
    full = matrix.metric === "act_quantile" ? 1 : fullAt(matrix, get("show"));
    drawPlace();
    drawNames();
    drawCells();
    drawTwin();
    const shown = matrix;
    cards.set(get("cards") ?? [], shown, {
      score: scoreWords, chosen: get("feature"), theme: theme.name(),
      looked: (side) => (shown.position === null ? null : shown.pairs[shown.position]?.[side === "left" ? 0 : 1] ?? null),
    });
  }

  /** @param {number} i */
  function scoreWords(i) {
    if (!matrix) return "";
    const row = matrix.rows[i];
    if (!matrix.right) return `${unit()} ${digits(row.left)}`;
    return `${unit()}: left ${digits(row.left)}, right ${digits(row.right)}, difference ${signedFixed(row.difference)}`;
  }

  function drawPlace() {
    if (!matrix) return;
    const { position, metric, target: explained } = matrix;
    const what = metric === "attribution" && explained !== null ? [`${unit()} to `, h("span", { class: "sw-token" }, quotedToken(explained))] : [unit()];
    const whole = metric === "attribution" || metric === "loss_effect" ? "summed over the prompt" : "largest of the prompt";
    fill(place, h("b", {}, `${plural(matrix.rows.length, "feature")} by `, ...what),
      position === null ? h("span", { class: "sw-muted" }, `${whole}; click a token for its own`) : [h("span", { class: "sw-token" }, `at ${head(position)}`),
        needsKernel(h("button", { class: "sw-btn sw-small sw-pv-whole", type: "button", onclick: () => set({ position: null }) }, "Whole prompt"), offline)]);
    const low = matrixHasNegative() ? -full : 0;
    const halves = matrix.right && get("show") === "both" ? "upper half left, lower half right" : matrix.right ? "right less left" : "";
    fill(legend, halves && h("span", {}, halves), h("span", { class: "sw-num" }, number(low)), h("i", { class: "sw-pv-ramp", style: { background: gradient((t) => heat(t, theme.name()), low < 0 ? -1 : 0) } }), h("span", { class: "sw-num" }, number(full)));
  }

  function matrixHasNegative() {
    if (!matrix) return false;
    for (let i = 0; i < matrix.rows.length; i += 1) for (let j = 0; j < matrix.pairs.length; j += 1) if (cellValues(matrix, i, j, get("show")).some((value) => value < 0)) return true;
    return false;
  }

  function drawNames() {
    if (!matrix) return;
    const shown = matrix;
    const columns = shown.right ? /** @type {const} */ ([["left", "Left"], ["right", "Right"], ["difference", "Diff"]]) : /** @type {const} */ ([["left", METRICS[shown.metric][0]]]);
    const text = (/** @type {any} */ row, /** @type {"left" | "right" | "difference"} */ name) => (name === "difference" ? signedFixed(row[name], 2) : shown.metric === "act_size" || shown.metric === "act_quantile" ? number(row[name]) : signedFixed(row[name]));
    stage.classList.toggle("sw-pv-compared", shown.right !== null);
    fill(names,
      h("div", { class: "sw-pv-name sw-pv-namehead sw-label", style: { height: `${HEAD}px` } }, h("span", { class: "sw-grow" }, "Feature"), columns.map(([, words]) => h("span", { class: "sw-num sw-pv-number" }, words))),
      shown.rows.map((row, i) => h("button", { class: "sw-pv-name", type: "button", tabindex: "-1", style: { height: `${ROW}px` }, "data-row": i, "aria-pressed": String(row.feature === get("feature")), title: nameOf(i), onclick: () => choose(row.feature) },
        h("span", { class: "sw-mono sw-muted" }, `#${row.feature}`), h("span", { class: "sw-ellipsis sw-grow" }, visible(row.label)), columns.map(([name]) => h("span", { class: "sw-num sw-pv-number" }, text(row, name))))));
  }

  function drawCells() {
    if (!matrix) return;
    const shown = matrix;
    cells.set({
      nRows: shown.rows.length, heads: shown.pairs.map((_, column) => head(column)), isDim: (column) => isSpecial(shown, column),
      values: (row, column) => cellValues(shown, row, column, get("show")).map((value) => value / full),
      words, tip, theme: theme.name(), chosenColumn: shown.position, chosenRow: shown.rows.findIndex((row) => row.feature === get("feature")),
    });
  }

  function drawTwin() {
    if (!matrix || !twin.open) return;
    const shown = matrix;
    const cell = (/** @type {number} */ row, /** @type {number} */ column) => cellValues(shown, row, column, get("show")).map(digits).join(" | ");
    fill(twin, h("summary", {}, "Numbers as a table"), h("div", { class: "sw-pv-table", tabindex: "0", role: "region", "aria-label": "Numbers" }, h("table", { class: "sw-table" },
      h("caption", { class: "sw-hidden-text" }, `${unit()} of each feature at each token`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "feature"), shown.pairs.map((_, column) => h("th", { scope: "col", class: "sw-token" }, head(column))))),
      h("tbody", {}, shown.rows.map((_, row) => h("tr", {}, h("th", { scope: "row" }, nameOf(row)), shown.pairs.map((__, column) => h("td", { class: "sw-num" }, cell(row, column)))))))));
  }

  function drawChosen() {
    for (const row of names.querySelectorAll("[data-row]")) row.setAttribute("aria-pressed", String(matrix?.rows[Number(row.getAttribute("data-row"))]?.feature === get("feature")));
    cards.choose(get("feature"));
    drawCells();
  }

  /** Arrows go through the choices of a group of radio buttons. @param {any} group @param {string} trait @param {string} data */
  const radio = (group, trait, data) => on(group, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[/** @type {string} */ (event.key)];
    if (!step) return;
    event.preventDefault();
    const all = [...group.children].filter((button) => !button.disabled);
    const at = all.findIndex((button) => button.dataset[data] === get(trait));
    const next = all[(at + step + all.length) % all.length];
    if (!next) return;
    set({ [trait]: next.dataset[data] });
    next.focus();
  });

  const narrow = new ResizeObserver(() => {
    root.classList.toggle("sw-pv-narrow", el.clientWidth < 820);
    root.classList.toggle("sw-pv-tiny", el.clientWidth < 480);
  });
  narrow.observe(el);
  theme.onChange(draw);
  const stops = [
    listen(model, ["payload", "cards"], takeData),
    listen(model, ["metric", "target", "other", "sort"], drawControls),
    listen(model, ["show"], draw),
    listen(model, ["cost", "status"], drawCost),
    listen(model, ["feature"], drawChosen),
    radio(metrics, "metric", "metric"),
    radio(show, "show", "show"),
  ];
  takeData();
  return () => {
    narrow.disconnect();
    for (const part of [prompt, other, target, cells, cards]) part.stop();
    for (const stopOne of stops) stopOne();
  };
}

export const css = `${COMBOBOX_CSS}${PANELS_CSS}${CONTEXTS_CSS}${MATRIX_CSS}${CARDS_CSS}
.sw-pv-texts { display: grid; gap: 6px; }
.sw-pv-two { grid-template-columns: 1fr 1fr; }
.sw-pv-narrow .sw-pv-two { grid-template-columns: 1fr; }
.sw-pv-controls { margin: 8px 0 6px; }
.sw-pv-target { flex: 0 1 220px; flex-wrap: nowrap; }
.sw-pv-target .sw-combo { flex: 1; }
.sw-pv-cost { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; padding: 6px 10px; margin-bottom: 6px; border-radius: var(--sw-radius); background: var(--sw-raised); font-size: 12px; }
.sw-pv-about { min-height: 28px; }
.sw-pv-whole { min-height: 22px; padding: 0 8px; }
.sw-pv-ramp { width: 90px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-pv-stage { display: grid; grid-template-columns: minmax(0, 340px) minmax(0, 1fr); }
.sw-pv-narrow .sw-pv-stage { grid-template-columns: minmax(0, 230px) minmax(0, 1fr); }
.sw-pv-narrow .sw-pv-compared { grid-template-columns: minmax(0, 320px) minmax(0, 1fr); }
.sw-pv-tiny .sw-pv-stage { grid-template-columns: minmax(0, 45%) minmax(0, 1fr); }
.sw-pv-tiny .sw-pv-compared .sw-pv-number:not(:last-child) { display: none; }
.sw-pv-names { min-width: 0; }
.sw-pv-name { display: flex; align-items: center; gap: 6px; width: 100%; font: inherit; font-size: 12px; color: inherit; background: none; border: 0; padding: 0 8px 0 4px; text-align: start; cursor: pointer; border-radius: 4px; }
.sw-pv-name:hover { background: var(--sw-hover); }
.sw-pv-name[aria-pressed="true"] { background: var(--sw-raised); font-weight: 600; }
.sw-pv-namehead, .sw-pv-namehead:hover { align-items: end; padding-bottom: 6px; cursor: default; background: none; font-size: 11px; }
.sw-pv-number { flex: none; min-width: 48px; }
.sw-pv-twin { margin-top: 6px; }
.sw-pv-twin summary { cursor: pointer; color: var(--sw-muted); }
.sw-pv-table { overflow: auto; max-height: 320px; }
.sw-pv-table th[scope="row"] { font-size: 12px; white-space: nowrap; color: inherit; padding-right: 14px; }
`;
