// @ts-check
// Running text of fixed-height rows: which token stands where. Only numbers, so that 10,000 tokens take a millisecond.

/**
 * @typedef {{ rowStarts: Int32Array, x: Float32Array, width: Float32Array, row: Int32Array, nRows: number }} Flow
 * `rowStarts` has one entry more than there are rows.
 */

/**
 * Break tokens into rows.
 * @param {ArrayLike<number>} widths
 * @param {ArrayLike<number>} breaks 1 where a row ends after the token
 * @param {number} rowWidth
 * @param {number} [gap]
 * @returns {Flow}
 */
export function flow(widths, breaks, rowWidth, gap = 0) {
  const n = widths.length;
  const x = new Float32Array(n);
  const width = new Float32Array(n);
  const row = new Int32Array(n);
  const starts = [0];
  let at = 0;
  let isFresh = true;
  for (let i = 0; i < n; i += 1) {
    const own = Math.min(widths[i], rowWidth);
    if (!isFresh && at + own > rowWidth) {
      starts.push(i);
      at = 0;
    }
    x[i] = at;
    width[i] = own;
    row[i] = starts.length - 1;
    at += own + gap;
    isFresh = false;
    if (breaks[i] && i + 1 < n) {
      starts.push(i + 1);
      at = 0;
      isFresh = true;
    }
  }
  const nRows = n ? starts.length : 0;
  starts.push(n);
  return { rowStarts: Int32Array.from(n ? starts : [0]), x, width, row, nRows };
}

/**
 * The token of `row` at `x`, or the nearest one.
 * @param {Flow} layout
 * @param {number} row
 * @param {number} x
 * @param {boolean} [isExact] null instead of the nearest
 * @returns {number | null}
 */
export function tokenAt(layout, row, x, isExact = false) {
  if (row < 0 || row >= layout.nRows) return null;
  let low = layout.rowStarts[row];
  let high = layout.rowStarts[row + 1] - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (layout.x[middle] <= x) low = middle;
    else high = middle - 1;
  }
  if (isExact && (x < layout.x[low] || x > layout.x[low] + layout.width[low] + 1)) return null;
  return low;
}

/**
 * Where an arrow key leads.
 * @param {Flow} layout
 * @param {number} i
 * @param {string} key
 * @param {number} [pageRows]
 * @returns {number | null} null when the key moves nothing
 */
export function moved(layout, i, key, pageRows = 8) {
  const last = layout.x.length - 1;
  if (last < 0) return null;
  const middle = layout.x[i] + layout.width[i] / 2;
  const vertical = { ArrowUp: -1, ArrowDown: 1, PageUp: -pageRows, PageDown: pageRows }[key];
  if (vertical !== undefined) {
    return tokenAt(layout, Math.min(layout.nRows - 1, Math.max(0, layout.row[i] + vertical)), middle);
  }
  if (key === "ArrowLeft") return Math.max(0, i - 1);
  if (key === "ArrowRight") return Math.min(last, i + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  return null;
}
