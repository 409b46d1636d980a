// @ts-check
// Columns of all features in the page: orders, filters that hold at once, and a histogram of each column under the others'
// filters. Plain numbers, so that 100,000 features take milliseconds. `widgets/_browser.py` does the same for Python.
import { float32, int32 } from "./sparse.js";

/**
 * @typedef {{
 *   key: string, title: string, about: string, kind: "number" | "count" | "index" | "share" | "text", isLog: boolean,
 *   values: Float32Array | Float64Array, texts: string[] | null,
 * }} Column `values`: NaN is not known; of texts, their place in the alphabet
 */
/** @typedef {Record<string, [number | null, number | null]>} Ranges */
/**
 * @typedef {{ low: number, high: number, isLog: boolean, n: number, hasLowest: boolean, bins: Uint8Array, all: Uint32Array, nWithout: number }} Bins
 * `low` and `high` are logarithms where `isLog`; `hasLowest`: the first bin holds what has no logarithm
 */

export const N_BINS = 32;
const NO_BIN = 255;

/** @param {any} view */
const float64 = (view) => new Float64Array(/** @type {ArrayBuffer} */ (view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));

/**
 * A column as the kernel packed it.
 * @param {any} spec
 * @param {number} n
 * @returns {Promise<Column>}
 */
export async function readColumn(spec, n) {
  let values = spec.dtype === "f8" ? float64(spec.values) : float32(spec.values);
  if (spec.at) {
    const whole = spec.dtype === "f8" ? new Float64Array(n) : new Float32Array(n);
    int32(spec.at).forEach((row, i) => (whole[row] = values[i]));
    values = whole;
  }
  /** @type {string[] | null} */
  let texts = null;
  if (spec.texts) {
    const stream = new Blob([spec.texts]).stream().pipeThrough(new DecompressionStream("deflate"));
    const lines = (await new Response(stream).text()).split("\n");
    let next = 0;
    texts = Array.from(values, (value) => (Number.isNaN(value) ? "" : lines[next++]));
  }
  return { key: spec.key, title: spec.title, about: spec.about, kind: spec.kind, isLog: spec.is_log, values, texts };
}

/**
 * All rows by value, smallest or largest first; equal ones by number, NaN last.
 * @param {Float32Array | Float64Array} values
 * @param {boolean} isDown
 * @returns {Int32Array}
 */
export function orderOf(values, isDown) {
  const n = values.length;
  let order = new Int32Array(n);
  let spare = new Int32Array(n);
  let k = 0;
  for (let i = 0; i < n; i += 1) if (values[i] === values[i]) order[k++] = i;
  const known = k;
  for (let i = 0; i < n; i += 1) if (values[i] !== values[i]) order[k++] = i;
  spare.set(order);
  // Radix sort, 11 bits at a time: many times quicker than comparing with a function, and equal ones keep their order.
  for (const word of risingWords(values, isDown)) {
    for (let shift = 0; shift < 32; shift += 11) {
      scatter(word, shift, order, spare, known);
      [order, spare] = [spare, order];
    }
  }
  return order;
}

/** @param {Uint32Array} word @param {number} shift @param {Int32Array} from @param {Int32Array} to @param {number} n */
function scatter(word, shift, from, to, n) {
  const starts = new Uint32Array(2049);
  for (let i = 0; i < n; i += 1) starts[((word[from[i]] >>> shift) & 2047) + 1] += 1;
  for (let d = 0; d < 2048; d += 1) starts[d + 1] += starts[d];
  for (let i = 0; i < n; i += 1) {
    const row = from[i];
    const digit = (word[row] >>> shift) & 2047;
    to[starts[digit]] = row;
    starts[digit] += 1;
  }
}

/**
 * Each value's bits as words that rise (fall, if `isDown`) with it, least significant first.
 * @param {Float32Array | Float64Array} values
 * @param {boolean} isDown
 */
function risingWords(values, isDown) {
  const [n, nWords] = [values.length, values.BYTES_PER_ELEMENT / 4];
  const bits = new Uint32Array(values.buffer, values.byteOffset, n * nWords);
  const flip = isDown ? -1 : 0;
  return Array.from({ length: nWords }, (_, w) => {
    const word = new Uint32Array(n);
    const isTop = w === nWords - 1;
    const signBit = isTop ? 0x80000000 : 0;
    for (let i = 0, at = w, top = nWords - 1; i < n; i += 1, at += nWords, top += nWords) {
      const isBelow = bits[top] >>> 31 && values[i] !== 0; // -0 is 0
      word[i] = (isBelow ? ~bits[at] : values[i] === 0 ? signBit : bits[at] | signBit) ^ flip;
    }
    return word;
  });
}

/**
 * Equal bins of a column, of its logarithm where it wants that.
 * @param {Column} column
 * @returns {Bins}
 */
export function binsOf({ values, isLog }) {
  const n = values.length;
  let [low, high, hasLowest, nWithout] = [Infinity, -Infinity, false, 0];
  for (let i = 0; i < n; i += 1) {
    const value = values[i];
    if (value !== value) nWithout += 1;
    else if (isLog && value <= 0) hasLowest = true;
    else if (Math.abs(value) !== Infinity) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) [low, high] = isLog ? [1, 1] : [0, 0];
  if (isLog) [low, high] = [Math.log10(low), Math.log10(high)];
  const nBins = N_BINS;
  const first = hasLowest ? 1 : 0;
  const perUnit = high > low ? (nBins - first) / (high - low) : 0;
  const bins = new Uint8Array(n);
  const all = new Uint32Array(nBins);
  for (let i = 0; i < n; i += 1) {
    const value = values[i];
    let bin = NO_BIN;
    if (value === value) {
      if (isLog && value <= 0) bin = 0;
      else bin = Math.max(first, Math.min(nBins - 1, first + Math.floor(((isLog ? Math.log10(value) : value) - low) * perUnit || 0)));
      all[bin] += 1;
    }
    bins[i] = bin;
  }
  return { low, high, isLog, n: nBins, hasLowest, bins, all, nWithout };
}

/** The value where bin `i` begins; that of `n` ends the last. @param {Bins} bins @param {number} i */
export function edgeOf({ low, high, isLog, n, hasLowest }, i) {
  const first = hasLowest ? 1 : 0;
  const at = low + ((high - low) * (i - first)) / (n - first);
  return Number((isLog ? 10 ** at : at).toPrecision(4));
}

/**
 * The range of values that bins `from` to `to` hold; an end that takes in all is open.
 * @param {Bins} bins
 * @param {number} from
 * @param {number} to
 * @returns {[number | null, number | null]}
 */
export function rangeOf(bins, from, to) {
  const high = to >= bins.n - 1 ? null : bins.hasLowest && to === 0 ? 0 : edgeOf(bins, to + 1);
  return [from <= 0 ? null : edgeOf(bins, from), high];
}

/**
 * The first and the last bin of a range.
 * @param {Bins} bins
 * @param {[number | null, number | null]} range
 * @returns {[number, number]}
 */
export function binsIn(bins, [low, high]) {
  const first = bins.hasLowest ? 1 : 0;
  const at = (/** @type {number} */ value) => {
    if (bins.isLog && value <= 0) return 0;
    const place = bins.high > bins.low ? (((bins.isLog ? Math.log10(value) : value) - bins.low) / (bins.high - bins.low)) * (bins.n - first) : 0;
    return Math.max(0, Math.min(bins.n, first + place));
  };
  const from = low === null ? 0 : Math.min(bins.n - 1, Math.floor(at(low) + 0.01));
  const to = high === null ? bins.n - 1 : bins.isLog && high <= 0 ? 0 : Math.ceil(at(high) - 0.01) - 1;
  return [from, Math.max(from, Math.min(bins.n - 1, to))];
}

/**
 * The table: columns in groups, and what passes the filters.
 * @param {number} n
 */
export function makeTable(n) {
  /** @type {Map<string, Column[]>} */
  const groups = new Map();
  /** @type {Map<string, Column>} */
  let columns = new Map();
  /** @type {Map<string, Int32Array>} */
  const orders = new Map();
  /** @type {Map<string, Bins>} */
  const binned = new Map();
  /** @type {string[] | null} */
  let searched = null;
  // How many filters a row fails, and which it failed last: a column's histogram counts what fails none but its own.
  const nFailed = new Uint8Array(n);
  const failedBy = new Uint8Array(n);
  /** @type {string[]} */
  let filters = [];
  const own = /** @type {Column} */ ({ key: "feature", title: "#", about: "Number of the feature.", kind: "index", isLog: false, values: Float64Array.from({ length: n }, (_, i) => i), texts: null });

  /** @param {string} name @param {(row: number) => boolean} passes */
  function apply(name, passes) {
    const id = filters.push(name);
    for (let i = 0; i < n; i += 1) {
      if (!passes(i)) {
        nFailed[i] += 1;
        failedBy[i] = id;
      }
    }
  }

  /** All texts of each row in lower case. */
  function searchable() {
    if (searched) return searched;
    const parts = /** @type {string[]} */ (new Array(n).fill(""));
    for (const { texts } of columns.values()) texts?.forEach((each, i) => each && (parts[i] += `${each.toLowerCase()}\n`));
    return (searched = parts);
  }

  /** @param {string} text */
  function applyText(text) {
    const query = text.trim().toLowerCase();
    if (!query) return;
    const all = searchable();
    const words = query.split(/\s+/);
    const number = /^#?\d{1,9}$/.test(query) ? Number(query.replace("#", "")) : -1;
    apply("text", words.length === 1 ? (i) => i === number || all[i].includes(words[0]) : (i) => words.every((word) => all[i].includes(word)));
  }

  /** @param {Column} column @param {[number | null, number | null]} range */
  function applyRange({ key, values }, [low, high]) {
    const [from, to] = [low ?? -Infinity, high ?? Infinity];
    const id = filters.push(key);
    for (let i = 0; i < n; i += 1) {
      if (values[i] >= from && values[i] <= to) continue; // NaN is neither
      nFailed[i] += 1;
      failedBy[i] = id;
    }
  }

  return {
    n,
    /** @param {string} name @param {Column[]} group */
    setGroup(name, group) {
      for (const { key } of [...(groups.get(name) ?? []), ...group]) {
        orders.delete(key);
        orders.delete(`-${key}`);
        binned.delete(key);
      }
      groups.set(name, group);
      searched = null;
      columns = new Map([own, ...[...groups.values()].flat()].map((each) => [each.key, each]));
    },
    get columns() {
      return columns;
    },
    /** Make ready what the first search would have to make. */
    warm: () => void searchable(),
    /**
     * Work out what passes; how many.
     * @param {{ text: string, ranges: Ranges, selected: ArrayLike<number> }} query
     */
    filter({ text, ranges, selected }) {
      nFailed.fill(0);
      failedBy.fill(0);
      filters = [];
      applyText(text);
      if (selected.length) {
        const chosen = new Uint8Array(n);
        for (let i = 0; i < selected.length; i += 1) chosen[selected[i]] = 1;
        apply("selected", (i) => chosen[i] === 1);
      }
      for (const [key, range] of Object.entries(ranges).slice(0, 250)) {
        const column = columns.get(key);
        if (column) applyRange(column, range);
      }
      let left = 0;
      for (let i = 0; i < n; i += 1) if (nFailed[i] === 0) left += 1;
      return left;
    },
    /** For each row how many filters it fails. */
    nFailed,
    /** Whether a row passes all filters but one. @param {string} name @param {number} row */
    passesBut(name, row) {
      return nFailed[row] === 0 || (nFailed[row] === 1 && filters[failedBy[row] - 1] === name);
    },
    /** The rows that pass, in order. @param {string} order @returns {Int32Array} */
    rows(order) {
      const column = columns.get(order.replace(/^-/, ""));
      const kept = new Int32Array(n);
      let k = 0;
      if (!column) {
        for (let i = 0; i < n; i += 1) if (nFailed[i] === 0) kept[k++] = i;
        return kept.subarray(0, k);
      }
      let all = orders.get(order);
      if (!all) orders.set(order, (all = orderOf(column.values, order.startsWith("-"))));
      for (let i = 0; i < n; i += 1) if (nFailed[all[i]] === 0) kept[k++] = all[i];
      return kept.subarray(0, k);
    },
    /** @param {Column} column */
    bins(column) {
      let found = binned.get(column.key);
      if (!found) binned.set(column.key, (found = binsOf(column)));
      return found;
    },
    /** Rows by bin that pass all filters but the column's own. @param {Column} column */
    counts(column) {
      const { bins, n: nBins } = this.bins(column);
      const counts = new Uint32Array(nBins);
      const id = filters.indexOf(column.key) + 1;
      for (let i = 0; i < n; i += 1) {
        if (nFailed[i] === 0 || (id && nFailed[i] === 1 && failedBy[i] === id)) {
          if (bins[i] !== NO_BIN) counts[bins[i]] += 1;
        }
      }
      return counts;
    },
  };
}
/** @typedef {ReturnType<typeof makeTable>} Table */
