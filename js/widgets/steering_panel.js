// @ts-check
/**
 * Sliders on decoder directions beside the two texts they make. This view writes what is wanted (prompt, features,
 * strengths, modes, settings); the kernel writes `rows`, streams tokens as patches and ends with `outcome`.
 */
import { COMBOBOX_CSS, combobox } from "../lib/combobox.js";
import { gradient, heat } from "../lib/color.js";
import { fill, h, listen, needsKernel, on, write } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { createHistory } from "../lib/history.js";
import { presetMenu } from "../lib/presets.js";
import { promptBox } from "../lib/prompt_box.js";
import { STEER_ROW_CSS, steerRow } from "../lib/steer_row.js";
import { FULL_TINT, STREAM_CSS, streamText, tintOf } from "../lib/stream_text.js";
import { debounce, throttle } from "../lib/sync.js";
import { quotedToken, visible } from "../lib/tokens.js";

/** @typedef {import("../lib/steer_row.js").RowInfo} RowInfo */
/** @typedef {{ features: number[], strengths: Record<string, number>, modes: Record<string, string> }} Sliders */

const DRAG_MS = 40; // a drag sends at most 25 positions a second; the first goes at once
const HISTORY_MS = 400; // a drag is one step of undo
const SETTINGS = /** @type {[string, string, Record<string, any>][]} */ ([
  ["temperature", "Temperature", { min: 0, max: 10, step: 0.1, title: "0 takes the likeliest token each time" }],
  ["seed", "Seed", { min: 0, step: 1 }],
  ["max_new_tokens", "Length", { min: 1, max: 4096, step: 1, title: "New tokens" }],
]);

const WHERE = [["all", "everywhere"], ["prompt", "in the prompt"], ["generated", "in the new text"]];

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, ask, offline, theme }) {
  /** @type {(() => void)[]} */
  const stops = [];
  const local = h("div", { role: "alert", class: "sw-steer-local" });
  const say = (/** @type {string} */ words) => fill(local, words && h("div", { class: "sw-notice" }, words));

  // -- prompt and settings
  const prompt = promptBox(model, "Type what both texts begin with", offline);
  stops.push(prompt.stop);
  const inputs = new Map(SETTINGS.map(([name, text, attributes]) => {
    const input = h("input", { class: "sw-input sw-steer-setting", type: "number", "aria-label": text, ...attributes });
    const send = debounce(() => {
      const value = input.valueAsNumber;
      if (Number.isNaN(value) || !input.checkValidity()) say(`${text}: ${input.validationMessage || "this is not a number"}`);
      else {
        say("");
        if (value !== model.get(name)) write(model, { [name]: value });
      }
    }, 250);
    stops.push(on(input, "input", () => send()), on(input, "change", () => send.flush()), send.cancel);
    return [name, input];
  }));
  const dice = h("button", { class: "sw-btn sw-plain sw-icon", type: "button", title: "Another seed", "aria-label": "Another seed",
    onclick: () => write(model, { seed: Math.floor(Math.random() * 100_000) }) }, "⚄");

  // -- sliders
  const list = h("div", { class: "sw-steer-rows" });
  /** @type {Map<number, ReturnType<typeof steerRow>>} */
  const rows = new Map();
  /** @returns {Sliders} */
  const sliders = () => ({ features: model.get("features") ?? [], strengths: model.get("strengths") ?? {}, modes: model.get("modes") ?? {} });
  /** @type {Record<string, number>} */
  let moved = {};
  const sendMoved = throttle(() => {
    const strengths = { ...sliders().strengths, ...moved };
    moved = {};
    write(model, { strengths });
  }, DRAG_MS);
  const history = createHistory(sliders());
  const initial = sliders();
  const remember = debounce(() => {
    history.push(sliders());
    drawButtons();
  }, HISTORY_MS);

  /** @param {number} feature */
  function makeRow(feature) {
    const row = steerRow(feature, {
      onStrength(value, isFinal) {
        moved[feature] = value;
        if (isFinal) sendMoved.flush();
        if (isFinal && feature in moved) sendMoved();
        else if (!isFinal && model.get("update") !== "release") sendMoved();
      },
      onMode: (mode) => write(model, { modes: { ...sliders().modes, [feature]: mode } }),
      onRemove() {
        const { features, strengths, modes } = sliders();
        const without = (/** @type {Record<string, any>} */ map) => Object.fromEntries(Object.entries(map).filter(([key]) => Number(key) !== feature));
        const next = features[features.indexOf(feature) + 1] ?? features[features.indexOf(feature) - 1];
        write(model, { features: features.filter((f) => f !== feature), strengths: without(strengths), modes: without(modes) });
        (rows.get(next)?.slider ?? search.input).focus();
      },
      onBad: say,
      offline,
    });
    for (const control of row.node.querySelectorAll("input, select, button")) needsKernel(control, offline);
    return row;
  }

  function drawSliders() {
    const { features, strengths, modes } = sliders();
    for (const [feature, row] of rows) {
      if (features.includes(feature)) continue;
      row.node.remove();
      rows.delete(feature);
    }
    features.forEach((feature, i) => {
      const row = rows.get(feature) ?? makeRow(feature);
      rows.set(feature, row);
      if (list.children[i] !== row.node) list.insertBefore(row.node, list.children[i] ?? null);
      row.update(moved[feature] ?? strengths[feature] ?? 0, /** @type {any} */ (modes[feature] ?? "add"));
    });
    describe();
  }

  function describe() {
    const known = new Map((model.get("rows") ?? []).map((/** @type {RowInfo} */ info) => [info.feature, info]));
    for (const [feature, row] of rows) row.describe(known.get(feature));
  }

  const search = combobox({
    label: "Add a feature",
    placeholder: "Add a feature: what fires here, a label or a number",
    search: async (query) => (await ask("search", { query })).value,
    show: (/** @type {RowInfo} */ info) => [
      h("span", { class: "sw-mono sw-muted" }, `#${info.feature}`),
      h("span", { class: "sw-grow sw-ellipsis" }, visible(info.label)),
      h("span", { class: "sw-muted sw-small" }, info.token !== undefined ? `${quotedToken(info.token, 16)} ${number(info.act)}` : "silent here"),
    ],
    onPick(info) {
      const { features, strengths } = sliders();
      if (!features.includes(info.feature)) {
        write(model, { features: [...features, info.feature], strengths: { ...strengths, [info.feature]: 0 } });
      }
      rows.get(info.feature)?.slider.focus();
    },
    empty: "No feature fires, is labelled or numbered so",
  });
  stops.push(search.stop);

  // -- undo, presets, code
  /** @param {Sliders | null} state */
  const restore = (state) => {
    if (!state) return;
    moved = {};
    write(model, { ...state });
    drawButtons();
  };
  const undo = () => (remember.flush(), restore(history.undo()));
  const redo = () => (remember.flush(), restore(history.redo()));
  /** @param {string} text @param {string} title @param {() => void} onclick */
  const button = (text, title, onclick) => needsKernel(h("button", { class: "sw-btn sw-plain", type: "button", title, onclick }, text), offline);
  const undoButton = button("Undo", "Undo (Ctrl+Z)", undo);
  const redoButton = button("Redo", "Redo (Ctrl+Shift+Z)", redo);
  const presets = presetMenu({ model, offline, local, current: sliders, restore });
  const zero = button("All to 0", "Set every slider to 0, mode add", () => restore({ features: sliders().features, strengths: Object.fromEntries(sliders().features.map((f) => [f, 0])), modes: {} }));
  const reset = button("Reset", "Back to how the panel began", () => restore(initial));
  stops.push(on(el, "keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!(event.ctrlKey || event.metaKey) || target === prompt.node || target === search.input) return;
    const key = event.key.toLowerCase();
    const step = key === "y" || (key === "z" && event.shiftKey) ? redo : key === "z" ? undo : null;
    if (!step) return;
    event.preventDefault();
    step();
  }));
  function drawButtons() {
    undoButton.disabled = offline || !history.canUndo;
    redoButton.disabled = offline || !history.canRedo;
  }

  const where = h("select", { class: "sw-select", "aria-label": "Where to steer" }, WHERE.map(([value, text]) => h("option", { value }, text)));
  stops.push(presets.stop, on(where, "change", () => write(model, { where: where.value })));

  // -- texts
  const plain = streamText({ label: "Unsteered text", tinted: false, theme: theme.name });
  const steered = streamText({ label: "Steered text", tinted: true, theme: theme.name, onActive: (i) => markBar(i) });
  const panes = { plain, steered };
  let run = -1;
  let plainKey = "";
  let isSteered = false;
  const kl = h("span", { class: "sw-small sw-muted" });
  const spark = h("svg", { class: "sw-spark", height: 20, role: "img", "aria-label": "KL to the unsteered model per token" });
  const state = h("span", { class: "sw-small sw-muted" });
  const go = h("button", { class: "sw-btn", type: "button" }, "Stop");
  stops.push(on(go, "click", () => model.send({ kind: go.dataset.kind })), plain.stop, steered.stop);

  function drawKl() {
    const values = isSteered ? steered.rows().map((row) => row[4]).filter(Number.isFinite) : [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    fill(kl, values.length ? `KL ${number(mean)} nats a token` : "");
    kl.title = "KL(steered ‖ unsteered model on the same prefix), mean over the tokens: how far steering moves the predictions";
    const top = Math.max(0.05, ...values);
    spark.setAttribute("width", String(Math.max(1, values.length * 4)));
    fill(spark, values.map((value, i) => h("rect", { x: i * 4, width: 3, y: 20 - Math.max(1, (19 * value) / top), height: Math.max(1, (19 * value) / top) })));
    spark.setAttribute("aria-label", values.length ? `KL per token: mean ${number(mean)}, largest ${number(Math.max(...values))} nats at token ${values.indexOf(Math.max(...values)) + 1}` : "");
  }
  /** @param {number} i */
  function markBar(i) {
    spark.querySelector(".sw-on")?.classList.remove("sw-on");
    spark.children[i]?.classList.add("sw-on");
  }
  stops.push(
    on(spark, "pointermove", (event) => steered.showTip(Math.floor(event.offsetX / 4))),
    on(spark, "pointerleave", () => steered.hideTip()),
  );

  /** @param {any} content */
  function receive(content) {
    if (content?.kind === "start") {
      run = content.run;
      steered.setPrompt(content.prompt);
      plain.setPrompt(content.prompt);
      steered.begin();
      if (content.plain_key !== plainKey) plain.begin();
      plainKey = content.plain_key;
      isSteered = content.is_steered;
      fill(state, isSteered ? "" : "No steering yet: move a slider.");
      drawKl();
    } else if (content?.kind === "patch" && content.run === run) {
      panes[/** @type {"plain" | "steered"} */ (content.path)].patch(content.start, content.tokens);
      if (content.path === "steered") drawKl();
    }
  }

  function drawOutcome() {
    const outcome = model.get("outcome");
    if (!outcome?.plain || outcome.run < run) return;
    run = outcome.run;
    isSteered = outcome.is_steered;
    plainKey = outcome.plain_key;
    for (const name of /** @type {const} */ (["plain", "steered"])) {
      panes[name].setPrompt(outcome.prompt);
      panes[name].set(outcome[name]);
    }
    fill(state, outcome.is_stopped ? "Stopped." : isSteered ? "" : "No steering yet: move a slider.");
    drawKl();
  }

  function drawStatus() {
    const now = model.get("status")?.state;
    const isRunning = now === "running";
    if (now === "failed") {
      run = -1; // what the failed run began gives way to the last good texts
      drawOutcome();
    }
    go.textContent = isRunning ? "■ Stop" : "↻ Write again";
    go.dataset.kind = isRunning ? "stop" : "run";
    go.disabled = offline;
  }

  function drawSettings() {
    for (const [name, input] of inputs) {
      const value = model.get(name);
      if (input.valueAsNumber !== value) input.value = value;
    }
    where.value = model.get("where");
  }

  const scale = h("span", { class: "sw-steer-scale", "aria-hidden": "true" });
  const drawScale = () => (scale.style.background = gradient((t) => heat(0.82 * tintOf(t * FULL_TINT), theme.name()), -1));
  theme.onChange(() => (drawScale(), steered.repaint()));
  for (const control of [search.input, dice, where, ...inputs.values()]) needsKernel(control, offline);
  el.classList.add("sw-steer");
  el.append(
    prompt.node,
    h("div", { class: "sw-steer-features" }, list,
      h("div", { class: "sw-row" }, h("div", { class: "sw-grow sw-steer-search" }, search.node), undoButton, redoButton, zero, reset, presets.node)),
    h("div", { class: "sw-row sw-steer-tools" },
      SETTINGS.map(([name, text]) => h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, text), inputs.get(name), name === "seed" && dice)),
      h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, "Steer"), where),
      h("span", { class: "sw-grow" }), go),
    local,
    h("div", { class: "sw-steer-texts" },
      h("section", { class: "sw-card", "aria-label": "Unsteered text" }, h("div", { class: "sw-steer-head" }, h("span", { class: "sw-label" }, "Unsteered")), plain.node),
      h("section", { class: "sw-card", "aria-label": "Steered text" },
        h("div", { class: "sw-steer-head" }, h("span", { class: "sw-label" }, "Steered"), state, h("span", { class: "sw-grow" }), spark, kl), steered.node)),
    h("div", { class: "sw-row sw-steer-legend sw-small sw-muted" }, "Through steering this token became", h("span", {}, "less likely"), scale, h("span", {}, "likelier"),
      h("span", {}, `(full colour: ${Math.round(Math.exp(FULL_TINT))} times)`)),
  );
  stops.push(
    listen(model, ["features", "strengths", "modes"], () => (drawSliders(), remember())),
    listen(model, ["rows"], describe),
    listen(model, ["temperature", "seed", "max_new_tokens", "where"], drawSettings),
    listen(model, ["outcome"], drawOutcome),
    listen(model, ["status"], drawStatus),
    listen(model, ["msg:custom"], receive),
    sendMoved.cancel, remember.cancel,
  );
  drawSettings();
  drawSliders();
  drawOutcome();
  drawStatus();
  drawButtons();
  drawScale();
  return () => stops.forEach((stop) => stop());
}

export const css = `
.sw-steer { container-type: inline-size; --sw-up: #c2660a; --sw-down: #3177b8; }
[data-theme="dark"] .sw-steer { --sw-up: #e29022; --sw-down: #529ede; }
.sw-steer > .sw-textarea { font-size: 14px; }
.sw-steer-features { margin: 8px 0 6px; }
.sw-steer-rows:not(:empty) { margin-bottom: 6px; }
.sw-steer-search { min-width: 200px; } .sw-presets { width: 100px; }
.sw-steer-tools { padding: 6px 0 8px; }
.sw-steer-field { display: inline-flex; align-items: center; gap: 6px; margin-inline-end: 6px; }
.sw-steer-setting { width: 68px; padding: 3px 6px; }
.sw-steer-texts { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; }
.sw-steer-texts > section { min-width: 0; }
.sw-steer-head > span { white-space: nowrap; }
.sw-steer-head { display: flex; align-items: center; gap: 10px; min-height: 32px; padding: 4px 12px; border-bottom: 1px solid var(--sw-line); }
.sw-steer-legend { margin-top: 8px; }
.sw-steer-scale { display: inline-block; width: 120px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-steer-local:not(:empty) { margin-bottom: 8px; }
.sw-spark { display: block; flex: 0 1 auto; overflow: hidden; }
.sw-spark rect { fill: var(--sw-muted); opacity: .6; } .sw-spark .sw-on { fill: var(--sw-accent); opacity: 1; }
@container (max-width: 640px) { .sw-steer-texts { grid-template-columns: 1fr; } }
${COMBOBOX_CSS}${STREAM_CSS}${STEER_ROW_CSS}`;
