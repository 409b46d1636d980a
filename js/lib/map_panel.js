// @ts-check
// The map of decoder rows with its controls: method, colour, lasso or move, and a word on how much the plane holds.
import { shownValue } from "./column_head.js";
import { fill, h, needsKernel, write } from "./dom.js";
import { percent } from "./format.js";
import { N_SHADES, SCATTER_MAP_CSS, scatterMap, shadesGradient } from "./scatter_map.js";
import { visible } from "./tokens.js";

const METHODS = [["pca", "PCA"], ["umap", "UMAP"]];

/**
 * @param {{
 *   model: any, table: import("./feature_table.js").Table, theme: import("../main.js").ViewProps["theme"], offline: boolean,
 *   words: (row: number) => string, onPick: (row: number) => void, onOpen: (row: number) => void, onSelect: (rows: number[]) => void,
 * }} props
 */
export function mapPanel({ model, table, theme, offline, words, onPick, onOpen, onSelect }) {
  const get = (/** @type {string} */ name) => model.get(name);
  /** @type {{ column: import("./feature_table.js").Column | undefined, shade: Uint8Array }} */
  let shaded = { column: undefined, shade: new Uint8Array(table.n) };
  const map = scatterMap({
    label: "Map of decoder rows. Arrow keys move, plus and minus zoom, 0 shows all, Enter takes the features in view.",
    theme: theme.name, onPick, onOpen, onSelect, mayTake: (row) => table.passesBut("selected", row),
    words(row) {
      const column = shaded.column;
      return `${words(row)}${column ? `\n${visible(column.title)} ${shownValue(column, column.values[row])}` : ""}`;
    },
  });
  const method = needsKernel(h("select", { class: "sw-select sw-small", "aria-label": "How decoder rows are mapped", onchange: () => write(model, { map_method: method.value }) }, METHODS.map(([value, title]) => h("option", { value }, title))), offline);
  const color = h("select", { class: "sw-select sw-small", "aria-label": "Column that colours the map", onchange: () => write(model, { color: color.value }) });
  const tool = (/** @type {string} */ text, /** @type {string} */ hint, /** @type {boolean} */ isLasso) => h("button", { class: "sw-btn", type: "button", role: "radio", title: hint, "aria-checked": String(isLasso), onclick: () => setTool(isLasso) }, text);
  const tools = [tool("Lasso", "Drag takes features (Shift moves)", true), tool("Move", "Drag moves the map (Shift takes features)", false)];
  const small = (/** @type {string} */ text, /** @type {string} */ hint, /** @type {() => void} */ onclick) => h("button", { class: "sw-btn sw-icon", type: "button", ...(/[a-z]/i.test(text) ? { title: hint } : { hint }), onclick }, text); // a sign needs a name, a word has one
  const legend = h("div", { class: "sw-row sw-small sw-muted sw-mp-legend", "aria-hidden": "true" });
  const told = h("span", { class: "sw-small sw-muted" });
  const waiting = h("p", { class: "sw-muted sw-mp-waiting" }, "Mapping…");
  const node = h("section", { class: "sw-mp", "aria-label": "Map of decoder rows", hidden: true },
    h("div", { class: "sw-row sw-mp-tools" }, method, color, h("span", { class: "sw-seg", role: "radiogroup", "aria-label": "What a drag does" }, tools), h("span", { class: "sw-grow" }),
      small("Take view", "Take the features in view (Enter on the map)", () => map.takeView())),
    h("div", { class: "sw-mp-place" }, map.node, waiting,
      h("div", { class: "sw-mp-zoom" }, small("+", "Zoom in", () => map.zoom(1.5)), small("−", "Zoom out", () => map.zoom(1 / 1.5)), small("Fit", "Show the whole map", () => map.fit()))),
    h("div", { class: "sw-row" }, legend, h("span", { class: "sw-grow" }), told));

  /** @param {boolean} isLasso */
  function setTool(isLasso) {
    tools.forEach((each, i) => each.setAttribute("aria-checked", String((i === 0) === isLasso)));
    map.setLasso(isLasso);
  }

  /** The column that colours: the one asked for, or the density, or the decoder norm. */
  function colorColumn() {
    const { columns } = table;
    return columns.get(get("color")) ?? columns.get("density") ?? columns.get("decoder_norm");
  }

  function shadeRows() {
    const column = colorColumn();
    if (shaded.column === column) return;
    const shade = new Uint8Array(table.n);
    if (column) {
      const bins = table.bins(column);
      for (let i = 0; i < table.n; i += 1) shade[i] = Math.min(N_SHADES - 1, bins.bins[i] === 255 ? 0 : bins.bins[i]);
    }
    shaded = { column, shade };
  }

  function drawLegend() {
    const column = shaded.column;
    if (!column) return;
    const { low, high, isLog, hasLowest } = table.bins(column);
    const ends = isLog ? [hasLowest ? 0 : 10 ** low, 10 ** high] : [low, high];
    fill(legend, h("span", {}, visible(column.title)), h("span", {}, shownValue(column, ends[0])), h("i", { class: "sw-mp-bar", style: { background: shadesGradient(theme.name()) } }), h("span", {}, shownValue(column, ends[1])));
    const options = [...table.columns.values()].filter((each) => !each.texts && !each.key.startsWith("map_"));
    if (color.childElementCount !== options.length) fill(color, options.map(({ key, title }) => h("option", { value: key }, `colour: ${visible(title)}`)));
    color.value = column.key;
  }

  function draw() {
    const wanted = get("map_method");
    const { method: has, explained } = get("mapped");
    node.hidden = !wanted;
    if (!wanted) return;
    method.value = wanted;
    waiting.hidden = has === wanted;
    const isFailed = get("status")?.state === "failed";
    waiting.textContent = isFailed ? "There is no map; see below." : "Mapping…";
    told.textContent = has !== wanted ? "" : explained === null || explained === undefined ? "near points point alike" : `the plane holds ${percent(explained)} of the variance`;
    shadeRows();
    drawLegend();
    map.setLook({ shade: shaded.shade, nFailed: table.nFailed, chosen: get("feature") ?? -1 });
  }

  return {
    node,
    draw,
    setPoints() {
      const [x, y] = ["map_x", "map_y"].map((key) => table.columns.get(key));
      map.setPoints(x?.values ?? [], y?.values ?? []);
    },
    stop: map.stop,
  };
}

export const MAP_PANEL_CSS = `${SCATTER_MAP_CSS}
.sw-mp { display: flex; flex-direction: column; gap: 6px; min-width: 0; }
.sw-mp-tools { gap: 4px 6px; }
.sw-mp-tools .sw-select { max-width: 140px; }
.sw-mp-place { position: relative; flex: 1; min-height: 340px; display: grid; }
.sw-mp-waiting { position: absolute; inset: 0; display: grid; place-items: center; pointer-events: none; }
.sw-mp-zoom { position: absolute; top: 6px; right: 6px; display: flex; gap: 4px; }
.sw-mp-bar { display: inline-block; width: 70px; height: 8px; border-radius: 3px; }
`;
