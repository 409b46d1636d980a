// @ts-check
/**
 * The training cockpit: state, controls and curves of one run. The kernel writes what is (`run_state`, curves, marks,
 * settings); this view asks (stop, pause, set) and shares its look (`log_scale`, `smoothing`, `cursor_step`) with the
 * other views of the widget.
 */

import { formatCount, formatValue, lineChart, longest, nearest } from "../lib/chart.js";
import { copyText } from "../lib/chrome.js";
import { compareCss, comparePart } from "../lib/compare.js";
import { fill, h, listen, needsKernel, uniqueId, write } from "../lib/dom.js";
import { bytes, count, duration } from "../lib/format.js";
import { perFrame, throttle } from "../lib/sync.js";

/** @typedef {import("../lib/chart.js").Series} Series */
/** @typedef {{status: string, n_steps: number, n_tokens: number, total_tokens: number, tokens_per_s: number, eta_s: number | null,
 *   elapsed_s: number, memory_bytes: number | null, checkpoint: string | null, error: string | null, traceback: string | null,
 *   problems?: Record<string, string>,
 *   activity: {text: string, done: number, total: number} | null}} RunState */

const FINAL = new Set(["stopped", "done", "failed"]);
const PATIENCE_MS = 1500; // after this a click without an answer is said to wait for the kernel

/**
 * The curves in a packed trait, by name: per curve all steps, then all values, float32.
 * @param {{names?: string[], counts?: number[], data?: DataView | ArrayBuffer | Uint8Array} | null | undefined} packed
 * @returns {Map<string, {steps: Float32Array, values: Float32Array}>}
 */
export function unpack(packed) {
  const curves = new Map();
  if (!packed?.names?.length || !packed.data) return curves;
  const { data } = packed;
  // A copy, because a message's buffer may start at an offset that float32 cannot.
  const bytes = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const numbers = new Float32Array(/** @type {ArrayBuffer} */ (bytes));
  let at = 0;
  packed.names.forEach((name, i) => {
    const n = packed.counts?.[i] ?? 0;
    curves.set(name, { steps: numbers.subarray(at, at + n), values: numbers.subarray(at + n, at + 2 * n) });
    at += 2 * n;
  });
  return curves;
}

/**
 * Two parts of the same curves, one behind the other.
 * @param {ReturnType<typeof unpack>} whole @param {ReturnType<typeof unpack>} tail @returns {ReturnType<typeof unpack>}
 */
export function join(whole, tail) {
  const joined = new Map(whole);
  for (const [name, { steps, values }] of tail) {
    const before = whole.get(name);
    if (!before) joined.set(name, { steps, values });
    else joined.set(name, { steps: concat(before.steps, steps), values: concat(before.values, values) });
  }
  return joined;
}

/** @param {Float32Array} a @param {Float32Array} b */
function concat(a, b) {
  const out = new Float32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/**
 * Smoothing as a share (0 to 1) to a memory in steps: quadratic, so that the lower half of the slider is fine-grained.
 * @param {number} share @param {number} span
 */
export function smoothingSteps(share, span) {
  return share > 0 ? share * share * 0.25 * span : 0;
}

/** @typedef {import("../main.js").ViewProps} ViewProps */
/** @typedef {{name: string, label: string, value: number | null}} Setting `value` is null where the SAEs differ */

/** @param {string} label @param {() => void} onclick @param {string} [title] @param {string} [kind] @returns {HTMLButtonElement} */
const button = (label, onclick, title, kind = "") => h("button", { type: "button", class: `sw-btn ${kind}`, title, onclick }, label);

/** Only when it differs: a screen reader would repeat it. @param {Element} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {ViewProps} props */
export function render({ model, el, ask, offline }) {
  const state = () => /** @type {RunState} */ (model.get("run_state"));
  const header = headerPart(send, offline);
  const numbers = numbersPart();
  const settings = settingsPart((name, value) => ask("set", { name, value }, { key: name }));
  const look = lookPart(model);
  const notice = h("p", { class: "sw-notice", role: "status", hidden: true });
  const outcome = outcomePart();
  const plots = plotsPart(model, ask);
  const twin = twinPart();
  const bar = h("div", { class: "sw-bar" }, settings.element, look.element);
  const parts = [header.element, numbers.element, notice, outcome.element, bar, plots.compare.element, plots.caption, plots.element, twin.element];
  el.append(h("section", { class: "sw-training sw-card", "aria-label": "Training run" }, parts));

  // A click is answered by a change of state. Until then say what was asked, and after a while why nothing happens.
  /** @type {string | null} */ let asked = null;
  let before = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let patience;
  const fingerprint = () => `${state().status} ${state().checkpoint} ${state().error}`;
  /** @param {string} action */
  function send(action) {
    clearTimeout(patience);
    patience = setTimeout(() => say("The kernel is busy with another cell and will act when that ends; to act now, interrupt it."), PATIENCE_MS);
    asked = action;
    before = fingerprint();
    model.send({ kind: "control", action });
    header.draw(state(), asked);
  }
  /** @param {string} text */
  function say(text) {
    notice.hidden = !text;
    notice.textContent = text;
  }

  function drawState() {
    const now = state();
    if (asked && fingerprint() !== before) {
      clearTimeout(patience);
      asked = null;
      say("");
    }
    const isOver = FINAL.has(now.status);
    header.draw(now, asked);
    header.name(model.get("title"));
    numbers.draw(now);
    outcome.draw(now, model.get("outcome"));
    header.element.dataset.controls = String(model.get("has_controls") !== false);
    const whose = model.get("focused") || (model.get("members")?.length ? "all SAEs" : "");
    settings.draw(model.get("settings"), offline || isOver, whose);
  }

  function drawCurves() {
    plots.draw();
    look.draw(plots.span());
    twin.draw(plots.curves(), [...plots.compare.asChart(), ...model.get("charts")], model.get("marks"));
  }

  const paint = perFrame(drawCurves);
  const stops = [
    listen(model, ["run_state", "title", "outcome", "settings", "focused", "has_controls"], drawState),
    listen(model, ["curves", "tail", "marks", "charts", "log_scale", "smoothing", "members", "choices", "numbers", "shown_curve", "focused"], paint),
    listen(model, ["cursor_step"], () => { plots.moveCursor(); look.draw(plots.span()); }),
  ];
  drawState();
  drawCurves();
  return () => {
    for (const stop of [...stops, paint.cancel, plots.destroy]) stop();
    clearTimeout(patience);
    el.replaceChildren();
  };
}

/** State, name, progress and the three buttons. @param {(action: string) => void} send @param {boolean} offline */
function headerPart(send, offline) {
  let isPaused = false;
  const pill = h("b", { class: "sw-state", role: "status" });
  const title = h("span", { class: "sw-muted sw-grow sw-ellipsis" });
  const pause = button("Pause", () => send(isPaused ? "resume" : "pause"), "Wait at the end of this step; resume goes on from there");
  const save = button("Checkpoint", () => send("checkpoint"), "Save a checkpoint at the end of this step; training goes on");
  const stop = button("Stop", () => send("stop"), "Finish this step, save a checkpoint and keep the SAE", "sw-stop");
  for (const each of [pause, save, stop]) needsKernel(each, offline);
  const done = h("i");
  const bar = h("div", { class: "sw-tokens", role: "progressbar", "aria-label": "Tokens seen" }, done);
  return {
    element: h("header", {}, h("div", { class: "sw-row sw-head" }, pill, title, h("span", { class: "sw-row sw-buttons" }, pause, save, stop)), bar),
    name(/** @type {string} */ text) { setText(title, text); title.title = text; },
    draw(/** @type {RunState} */ now, /** @type {string | null} */ asked) {
      isPaused = now.status === "paused";
      const pending = { stop: "Stopping", pause: "Pausing", resume: "Resuming" }[asked ?? ""];
      setText(pill, pending ?? (now.status === "lost" ? "No sign of life" : now.status[0].toUpperCase() + now.status.slice(1)));
      pill.dataset.state = bar.dataset.state = asked === "stop" ? "stopping" : now.status;
      setText(pause, isPaused ? "Resume" : "Pause");
      setText(save, asked === "checkpoint" ? "Saving…" : "Checkpoint");
      const isEnding = FINAL.has(now.status) || offline || now.status === "stopping" || asked === "stop";
      pause.disabled = isEnding || Boolean(pending);
      save.disabled = isEnding || asked === "checkpoint";
      stop.disabled = isEnding;
      const percent = now.total_tokens ? Math.min(100, (100 * now.n_tokens) / now.total_tokens) : 0;
      done.style.width = `${percent}%`;
      bar.setAttribute("aria-valuenow", percent.toFixed(1));
    },
  };
}

/** The present numbers. */
function numbersPart() {
  /** @type {[string, (now: RunState) => [string, string?]][]} */
  const rows = [
    ["Step", (now) => [count(now.n_steps), now.activity ? describe(now.activity) : ""]],
    ["Tokens", (now) => [formatCount(now.n_tokens, 3), `of ${formatCount(now.total_tokens, 3)}`]],
    ["Tokens per second", (now) => [now.tokens_per_s > 0 ? formatCount(now.tokens_per_s, 3) : "–"]],
    ["Time left", (now) => [FINAL.has(now.status) ? "–" : duration(now.eta_s)]],
    ["Elapsed", (now) => [duration(now.elapsed_s)]],
    ["Memory", (now) => [bytes(now.memory_bytes)]],
  ];
  const cells = rows.map(() => [h("span"), h("small", { class: "sw-muted sw-ellipsis" })]);
  return {
    element: h("dl", { class: "sw-numbers" }, rows.map(([name], i) => h("div", {}, h("dt", {}, name), h("dd", {}, cells[i])))),
    draw: (/** @type {RunState} */ now) => rows.forEach(([, read], i) => read(now).forEach((text, k) => setText(cells[i][k], text ?? ""))),
  };
}

/** @param {{text: string, done: number, total: number}} activity */
const describe = ({ text, done, total }) => (total > 0 ? `${text} ${count(done)}/${count(total)}` : text);

/**
 * One input per setting that can be changed live. Enter or Apply asks the kernel, which accepts or says why not.
 * @param {(name: string, value: number) => Promise<unknown>} set
 */
function settingsPart(set) {
  const whose = h("span", { class: "sw-muted sw-whose", hidden: true });
  const element = h("div", { class: "sw-row sw-fields", role: "group", "aria-label": "Settings that can be changed while training" }, whose);
  /** @type {Map<string, ReturnType<typeof makeField>>} */
  const known = new Map();

  /** @param {Setting} setting */
  function makeField({ name, label, value }) {
    const id = uniqueId("setting");
    const message = h("small", { class: "sw-muted", role: "status", id: `${id}m` });
    const input = h("input", { id, class: "sw-input", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}m` });
    const apply = h("button", { class: "sw-btn sw-primary" }, "Apply");
    const isChanged = () => input.value.trim() !== plain(value);
    const mark = () => {
      apply.hidden = !isChanged();
      input.setAttribute("aria-invalid", "false");
      setText(message, isChanged() ? `now ${value === null ? "not the same in all" : plain(value)}` : "");
    };
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const text = input.value.trim();
      try {
        if (!text || !Number.isFinite(Number(text))) throw new Error(`“${text}” is not a number; write for example 0.0003 or 3e-4.`);
        apply.hidden = true;
        await set(name, Number(text));
        value = Number(text);
        mark();
      } catch (error) {
        setText(message, error instanceof Error ? error.message : String(error));
        input.setAttribute("aria-invalid", "true");
        apply.hidden = false;
      }
    };
    input.addEventListener("input", mark);
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || !isChanged()) return;
      event.preventDefault(); // the first Escape undoes the typing, the next leaves the widget
      input.value = plain(value);
      mark();
    });
    input.value = plain(value);
    input.placeholder = value === null ? "differs" : "";
    mark();
    const form = h("form", { onsubmit: submit }, h("label", { for: id }, label), h("div", {}, input, apply), message);
    element.append(form);
    return {
      form,
      draw(/** @type {number | null} */ now, /** @type {boolean} */ isOver) {
        input.disabled = isOver;
        if (now === value) return;
        const isUntouched = !isChanged();
        value = now;
        input.placeholder = now === null ? "differs" : "";
        if (isUntouched) input.value = plain(now); // never under the user's fingers
        mark();
      },
    };
  }

  return {
    element,
    draw(/** @type {Setting[]} */ settings, /** @type {boolean} */ isOver, /** @type {string} */ of = "") {
      element.hidden = !settings.length;
      whose.hidden = !of;
      setText(whose, `Settings of ${of}`);
      for (const [name, { form }] of [...known]) {
        if (settings.some((setting) => setting.name === name)) continue;
        form.remove(); // of an SAE that is in focus no more
        known.delete(name);
      }
      for (const setting of settings) {
        const field = known.get(setting.name) ?? makeField(setting);
        known.set(setting.name, field);
        field.draw(setting.value, isOver);
      }
    },
  };
}

/** A number as it can be typed again. @param {number | null} value */
function plain(value) {
  if (value === null) return "";
  const [mantissa, exponent] = value.toExponential(5).split("e");
  return value !== 0 && Math.abs(value) < 1e-3 ? `${Number(mantissa)}e${Number(exponent)}` : String(Number(value.toPrecision(6)));
}

/** Scale, smoothing, and where the crosshair stands. @param {any} model */
function lookPart(model) {
  const linear = button("Linear", () => write(model, { log_scale: false }));
  const log = button("Log", () => write(model, { log_scale: true }));
  // A drag fires faster than a kernel need hear of it; the picture follows at once because `set` is local.
  const save = throttle(() => model.save_changes(), 100);
  const oninput = () => { model.set("smoothing", slider.valueAsNumber / 100); save(); };
  const slider = h("input", { type: "range", class: "sw-range", min: "0", max: "100", "aria-label": "Smoothing", oninput });
  const readout = h("output", { class: "sw-muted" });
  const where = h("span", { class: "sw-muted sw-num" });
  return {
    element: h("div", { class: "sw-row sw-look" },
      h("span", { class: "sw-seg", role: "group", "aria-label": "Scale of loss, L0 and learning rate" }, linear, log),
      h("label", { class: "sw-row" }, "Smoothing", slider, readout), where),
    draw(/** @type {number} */ span) {
      const isLog = Boolean(model.get("log_scale"));
      linear.setAttribute("aria-pressed", String(!isLog));
      log.setAttribute("aria-pressed", String(isLog));
      const share = Number(model.get("smoothing"));
      if (Math.abs(slider.valueAsNumber - share * 100) > 0.5) slider.value = String(Math.round(share * 100));
      const steps = smoothingSteps(share, span);
      setText(readout, steps > 0 ? `over ${formatCount(Math.max(1, steps))} steps` : "off");
      slider.setAttribute("aria-valuetext", readout.textContent ?? "");
      const at = Number(model.get("cursor_step"));
      setText(where, at >= 0 ? `at step ${count(at)}` : "newest values");
    },
  };
}

/** @type {Record<string, number>} points to go, by key */
const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
const NO_POINTS = new Float32Array(0);
const MOST_TOLD = 24; // curves whose values are said at the crosshair

/**
 * The charts with one crosshair over all of them.
 * @param {any} model @param {import("../lib/ask.js").Ask} ask
 */
function plotsPart(model, ask) {
  const slider = {
    tabindex: "0", role: "slider", "aria-label": "Step under the crosshair", onkeydown: onKey,
    "aria-description": "Arrow keys move by one point, Page Up and Page Down by ten, Home and End to the ends, Escape leaves",
  };
  const element = h("div", { class: "sw-charts", ...slider });
  const caption = h("p", { class: "sw-muted sw-small", hidden: true });
  const compare = comparePart(model, { onCursor: setCursor, slider });
  /** @type {Map<string, ReturnType<typeof lineChart>>} */ const charts = new Map();
  /** @type {ReturnType<typeof unpack>} */ let curves = new Map();
  /** @type {ReturnType<typeof unpack>} */ let whole = new Map();
  let wholeRevision = -1;
  /** @type {Float32Array} steps where the crosshair can stand */ let stops = NO_POINTS;
  /** @type {Map<string, number>} exact values at the crosshair, told by the kernel where the curves are thinned */
  let exact = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let exactTimer;

  const cursor = () => (model.get("cursor_step") >= 0 ? Number(model.get("cursor_step")) : NaN);
  const save = throttle(() => model.save_changes(), 100);
  /** @param {number | null} step */
  function setCursor(step) {
    const next = step === null ? -1 : Math.round(step);
    if (next === model.get("cursor_step")) return;
    model.set("cursor_step", next);
    save();
  }
  /** @returns {[number, number]} */
  const domain = () => (stops.length ? [stops[0], stops[stops.length - 1]] : [0, 1]);
  const span = () => domain()[1] - domain()[0];

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const at = cursor();
    const isLeaving = event.key === "Escape" && !Number.isNaN(at); // a second Escape leaves the widget
    if (!stops.length || (!isLeaving && !(event.key in MOVES))) return;
    event.preventDefault();
    const from = nearest(stops, Number.isNaN(at) ? Infinity : at);
    setCursor(isLeaving ? null : stops[Math.min(stops.length - 1, Math.max(0, from + MOVES[event.key]))]);
  }

  function read() {
    const packed = model.get("curves");
    const tail = model.get("tail");
    if (packed?.revision !== wholeRevision) {
      whole = unpack(packed);
      wholeRevision = packed?.revision;
    }
    // The two arrive in one message but as two events; a tail of another revision belongs to a `whole` that comes next.
    curves = tail?.revision === wholeRevision ? join(whole, unpack(tail)) : whole;
    stops = longest([...curves].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? NO_POINTS;
  }

  function draw() {
    read();
    /** @type {{title: string, names: string[], labels: string[], log: boolean, noisy: boolean, marked: boolean | string[]}[]} */
    const shown = model.get("charts");
    const view = {
      domain: domain(), log: Boolean(model.get("log_scale")), tau: smoothingSteps(Number(model.get("smoothing")), span()),
      cursor: cursor(), exact, marks: /** @type {import("../lib/chart.js").Mark[]} */ (model.get("marks")),
    };
    for (const [i, { title, names, labels, log, noisy, marked }] of shown.entries()) {
      const isLabelled = (/** @type {{name: string}} */ { name }) => marked === true || (Array.isArray(marked) && marked.includes(name));
      const chart = charts.get(title) ?? lineChart({ title, log, isNoisy: noisy, isLabelled, onCursor: setCursor });
      if (element.children[i] !== chart.element) element.insertBefore(chart.element, element.children[i] ?? null);
      charts.set(title, chart);
      chart.draw(names.map((name, k) => ({ name, label: labels[k], ...(curves.get(name) ?? { steps: NO_POINTS, values: NO_POINTS }) })), view);
    }
    for (const [title, chart] of [...charts]) {
      if (shown.some((each) => each.title === title)) continue;
      chart.destroy(); // of an SAE that is in focus no more
      charts.delete(title);
    }
    element.hidden = shown.length === 0 && model.get("members")?.length > 0;
    caption.hidden = element.hidden || !model.get("focused");
    setText(caption, `Curves of ${model.get("focused")}`);
    element.setAttribute("aria-label", `Step under the crosshair${model.get("focused") ? `, curves of ${model.get("focused")}` : ""}`);
    compare.draw(curves, view);
    describeCursor();
  }

  function showCursor() {
    for (const chart of charts.values()) chart.moveCursor(cursor(), exact);
    compare.moveCursor(cursor(), exact);
    describeCursor();
  }

  function moveCursor() {
    const step = cursor();
    exact = new Map();
    showCursor();
    clearTimeout(exactTimer);
    if (Number.isNaN(step) || model.get("tail")?.exact !== false) return;
    // Without an answer (no kernel, kernel busy) the kept points stay: real values too, of a step close by.
    exactTimer = setTimeout(() => ask("values_at", { step }).then(({ value }) => {
      if (cursor() !== step) return;
      exact = new Map(Object.entries(value.values));
      showCursor();
    }, () => {}), 120);
  }

  function describeCursor() {
    const [lo, hi] = domain();
    const at = cursor();
    const step = Number.isNaN(at) ? hi : at;
    // Values are said only while the crosshair stands: a text that changes at every step would never let a reader finish.
    const told = Number.isNaN(at) ? [] : [...curves].slice(0, MOST_TOLD).map(([name, c]) => `${name} ${formatValue(exact.get(name) ?? c.values[nearest(c.steps, step)])}`);
    const text = told.length ? `step ${step}: ${told.join(", ")}` : "no step chosen, showing the newest values";
    for (const [name, value] of [["min", lo], ["max", hi], ["now", step], ["text", text]]) {
      for (const each of [element, compare.slider]) each.setAttribute(`aria-value${name}`, String(value));
    }
  }

  return {
    element, caption, compare, draw, moveCursor, span,
    curves: () => curves,
    destroy() {
      clearTimeout(exactTimer);
      compare.destroy();
      for (const chart of charts.values()) chart.destroy();
    },
  };
}

/** What the run came to: an error with its traceback, or the final numbers and where the SAE is. */
function outcomePart() {
  const element = h("div", { class: "sw-outcome", hidden: true });
  let shown = "";
  return {
    element,
    draw(/** @type {RunState} */ now, /** @type {{rows?: [string, string][], saved?: string, code?: string}} */ outcome) {
      const isOver = FINAL.has(now.status);
      const problems = Object.entries(now.problems ?? {});
      const key = JSON.stringify([now.status, now.error, now.checkpoint, problems, outcome]);
      if (key === shown) return;
      shown = key;
      element.hidden = !isOver && !now.error && !now.checkpoint && !problems.length;
      element.dataset.state = now.error || problems.length ? "failed" : "";
      const saved = isOver && now.status !== "failed" ? outcome?.saved : now.checkpoint;
      fill(element,
        now.error && h("p", { class: "sw-token", role: "alert" }, h("b", {}, isOver ? "Training failed: " : now.status === "lost" ? "" : "Training goes on, but: "), now.error),
        problems.map(([name, problem]) => h("p", { class: "sw-token", role: "alert" }, h("b", {}, `${name} is trained no more: `), problem)),
        now.traceback && withCopy(h("details", {}, h("summary", {}, "Traceback"), h("pre", { class: "sw-mono sw-small", tabindex: "0" }, now.traceback)), now.traceback),
        isOver && now.status !== "failed" && h("p", {}, h("b", {}, now.status === "done" ? "Training is done." : "Training was stopped; the SAE is kept as it is.")),
        isOver && now.status !== "failed" && h("dl", { class: "sw-row" }, (outcome?.rows ?? []).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
        saved && h("p", { class: "sw-small" }, isOver && now.status !== "failed" ? "Saved in " : "Last checkpoint in ", h("code", {}, saved)),
        isOver && outcome?.code && withCopy(h("code", {}, outcome.code), outcome.code));
    },
  };
}

/** @param {HTMLElement} node @param {string} text */
function withCopy(node, text) {
  const copy = button("Copy", () => copyText(text, copy), undefined, "sw-plain");
  return h("div", { class: "sw-row" }, node, copy);
}

/** The same data as tables, for who reads rather than looks. Filled only while open. */
function twinPart() {
  let redraw = () => {};
  const body = h("div");
  const element = h("details", { ontoggle: () => redraw() }, h("summary", {}, "Numbers as tables"), body);
  return {
    element,
    draw(
      /** @type {ReturnType<typeof unpack>} */ curves,
      /** @type {{title: string, names: string[], labels: string[]}[]} */ charts,
      /** @type {{step: number, label: string}[]} */ marks,
    ) {
      redraw = () => {
        if (!element.open) return;
        fill(body, curveTable(curves, charts),
          marks.length > 0 && table("Settings changed while training", ["After step", "Change"], marks.map((m) => [count(m.step), m.label])));
      };
      redraw();
    },
  };
}

/** Ten rows spread over the run. @param {ReturnType<typeof unpack>} curves @param {{title: string, names: string[], labels: string[]}[]} charts */
function curveTable(curves, charts) {
  const columns = charts.flatMap(({ title, names, labels }) => names.map((name, i) => ({ name, head: names.length > 1 ? `${title}: ${labels[i]}` : title })));
  const steps = longest([...curves].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? NO_POINTS;
  const last = steps.length - 1;
  const rows = [...new Set(Array.from({ length: last < 0 ? 0 : 10 }, (_, i) => steps[Math.round((i * last) / 9)]))];
  const cell = (/** @type {string} */ name, /** @type {number} */ step) => {
    const c = curves.get(name);
    return c?.steps.length ? formatValue(c.values[nearest(c.steps, step)]) : "–";
  };
  return table("Curves at ten steps", ["Step", ...columns.map((c) => c.head)], rows.map((step) => [count(step), ...columns.map((c) => cell(c.name, step))]));
}

/** @param {string} caption @param {string[]} head @param {string[][]} rows */
function table(caption, head, rows) {
  return h("div", { class: "sw-scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "sw-table sw-small" }, h("caption", { class: "sw-muted" }, caption), h("tr", {}, head.map((text) => h("th", { scope: "col" }, text))),
      rows.map((row) => h("tr", {}, row.map((text, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }, text))))));
}

export const css = `${compareCss}
.sw-training { --c0: #0b6bb8; --c1: #d06a00; --c2: #0f8f6b; --c3: #b3478f; --c4: #6b7280; --c5: #8a5a00; container-type: inline-size; padding: 14px 16px; }
[data-theme="dark"] .sw-training { --c0: #5cb0f2; --c1: #f0a04b; --c2: #3fcf9f; --c3: #e79acb; --c4: #a3adb8; --c5: #d9b45b; }
.sw-training dl, .sw-training dd, .sw-chart { margin: 0; }
.sw-training dt, .sw-training label[for], .sw-training small { display: block; font-size: 11px; color: var(--sw-muted); white-space: nowrap; }
.sw-training summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; width: fit-content; }
.sw-head { gap: 8px 14px; }
.sw-head .sw-grow { flex-basis: 120px; }
.sw-state { min-width: 84px; }
.sw-state::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-inline-end: 7px; border-radius: 50%; background: var(--sw-muted); }
.sw-state[data-state="running"]::before { background: var(--sw-good); }
.sw-state[data-state="paused"]::before, .sw-state[data-state="stopping"]::before { background: var(--c1); }
.sw-state[data-state="done"]::before { background: var(--sw-accent); }
.sw-state[data-state="lost"]::before, .sw-state[data-state="failed"]::before { background: var(--sw-bad); border-radius: 2px; }
[data-controls="false"] .sw-buttons { display: none; }
.sw-whose { align-self: center; max-width: 220px; overflow-wrap: anywhere; }
.sw-buttons .sw-btn { min-width: 84px; justify-content: center; }
.sw-btn.sw-stop:not(:disabled) { color: var(--sw-bad); }
.sw-tokens { height: 4px; margin: 12px 0 14px; border-radius: 2px; background: var(--sw-hover); overflow: hidden; }
.sw-tokens i { display: block; height: 100%; background: var(--sw-accent); transition: width .2s linear; }
.sw-tokens[data-state="failed"] i { background: var(--sw-bad); }
.sw-tokens[data-state="paused"] i { background: var(--sw-muted); }
.sw-numbers { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 4px 16px; }
.sw-numbers dd { display: flex; align-items: baseline; gap: 6px; white-space: nowrap; font-size: 17px; }
.sw-bar { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 24px; margin-top: 14px; padding-top: 12px; border-top: 1px solid var(--sw-line); }
.sw-fields { gap: 8px 18px; align-items: flex-start; }
.sw-fields form > div { position: relative; width: 132px; margin-top: 3px; }
.sw-fields .sw-input { width: 100%; }
.sw-input[aria-invalid="true"] { border-color: var(--sw-bad); }
.sw-fields div:has([aria-invalid="true"]) + small { color: var(--sw-bad); white-space: normal; max-width: 260px; }
.sw-fields .sw-primary { position: absolute; right: 3px; top: 3px; min-height: 22px; padding: 0 8px; font-size: 12px; }
.sw-fields small { min-height: 16px; margin-top: 2px; }
.sw-look { gap: 8px 16px; align-self: flex-start; margin-top: 17px; }
.sw-look output, .sw-look .sw-num { min-width: 100px; }
.sw-charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 18px 22px; margin: 2px -4px 14px; padding: 4px; }
.sw-chart { min-width: 0; }
.sw-chart figcaption { min-height: 20px; padding-right: 8px; flex-wrap: nowrap; }
.sw-chart svg { display: block; width: 100%; touch-action: pan-y; cursor: crosshair; overflow: visible; }
.sw-chart line { stroke: var(--sw-line); shape-rendering: crispEdges; }
.sw-chart .sw-grid { opacity: .55; }
.sw-chart .sw-crosshair { stroke: var(--sw-fg); opacity: .5; }
.sw-chart .sw-mark { stroke: var(--sw-muted); stroke-dasharray: 2 3; }
.sw-chart text { fill: var(--sw-muted); font-size: 10.5px; }
.sw-chart .sw-mark-label { fill: var(--sw-fg); }
.sw-line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.sw-raw { opacity: .28; stroke-width: 1; }
.sw-point { fill: currentColor; stroke: var(--sw-bg); stroke-width: 1.5; }
.sw-c0 { color: var(--c0); } .sw-c1 { color: var(--c1); } .sw-c2 { color: var(--c2); } .sw-c3 { color: var(--c3); } .sw-c4 { color: var(--c4); } .sw-c5 { color: var(--c5); }
.sw-chart-legend { gap: 2px 14px; padding: 2px 4px; }
.sw-chart-legend > span { display: inline-flex; align-items: center; gap: 5px; }
.sw-chart-legend i { width: 10px; height: 3px; background: currentColor; }
.sw-chart-legend i ~ :last-child { color: var(--sw-fg); }
.sw-outcome { margin-top: 14px; padding: 10px 14px; border-radius: 6px; background: var(--sw-raised); }
.sw-outcome[data-state="failed"] { background: var(--sw-bad-bg); border-inline-start: 3px solid var(--sw-bad); }
.sw-outcome > * + * { margin-top: 6px; }
.sw-outcome dl { gap: 6px 26px; }
.sw-outcome dd { font-size: 15px; }
.sw-outcome code { font: 12px var(--sw-mono); overflow-wrap: anywhere; }
.sw-outcome pre { max-height: 260px; overflow: auto; margin: 8px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-scroll { overflow-x: auto; margin-top: 8px; }
.sw-scroll .sw-table { width: auto; }
.sw-scroll caption { text-align: start; white-space: nowrap; }
.sw-scroll th, .sw-scroll td { padding-right: 16px; text-align: end; font-weight: 400; white-space: nowrap; }
@container (max-width: 760px) {
  .sw-charts { grid-template-columns: repeat(2, minmax(0, 1fr)); } .sw-numbers { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .sw-look { margin-top: 0; gap: 8px 12px; } .sw-look .sw-num { min-width: 88px; } .sw-look .sw-range { width: 96px; }
  .sw-head .sw-grow { order: 1; flex-basis: 100%; } .sw-head .sw-buttons { margin-inline-start: auto; } /* the title in a line of its own */
}
@container (max-width: 480px) { .sw-charts { grid-template-columns: minmax(0, 1fr); } .sw-numbers { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;
