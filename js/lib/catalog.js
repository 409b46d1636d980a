// @ts-check
// The catalogue in the page: columns of numbers and one text for each row, filtered as a whole on every keystroke.

const COLUMNS = /** @type {const} */ ({ release: Uint16Array, site: Uint8Array, layer: Int16Array, width: Uint32Array, l0: Float32Array, explained: Float32Array });
const TEXTS = /** @type {const} */ (["id", "path", "hook", "neuronpedia"]);

/** @typedef {{ name: string, repo: string, model: string, format: string }} Release */
/**
 * @typedef {{
 *   n: number, releases: Release[], sites: string[], release: Uint16Array, site: Uint8Array, layer: Int16Array,
 *   width: Uint32Array, l0: Float32Array, explained: Float32Array, lines: string[], names: string[],
 * }} Catalog `lines` holds each row's texts, `names` the same and its release's in lower case, to search in; layer -1,
 *   width 0, site 255 and NaN mean that nobody knows
 */
/** @typedef {{ release: string, id: string, path: string, hook: string, neuronpedia: string, repo: string, model: string, format: string, site: string, layer: number, width: number, l0: number, explained: number }} Entry */
/** @typedef {{ text: string, model: string, layer: number | null, site: string, width: number | null, l0_min: number | null, l0_max: number | null }} Query */
/** @typedef {{ rows: Int32Array, facets: { model: Map<string, number>, layer: Map<number, number>, site: Map<string, number>, width: Map<number, number> } }} Found */

/**
 * The catalogue from the bytes that the kernel packed: zlib over the size of a header, the header as JSON, the columns,
 * and the texts of all rows.
 * @param {DataView} packed
 * @returns {Promise<Catalog>}
 */
export async function readCatalog(packed) {
  const stream = new Blob([/** @type {any} */ (packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  const size = new DataView(bytes).getUint32(0, true);
  const decoder = new TextDecoder();
  const { n, releases, sites } = JSON.parse(decoder.decode(new Uint8Array(bytes, 4, size)));
  let at = 4 + size;
  /** @type {any} */
  const columns = {};
  for (const [name, Type] of Object.entries(COLUMNS)) {
    columns[name] = new Type(bytes.slice(at, at + n * Type.BYTES_PER_ELEMENT)); // a copy, so that it is aligned
    at += n * Type.BYTES_PER_ELEMENT;
  }
  const lines = n ? decoder.decode(new Uint8Array(bytes, at)).split("\n") : [];
  const ofRelease = releases.map((/** @type {Release} */ each) => `${each.name} ${each.repo} ${each.model} `.toLowerCase());
  const names = lines.map((line, i) => ofRelease[columns.release[i]] + line.toLowerCase());
  return { n, releases, sites, ...columns, lines, names };
}

/**
 * All that is known of a row.
 * @param {Catalog} catalog
 * @param {number} i
 * @returns {Entry}
 */
export function entryAt(catalog, i) {
  const { name, repo, model, format } = catalog.releases[catalog.release[i]];
  const texts = catalog.lines[i].split("\t");
  const named = /** @type {any} */ (Object.fromEntries(TEXTS.map((text, k) => [text, texts[k]])));
  return {
    release: name, repo, model, format, ...named, site: catalog.sites[catalog.site[i]] ?? "", layer: catalog.layer[i],
    width: catalog.width[i], l0: catalog.l0[i], explained: catalog.explained[i],
  };
}

/**
 * The row of an SAE; -1 if there is none.
 * @param {Catalog} catalog
 * @param {string} release
 * @param {string} id
 */
export function rowOf(catalog, release, id) {
  const number = catalog.releases.findIndex((each) => each.name === release);
  return catalog.lines.findIndex((line, i) => catalog.release[i] === number && line.startsWith(`${id}\t`));
}

const [MODEL, LAYER, SITE, WIDTH, L0] = [1, 2, 4, 8, 16];

/**
 * The rows for which all that is asked holds, and for each filter how many rows each of its values would leave, the
 * other filters as they are. A fact that is not known holds for nothing that is asked.
 * @param {Catalog} catalog
 * @param {Query} query
 * @returns {Found}
 */
export function filterCatalog(catalog, query) {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const site = query.site ? catalog.sites.indexOf(query.site) : -1;
  const isModel = catalog.releases.map((each) => !query.model || each.model === query.model);
  const low = query.l0_min ?? -Infinity;
  const high = query.l0_max ?? Infinity;
  const asksL0 = query.l0_min !== null || query.l0_max !== null;
  const rows = new Int32Array(catalog.n);
  const facets = { model: new Map(), layer: new Map(), site: new Map(), width: new Map() };
  let n = 0;
  for (let i = 0; i < catalog.n; i += 1) {
    let fails = 0;
    if (words.length && !words.every((word) => catalog.names[i].includes(word))) continue; // no filter can bring it back
    if (!isModel[catalog.release[i]]) fails |= MODEL;
    if (query.layer !== null && catalog.layer[i] !== query.layer) fails |= LAYER;
    if (query.site && catalog.site[i] !== site) fails |= SITE;
    if (query.width !== null && catalog.width[i] !== query.width) fails |= WIDTH;
    if (asksL0 && !(catalog.l0[i] >= low && catalog.l0[i] <= high)) fails |= L0;
    if (fails === 0) rows[n++] = i;
    if (!(fails & ~MODEL)) add(facets.model, catalog.releases[catalog.release[i]].model);
    if (!(fails & ~LAYER) && catalog.layer[i] >= 0) add(facets.layer, catalog.layer[i]);
    if (!(fails & ~SITE) && catalog.sites[catalog.site[i]]) add(facets.site, catalog.sites[catalog.site[i]]);
    if (!(fails & ~WIDTH) && catalog.width[i]) add(facets.width, catalog.width[i]);
  }
  return { rows: rows.subarray(0, n), facets };
}

/** @template K @param {Map<K, number>} counts @param {K} key */
function add(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * The rows in another order; those whose number is not known come last, equal ones stay as they were.
 * @param {Catalog} catalog
 * @param {Int32Array} rows
 * @param {string} order "catalogue", or a column's name, with "-" in front for the largest first
 */
export function sortRows(catalog, rows, order) {
  if (order === "catalogue") return rows;
  const sign = order.startsWith("-") ? -1 : 1;
  const column = /** @type {"layer" | "width" | "l0"} */ (order.replace("-", ""));
  const values = Float64Array.from(catalog[column]);
  const isKnown = (/** @type {number} */ value) => (column === "layer" ? value >= 0 : value > 0);
  const key = (/** @type {number} */ i) => (isKnown(values[i]) ? sign * values[i] : Infinity);
  const keys = Float64Array.from(rows, key);
  const places = Int32Array.from(rows.keys());
  places.sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] < keys[b] ? -1 : 1));
  return Int32Array.from(places, (place) => rows[place]);
}

/**
 * Python that loads an SAE.
 * @param {{ release: string, id: string }} entry
 */
export function loadingCode({ release, id }) {
  return `import sae_widgets as sw\n\nsae = sw.SAE.from_pretrained(${pythonString(release)}, ${pythonString(id)})`;
}

/** @param {string} text */
function pythonString(text) {
  return JSON.stringify(text); // of printable ASCII, where both languages write the same
}

/**
 * The page of an SAE on a site, each part of its path quoted.
 * @param {string} site
 * @param {string} path
 */
export function pageOf(site, path) {
  return `${site}/${path.split("/").map(encodeURIComponent).join("/")}`;
}
