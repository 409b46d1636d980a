// @ts-check
// Features by tokens of one prompt, or of two side by side: numbers apart from the page.

/**
 * @typedef {{ feature: number, label: string, act: number, left: number | null, right: number | null, difference: number | null }} Row
 * @typedef {{ prompt: string, tokens: string[], special: number[], scores: Float32Array }} Side
 * @typedef {{ metric: string, target: string | null, position: number | null, pairs: [number | null, number | null][], rows: Row[], left: Side,
 *   right: Side | null }} PromptMatrix
 */

/** @param {any} data */
function floats(data) {
  if (!data) return new Float32Array(0);
  const bytes = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return new Float32Array(bytes);
}

/** @param {any} side @returns {Side} */
const readSide = (side) => ({ prompt: side.prompt, tokens: side.tokens, special: side.special, scores: floats(side.scores) });

/** @param {any} payload @returns {PromptMatrix | null} */
export function readMatrix(payload) {
  if (!payload?.features) return null;
  return {
    metric: payload.metric, target: payload.target, position: payload.position, pairs: payload.pairs, rows: payload.features,
    left: readSide(payload.left), right: payload.right?.tokens ? readSide(payload.right) : null,
  };
}

/**
 * The score of a row at a column on one side; NaN where that side has no such token, or the metric no value.
 * @param {PromptMatrix} matrix @param {number} row @param {number} column @param {"left" | "right"} side
 */
export function scoreAt(matrix, row, column, side) {
  const place = matrix.pairs[column]?.[side === "left" ? 0 : 1];
  const from = matrix[side];
  return place === null || place === undefined || !from ? Number.NaN : from.scores[row * from.tokens.length + place];
}

/**
 * What a cell shows: one number, or with two prompts left and right, or their difference.
 * @param {PromptMatrix} matrix @param {number} row @param {number} column @param {string} show
 */
export function cellValues(matrix, row, column, show) {
  const left = scoreAt(matrix, row, column, "left");
  if (!matrix.right) return [left];
  const right = scoreAt(matrix, row, column, "right");
  return show === "difference" ? [right - left] : [left, right];
}

/**
 * The largest size of what the cells show: full colour.
 * @param {PromptMatrix} matrix @param {string} show
 */
export function fullAt(matrix, show) {
  let top = 0;
  for (let row = 0; row < matrix.rows.length; row += 1) {
    for (let column = 0; column < matrix.pairs.length; column += 1) {
      for (const value of cellValues(matrix, row, column, show)) if (Math.abs(value) > top) top = Math.abs(value);
    }
  }
  return top || 1;
}

/**
 * The tokens of a column: one text, or two where the prompts differ; null for a token that is not there.
 * @param {PromptMatrix} matrix @param {number} column @returns {(string | null)[]}
 */
export function columnTokens(matrix, column) {
  const [i, j] = matrix.pairs[column];
  const left = i === null ? null : matrix.left.tokens[i];
  if (!matrix.right) return [left];
  const right = j === null ? null : matrix.right.tokens[j];
  return left === right ? [left] : [left, right];
}

/** Whether a column may be looked at: special tokens are left out. @param {PromptMatrix} matrix @param {number} column */
export function isSpecial(matrix, column) {
  const [i, j] = matrix.pairs[column];
  return (i !== null && matrix.left.special[i] === 1) || (matrix.right !== null && j !== null && matrix.right.special[j] === 1);
}

/**
 * A row's numbers along one prompt, for its tokens in running text.
 * @param {PromptMatrix} matrix @param {number} row @param {"left" | "right"} side
 */
export function along(matrix, row, side) {
  const from = matrix[side];
  if (!from) return [];
  const n = from.tokens.length;
  return Array.from(from.scores.subarray(row * n, (row + 1) * n), (value) => (Number.isFinite(value) ? value : 0));
}
