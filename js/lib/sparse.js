// @ts-check
// Activations by token (compressed rows) as they come from the kernel, and what can be said of them without it.

/** @typedef {{ feature: number, peak: number, position: number, mean: number, count: number }} FeatureLine */
/**
 * @typedef {{
 *   n: number, prompt: string, tokens: string[], tokenIds: Int32Array, special: Uint8Array, starts: Int32Array,
 *   ids: Int32Array, values: Float32Array, isComplete: boolean, nFeatures: number, summary: FeatureLine[],
 *   labels: Map<number, string>, maxima: Map<number, number>, columns: Map<number, Float32Array>,
 * }} Heat
 */

/** @param {DataView | ArrayBuffer | Uint8Array | undefined} view */
function buffer(view) {
  if (!view) return new ArrayBuffer(0);
  if (view instanceof ArrayBuffer) return view;
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength); // a copy is aligned, a message's part need not be
}

/** @param {any} view */
export const float32 = (view) => new Float32Array(/** @type {ArrayBuffer} */ (buffer(view)));
/** @param {any} view */
export const int32 = (view) => new Int32Array(/** @type {ArrayBuffer} */ (buffer(view)));
/** @param {any} view */
export const uint8 = (view) => new Uint8Array(/** @type {ArrayBuffer} */ (buffer(view)));

/**
 * Read the traits `payload` and `columns`; null while there is nothing.
 * @param {any} payload
 * @param {any} [columns]
 * @returns {Heat | null}
 */
export function readHeat(payload, columns) {
  if (!payload?.tokens) return null;
  const heat = {
    n: payload.tokens.length,
    prompt: payload.prompt,
    tokens: payload.tokens,
    tokenIds: int32(payload.token_ids),
    special: uint8(payload.special),
    starts: int32(payload.starts),
    ids: int32(payload.features),
    values: float32(payload.values),
    isComplete: payload.is_complete,
    nFeatures: payload.n_features,
    /** @type {FeatureLine[]} */
    summary: [],
    labels: numbered(payload.labels),
    maxima: numbered(payload.maxima),
    columns: new Map(),
  };
  const [feature, position, count] = ["feature", "position", "count"].map((name) => int32(payload.summary[name]));
  const [peak, mean] = ["peak", "mean"].map((name) => float32(payload.summary[name]));
  heat.summary = Array.from(feature, (f, i) => ({ feature: f, peak: peak[i], position: position[i], mean: mean[i], count: count[i] }));
  addColumns(heat, columns);
  return heat;
}

/**
 * Take in whole columns that the kernel sent for the selection.
 * @param {Heat} heat
 * @param {any} columns
 */
export function addColumns(heat, columns) {
  if (!columns?.features) return;
  const values = float32(columns.values);
  if (values.length !== columns.features.length * heat.n) return; // of another text; the right ones are on their way
  columns.features.forEach((/** @type {number} */ f, /** @type {number} */ i) => heat.columns.set(f, values.subarray(i * heat.n, (i + 1) * heat.n)));
  for (const [f, label] of numbered(columns.labels)) heat.labels.set(f, label);
  for (const [f, value] of numbered(columns.maxima)) heat.maxima.set(f, value);
}

/** @param {Record<string, any> | undefined} record @returns {Map<number, any>} */
function numbered(record) {
  return new Map(Object.entries(record ?? {}).map(([key, value]) => [Number(key), value]));
}

/**
 * The values of one feature, one per token.
 * @param {Heat} heat
 * @param {number} feature
 */
export function column(heat, feature) {
  const known = heat.columns.get(feature);
  if (known) return known;
  const values = new Float32Array(heat.n);
  for (let i = 0; i < heat.n; i += 1) {
    for (let e = heat.starts[i]; e < heat.starts[i + 1]; e += 1) if (heat.ids[e] === feature) values[i] = heat.values[e];
  }
  if (heat.isComplete) heat.columns.set(feature, values);
  return values;
}

/**
 * The strongest features of a token.
 * @param {Heat} heat
 * @param {number} i
 * @param {number} k
 * @returns {{ feature: number, value: number }[]}
 */
export function strongest(heat, i, k) {
  const end = Math.min(heat.starts[i + 1], heat.starts[i] + k);
  return Array.from({ length: Math.max(0, end - heat.starts[i]) }, (_, j) => ({ feature: heat.ids[heat.starts[i] + j], value: heat.values[heat.starts[i] + j] }));
}

/**
 * Each feature that fires, with its peak; special tokens left out when `skipSpecial`. By peak, largest first.
 * @param {Heat} heat
 * @param {boolean} skipSpecial
 * @returns {FeatureLine[]}
 */
export function summarize(heat, skipSpecial) {
  if (!heat.isComplete) return heat.summary; // counted in the kernel, which has every activation
  /** @type {Map<number, FeatureLine>} */
  const lines = new Map();
  let nCounted = 0;
  for (let i = 0; i < heat.n; i += 1) {
    if (skipSpecial && heat.special[i]) continue;
    nCounted += 1;
    for (let e = heat.starts[i]; e < heat.starts[i + 1]; e += 1) {
      const value = heat.values[e];
      if (!Number.isFinite(value)) continue;
      const line = lines.get(heat.ids[e]);
      if (!line) lines.set(heat.ids[e], { feature: heat.ids[e], peak: value, position: i, mean: value, count: 1 });
      else {
        if (Math.abs(value) > Math.abs(line.peak)) {
          line.peak = value;
          line.position = i;
        }
        line.mean += value;
        line.count += 1;
      }
    }
  }
  for (const line of lines.values()) line.mean /= Math.max(1, nCounted);
  return [...lines.values()].sort((a, b) => Math.abs(b.peak) - Math.abs(a.peak));
}

/**
 * In another order.
 * @param {FeatureLine[]} lines
 * @param {string} by "max", "mean" or "count"
 */
export function sorted(lines, by) {
  if (by === "count") return [...lines].sort((a, b) => b.count - a.count || Math.abs(b.peak) - Math.abs(a.peak));
  if (by === "mean") return [...lines].sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean));
  return lines;
}

/**
 * Positions of the local maxima of |value| that reach `share` of the largest.
 * @param {ArrayLike<number>} values
 * @param {number} [share]
 * @param {ArrayLike<number>} [skip] 1 where a position does not count
 * @returns {number[]}
 */
export function peaks(values, share = 0.25, skip = []) {
  const size = (/** @type {number} */ i) => (i < 0 || i >= values.length || skip[i] || Number.isNaN(values[i]) ? 0 : Math.abs(values[i]));
  let most = 0;
  for (let i = 0; i < values.length; i += 1) most = Math.max(most, size(i));
  const found = [];
  for (let i = 0; most > 0 && i < values.length; i += 1) {
    if (size(i) >= share * most && size(i) > size(i - 1) && size(i) >= size(i + 1)) found.push(i);
  }
  return found;
}

/**
 * The largest |value|.
 * @param {ArrayLike<number>} values
 * @param {ArrayLike<number>} [skip]
 */
export function largest(values, skip = []) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) if (!skip[i] && Math.abs(values[i]) > most) most = Math.abs(values[i]);
  return most;
}

/**
 * Search what fires here: a number, words of a label, or text of the tokens a feature fires on.
 * @param {Heat} heat
 * @param {FeatureLine[]} lines
 * @param {string} query
 */
export function search(heat, lines, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return lines;
  const number = /^#?\d+$/.test(words[0]) && words.length === 1 ? words[0].replace("#", "") : null;
  const rank = (/** @type {FeatureLine} */ line) => {
    if (number !== null) return String(line.feature) === number ? 0 : String(line.feature).startsWith(number) ? 1 : 9;
    const label = (heat.labels.get(line.feature) ?? "").toLowerCase();
    if (words.every((word) => label.includes(word))) return 2;
    return heat.tokens[line.position].toLowerCase().includes(words.join(" ")) ? 3 : 9;
  };
  return lines
    .map((line) => ({ line, rank: rank(line) }))
    .filter((entry) => entry.rank < 9)
    .sort((a, b) => a.rank - b.rank)
    .map((entry) => entry.line);
}
