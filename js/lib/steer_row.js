// @ts-check
// One feature's slider: number input for exact values, mode, raw units, remove. It never rebuilds itself while in use.
import { fill, h } from "./dom.js";
import { number } from "./format.js";
import { quotedToken, visible } from "./tokens.js";

/** @typedef {{ feature: number, label: string, unit: number, source: string, act?: number, position?: number, token?: string }} RowInfo */
/** @typedef {"add" | "clamp" | "ablate"} Mode */

const REACH = 10; // slider from -10 to 10 times the maximum activation; the number box takes more and the slider follows
const STEP = 0.1;
const MODES = /** @type {[Mode, string, string][]} */ ([
  ["add", "Add", "Add strength × decoder direction at every position"],
  ["clamp", "Clamp", "Set the feature's activation to this value at every position"],
  ["ablate", "Ablate", "Take the feature's own activation away at every position"],
]);
const SOURCES = /** @type {Record<string, string>} */ ({
  statistics: "its maximum over the statistics' text",
  prompt: "its maximum on this prompt (no statistics at hand)",
  estimate: "the typical maximum of other features, because this one was never seen to fire",
});

/**
 * The slider's half-range that holds `strength`.
 * @param {number} strength
 */
export function reachFor(strength) {
  return Math.max(REACH, Math.ceil(Math.abs(strength)));
}

/**
 * A typed strength, or null for what is not a finite number; a decimal comma and a true minus are numbers, too.
 * @param {string} text
 */
export function parseStrength(text) {
  const plain = text.trim().replace(",", ".").replace("\u2212", "-");
  if (plain === "" || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}

/**
 * @param {number} feature
 * @param {{ onStrength: (value: number, isFinal: boolean) => void, onMode: (mode: Mode) => void, onRemove: () => void, onBad: (message: string) => void, offline?: boolean }} on
 */
export function steerRow(feature, { onStrength, onMode, onRemove, onBad, offline = false }) {
  const name = h("span", { class: "sw-mono sw-steer-number" }, `#${feature}`);
  const label = h("span", { class: "sw-steer-label sw-ellipsis" });
  const slider = h("input", { class: "sw-slider", type: "range", min: -REACH, max: REACH, step: STEP, "aria-label": `Strength of feature ${feature}` });
  const exact = h("input", { class: "sw-input sw-steer-exact", type: "text", inputmode: "decimal", "aria-label": `Exact strength of feature ${feature}, times its maximum activation` });
  const raw = h("span", { class: "sw-steer-raw sw-muted sw-small" });
  const mode = h("select", { class: "sw-select", "aria-label": `Mode of feature ${feature}` }, MODES.map(([value, text, title]) => h("option", { value, title }, text)));
  const remove = h("button", { class: "sw-btn sw-plain sw-icon", type: "button", "aria-label": `Remove feature ${feature}`, title: "Remove" }, "✕");
  const node = h("div", { class: "sw-steer-row", role: "group", "aria-label": `Feature ${feature}` },
    h("div", { class: "sw-steer-name" }, name, label), slider, h("span", { class: "sw-steer-value" }, exact, h("span", { class: "sw-muted", "aria-hidden": "true" }, "× max")), raw, mode, remove);
  let strength = 0;
  let unit = Number.NaN;
  let isDragging = false;

  function paint() {
    const reach = Number(slider.max);
    const share = 50 + (50 * strength) / reach;
    slider.style.setProperty("--from", `${Math.min(50, share)}%`);
    slider.style.setProperty("--to", `${Math.max(50, share)}%`);
    slider.dataset.sign = strength < 0 ? "down" : "up";
    const isAblated = mode.value === "ablate";
    slider.disabled = exact.disabled = offline || isAblated;
    fill(raw, isAblated ? "removed" : `${mode.value === "clamp" ? "to" : "="} ${number(strength * unit)}`);
    slider.setAttribute("aria-valuetext", isAblated ? "ablated" : `${number(strength)} times its maximum, ${number(strength * unit)} raw`);
  }

  /** @param {number} value @param {boolean} isFinal */
  function move(value, isFinal) {
    strength = value;
    exact.value = String(Number(value.toFixed(4)));
    if (exact.getAttribute("aria-invalid") === "true") onBad("");
    exact.setAttribute("aria-invalid", "false");
    paint();
    onStrength(value, isFinal);
  }

  slider.addEventListener("pointerdown", () => (isDragging = true));
  slider.addEventListener("input", () => move(Number(slider.value), false));
  slider.addEventListener("change", () => {
    isDragging = false;
    move(Number(slider.value), true);
  });
  slider.addEventListener("dblclick", () => {
    slider.value = "0";
    move(0, true);
  });
  const take = () => {
    const value = parseStrength(exact.value);
    if (value === null) {
      exact.setAttribute("aria-invalid", "true");
      onBad(`“${visible(exact.value)}” is not a number: feature ${feature} keeps its strength ${number(strength)}.`);
    } else if (value !== strength || exact.getAttribute("aria-invalid") === "true") {
      stretch(value);
      slider.value = String(value);
      move(value, true);
    }
  };
  exact.addEventListener("change", take);
  exact.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") take();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const step = (event.shiftKey ? 1 : 0.1) * (event.key === "ArrowUp" ? 1 : -1);
      exact.value = String(Number((strength + step).toFixed(4)));
      take();
    }
  });
  mode.addEventListener("change", () => {
    paint();
    onMode(mode.value);
  });
  remove.addEventListener("click", onRemove);

  /** @param {number} value */
  function stretch(value) {
    const reach = reachFor(value);
    slider.min = String(-reach);
    slider.max = String(reach);
  }

  return {
    node,
    feature,
    slider,
    /** Show the traits' state; a slider under the hand is left alone. @param {number} value @param {Mode} newMode */
    update(value, newMode) {
      mode.value = newMode;
      if (!isDragging && (value !== strength || exact.value === "")) {
        strength = value;
        stretch(value);
        slider.value = String(value);
        exact.value = String(Number(value.toFixed(4)));
        exact.setAttribute("aria-invalid", "false");
      }
      paint();
    },
    /** @param {RowInfo | undefined} info */
    describe(info) {
      unit = info?.unit ?? Number.NaN;
      const words = visible(info?.label || "");
      const fires = info?.token !== undefined ? `fires on ${quotedToken(info.token, 24)}` : "silent on this prompt";
      fill(label, words || h("span", { class: "sw-muted" }, info ? fires : ""));
      label.title = [words, info && `${fires}${info.act ? ` (${number(info.act)})` : ""}`].filter(Boolean).join(" — ");
      raw.title = info ? `Raw activation. 1 × max = ${number(unit, 4)}, ${SOURCES[info.source] ?? ""}` : "";
      raw.dataset.source = info?.source ?? "";
      paint();
    },
  };
}

export const STEER_ROW_CSS = `
.sw-steer-row { display: grid; grid-template-columns: minmax(110px, 1.1fr) minmax(120px, 2fr) auto 76px auto auto; align-items: center; gap: 4px 10px; padding: 3px 0; }
.sw-steer-name { display: flex; align-items: baseline; gap: 8px; min-width: 0; }
.sw-steer-number { font-size: 12px; color: var(--sw-muted); flex: none; }
.sw-steer-value { display: inline-flex; align-items: center; gap: 5px; white-space: nowrap; font-size: 12px; }
.sw-steer-exact { width: 58px; text-align: right; padding: 3px 6px; font-variant-numeric: tabular-nums; }
.sw-steer-exact[aria-invalid="true"] { border-color: var(--sw-bad); }
.sw-steer-raw { text-align: right; white-space: nowrap; cursor: help; }
.sw-steer-raw[data-source="estimate"] { text-decoration: underline dotted; }
.sw-slider { appearance: none; width: 100%; height: 24px; margin: 0; background: none; cursor: pointer; --fill: var(--sw-up); }
.sw-slider[data-sign="down"] { --fill: var(--sw-down); }
.sw-slider::-webkit-slider-runnable-track { height: 5px; border-radius: 3px; background:
  linear-gradient(var(--sw-muted), var(--sw-muted)) 50% 50% / 1.5px 100% no-repeat,
  linear-gradient(to right, transparent var(--from), var(--fill) var(--from), var(--fill) var(--to), transparent var(--to)), var(--sw-hover); }
.sw-slider::-moz-range-track { height: 5px; border-radius: 3px; background:
  linear-gradient(to right, transparent var(--from), var(--fill) var(--from), var(--fill) var(--to), transparent var(--to)), var(--sw-hover); }
.sw-slider::-webkit-slider-thumb { appearance: none; width: 16px; height: 16px; margin-top: -5.5px; border-radius: 50%; background: var(--sw-bg);
  border: 2px solid var(--fill); box-shadow: 0 1px 3px rgb(0 0 0 / .25); }
.sw-slider::-moz-range-thumb { width: 12px; height: 12px; border-radius: 50%; background: var(--sw-bg); border: 2px solid var(--fill); }
.sw-slider:disabled { opacity: .35; cursor: not-allowed; }
@container (max-width: 640px) {
  .sw-steer-row { grid-template-columns: 1fr auto auto; }
  .sw-steer-name { grid-column: 1 / 3; } .sw-steer-row > .sw-slider { grid-column: 1 / 4; grid-row: 2; }
}
`;
