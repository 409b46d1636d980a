// @ts-check
// What a heatmap's colours mean, apart from the page: from data and settings to the look of each token.
import { heat as heatColor, hue, N_HUES, tint } from "./color.js";
import { column, largest, strongest } from "./sparse.js";

/** @typedef {import("./sparse.js").Heat} Heat */
/** @typedef {import("./color.js").Theme} Theme */
/**
 * @typedef {{ mode: string, features: number[], scale: string, dimBos: boolean, theme: Theme, ground: import("./color.js").Rgb }} Settings
 * @typedef {{
 *   mode: string, shown: number[], top: number, low: number, hues: Map<number, number>,
 *   values: Float32Array, look: (i: number) => import("./token_canvas.js").Look,
 * }} HeatView `shown`: features with a legend; `top`: the value of full colour; `values`: what peaks are sought in
 */

/**
 * The features that are the strongest on most tokens get the hues.
 * @param {Heat} heat
 * @param {boolean} dimBos
 */
export function leading(heat, dimBos) {
  /** @type {Map<number, number>} */
  const wins = new Map();
  for (let i = 0; i < heat.n; i += 1) {
    if ((dimBos && heat.special[i]) || heat.starts[i] === heat.starts[i + 1]) continue;
    const feature = heat.ids[heat.starts[i]];
    wins.set(feature, (wins.get(feature) ?? 0) + 1);
  }
  return [...wins].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, N_HUES - 1).map(([feature]) => feature);
}

/**
 * @param {Heat} heat
 * @param {Settings} settings
 * @returns {HeatView}
 */
export function heatView(heat, settings) {
  if (settings.mode === "overlay" && settings.features.length) return overlaid(heat, settings);
  if (settings.mode === "feature" && (settings.features.length || heat.summary.length)) return single(heat, settings);
  return byStrongest(heat, settings);
}

/** @param {Heat} heat @param {Settings} settings @param {number} feature @param {number} onPrompt */
function fullAt(heat, settings, feature, onPrompt) {
  return (settings.scale === "feature" && heat.maxima.get(feature)) || onPrompt || 1;
}

/** @param {Heat} heat @param {Settings} settings */
const skipped = (heat, settings) => (settings.dimBos ? heat.special : []);

/** @param {Heat} heat @param {Settings} settings @returns {HeatView} */
function byStrongest(heat, settings) {
  const { theme, ground, dimBos } = settings;
  const shown = leading(heat, dimBos);
  const hues = new Map(shown.map((feature, k) => [feature, k]));
  const values = new Float32Array(heat.n);
  for (let i = 0; i < heat.n; i += 1) if (heat.starts[i] < heat.starts[i + 1]) values[i] = heat.values[heat.starts[i]];
  const onPrompt = largest(values, skipped(heat, settings));
  return {
    mode: "strongest", shown, hues, values, top: onPrompt, low: 0,
    look(i) {
      const best = strongest(heat, i, 1)[0];
      if (!best) return { ground: null, isDim: dimBos && heat.special[i] === 1 };
      if (dimBos && heat.special[i]) return { ground: null, isDim: true, note: String(best.feature) };
      const k = hues.get(best.feature) ?? N_HUES - 1;
      const share = Math.abs(best.value) / fullAt(heat, settings, best.feature, onPrompt);
      const isHatched = Number.isNaN(best.value);
      return {
        ground: isHatched ? null : tint(k, share * 0.85, theme, ground), isHatched,
        note: String(best.feature), marks: hues.has(best.feature) ? [hue(k, theme)] : [],
      };
    },
  };
}

/** @param {Heat} heat @param {Settings} settings @returns {HeatView} */
function single(heat, settings) {
  const { theme, ground, dimBos } = settings;
  const feature = settings.features[0] ?? heat.summary[0].feature;
  const values = column(heat, feature);
  const top = fullAt(heat, settings, feature, largest(values, skipped(heat, settings)));
  return {
    mode: "feature", shown: [feature], hues: new Map(), values, top, low: values.some((v) => v < 0) ? -top : 0,
    look: (i) => ({
      ground: Number.isNaN(values[i]) || values[i] === 0 ? null : heatColor(values[i] / top, theme, ground),
      isHatched: Number.isNaN(values[i]),
      ...(dimBos && heat.special[i] && { ground: null, isDim: true }),
    }),
  };
}

/** @param {Heat} heat @param {Settings} settings @returns {HeatView} */
function overlaid(heat, settings) {
  const { theme, ground, dimBos } = settings;
  const shown = settings.features;
  const columns = shown.map((feature) => column(heat, feature));
  const tops = columns.map((values, k) => fullAt(heat, settings, shown[k], largest(values, skipped(heat, settings))));
  const values = new Float32Array(heat.n);
  for (let i = 0; i < heat.n; i += 1) {
    columns.forEach((own, k) => {
      values[i] = Math.max(values[i], Math.abs(own[i] || 0) / tops[k]);
    });
  }
  return {
    mode: "overlay", shown, hues: new Map(shown.map((feature, k) => [feature, k])), values, top: 1, low: 0,
    look(i) {
      if (dimBos && heat.special[i]) return { ground: null, isDim: true };
      let best = -1;
      /** @type {import("./color.js").Rgb[]} */
      const marks = [];
      for (let k = 0; k < columns.length; k += 1) {
        const share = Math.abs(columns[k][i] || 0) / tops[k];
        if (share > 0) marks.push(tint(k, 0.35 + 0.65 * share, theme, ground));
        if (share > 0 && (best < 0 || share > Math.abs(columns[best][i]) / tops[best])) best = k;
      }
      return {
        ground: best < 0 ? null : tint(best, (0.8 * Math.abs(columns[best][i])) / tops[best], theme, ground),
        isHatched: columns.some((own) => Number.isNaN(own[i])),
        marks,
      };
    },
  };
}
