// @ts-check
// The features of a saved page: unpacked when looked at, searched by number, name and token, walked in their order.

const MAX_FOUND = 20;

/** @typedef {{ features: number[], names: string[], peaks: number[], per_chunk: number, chunks: DataView[] }} Saved */

/** The number `step` places on from `feature` among `features`, round at the ends. @param {number[]} features @param {number} feature @param {number} step */
export function beside(features, feature, step) {
  const n = features.length;
  return features[(((features.indexOf(feature) + step) % n) + n) % n];
}

/**
 * @param {Saved} saved
 * @param {(packed: DataView) => Promise<any[]>} [unpack]
 */
export function savedFeatures(saved, unpack = inflate) {
  /** @type {Map<number, Promise<any[]>>} */
  const open = new Map();
  const places = new Map(saved.features.map((feature, place) => [feature, place]));
  return {
    /** @param {number} feature */
    has: (feature) => places.has(feature),
    /** The feature `step` places on, round at the ends. @param {number} feature @param {number} step */
    beside: (feature, step) => beside(saved.features, feature, step),
    random: () => saved.features[Math.floor(Math.random() * saved.features.length)],
    /** All that is known of a feature. @param {number} feature */
    async page(feature) {
      const place = places.get(feature) ?? 0;
      const at = Math.floor(place / saved.per_chunk);
      if (!open.has(at)) open.set(at, unpack(saved.chunks[at]));
      return (await /** @type {Promise<any[]>} */ (open.get(at)))[place % saved.per_chunk];
    },
    /** @param {string} query */
    search(query) {
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      const number = query.trim().replace(/^#/, "");
      const found = [];
      for (let i = 0; i < saved.features.length && found.length < 1000; i += 1) {
        const name = saved.names[i].toLowerCase();
        const isNumber = String(saved.features[i]) === number;
        if (isNumber || (words.length && words.every((word) => name.includes(word)))) found.push({ i, rank: isNumber ? 0 : name.startsWith(words[0]) ? 1 : 2 });
      }
      found.sort((a, b) => a.rank - b.rank || a.i - b.i);
      return found.slice(0, MAX_FOUND).map(({ i }) => ({ feature: saved.features[i], label: saved.names[i], peak: saved.peaks[i] }));
    },
  };
}

/** @param {DataView} packed @returns {Promise<any[]>} */
function inflate(packed) {
  const stream = new Blob([/** @type {any} */ (packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}
