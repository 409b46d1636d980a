// @ts-check
/**
 * The training cockpit: state, controls and curves of one run. The kernel writes what is (`run_state`, curves, marks,
 * settings); this view asks (stop, pause, set) and shares its look (`log_scale`, `smoothing`, `cursor_step`) with the
 * other views of the widget.
 */

import { formatSteps, formatValue, lineChart, longest, nearest } from "../lib/chart.js";
import { copyText } from "../lib/chrome.js";
import { h, listen, needsKernel, uniqueId } from "../lib/dom.js";
import { bytes, duration } from "../lib/format.js";
import { perFrame, throttle } from "../lib/sync.js";

/** @typedef {import("../lib/chart.js").Series} Series */
/** @typedef {{status: string, n_steps: number, n_tokens: number, total_tokens: number, tokens_per_s: number, eta_s: number | null,
 *   elapsed_s: number, memory_bytes: number | null, checkpoint: string | null, error: string | null, traceback: string | null,
 *   activity: {text: string, done: number, total: number} | null}} RunState */

const WORDS = {
  idle: "Not started", running: "Running", paused: "Paused", stopping: "Stopping", stopped: "Stopped", done: "Done", failed: "Failed",
};
const FINAL = new Set(["stopped", "done", "failed"]);
const PATIENCE_MS = 1500; // after this a click without an answer is said to wait for the kernel

/** 1536000 -> "1.54M". @param {number | null | undefined} n */
export function formatCount(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  for (const [size, unit] of /** @type {[number, string][]} */ ([[1e9, "B"], [1e6, "M"], [1e4, "k"]])) {
    if (Math.abs(n) >= size) return `${Number((n / (unit === "k" ? 1e3 : size)).toPrecision(3))}${unit}`;
  }
  return Math.round(n).toLocaleString("en-US");
}

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

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, ask, offline }) {
  const state = () => /** @type {RunState} */ (model.get("run_state"));
  const root = h("section", { class: "sw-training", "aria-label": "Training run" });

  const header = headerPart((action) => send(action), offline);
  const numbers = numbersPart();
  const settings = settingsPart((name, value) => ask("set", { name, value }));
  const look = lookPart(model);
  const notice = h("p", { class: "sw-notice", role: "status", hidden: true });
  const outcome = outcomePart();
  const plots = plotsPart(model, ask);
  const twin = twinPart();
  const bar = h("div", { class: "sw-bar" }, settings.element, look.element);
  root.append(header.element, numbers.element, notice, outcome.element, bar, plots.element, twin.element);
  el.append(root);

  // A click is answered by a change of state. Until then say what was asked, and after a while why nothing happens.
  /** @type {{action: string, before: string, timer: ReturnType<typeof setTimeout>} | null} */
  let asked = null;
  const fingerprint = () => `${state().status} ${state().checkpoint}`;
  /** @param {string} action */
  function send(action) {
    if (asked) clearTimeout(asked.timer);
    const timer = setTimeout(() => {
      notice.hidden = false;
      notice.textContent =
        "The kernel has not answered yet: it is probably busy with another cell, and will act when that cell ends. " +
        "To act now, interrupt that cell.";
    }, PATIENCE_MS);
    asked = { action, before: fingerprint(), timer };
    model.send({ kind: "control", action });
    header.draw(state(), action);
  }

  function drawState() {
    const now = state();
    if (asked && (fingerprint() !== asked.before || FINAL.has(now.status))) {
      clearTimeout(asked.timer);
      asked = null;
      notice.hidden = true;
      notice.textContent = "";
    }
    header.draw(now, asked?.action ?? null);
    header.name(model.get("title"));
    numbers.draw(now);
    outcome.draw(now, model.get("outcome"));
    settings.draw(model.get("settings"), offline || FINAL.has(now.status));
  }

  function drawCurves() {
    plots.draw();
    look.draw(plots.span());
    look.drawCursor();
    twin.draw(plots.curves(), model.get("charts"), model.get("marks"));
  }

  const paint = perFrame(drawCurves);
  const stops = [
    listen(model, ["run_state", "title", "outcome", "settings"], drawState),
    listen(model, ["curves", "tail", "marks", "charts", "log_scale", "smoothing"], paint),
    listen(model, ["cursor_step"], () => { plots.moveCursor(); look.drawCursor(); }),
  ];
  drawState();
  drawCurves();
  return () => {
    stops.forEach((stop) => stop());
    paint.cancel();
    plots.destroy();
    if (asked) clearTimeout(asked.timer);
    root.remove();
  };
}

/** State, name, progress and the three buttons. @param {(action: string) => void} send @param {boolean} offline */
function headerPart(send, offline) {
  const pill = h("span", { class: "sw-state", role: "status" });
  const title = h("span", { class: "sw-title" });
  const pause = h("button", { type: "button", class: "sw-btn", title: "Wait at the end of this step; resume goes on from there" }, "Pause");
  const save = h("button", { type: "button", class: "sw-btn", title: "Save a checkpoint at the end of this step; training goes on" }, "Checkpoint");
  const stop = h("button", { type: "button", class: "sw-btn sw-stop", title: "Finish this step, save a checkpoint and keep the SAE" }, "Stop");
  let isPaused = false;
  for (const button of [pause, save, stop]) needsKernel(button, offline);
  pause.addEventListener("click", () => send(isPaused ? "resume" : "pause"));
  save.addEventListener("click", () => send("checkpoint"));
  stop.addEventListener("click", () => send("stop"));
  const fill = h("div", { class: "sw-tokens-fill" });
  const bar = h("div", { class: "sw-tokens", role: "progressbar", "aria-label": "Tokens seen", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const element = h("header", { class: "sw-head" },
    h("div", { class: "sw-head-row" }, pill, title, h("span", { class: "sw-buttons" }, pause, save, stop)), bar);
  return {
    element,
    name(/** @type {string} */ text) { title.textContent = text; title.title = text; },
    draw(/** @type {RunState} */ now, /** @type {string | null} */ asked) {
      isPaused = now.status === "paused";
      const pending = { stop: "Stopping", pause: "Pausing", resume: "Resuming" }[asked ?? ""];
      const word = pending ?? WORDS[/** @type {keyof typeof WORDS} */ (now.status)] ?? now.status;
      setText(pill, word);
      pill.dataset.state = pending && asked === "stop" ? "stopping" : now.status;
      setText(pause, isPaused ? "Resume" : "Pause");
      setText(save, asked === "checkpoint" ? "Saving…" : "Checkpoint");
      const isOver = FINAL.has(now.status) || offline;
      const isStopping = now.status === "stopping" || asked === "stop";
      pause.disabled = isOver || isStopping || asked === "pause" || asked === "resume";
      save.disabled = isOver || isStopping || asked === "checkpoint";
      stop.disabled = isOver || isStopping;
      const share = now.total_tokens ? Math.min(1, now.n_tokens / now.total_tokens) : 0;
      fill.style.width = `${(100 * share).toFixed(2)}%`;
      bar.dataset.state = now.status;
      bar.setAttribute("aria-valuenow", (100 * share).toFixed(1));
    },
  };
}

/** Only when it differs: a screen reader would repeat it. @param {Element} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The present numbers. */
function numbersPart() {
  /** @type {[string, (now: RunState) => [string, string]][]} */
  const rows = [
    ["Step", (now) => [now.n_steps.toLocaleString("en-US"), now.activity ? describe(now.activity) : ""]],
    ["Tokens", (now) => [formatCount(now.n_tokens), `of ${formatCount(now.total_tokens)}`]],
    ["Tokens per second", (now) => [now.tokens_per_s > 0 ? formatCount(now.tokens_per_s) : "–", ""]],
    ["Time left", (now) => [FINAL.has(now.status) ? "–" : duration(now.eta_s), ""]],
    ["Elapsed", (now) => [duration(now.elapsed_s), ""]],
    ["Memory", (now) => [bytes(now.memory_bytes), ""]],
  ];
  const element = h("dl", { class: "sw-numbers" });
  const cells = rows.map(([name]) => {
    const value = h("span", { class: "sw-number" });
    const note = h("span", { class: "sw-number-note" });
    element.append(h("div", {}, h("dt", {}, name), h("dd", {}, value, note)));
    return { value, note };
  });
  return {
    element,
    draw(/** @type {RunState} */ now) {
      rows.forEach(([, read], i) => {
        const [value, note] = read(now);
        setText(cells[i].value, value);
        setText(cells[i].note, note);
      });
    },
  };
}

/** @param {{text: string, done: number, total: number}} activity */
function describe({ text, done, total }) {
  return total > 0 ? `${text} ${done.toLocaleString("en-US")}/${total.toLocaleString("en-US")}` : text;
}

/**
 * One input per setting that can be changed live. Enter or Apply asks the kernel, which accepts or says why not.
 * @param {(name: string, value: number) => Promise<unknown>} set
 */
function settingsPart(set) {
  const fields = h("div", { class: "sw-fields" });
  const element = h("div", { class: "sw-settings", role: "group", "aria-label": "Settings that can be changed while training" }, fields);
  /** @type {Map<string, {input: HTMLInputElement, apply: HTMLButtonElement, message: HTMLElement, value: number}>} */
  const known = new Map();

  /** @param {{name: string, label: string, value: number}} setting */
  function add({ name, label, value }) {
    const id = uniqueId("setting");
    const input = /** @type {HTMLInputElement} */ (h("input", { id, type: "text", class: "sw-input", inputmode: "decimal", autocomplete: "off", spellcheck: "false" }));
    const apply = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "sw-btn sw-apply" }, "Apply"));
    const message = h("span", { class: "sw-field-message", role: "status", id: `${id}-message` });
    input.setAttribute("aria-describedby", message.id);
    const form = h("form", { class: "sw-field" }, h("label", { for: id }, label), h("span", { class: "sw-field-row" }, input, apply), message);
    const field = { input, apply, message, value };
    input.value = plain(value);
    input.addEventListener("input", () => mark(field));
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || input.value.trim() === plain(field.value)) return;
      event.preventDefault(); // the first Escape undoes the typing, the next leaves the widget
      input.value = plain(field.value);
      mark(field);
    });
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void submit(name, field);
    });
    mark(field);
    fields.append(form);
    known.set(name, field);
  }

  /** @param {{input: HTMLInputElement, apply: HTMLButtonElement, message: HTMLElement, value: number}} field */
  function mark(field) {
    const isChanged = field.input.value.trim() !== plain(field.value);
    field.apply.disabled = !isChanged || field.input.disabled;
    field.input.classList.toggle("sw-changed", isChanged);
    field.input.removeAttribute("aria-invalid");
    setText(field.message, isChanged ? `now ${plain(field.value)}` : "");
    field.message.classList.remove("sw-wrong");
  }

  /** @param {string} name @param {{input: HTMLInputElement, apply: HTMLButtonElement, message: HTMLElement, value: number}} field */
  async function submit(name, field) {
    const text = field.input.value.trim();
    const value = Number(text);
    try {
      if (!text || !Number.isFinite(value)) throw new Error(`“${text}” is not a number; write for example 0.0003 or 3e-4.`);
      field.apply.disabled = true;
      await set(name, value);
      field.value = value;
      mark(field);
    } catch (error) {
      setText(field.message, error instanceof Error ? error.message : String(error));
      field.message.classList.add("sw-wrong");
      field.input.setAttribute("aria-invalid", "true");
      field.apply.disabled = false;
    }
  }

  return {
    element,
    draw(/** @type {{name: string, label: string, value: number}[]} */ settings, /** @type {boolean} */ isOver) {
      element.hidden = settings.length === 0;
      for (const setting of settings) {
        if (!known.has(setting.name)) add(setting);
        const field = known.get(setting.name);
        if (!field) continue;
        const isUntouched = field.input.value.trim() === plain(field.value);
        const isNew = field.value !== setting.value;
        field.value = setting.value;
        if (isUntouched) field.input.value = plain(setting.value); // never under the user's fingers
        if (field.input.disabled !== isOver) field.input.disabled = isOver;
        else if (!isNew) continue;
        mark(field);
      }
    },
  };
}

/** A number as it can be typed again. @param {number} value */
function plain(value) {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e6)) return String(Number(value.toPrecision(6)));
  const [mantissa, exponent] = value.toExponential(5).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/** Scale and smoothing. @param {import("../main.js").ViewProps["model"]} model */
function lookPart(model) {
  const linear = h("button", { type: "button", class: "sw-btn" }, "Linear");
  const log = h("button", { type: "button", class: "sw-btn" }, "Log");
  const slider = /** @type {HTMLInputElement} */ (h("input", { type: "range", class: "sw-range", min: "0", max: "100", step: "1", "aria-label": "Smoothing" }));
  const readout = h("output", { class: "sw-readout" });
  const where = h("span", { class: "sw-where" });
  const element = h("div", { class: "sw-look" },
    h("span", { class: "sw-seg", role: "group", "aria-label": "Scale of loss, L0 and learning rate" }, linear, log),
    h("label", { class: "sw-smoothing" }, h("span", {}, "Smoothing"), slider, readout), where);
  const choose = (/** @type {boolean} */ isLog) => { model.set("log_scale", isLog); model.save_changes(); };
  linear.addEventListener("click", () => choose(false));
  log.addEventListener("click", () => choose(true));
  // A drag fires faster than a kernel need hear of it; the picture follows at once because `set` is local.
  const save = throttle(() => model.save_changes(), 100);
  slider.addEventListener("input", () => { model.set("smoothing", slider.valueAsNumber / 100); save(); });
  return {
    element,
    draw(/** @type {number} */ span) {
      const isLog = Boolean(model.get("log_scale"));
      linear.setAttribute("aria-pressed", String(!isLog));
      log.setAttribute("aria-pressed", String(isLog));
      const share = Number(model.get("smoothing"));
      if (Math.abs(slider.valueAsNumber - share * 100) > 0.5) slider.value = String(Math.round(share * 100));
      const steps = smoothingSteps(share, span);
      const text = steps > 0 ? `over ${formatSteps(Math.max(1, Math.round(steps)))} steps` : "off";
      setText(readout, text);
      slider.setAttribute("aria-valuetext", text);
    },
    drawCursor() {
      const step = Number(model.get("cursor_step"));
      setText(where, step >= 0 ? `at step ${step.toLocaleString("en-US")}` : "newest values");
    },
  };
}

/**
 * The charts with one crosshair over all of them.
 * @param {import("../main.js").ViewProps["model"]} model @param {import("../lib/ask.js").Ask} ask
 */
function plotsPart(model, ask) {
  const element = h("div", {
    class: "sw-charts", tabindex: "0", role: "slider", "aria-label": "Step under the crosshair",
    "aria-description": "Arrow keys move by one point, Page Up and Page Down by ten, Home and End to the ends, Escape leaves",
  });
  /** @type {Map<string, ReturnType<typeof lineChart>>} */
  const charts = new Map();
  /** @type {ReturnType<typeof unpack>} */
  let curves = new Map();
  let wholeRevision = -1;
  /** @type {ReturnType<typeof unpack>} */
  let whole = new Map();
  /** @type {Map<string, number>} exact values at the crosshair, told by the kernel where the curves are thinned */
  let exact = new Map();
  let exactTimer = 0;

  const cursor = () => { const step = Number(model.get("cursor_step")); return step >= 0 ? step : NaN; };
  const save = throttle(() => model.save_changes(), 100);
  /** @param {number | null} step */
  function setCursor(step) {
    const next = step === null ? -1 : Math.round(step);
    if (next === model.get("cursor_step")) return;
    model.set("cursor_step", next);
    save();
  }

  const backbone = () => longest([...curves.entries()].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? new Float32Array(0);
  const domain = () => {
    const steps = backbone();
    return /** @type {[number, number]} */ (steps.length ? [steps[0], steps[steps.length - 1]] : [0, 1]);
  };
  const span = () => domain()[1] - domain()[0];

  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const steps = backbone();
    if (!steps.length) return;
    const at = cursor();
    let i = nearest(steps, Number.isNaN(at) ? steps[steps.length - 1] : at);
    const move = MOVES[event.key];
    if (move !== undefined) i += move;
    else if (event.key === "Home") i = 0;
    else if (event.key === "End") i = steps.length - 1;
    else if (event.key === "Escape" && !Number.isNaN(at)) i = -1; // a second Escape leaves the widget
    else return;
    event.preventDefault();
    if (event.key === "Escape") setCursor(null);
    else setCursor(steps[Math.min(steps.length - 1, Math.max(0, i))]);
  });

  function read() {
    const packed = model.get("curves");
    const tail = model.get("tail");
    if (packed?.revision !== wholeRevision) {
      whole = unpack(packed);
      wholeRevision = packed?.revision ?? -1;
    }
    // The two arrive in one message but as two events; a tail of another revision belongs to a `whole` that comes next.
    curves = tail?.revision === wholeRevision ? join(whole, unpack(tail)) : whole;
  }

  function draw() {
    read();
    const shown = /** @type {{title: string, names: string[], labels: string[], log: boolean, marked: boolean | string[]}[]} */ (model.get("charts"));
    for (const [i, { title, names, labels, log, marked }] of shown.entries()) {
      let chart = charts.get(title);
      if (!chart) {
        const isLabelled = (/** @type {{name: string}} */ { name }) => marked === true || (Array.isArray(marked) && marked.includes(name));
        chart = lineChart({ title, log, isLabelled, onCursor: setCursor });
        charts.set(title, chart);
        element.insertBefore(chart.element, element.children[i] ?? null);
      }
      const series = names.map((name, k) => ({ name, label: labels[k], ...(curves.get(name) ?? EMPTY) }));
      chart.draw(series, view());
    }
    for (const [title, chart] of charts) {
      if (shown.some((c) => c.title === title)) continue;
      chart.destroy();
      charts.delete(title);
    }
    describeCursor();
  }

  const view = () => ({
    domain: domain(), log: Boolean(model.get("log_scale")), tau: smoothingSteps(Number(model.get("smoothing")), span()),
    cursor: cursor(), exact, marks: /** @type {import("../lib/chart.js").Mark[]} */ (model.get("marks")),
  });

  function moveCursor() {
    exact = new Map();
    for (const chart of charts.values()) chart.moveCursor(cursor(), exact);
    describeCursor();
    clearTimeout(exactTimer);
    if (Number.isNaN(cursor()) || model.get("tail")?.exact !== false) return;
    exactTimer = window.setTimeout(async () => {
      const step = cursor();
      // Without an answer (no kernel, kernel busy) the kept points stay: real values too, of a step close by.
      const told = await ask("values_at", { step }).catch(() => null);
      if (!told || cursor() !== step) return;
      exact = new Map(Object.entries(told.value.values));
      for (const chart of charts.values()) chart.moveCursor(step, exact);
      describeCursor();
    }, 120);
  }

  function describeCursor() {
    const [lo, hi] = domain();
    const at = cursor();
    const step = Number.isNaN(at) ? hi : at;
    element.setAttribute("aria-valuemin", String(lo));
    element.setAttribute("aria-valuemax", String(hi));
    element.setAttribute("aria-valuenow", String(step));
    // Said only while the crosshair stands somewhere: a value text that changes at every step would never let a reader finish.
    if (Number.isNaN(at)) return element.setAttribute("aria-valuetext", "no step chosen, showing the newest values");
    const told = [...curves].filter(([, c]) => c.steps.length).map(([name, c]) => {
      const value = exact.get(name) ?? c.values[nearest(c.steps, step)];
      return `${name.replaceAll("_", " ")} ${formatValue(value)}`;
    });
    element.setAttribute("aria-valuetext", `step ${step}: ${told.join(", ")}`);
  }

  return {
    element, draw, moveCursor, span,
    curves: () => curves,
    destroy() {
      clearTimeout(exactTimer);
      for (const chart of charts.values()) chart.destroy();
    },
  };
}

/** @type {Record<string, number>} points to go, by key */
const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
const EMPTY = { steps: new Float32Array(0), values: new Float32Array(0) };

/** What the run came to: an error with its traceback, or the final numbers and where the SAE is. */
function outcomePart() {
  const element = h("div", { class: "sw-outcome", hidden: true });
  let shown = "";
  return {
    element,
    draw(/** @type {RunState} */ now, /** @type {{rows?: [string, string][], saved?: string | null, code?: string}} */ outcome) {
      const isOver = FINAL.has(now.status);
      const key = JSON.stringify([now.status, now.error, now.checkpoint, outcome]);
      if (key === shown) return;
      shown = key;
      element.hidden = !isOver && !now.error && !now.checkpoint;
      element.dataset.state = now.error ? "failed" : isOver ? now.status : "saved";
      element.replaceChildren();
      if (now.error) element.append(...errorParts(now));
      if (isOver && now.status !== "failed" && outcome?.rows) element.append(...finalParts(now, outcome));
      else if (now.checkpoint) {
        element.append(h("p", { class: "sw-saved" }, isOver ? "The last checkpoint is whole: " : "Checkpoint saved: ", h("code", {}, now.checkpoint)));
      }
    },
  };
}

/** @param {RunState} now */
function errorParts(now) {
  const isOver = FINAL.has(now.status);
  const parts = [h("p", { class: "sw-error-head", role: "alert" }, isOver ? `Training failed: ${now.error}` : `Training goes on, but: ${now.error}`)];
  if (now.traceback) {
    const copy = h("button", { type: "button", class: "sw-btn" }, "Copy traceback");
    copy.addEventListener("click", () => copyText(now.traceback ?? "", copy));
    parts.push(h("details", {}, h("summary", {}, "Traceback"), h("pre", { class: "sw-trace", tabindex: "0" }, now.traceback)), copy);
  }
  return parts;
}

/** @param {RunState} now @param {{rows?: [string, string][], saved?: string | null, code?: string}} outcome */
function finalParts(now, outcome) {
  const parts = [
    h("p", { class: "sw-final-head" }, now.status === "done" ? "Training is done." : "Training was stopped; the SAE is kept as it is."),
    h("dl", { class: "sw-final" }, (outcome.rows ?? []).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
  ];
  if (outcome.saved) parts.push(h("p", { class: "sw-saved" }, "Saved in ", h("code", {}, outcome.saved)));
  if (outcome.code) {
    const copy = h("button", { type: "button", class: "sw-btn sw-plain" }, "Copy");
    copy.addEventListener("click", () => copyText(outcome.code ?? "", copy));
    parts.push(h("p", { class: "sw-code" }, h("code", {}, outcome.code), copy));
  }
  return parts;
}

/** The same data as tables, for who reads rather than looks. Filled only while open. */
function twinPart() {
  const body = h("div", { class: "sw-twin-body" });
  const element = /** @type {HTMLDetailsElement} */ (h("details", { class: "sw-twin" }, h("summary", {}, "Numbers as tables"), body));
  /** @type {(() => void)} */
  let redraw = () => {};
  element.addEventListener("toggle", () => redraw());
  return {
    element,
    draw(
      /** @type {ReturnType<typeof unpack>} */ curves,
      /** @type {{names: string[], labels: string[]}[]} */ charts,
      /** @type {{step: number, label: string}[]} */ marks,
    ) {
      redraw = () => {
        if (!element.open) return;
        const names = charts.flatMap((c) => c.names.map((name, i) => /** @type {[string, string]} */ ([name, c.labels[i]])));
        body.replaceChildren(curveTable(curves, names));
        if (marks.length) body.append(table("Settings changed while training", ["After step", "Change"], marks.map((m) => [m.step.toLocaleString("en-US"), m.label])));
      };
      redraw();
    },
  };
}

/** Ten rows spread over the run. @param {ReturnType<typeof unpack>} curves @param {[string, string][]} names */
function curveTable(curves, names) {
  const steps = longest([...curves].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? new Float32Array(0);
  const n = Math.min(10, steps.length);
  const rows = [...new Set(Array.from({ length: n }, (_, i) => steps[Math.round((i * (steps.length - 1)) / Math.max(1, n - 1))]))];
  const cells = rows.map((step) => [
    step.toLocaleString("en-US"),
    ...names.map(([name]) => {
      const c = curves.get(name);
      return c?.steps.length ? formatValue(c.values[nearest(c.steps, step)]) : "–";
    }),
  ]);
  return table("Curves at ten steps", ["Step", ...names.map(([, label]) => label)], cells);
}

/** @param {string} caption @param {string[]} head @param {string[][]} rows */
function table(caption, head, rows) {
  return h("div", { class: "sw-table-scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text, i) => (i ? h("td", {}, text) : h("th", { scope: "row" }, text))))))));
}

export const css = `
.sw-training { --c0: #0b6bb8; --c1: #d06a00; --c2: #0f8f6b; --c3: #b3478f; --c4: #6b7280; --c5: #8a5a00; container-type: inline-size;
  border: 1px solid var(--sw-line); border-radius: 8px; background: var(--sw-bg); padding: 14px 16px; }
[data-theme="dark"] .sw-training { --c0: #5cb0f2; --c1: #f0a04b; --c2: #3fcf9f; --c3: #e79acb; --c4: #a3adb8; --c5: #d9b45b; }
.sw-training button { font: inherit; }
.sw-head-row { display: flex; align-items: center; gap: 12px; flex-wrap: wrap; }
.sw-state { display: inline-flex; align-items: center; gap: 7px; font-weight: 600; min-width: 84px; }
.sw-state::before { content: ""; width: 9px; height: 9px; border-radius: 50%; background: var(--sw-muted); }
.sw-state[data-state="running"]::before { background: var(--sw-good); }
.sw-state[data-state="paused"]::before, .sw-state[data-state="stopping"]::before { background: var(--c1); }
.sw-state[data-state="done"]::before { background: var(--sw-accent); }
.sw-state[data-state="failed"]::before { background: var(--sw-bad); border-radius: 2px; }
.sw-title { flex: 1 1 160px; min-width: 0; color: var(--sw-muted); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sw-buttons { display: inline-flex; gap: 6px; }
.sw-buttons .sw-btn { min-width: 84px; justify-content: center; }
.sw-stop:not(:disabled) { color: var(--sw-bad); border-color: color-mix(in srgb, var(--sw-bad) 45%, var(--sw-line)); }
.sw-tokens { height: 4px; border-radius: 2px; margin: 12px 0 0; background: var(--sw-hover); overflow: hidden; }
.sw-tokens-fill { height: 100%; width: 0; background: var(--sw-accent); border-radius: 2px; transition: width .2s linear; }
.sw-tokens[data-state="failed"] .sw-tokens-fill { background: var(--sw-bad); }
.sw-tokens[data-state="paused"] .sw-tokens-fill { background: var(--sw-muted); }
.sw-numbers { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 4px 16px; margin: 14px 0 0; }
.sw-numbers dt, .sw-final dt { font-size: 11px; color: var(--sw-muted); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.sw-numbers dd { margin: 0; display: flex; align-items: baseline; gap: 6px; white-space: nowrap; min-width: 0; }
.sw-number { font-size: 17px; line-height: 1.35; font-weight: 500; }
.sw-number-note { font-size: 11px; color: var(--sw-muted); overflow: hidden; text-overflow: ellipsis; }
.sw-bar { display: flex; flex-wrap: wrap; align-items: flex-end; justify-content: space-between; gap: 10px 24px; margin-top: 14px; padding-top: 12px; border-top: 1px solid var(--sw-line); }
.sw-fields { display: flex; flex-wrap: wrap; gap: 8px 18px; }
.sw-field { position: relative; margin: 0; }
.sw-field label { display: block; font-size: 11px; color: var(--sw-muted); margin-bottom: 3px; }
.sw-field-row { display: block; position: relative; width: 132px; }
.sw-field .sw-input { width: 132px; }
.sw-apply.sw-btn { position: absolute; right: 3px; top: 3px; min-height: 22px; padding: 0 8px; font-size: 12px; border-color: transparent; background: var(--sw-accent); color: var(--sw-accent-ink); }
.sw-apply.sw-btn:hover:not(:disabled) { background: var(--sw-accent); filter: brightness(1.1); }
.sw-input.sw-changed { border-color: var(--sw-accent); }
.sw-input[aria-invalid="true"] { border-color: var(--sw-bad); }
.sw-apply:disabled { visibility: hidden; }
.sw-field-message { display: block; min-height: 17px; margin-top: 2px; font-size: 11px; color: var(--sw-muted); max-width: 300px; }
.sw-field-message.sw-wrong { color: var(--sw-bad); }
.sw-look { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; padding-bottom: 19px; }
.sw-smoothing { display: inline-flex; align-items: center; gap: 8px; }
.sw-smoothing .sw-range { width: 110px; }
.sw-smoothing > span { color: var(--sw-muted); }
.sw-where { min-width: 104px; color: var(--sw-muted); text-align: right; }
.sw-readout { min-width: 92px; color: var(--sw-muted); }
.sw-charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 18px 22px; margin-top: 2px; padding: 4px; border-radius: 6px; }
.sw-chart { margin: 0; min-width: 0; }
.sw-chart figcaption { display: flex; justify-content: space-between; align-items: baseline; gap: 10px; min-height: 20px; margin-bottom: 2px; padding-right: 8px; }
.sw-chart-title { font-weight: 600; font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sw-chart-reading { font-weight: 500; white-space: nowrap; }
.sw-chart svg { display: block; width: 100%; touch-action: pan-y; cursor: crosshair; overflow: visible; }
.sw-grid { stroke: var(--sw-line); stroke-width: 1; opacity: .55; shape-rendering: crispEdges; }
.sw-axis { stroke: var(--sw-line); shape-rendering: crispEdges; }
.sw-tick { fill: var(--sw-muted); font-size: 10.5px; }
.sw-empty { fill: var(--sw-muted); font-size: 12px; }
.sw-line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.sw-raw { opacity: .28; stroke-width: 1; }
.sw-point { fill: currentColor; stroke: var(--sw-bg); stroke-width: 1.5; }
.sw-c0 { color: var(--c0); } .sw-c1 { color: var(--c1); } .sw-c2 { color: var(--c2); } .sw-c3 { color: var(--c3); } .sw-c4 { color: var(--c4); } .sw-c5 { color: var(--c5); }
.sw-crosshair { stroke: var(--sw-fg); stroke-width: 1; opacity: .5; shape-rendering: crispEdges; }
.sw-mark { stroke: var(--sw-muted); stroke-dasharray: 2 3; }
.sw-mark-label { fill: var(--sw-fg); font-size: 10.5px; paint-order: stroke; stroke: var(--sw-bg); stroke-width: 4px; stroke-linejoin: round; }
.sw-chart-legend { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 2px 8px 0 4px; font-size: 11.5px; }
.sw-legend-item { display: inline-flex; align-items: center; gap: 5px; }
.sw-legend-item .sw-swatch { width: 10px; height: 3px; border: 0; border-radius: 1px; background: currentColor; }
.sw-legend-name { color: var(--sw-muted); } .sw-legend-value { color: var(--sw-fg); }
.sw-outcome { margin-top: 14px; padding: 12px 14px; border-radius: 6px; background: var(--sw-raised); }
.sw-outcome[data-state="failed"] { background: var(--sw-bad-bg); border-inline-start: 3px solid var(--sw-bad); }
.sw-outcome[data-state="saved"] { padding: 6px 12px; font-size: 12px; color: var(--sw-muted); }
.sw-final-head, .sw-error-head { font-weight: 600; overflow-wrap: anywhere; }
.sw-final { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 8px 0 0; }
.sw-final dd { margin: 0; font-size: 15px; }
.sw-outcome code { font-family: var(--sw-mono); font-size: 12px; background: none; color: inherit; overflow-wrap: anywhere; }
.sw-final-head ~ .sw-saved, .sw-code { margin-top: 8px; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; }
.sw-trace { max-height: 260px; overflow: auto; margin: 8px 0; font: 12px/1.45 var(--sw-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-outcome summary, .sw-twin summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; width: fit-content; }
.sw-outcome details { margin: 6px 0; }
.sw-twin { margin-top: 14px; }
.sw-table-scroll { overflow-x: auto; margin-top: 8px; }
.sw-twin table { border-collapse: collapse; font-size: 12px; }
.sw-twin caption { text-align: start; color: var(--sw-muted); padding-bottom: 4px; }
.sw-twin th, .sw-twin td { padding: 3px 16px 3px 0; text-align: right; font-weight: 400; white-space: nowrap; border: 0; background: none; }
.sw-twin th[scope="col"] { color: var(--sw-muted); font-size: 11px; border-bottom: 1px solid var(--sw-line); }
@container (max-width: 760px) { .sw-charts { grid-template-columns: repeat(2, minmax(0, 1fr)); } .sw-numbers { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@container (max-width: 480px) { .sw-charts { grid-template-columns: minmax(0, 1fr); } .sw-numbers { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;
