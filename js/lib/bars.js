// @ts-check
/** Geometry and order of signedFixed horizontal bars that share one scale. Pure numbers: no DOM. */

/**
 * Where zero stands and how far the bars reach. One domain for all columns, so that lengths may be compared.
 * The few rows named `summary` (others, error, remainder) may be far longer than any feature: beyond `stretch` times
 * the longest feature they are clipped instead of making every feature invisible.
 *
 * @param {number[]} values of the features
 * @param {number[]} [summary]
 * @param {number} [stretch]
 * @returns {{low: number, high: number}} low <= 0 <= high, low < high
 */
export function barDomain(values, summary = [], stretch = 1.25) {
  const finite = values.filter(Number.isFinite);
  let low = Math.min(0, ...finite);
  let high = Math.max(0, ...finite);
  const reach = Math.max(-low, high) * stretch;
  for (const value of summary.filter(Number.isFinite)) {
    const clipped = reach > 0 ? Math.max(-reach, Math.min(reach, value)) : value;
    low = Math.min(low, clipped);
    high = Math.max(high, clipped);
  }
  return low === high ? { low: -1, high: 1 } : { low, high };
}

/**
 * One bar in per cent of the column's width.
 *
 * @param {number} value
 * @param {{low: number, high: number}} domain
 * @returns {{left: number, width: number, zero: number, clipped: boolean}}
 */
export function barSpan(value, { low, high }) {
  const share = (/** @type {number} */ x) => (100 * (x - low)) / (high - low);
  const zero = share(0);
  if (!Number.isFinite(value)) return { left: zero, width: 0, zero, clipped: false };
  // A rounding error past the end is not "longer than the scale".
  const slack = (high - low) * 1e-6;
  const end = share(Math.max(low, Math.min(high, value)));
  return { left: Math.min(zero, end), width: Math.abs(end - zero), zero, clipped: value < low - slack || value > high + slack };
}

/**
 * The indices of `values` from the strongest down, either sign; what is not a number comes last.
 *
 * @param {ArrayLike<number>} values
 * @returns {number[]}
 */
export function strongestFirst(values) {
  const strength = (/** @type {number} */ i) => (Number.isFinite(values[i]) ? Math.abs(values[i]) : -1);
  return Array.from({ length: values.length }, (_, i) => i).sort((a, b) => strength(b) - strength(a) || a - b);
}

/**
 * "+1.234", "−0.050" (a true minus sign), "0.000", "–" for what is not there.
 *
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function signedFixed(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

/**
 * How a token's probability moved: "3.2× likelier", "8× less likely", "unchanged".
 *
 * @param {number} delta change of the natural log-probability
 */
export function likelier(delta) {
  if (!Number.isFinite(delta)) return "";
  const ratio = Math.exp(Math.abs(delta));
  if (ratio < 1.05) return "unchanged";
  const text = ratio >= 1000 ? "over 1000" : ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1);
  return `${text}× ${delta > 0 ? "likelier" : "less likely"}`;
}
