// @ts-check
// Published SAEs to search and filter; the chosen one with what is known of it and the code that loads it.
import { entryAt, filterCatalog, loadingCode, pageOf, readCatalog, rowOf, sortRows } from "../lib/catalog.js";
import { copyText } from "../lib/chrome.js";
import { fill, h, listen, write } from "../lib/dom.js";
import { count, percent, plural } from "../lib/format.js";
import { GRID_LIST_CSS, gridList } from "../lib/grid_list.js";
import { debounce } from "../lib/sync.js";
import { visible } from "../lib/tokens.js";

const FILTERS = ["text", "model", "layer", "site", "width", "l0_min", "l0_max"];
const NOTHING = { text: "", model: "", layer: null, site: "", width: null, l0_min: null, l0_max: null };
const ORDERS = [["catalogue", "by release"], ["layer", "by layer"], ["width", "narrow first"], ["-width", "wide first"], ["l0", "sparse first"], ["-l0", "dense first"]];
const COLUMNS = [
  { key: "release", title: "release" }, { key: "id", title: "id" }, { key: "model", title: "model", class: "sw-cb-model" },
  { key: "layer", title: "layer", class: "sw-gl-number" }, { key: "site", title: "site" },
  { key: "width", title: "width", class: "sw-gl-number" }, { key: "l0", title: "L0", class: "sw-gl-number" },
];
const known = (/** @type {number} */ value) => (value > 0 ? count(value) : "\u2013");
const few = (/** @type {number} */ value) => (value > 0 ? String(Number(value.toPrecision(3))) : "\u2013");
const short = (/** @type {string} */ model) => model.split("/").at(-1) ?? model;

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el, root }) {
  /** @type {import("../lib/catalog.js").Catalog | null} */
  let catalog = null;
  let isOver = false;
  let chosen = -1;
  const get = (/** @type {string} */ name) => model.get(name);
  const set = (/** @type {Record<string, any>} */ values) => write(model, values);

  // -- parts ---------------------------------------------------------------------------------------------------------

  const find = h("input", { class: "sw-input sw-grow", type: "search", placeholder: "Search names, models, hooks: gemma layer_12 16k", "aria-label": "Search published SAEs", autocomplete: "off", spellcheck: "false" });
  const counted = h("span", { class: "sw-small sw-muted", role: "status", "aria-live": "polite" });
  const choice = (/** @type {string} */ trait, /** @type {string} */ label) => h("select", { class: "sw-select sw-cb-choice", "aria-label": label, "data-trait": trait, onchange: takeFilters });
  const choices = { model: choice("model", "Model"), layer: choice("layer", "Layer"), site: choice("site", "Site"), width: choice("width", "Width") };
  const limit = (/** @type {string} */ label, /** @type {string} */ words) => h("input", { class: "sw-input sw-cb-limit", type: "number", min: "0", step: "any", placeholder: words, "aria-label": label, oninput: () => later() });
  const [low, high] = [limit("Smallest L0", "from"), limit("Largest L0", "to")];
  const order = h("select", { class: "sw-select", "aria-label": "Order", onchange: () => set({ order: order.value }) }, ORDERS.map(([value, words]) => h("option", { value }, words)));
  const reset = h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => set(NOTHING) }, "Reset");
  const list = gridList({
    label: "Published SAEs. Arrow keys move and choose.",
    columns: COLUMNS,
    cells(i) {
      const entry = entryAt(/** @type {any} */ (catalog), i);
      return [visible(entry.release), visible(entry.id), visible(short(entry.model)), entry.layer < 0 ? "\u2013" : String(entry.layer), visible(entry.site) || "\u2013", known(entry.width), few(entry.l0)];
    },
    isChosen: (i) => i === chosen,
    onChoose: choose,
    onHeader: (key) => ORDERS.some(([value]) => value === key) && set({ order: get("order") === key && key !== "layer" ? `-${key}` : key }),
  });
  list.node.classList.add("sw-cb-list");
  const detail = h("section", { class: "sw-cb-detail sw-card", "aria-label": "The chosen SAE" });
  const body = h("div", { class: "sw-cb-body" }, list.node, detail);
  el.append(
    h("div", { class: "sw-row sw-cb-find" }, find, counted),
    h("div", { class: "sw-row sw-cb-filters" }, Object.values(choices), h("span", { class: "sw-cb-l0" }, h("span", { class: "sw-muted" }, "L0"), low, high), h("span", { class: "sw-grow" }), order, reset),
    body);

  // -- drawing -------------------------------------------------------------------------------------------------------

  async function takeRows() {
    const packed = get("rows");
    if (!packed?.byteLength) return;
    const read = await readCatalog(packed);
    if (isOver) return;
    catalog = read;
    takeSelected();
    draw();
  }

  function draw() {
    if (!catalog) return;
    const started = performance.now();
    const query = /** @type {import("../lib/catalog.js").Query} */ (Object.fromEntries(FILTERS.map((name) => [name, get(name)])));
    const { rows, facets } = filterCatalog(catalog, query);
    list.set(sortRows(catalog, rows, get("order")), "No published SAE is like this. Take a filter away.");
    if (find.value !== query.text) find.value = query.text;
    for (const [input, value] of [[low, query.l0_min], [high, query.l0_max]]) {
      if (Number(input.value || NaN) !== value && !(value === null && input.value === "")) input.value = value ?? "";
    }
    const byNumber = (/** @type {[number, number][]} */ entries) => entries.sort((a, b) => a[0] - b[0]);
    drawChoice("model", "all models", [...facets.model].sort((a, b) => short(a[0]).localeCompare(short(b[0]))), query.model, short);
    drawChoice("layer", "all layers", byNumber([...facets.layer]), query.layer, (value) => `layer ${value}`);
    drawChoice("site", "all sites", [...facets.site].sort(), query.site, String);
    drawChoice("width", "all widths", byNumber([...facets.width]), query.width, count);
    order.value = get("order");
    list.setOrder(get("order").replace("-", ""), get("order") === "catalogue" ? "none" : get("order").startsWith("-") ? "descending" : "ascending");
    counted.textContent = rows.length === catalog.n ? plural(catalog.n, "SAE") : `${count(rows.length)} of ${plural(catalog.n, "SAE")}`;
    reset.disabled = FILTERS.every((name) => get(name) === /** @type {any} */ (NOTHING)[name]);
    root.dataset.filterMs = (performance.now() - started).toFixed(1); // for whoever measures
  }

  /** @param {"model" | "layer" | "site" | "width"} name @param {string} all @param {[any, number][]} values @param {any} value @param {(value: any) => string} words */
  function drawChoice(name, all, values, value, words) {
    const isSet = value !== null && value !== "";
    const options = isSet && !values.some(([each]) => each === value) ? [...values, /** @type {[any, number]} */ ([value, 0])] : values;
    fill(choices[name], h("option", { value: "" }, all), options.map(([each, n]) => h("option", { value: String(each) }, `${visible(words(each))} (${count(n)})`)));
    choices[name].value = isSet ? String(value) : "";
    choices[name].classList.toggle("sw-cb-set", isSet);
  }

  function drawDetail() {
    if (!catalog || chosen < 0) {
      fill(detail, h("p", { class: "sw-muted sw-small" }, "Choose an SAE to see what is known of it, and the code that loads it."));
      return;
    }
    const entry = entryAt(catalog, chosen);
    const code = loadingCode(entry);
    const copy = h("button", { class: "sw-btn", type: "button", onclick: () => copyText(code, copy) }, "Copy");
    fill(detail,
      h("div", { class: "sw-cb-name" }, h("strong", { class: "sw-token" }, visible(entry.release)), h("span", { class: "sw-token" }, visible(entry.id))),
      h("dl", { class: "sw-cb-facts sw-small" }, facts(entry).map(([name, value]) => [h("dt", { class: "sw-muted" }, name), h("dd", { class: "sw-token" }, value)]).flat()),
      h("div", { class: "sw-cb-code" }, h("pre", { class: "sw-mono", tabindex: "0", "aria-label": "Code that loads it" }, code), copy),
      h("p", { class: "sw-small sw-cb-links" },
        link(pageOf(get("pages").hub, `${entry.repo}/tree/main`), "Files on the hub"),
        entry.neuronpedia && link(pageOf(get("pages").neuronpedia, entry.neuronpedia), "Neuronpedia")));
    detail.scrollTop = 0;
  }

  /** @param {import("../lib/catalog.js").Entry} entry @returns {[string, string][]} */
  function facts(entry) {
    /** @type {[string, string][]} */
    const all = [
      ["model", entry.model], ["hook", entry.hook], ["site", entry.hook ? "" : entry.site], ["features", entry.width ? count(entry.width) : ""],
      ["L0", entry.l0 > 0 ? few(entry.l0) : ""], ["variance", Number.isNaN(entry.explained) ? "" : `${percent(entry.explained)} explained`],
      ["format", entry.format], ["files", `${entry.repo}/${entry.path}`],
    ];
    return /** @type {[string, string][]} */ (all.filter(([, value]) => value).map(([name, value]) => [name, visible(value)]));
  }

  /** @param {string} href @param {string} words */
  const link = (href, words) => h("a", { class: "sw-link", href, target: "_blank", rel: "noopener noreferrer" }, words);

  // -- acting --------------------------------------------------------------------------------------------------------

  const later = debounce(takeFilters, 60);
  const tell = debounce(() => model.save_changes(), 120); // an arrow key held down passes many rows

  function takeFilters() {
    later.cancel();
    const asNumber = (/** @type {any} */ input) => (input.value === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value));
    set({
      text: find.value, model: choices.model.value, layer: asNumber(choices.layer), site: choices.site.value,
      width: asNumber(choices.width), l0_min: asNumber(low), l0_max: asNumber(high),
    });
  }

  /** @param {number} row */
  function choose(row) {
    if (row === chosen || !catalog) return;
    chosen = row;
    const { release, id } = entryAt(catalog, row);
    model.set("selected", [release, id]);
    tell();
    drawDetail();
  }

  function takeSelected() {
    if (!catalog) return;
    const selected = get("selected");
    chosen = selected ? rowOf(catalog, selected[0], selected[1]) : -1;
    drawDetail();
  }

  find.addEventListener("input", () => later());
  find.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) set({ text: "" });
    else return;
    event.preventDefault();
  });
  const narrow = new ResizeObserver(() => {
    body.classList.toggle("sw-cb-narrow", el.clientWidth < 860);
    list.node.classList.toggle("sw-cb-tight", el.clientWidth < 600);
  });
  narrow.observe(el);

  const fail = (/** @type {unknown} */ error) => fill(detail, h("p", { role: "alert" }, `The catalogue cannot be read here: ${error instanceof Error ? error.message : error}`));
  const stops = [
    listen(model, ["rows"], () => void takeRows().catch(fail)),
    listen(model, [...FILTERS, "order"], draw),
    listen(model, ["selected"], () => {
      const before = chosen;
      takeSelected();
      if (chosen !== before) draw();
    }),
  ];
  drawDetail();
  takeRows().catch(fail);
  return () => {
    isOver = true;
    later.cancel();
    tell.flush();
    narrow.disconnect();
    list.stop();
    for (const stop of stops) stop();
  };
}

export const css = `${GRID_LIST_CSS}
.sw-cb-find { margin-bottom: 8px; flex-wrap: nowrap; }
.sw-cb-find > .sw-muted { white-space: nowrap; min-width: 110px; text-align: end; }
.sw-cb-filters { margin-bottom: 8px; }
.sw-cb-choice { max-width: 210px; font-size: 12px; }
.sw-cb-set { border-color: var(--sw-accent); font-weight: 600; }
.sw-cb-l0 { display: inline-flex; align-items: center; gap: 4px; font-size: 12px; }
.sw-cb-limit { width: 66px; font-size: 12px; padding-inline: 6px; }
.sw-cb-filters > .sw-select { font-size: 12px; }
.sw-cb-body { display: flex; gap: 10px; align-items: stretch; height: 394px; }
.sw-cb-list { flex: 1 1 0; --sw-gl-columns: minmax(110px, 1.2fr) minmax(130px, 1.9fr) minmax(70px, .8fr) 36px minmax(62px, .6fr) 64px 36px; }
.sw-cb-detail { flex: 0 0 300px; padding: 10px 12px; display: flex; flex-direction: column; gap: 8px; overflow: auto; }
.sw-cb-narrow { flex-direction: column; height: auto; }
.sw-cb-narrow .sw-cb-list { flex: none; height: 290px; }
.sw-cb-narrow .sw-cb-detail { flex: none; }
.sw-cb-tight { --sw-gl-columns: minmax(90px, 1fr) minmax(90px, 1.2fr) 36px 64px 34px; }
.sw-cb-tight .sw-gl-cell:nth-child(3), .sw-cb-tight .sw-gl-cell:nth-child(5) { display: none; }
.sw-cb-name { display: flex; flex-direction: column; }
.sw-cb-facts { display: grid; grid-template-columns: auto 1fr; gap: 1px 12px; margin: 0; }
.sw-cb-facts dd { margin: 0; }
.sw-cb-code { position: relative; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-raised); padding: 8px 10px; display: flex; flex-direction: column; gap: 6px; align-items: flex-start; }
.sw-cb-code pre { margin: 0; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; width: 100%; }
.sw-cb-links { display: flex; gap: 14px; }
.sw-link { color: var(--sw-accent); }
`;
