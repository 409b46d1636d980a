// @ts-check
// Numbers for people: a few digits, a true minus sign, units, never "NaN".

const MINUS = "\u2212";

/**
 * A value with about `digits` significant digits.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : `${MINUS}\u221e`;
  if (value === 0) return "0";
  const size = Math.abs(Number(value.toPrecision(digits))); // as rounded: 0.9999 is 1.00 like 1
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(digits - 1).replace("e+", "e")
      : value.toFixed(Math.max(0, Math.min(8, digits - 1 - Math.floor(Math.log10(size)))));
  return text.replace(/-/g, MINUS);
}

/**
 * A value with its sign, for differences.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function signed(value, digits = 3) {
  const text = number(value, digits);
  return value && value > 0 ? `+${text}` : text;
}

/** A count with thousands separated. @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? "\u2013" : Math.round(value).toLocaleString("en-US").replace(/-/g, MINUS);
}

/** A share as per cent. @param {number | null | undefined} value */
export function percent(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? "\u2013" : `${number(value * 100, 3)} %`;
}

/** A time span: `1:05`, `2:03:04`, `0.8 s`. @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "\u2013";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : String(part))).join(":");
}

/** A size in memory. @param {number | null | undefined} size */
export function bytes(size) {
  if (size === null || size === undefined || !Number.isFinite(size)) return "\u2013";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let left = size;
  while (left >= 1000 && step < units.length - 1) {
    left /= 1000;
    step += 1;
  }
  return `${number(left, 3)} ${units[step]}`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
