// @ts-check
// All features of an SAE as a list to sort, filter and search, with a map of decoder rows beside it and the dashboard of
// one below. Numbers come once, as columns; sorting and filtering happen here.
import { show } from "../main.js";
import { COLUMN_HEAD_CSS, columnHead, rangeBox, rangeWords, shownValue } from "../lib/column_head.js";
import { columnPicker, COLUMN_PICKER_CSS } from "../lib/column_picker.js";
import { contrastForm, CONTRAST_FORM_CSS } from "../lib/contrast_form.js";
import { fill, h, listen, needsKernel, on, write } from "../lib/dom.js";
import { makeTable, readColumn } from "../lib/feature_table.js";
import { count, plural } from "../lib/format.js";
import { GRID_LIST_CSS, gridList } from "../lib/grid_list.js";
import { makeHost } from "../lib/host.js";
import { createHistory } from "../lib/history.js";
import { mapPanel, MAP_PANEL_CSS } from "../lib/map_panel.js";
import { PASS_BAR_CSS, passBar } from "../lib/pass_bar.js";
import { debounce, perFrame } from "../lib/sync.js";
import { shorten, visible } from "../lib/tokens.js";
import * as dashboardView from "./feature_dashboard.js";

const GROUPS = ["names", "facts", "given", "cosines", "contrasted", "matched", "mapped"];
const FILTERS = ["text", "ranges", "selected"];
const NOTHING = { text: "", ranges: {}, selected: [] };
const USUAL = ["density", "max_act", "mean_act", "decoder_norm"];
const NARROW = ["density", "max_act"];
const BARE = ["decoder_norm", "encoder_norm", "encoder_decoder_cosine", "encoder_bias"]; // without statistics
const HEAD = 58;

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, root, offline, theme, childModel }) {
  const get = (/** @type {string} */ name) => model.get(name);
  const set = (/** @type {Record<string, any>} */ values) => write(model, values);
  const table = makeTable(get("n_features"));
  const kept = get("dashboard"); // of a saved page: a dashboard's state, with some features
  const isKept = (/** @type {number} */ feature) => kept?.saved.features.includes(feature);
  let isOver = false;
  let isNarrow = false;
  /** @type {{ column: import("../lib/feature_table.js").Column, head: ReturnType<typeof columnHead> }[]} */
  let heads = [];
  const state = () => ({ text: get("text"), ranges: get("ranges"), selected: get("selected") });
  const past = createHistory(state());

  // -- parts ---------------------------------------------------------------------------------------------------------

  const find = h("input", { class: "sw-input sw-grow sw-fb-find", type: "search", placeholder: "Search labels, tokens, numbers", "aria-label": "Search features", autocomplete: "off", spellcheck: "false" });
  const counted = h("span", { class: "sw-small sw-muted sw-fb-count", role: "status", "aria-live": "polite" });
  const button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ onclick) => h("button", { class: "sw-btn", type: "button", title, onclick }, text);
  const undo = button("Undo", "Undo the last change of filters (Ctrl+Z)", () => step("undo"));
  const redo = button("Redo", "Redo the filters (Ctrl+Shift+Z)", () => step("redo"));
  const reset = button("Reset", "Take every filter away", () => set(NOTHING));
  const chips = h("div", { class: "sw-row sw-fb-chips", role: "group", "aria-label": "Filters" });
  const contrast = contrastForm({ model, offline });
  const like = needsKernel(button("Like …", "Show every feature's cosine with the chosen one, nearest first", () => set({ like: get("feature"), order: "-cosine" })), offline);
  const mapOpen = needsKernel(h("button", { class: "sw-btn", type: "button", "aria-pressed": "false", onclick: () => set({ map_method: get("map_method") ? null : "pca" }) }, "Map"), offline && !get("mapped").method);
  const columnPick = columnPicker(el, { columns: () => [...table.columns.values()].filter(({ key }) => key !== "feature"), shown: shownKeys, setShown: (keys) => set({ shown: keys }) });
  const stop = h("button", { class: "sw-btn sw-primary", type: "button", hidden: true, onclick: () => model.send({ kind: "stop" }) }, "Cancel");
  const source = {
    table: () => table,
    range: (/** @type {string} */ key) => get("ranges")[key] ?? null,
    setRange(/** @type {string} */ key, /** @type {any} */ range) {
      const ranges = { ...get("ranges") };
      if (range && (range[0] !== null || range[1] !== null)) ranges[key] = range;
      else delete ranges[key];
      local({ ranges });
    },
  };
  const box = rangeBox(el, source);
  const pass = passBar(model);
  const list = gridList({
    label: "Features. Arrow keys move, Enter opens the dashboard.",
    columns: [], headHeight: HEAD,
    cells: (row) => heads.map(({ column }) => (column.texts ? visible(shorten(column.texts[row], 160)) : shownValue(column, column.values[row]))),
    isChosen: (row) => row === get("feature"),
    onChoose: choose,
    onOpen: open,
  });
  list.node.classList.add("sw-fb-list");
  const map = mapPanel({ model, table, theme, offline, words: named, onPick: pickOnMap, onOpen: open, onSelect: (rows) => set({ selected: rows }) });
  const body = h("div", { class: "sw-fb-body" }, list.node, map.node);
  const dashboardBox = h("div");
  const missing = h("div", { class: "sw-row", role: "status" });
  const keptModel = makeHost(kept ?? {});
  const dashboard = h("section", { class: "sw-fb-dashboard", "aria-label": "Dashboard", hidden: true },
    h("div", { class: "sw-row" }, h("span", { class: "sw-label sw-grow" }, "Dashboard"), h("button", { class: "sw-btn", type: "button", onclick: closeDashboard }, "Close")), missing, dashboardBox);
  el.append(
    h("div", { class: "sw-row sw-fb-top" }, find, counted, undo, redo, reset),
    h("div", { class: "sw-row sw-fb-top" }, contrast.open, like, mapOpen, columnPick.open, h("span", { class: "sw-grow" }), stop),
    contrast.node, pass.node, chips, body, dashboard);

  // -- columns -------------------------------------------------------------------------------------------------------

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let warming;
  /** @param {string[]} names */
  async function takeGroups(names) {
    const read = await Promise.all(names.map(async (name) => [name, await Promise.all((get(name).columns ?? []).map((/** @type {any} */ spec) => readColumn(spec, table.n)))]));
    if (isOver) return;
    for (const [name, columns] of read) table.setGroup(/** @type {string} */ (name), /** @type {any} */ (columns));
    if (names.includes("mapped")) map.setPoints();
    drawColumns();
    drawRows();
    clearTimeout(warming);
    warming = setTimeout(table.warm, 200); // once it is seen
  }
  const fail = (/** @type {unknown} */ error) => fill(chips, h("p", { role: "alert" }, `The columns cannot be read here: ${error instanceof Error ? error.message : error}`));

  function shownKeys() {
    const wanted = get("shown");
    const asked = [...table.columns.keys()].filter((key) => ["cosine", "contrast", "match", "match_cosine"].includes(key));
    const given = (get("given").columns ?? []).map((/** @type {any} */ spec) => spec.key);
    const facts = table.columns.has("density") ? (isNarrow ? NARROW : USUAL) : BARE;
    const keys = wanted.length ? wanted : ["label", ...asked, ...given, ...facts];
    return ["feature", ...new Set(keys.filter((/** @type {string} */ key) => table.columns.has(key) && key !== "feature"))];
  }

  function drawColumns() {
    for (const { head } of heads) head.stop();
    heads = shownKeys().map((key) => {
      const column = /** @type {import("../lib/feature_table.js").Column} */ (table.columns.get(key));
      return { column, head: columnHead(column, { ...source, onSort: () => sort(column), onMore: box.open }) };
    });
    list.setColumns(heads.map(({ column, head }) => ({ key: column.key, title: column.title, class: column.texts ? "sw-token" : "sw-gl-number", head: head.node })));
    const widths = heads.map(({ column }) => (column.texts ? "minmax(150px, 3fr)" : column.key === "feature" ? "64px" : "minmax(84px, 1fr)"));
    list.node.style.setProperty("--sw-gl-columns", widths.join(" "));
    list.node.style.setProperty("--sw-fb-least", `${heads.reduce((sum, { column }) => sum + (column.texts ? 159 : column.key === "feature" ? 73 : 93), 20)}px`);
  }

  // -- rows ----------------------------------------------------------------------------------------------------------

  let lastOrder = "";
  function drawRows() {
    const started = performance.now();
    const left = table.filter(state());
    const order = get("order");
    const rows = table.rows(order);
    list.set(rows, left || !table.n ? "" : "No feature passes all filters. Undo the last, or reset.", { toTop: order !== lastOrder && lastOrder !== "" });
    lastOrder = order;
    list.setOrder(order.replace(/^-/, ""), order.startsWith("-") ? "descending" : "ascending");
    for (const { column, head } of heads) {
      head.draw();
      head.setArrow(order === column.key ? "↑" : order === `-${column.key}` ? "↓" : "");
    }
    if (find.value !== get("text") && !later.isWaiting) find.value = get("text");
    counted.textContent = left === table.n ? plural(table.n, "feature") : `${count(left)} of ${plural(table.n, "feature")}`;
    drawChips();
    drawTools();
    map.draw();
    root.dataset.filterMs = (performance.now() - started).toFixed(1); // for whoever measures
    root.dataset.shown = String(left);
  }
  const soon = perFrame(drawRows);

  function drawChips() {
    const { ranges, selected } = state();
    const chip = (/** @type {string} */ words, /** @type {() => void} */ drop) => h("button", { class: "sw-btn sw-small sw-fb-chip", type: "button", "aria-label": `Take away the filter ${words}`, onclick: drop }, words, h("span", { "aria-hidden": "true" }, "×"));
    fill(chips,
      Object.entries(ranges).map(([key, range]) => {
        const column = table.columns.get(key);
        return chip(`${visible(column?.title ?? key)}: ${column ? rangeWords(column, /** @type {any} */ (range)) : "…"}`, () => source.setRange(key, null));
      }),
      selected.length > 0 && chip(`${plural(selected.length, "feature")} taken on the map`, () => set({ selected: [] })));
    chips.hidden = !chips.childElementCount;
  }

  function drawTools() {
    const chosen = get("feature");
    like.textContent = chosen === null ? "Like …" : `Like #${chosen}`;
    like.disabled = offline || chosen === null;
    undo.disabled = !past.canUndo;
    redo.disabled = !past.canRedo;
    reset.disabled = !get("text") && !Object.keys(get("ranges")).length && !get("selected").length;
    mapOpen.setAttribute("aria-pressed", String(Boolean(get("map_method"))));
    body.classList.toggle("sw-fb-mapped", Boolean(get("map_method")));
  }

  /** @param {number} row */
  function named(row) {
    const label = table.columns.get("label")?.texts?.[row];
    return `#${row}${label ? ` ${visible(shorten(label, 80))}` : ""}`;
  }

  // -- acting --------------------------------------------------------------------------------------------------------

  const tell = debounce(() => model.save_changes(), 120); // a brush or a key held down passes many values
  const note = debounce(() => {
    if (past.push(state())) drawTools();
  }, 400);
  /** Set traits at once for this page, a moment later for the kernel. @param {Record<string, any>} values */
  function local(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    tell();
  }
  const typed = debounce(() => set({ text: find.value }), 30);
  const later = Object.assign(() => {
    later.isWaiting = true;
    typed();
    setTimeout(() => (later.isWaiting = false), 100);
  }, { isWaiting: false });

  let own = get("feature"); // as chosen in this list, where it is in view
  /** @param {number} row */
  function choose(row) {
    own = row;
    local({ feature: row });
  }

  /** @param {number} row */
  function pickOnMap(row) {
    local({ feature: row });
  }

  /** @param {"undo" | "redo"} way */
  function step(way) {
    note.flush(); // a change made a moment ago is a state, too
    const state = past[way]();
    if (state) set(state);
    drawTools();
  }

  /** @param {import("../lib/feature_table.js").Column} column */
  function sort({ key, texts: isText }) {
    const first = isText || key === "feature" ? key : `-${key}`;
    const other = first === key ? `-${key}` : key;
    set({ order: get("order") === first ? other : first });
  }

  // -- the dashboard -------------------------------------------------------------------------------------------------

  /** @type {(() => void) | null} */
  let endDashboard = null;
  let mounted = "";

  /** @param {number} row */
  function open(row) {
    own = row;
    if (!offline || kept) set({ feature: row, opened: row });
  }

  function closeDashboard() {
    set({ opened: null });
    list.focus();
  }

  async function drawDashboard() {
    const feature = get("opened");
    dashboard.hidden = feature === null || !get("can_open") || (offline && !kept);
    if (dashboard.hidden) return;
    if (offline) drawKept(feature);
    const id = offline ? "kept" : get("dashboard_id");
    if (!id || id === mounted) return;
    mounted = id;
    try {
      const child = offline ? keptModel : await childModel(id);
      if (isOver) return;
      const end = show(dashboardView, { model: child, el: dashboardBox, offline, isInner: true });
      const follow = listen(child, ["feature"], () => get("opened") !== null && set({ feature: child.get("feature"), opened: child.get("feature") }));
      endDashboard = () => {
        follow();
        end();
      };
    } catch (error) {
      const words = error instanceof Error ? visible(error.message) : String(error);
      fill(dashboardBox, h("p", { class: "sw-muted" }, `${words} Show it in a cell of its own: browser.dashboard`));
    }
  }

  /** A saved page has the dashboards of some rows; of another it says which. @param {number} feature */
  function drawKept(feature) {
    const isThere = isKept(feature);
    dashboardBox.hidden = !isThere;
    if (isThere) keptModel.set("feature", feature);
    const others = kept.saved.features.slice(0, 100).map((/** @type {number} */ each) => h("button", { class: "sw-btn sw-small", type: "button", onclick: () => open(each) }, `#${each}`));
    fill(missing, !isThere && [h("span", { class: "sw-muted" }, `This page has no dashboard of #${feature}. It has those of ${plural(kept.saved.features.length, "feature")}:`), ...others]);
  }

  // -- listening -----------------------------------------------------------------------------------------------------

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let showing;
  function drawStop() {
    clearTimeout(showing);
    const { state, text } = get("status") ?? {};
    const isRunning = state === "running" && (text || pass.node.hidden); // texts being read have a button of their own
    if (!isRunning) stop.hidden = true;
    else showing = setTimeout(() => (stop.hidden = isOver), 400); // what is quickly done needs no button
  }

  find.addEventListener("input", () => later());
  find.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) set({ text: "" });
    else return;
    event.preventDefault();
  });
  const narrow = new ResizeObserver(() => {
    body.classList.toggle("sw-fb-stacked", el.clientWidth < 900);
    if (isNarrow !== el.clientWidth < 640) {
      isNarrow = !isNarrow;
      drawColumns();
    }
    soon();
  });
  narrow.observe(el);
  theme.onChange(soon);
  const stops = [
    ...GROUPS.map((name) => listen(model, [name], () => void takeGroups([name]).catch(fail))),
    listen(model, [...FILTERS], () => {
      soon();
      note();
    }),
    listen(model, ["order"], soon),
    listen(model, ["shown"], () => {
      drawColumns();
      soon();
    }),
    listen(model, ["feature"], () => {
      if (get("feature") === own) list.draw();
      else soon(); // chosen elsewhere: bring it into view
      drawTools();
      map.draw();
    }),
    listen(model, ["map_method", "color"], () => {
      drawTools();
      map.draw();
    }),
    listen(model, ["opened", "dashboard_id"], () => void drawDashboard()),
    listen(model, ["status"], drawStop),
    on(root, "keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || /^(TEXTAREA|INPUT)$/.test(event.target.tagName)) return;
      event.preventDefault();
      step(event.shiftKey ? "redo" : "undo");
    }),
  ];
  takeGroups(GROUPS).catch(fail);
  void drawDashboard();
  return () => {
    isOver = true;
    tell.flush();
    typed.cancel();
    note.cancel();
    soon.cancel();
    clearTimeout(showing);
    clearTimeout(warming);
    narrow.disconnect();
    endDashboard?.();
    box.stop();
    pass.stop();
    contrast.stop();
    columnPick.stop();
    map.stop();
    list.stop();
    for (const { head } of heads) head.stop();
    for (const stop of stops) stop();
  };
}

export const css = `${GRID_LIST_CSS}${COLUMN_HEAD_CSS}${COLUMN_PICKER_CSS}${CONTRAST_FORM_CSS}${MAP_PANEL_CSS}${PASS_BAR_CSS}
.sw-fb-top { margin-bottom: 8px; }
.sw-fb-find { flex-basis: 180px; }
.sw-fb-count { min-width: 150px; text-align: end; }
.sw-fb-chips { margin-bottom: 8px; }
.sw-fb-chip { border-radius: 14px; background: var(--sw-hover); min-height: 24px; }
.sw-fb-body { display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px; }
.sw-fb-mapped { grid-template-columns: minmax(0, 1fr) minmax(320px, 42%); }
.sw-fb-stacked { grid-template-columns: minmax(0, 1fr); }
.sw-fb-list { height: 424px; overflow: auto scroll; }
.sw-fb-list > .sw-gl-head, .sw-fb-list > .sw-gl-rows { min-width: var(--sw-fb-least); }
.sw-fb-list .sw-gl-row:not(.sw-gl-head, :hover, [aria-selected="true"]) { background: var(--sw-bg); }
.sw-fb-list .sw-gl-cell:first-child { position: sticky; left: 0; background: inherit; } /* a row's number stays in view */
.sw-fb-list .sw-gl-head { align-items: start; padding-top: 4px; }
.sw-fb-list .sw-gl-head .sw-gl-cell { overflow: visible; }
.sw-fb-list .sw-gl-head [aria-sort]::after { content: none; }
.sw-fb-list .sw-gl-number .sw-ch-sort { justify-content: flex-end; }
.sw-fb-list .sw-gl-cell.sw-token { white-space: nowrap; overflow-wrap: normal; }
.sw-fb-dashboard { margin-top: 12px; padding-top: 10px; border-top: 2px solid var(--sw-line); }
.sw-fb-dashboard > .sw-row { margin-bottom: 6px; }
`;
