// @ts-check
// Colour maps that stay readable for colour-blind eyes, in print, on light and on dark pages: lightness always changes
// with the value, sign has its own hue (orange up, blue down), zero is the page itself, NaN has no colour (draw a hatch).
// Interpolation is in OKLab, where equal steps look equal (Ottosson 2020).

/** @typedef {[number, number, number]} Rgb 0..255 */
/** @typedef {"light" | "dark"} Theme */

/** Ground that colours are mixed with when a page does not say. @type {Record<Theme, Rgb>} */
export const GROUND = { light: [255, 255, 255], dark: [17, 19, 22] };

// Chosen by search so that any two differ by at least 0.086 in OKLab for normal, protan, deutan and tritan eyes; begun
// with two hues of Okabe & Ito (2008). The grey at the end is for "others".
const OVERLAY = {
  light: ["#0072b2", "#e69f00", "#00b08a", "#9e8cf4", "#883c00", "#58e0f6", "#a57710", "#6b7280"],
  dark: ["#4aa3e0", "#e69f00", "#3fe0b0", "#cd4805", "#b8befe", "#e6e73c", "#526ee3", "#8d97a3"],
};

/** How many features can be overlaid before hues repeat. */
export const N_HUES = OVERLAY.light.length;

/** @param {number} c */
const toLinear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
/** @param {number} c */
const toGamma = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

/** @param {Rgb} rgb @returns {[number, number, number]} */
export function toOklab(rgb) {
  const [r, g, b] = rgb.map((c) => toLinear(c / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** @param {[number, number, number]} lab @returns {Rgb} */
function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return /** @type {Rgb} */ (linear.map((c) => Math.round(255 * Math.min(1, Math.max(0, toGamma(Math.max(0, c)))))));
}

/** @param {Rgb} from @param {Rgb} to @param {number} t 0..1 @returns {Rgb} */
export function mix(from, to, t) {
  const a = toOklab(from);
  const b = toOklab(to);
  return fromOklab([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]);
}

/** @param {string} hex @returns {Rgb} */
export function parseHex(hex) {
  return /** @type {Rgb} */ ([1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16)));
}

/** @param {Rgb} rgb */
export function css(rgb) {
  return `rgb(${rgb[0]} ${rgb[1]} ${rgb[2]})`;
}

/** Relative luminance of WCAG 2. @param {Rgb} rgb */
export function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => toLinear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of WCAG 2, 1..21. @param {Rgb} a @param {Rgb} b */
export function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** The text colour that reads better on `ground`; at least 4.5:1 on any. @param {Rgb} ground @returns {Rgb} */
export function inkOn(ground) {
  /** @type {Rgb} */
  const dark = [0, 0, 0];
  /** @type {Rgb} */
  const light = [255, 255, 255];
  return contrast(ground, dark) >= contrast(ground, light) ? dark : light;
}

/** @type {Record<Theme, { up: Rgb[], down: Rgb[] }>} */
const STOPS = {
  light: {
    up: [[255, 244, 224], [253, 206, 130], [245, 158, 55], [217, 104, 10], [160, 60, 0]],
    down: [[234, 243, 252], [181, 214, 242], [111, 170, 221], [49, 119, 184], [12, 70, 132]],
  },
  dark: {
    up: [[44, 32, 20], [102, 58, 12], [168, 92, 8], [226, 144, 34], [255, 214, 130]],
    down: [[18, 32, 46], [18, 62, 102], [28, 102, 166], [82, 158, 222], [178, 220, 255]],
  },
};

/**
 * The colour of `t` in 0..1 (1 = the largest), or of `t` in -1..0 in the other hue; 0 is the ground.
 * @param {number} t
 * @param {Theme} theme
 * @param {Rgb} [ground]
 * @returns {Rgb}
 */
export function heat(t, theme, ground = GROUND[theme]) {
  const size = Math.min(1, Math.abs(t));
  if (!(size > 0)) return ground;
  const stops = [ground, ...STOPS[theme][t < 0 ? "down" : "up"]];
  const at = size * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[below], stops[below + 1], at - below);
}

/**
 * The hue of the `index`-th overlaid feature, full strength.
 * @param {number} index
 * @param {Theme} theme
 * @returns {Rgb}
 */
export function hue(index, theme) {
  return parseHex(OVERLAY[theme][index % N_HUES]);
}

/**
 * A hue at `t` of its strength over the ground.
 * @param {number} index
 * @param {number} t 0..1
 * @param {Theme} theme
 * @param {Rgb} [ground]
 * @returns {Rgb}
 */
export function tint(index, t, theme, ground = GROUND[theme]) {
  const size = Math.min(1, Math.max(0, t));
  return size > 0 ? mix(ground, hue(index, theme), 0.12 + 0.88 * size) : ground;
}

/**
 * A CSS gradient over the map, for legends.
 * @param {(t: number) => Rgb} map
 * @param {number} [from]
 */
export function gradient(map, from = 0) {
  const steps = Array.from({ length: 9 }, (_, i) => css(map(from + ((1 - from) * i) / 8)));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}

/** A CSS hatch for NaN: no colour of the map. */
export const HATCH = "repeating-linear-gradient(135deg, transparent 0 3px, rgb(128 128 128 / .55) 3px 4px)";
