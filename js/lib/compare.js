// @ts-check
/**
 * Many SAEs of one run in one chart, told apart by a table that is also its legend: a row for each SAE with its line,
 * its value of the chosen curve (at the crosshair, else the newest) and its other numbers. A row's button puts that SAE
 * in focus: its line stands out, and its own curves and settings are shown.
 */

import { formatValue, lineChart, lineLook, nearest } from "./chart.js";
import { fill, h, write } from "./dom.js";

/** @typedef {{name: string, label: string, log: boolean}} Choice */
/** @typedef {{columns?: {name: string, label: string}[], rows?: (number | null)[][]}} Numbers */
/** @typedef {Map<string, {steps: Float32Array, values: Float32Array}>} Curves */

/**
 * What each row shows of the chosen curve: the value at `step`, or the newest where `step` is NaN.
 * @param {Curves} curves @param {string[]} members @param {string} curve @param {number} step
 */
export function valuesAt(curves, members, curve, step) {
  return members.map((member) => {
    const found = curves.get(`${member}/${curve}`);
    if (!found?.steps.length) return NaN;
    return found.values[Number.isNaN(step) ? found.values.length - 1 : nearest(found.steps, step)];
  });
}

/**
 * The index that a key moves to in a list of `n`; the same index for any other key.
 * @param {string} key @param {number} at @param {number} n
 */
export function moved(key, at, n) {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[key];
  return to === undefined ? at : Math.min(n - 1, Math.max(0, to));
}

/**
 * @param {any} model
 * @param {{onCursor: (step: number | null) => void, slider: Record<string, any>}} options `slider`: what makes the chart one for keys and screen readers
 */
export function comparePart(model, { onCursor, slider }) {
  const select = h("select", { class: "sw-select", "aria-label": "Curve that SAEs are compared by", onchange: () => write(model, { shown_curve: select.value }) });
  const back = h("button", { type: "button", class: "sw-btn", onclick: () => focusOn("") }, "Show all alike");
  const head = h("tr");
  const body = h("tbody");
  const place = h("div", { class: "sw-compared", ...slider });
  const table = h("div", { class: "sw-scroll sw-members", role: "region", "aria-label": "SAEs of this run", tabindex: "-1" },
    h("table", { class: "sw-table sw-small" }, h("thead", {}, head), body));
  const element = h("section", { class: "sw-compare", "aria-label": "SAEs compared", hidden: true },
    h("div", { class: "sw-row" }, h("label", { class: "sw-row" }, h("span", { class: "sw-muted" }, "Compare by"), select), back), place, table);
  /** @type {ReturnType<typeof lineChart> | null} */ let chart = null;
  let charted = "";
  /** @type {string | null} the SAE under the pointer */ let pointed = null;
  /** @type {{row: HTMLElement, button: HTMLButtonElement, value: HTMLElement, cells: HTMLElement[], note: HTMLElement}[]} */ let rows = [];
  let built = "";
  let tabStop = 0;
  /** @type {Curves} */ let curves = new Map();
  /** @type {import("./chart.js").ChartView | null} */ let view = null;

  const members = () => /** @type {string[]} */ (model.get("members") ?? []);
  const focused = () => String(model.get("focused"));
  /** @param {string} name */
  const focusOn = (name) => write(model, { focused: name });

  /** A look for the line of each SAE: those that are not meant step back. @param {string} member @param {number} i */
  function look(member, i) {
    const meant = pointed ?? focused();
    return `${lineLook(i)}${meant ? (member === meant ? " sw-front" : " sw-dim") : ""}`;
  }

  /** @param {Numbers} numbers */
  function build(numbers) {
    const columns = numbers.columns ?? [];
    const key = JSON.stringify([members(), columns]); // a column for each curve; that of the chosen one stands first, and once
    if (key === built) return;
    built = key;
    rows = members().map((member, i) => {
      const button = h("button", { type: "button", class: "sw-member", onclick: () => focusOn(focused() === member ? "" : member) },
        h("svg", { width: 26, height: 10, "aria-hidden": "true" }, h("path", { class: `sw-line ${lineLook(i)}`, d: "M1 5H25" })), h("span", { class: "sw-ellipsis" }, member));
      button.title = member;
      const value = h("td");
      const cells = columns.map(() => h("td"));
      const note = h("td", { class: "sw-note" });
      const row = h("tr", {
        onpointerenter: () => point(member), onpointerleave: () => point(null), onfocusin: () => point(member), onfocusout: () => point(null),
      }, h("th", { scope: "row" }, button), value, cells, note);
      return { row, button, value, cells, note };
    });
    tabStop = Math.min(tabStop, Math.max(0, rows.length - 1));
    body.replaceChildren(...rows.map(({ row }) => row));
    fill(head, h("th", { scope: "col" }, "SAE"), h("th", { scope: "col" }), columns.map(({ label }) => h("th", { scope: "col" }, label)), h("td"));
  }

  body.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const at = rows.findIndex(({ button }) => button === event.target);
    if (at < 0) return;
    const to = moved(event.key, at, rows.length);
    if (event.key === "Escape" && focused()) focusOn(""); // the next Escape leaves the widget
    else if (to === at) return;
    event.preventDefault();
    tabStop = to;
    rows[to].button.focus();
    drawTable();
  });

  /** @param {string | null} member */
  function point(member) {
    if (pointed === member) return;
    pointed = member;
    drawChart();
  }

  function drawChart() {
    const choice = chosen();
    if (!view || !choice) return;
    if (!chart || charted !== choice.name) {
      chart?.destroy();
      chart = lineChart({ title: choice.label, log: choice.log, onCursor, plotHeight: 220, isBare: true, isLabelled: () => false });
      charted = choice.name;
      place.replaceChildren(chart.element);
    }
    const none = new Float32Array(0);
    const series = members().map((member, i) => {
      const name = `${member}/${choice.name}`;
      return { name, label: member, look: look(member, i), ...(curves.get(name) ?? { steps: none, values: none }) };
    });
    chart.draw(series, view);
  }

  /** @returns {Choice | undefined} */
  function chosen() {
    const choices = /** @type {Choice[]} */ (model.get("choices") ?? []);
    return choices.find(({ name }) => name === model.get("shown_curve")) ?? choices[0];
  }

  function drawTable() {
    const numbers = /** @type {Numbers} */ (model.get("numbers") ?? {});
    build(numbers);
    const choice = chosen();
    const step = view ? view.cursor : NaN;
    const shown = valuesAt(curves, members(), choice?.name ?? "", step);
    const problems = model.get("run_state")?.problems ?? {};
    const hidden = (numbers.columns ?? []).findIndex(({ name }) => name === choice?.name);
    [...head.children].forEach((/** @type {HTMLElement} */ cell, k) => { cell.hidden = k - 2 === hidden; });
    const heading = /** @type {Element} */ (head.children[1]);
    setText(heading, choice ? `${choice.label}${Number.isNaN(step) ? " now" : ` at step ${step}`}` : "");
    for (const [i, { row, button, value, cells, note }] of rows.entries()) {
      const member = members()[i];
      const isFocused = member === focused();
      button.setAttribute("aria-pressed", String(isFocused));
      button.tabIndex = i === tabStop ? 0 : -1;
      row.dataset.state = problems[member] ? "failed" : isFocused ? "focused" : "";
      setText(value, formatValue(shown[i]));
      cells.forEach((cell, k) => {
        cell.hidden = k === hidden;
        setText(cell, formatValue(numbers.rows?.[i]?.[k] ?? NaN));
      });
      setText(note, problems[member] ? "stopped" : "");
      note.title = problems[member] ?? "";
    }
    back.hidden = !focused();
  }

  function drawChoices() {
    const choices = /** @type {Choice[]} */ (model.get("choices") ?? []);
    const key = choices.map(({ name }) => name).join("\n");
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      fill(select, choices.map(({ name, label }) => h("option", { value: name }, label)));
    }
    select.value = chosen()?.name ?? "";
  }

  return {
    element,
    /** What the crosshair stands in. */
    slider: place,
    /** The chart as the tables under the curves take it. */
    asChart() {
      const choice = chosen();
      return choice && members().length ? [{ title: choice.label, names: members().map((member) => `${member}/${choice.name}`), labels: members() }] : [];
    },
    /** @param {Curves} now @param {import("./chart.js").ChartView} nowView */
    draw(now, nowView) {
      element.hidden = members().length === 0 || !chosen();
      if (element.hidden) return;
      curves = now;
      view = nowView;
      drawChoices();
      drawChart();
      drawTable();
    },
    /** @param {number} cursor @param {Map<string, number>} exact */
    moveCursor(cursor, exact) {
      if (!view || element.hidden) return;
      view = { ...view, cursor, exact };
      chart?.moveCursor(cursor, exact);
      drawTable();
    },
    destroy: () => chart?.destroy(),
  };
}

/** Only when it differs: a screen reader would repeat it. @param {Element} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const compareCss = `
.sw-compare { margin: 4px 0 18px; }
.sw-compare > .sw-row { gap: 8px 16px; margin-bottom: 8px; min-height: 30px; }
.sw-compare select { width: auto; min-width: 170px; }
.sw-compared { padding: 4px; margin: 0 -4px; }
.sw-line.sw-d1 { stroke-dasharray: 7 4; } .sw-line.sw-d2 { stroke-dasharray: 2 3; } .sw-line.sw-d3 { stroke-dasharray: 9 3 2 3; }
.sw-line.sw-dim { opacity: .22; } .sw-point.sw-dim { opacity: 0; } .sw-line.sw-front { stroke-width: 2.6; }
.sw-members { max-height: 330px; overflow: auto; }
.sw-members thead th { position: sticky; top: 0; background: var(--sw-bg); color: var(--sw-muted); }
.sw-members tr[data-state="focused"] > * { background: var(--sw-hover); }
.sw-members tr[data-state="failed"] .sw-note { color: var(--sw-bad); }
.sw-members td { font-variant-numeric: tabular-nums; }
.sw-members td:nth-child(2) { font-weight: 600; }
.sw-members th:first-child { text-align: start; }
.sw-members th[scope="row"] { padding: 0 16px 0 0; font-size: 12px; color: var(--sw-fg); }
.sw-member { display: inline-flex; align-items: center; gap: 8px; max-width: 320px; padding: 3px 6px; border: 0; border-radius: 4px; background: none; color: inherit; font: inherit; cursor: pointer; }
.sw-member svg { flex: none; }
.sw-member:hover { background: var(--sw-hover); }
.sw-member[aria-pressed="true"] { font-weight: 600; }
`;
