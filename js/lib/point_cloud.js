// @ts-check
// Many points in the plane, as numbers alone: where they are on the screen, which is nearest, which a lasso holds, and their
// pixels. A hundred thousand are painted in a few milliseconds.

/** @typedef {{ x: Float32Array, y: Float32Array, n: number, grid: number, starts: Int32Array, members: Int32Array }} Cloud in -1..1 */
/** @typedef {{ x: number, y: number, scale: number, width: number, height: number }} View middle, and pixels for 1 */

const GRID = 96;

/**
 * The points moved and scaled, alike in both directions, to fill -1..1; with an index by place.
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} ys
 * @returns {Cloud}
 */
export function makeCloud(xs, ys) {
  const n = xs.length;
  const [x0, x1] = ends(xs);
  const [y0, y1] = ends(ys);
  const half = Math.max(x1 - x0, y1 - y0) / 2 || 1;
  const x = Float32Array.from({ length: n }, (_, i) => (xs[i] - (x0 + x1) / 2) / half);
  const y = Float32Array.from({ length: n }, (_, i) => (ys[i] - (y0 + y1) / 2) / half);
  const starts = new Int32Array(GRID * GRID + 1);
  const cell = new Int32Array(n);
  for (let i = 0; i < n; i += 1) {
    cell[i] = cellOf(y[i]) * GRID + cellOf(x[i]);
    starts[cell[i] + 1] += 1;
  }
  for (let c = 0; c < GRID * GRID; c += 1) starts[c + 1] += starts[c];
  const next = starts.slice();
  const members = new Int32Array(n);
  for (let i = 0; i < n; i += 1) members[next[cell[i]]++] = i;
  return { x, y, n, grid: GRID, starts, members };
}

/** @param {ArrayLike<number>} values */
function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return low > high ? [0, 0] : [low, high];
}

/** @param {number} value -1..1 */
const cellOf = (value) => Math.max(0, Math.min(GRID - 1, Math.floor(((value + 1) / 2) * GRID)));

/** The view that shows everything. @param {number} width @param {number} height @returns {View} */
export function fitted(width, height) {
  return { x: 0, y: 0, scale: Math.max(1, Math.min(width, height) / 2 - 10), width, height };
}

/** @param {View} view @param {number} x @param {number} y @returns {[number, number]} */
export function toScreen(view, x, y) {
  return [view.width / 2 + (x - view.x) * view.scale, view.height / 2 - (y - view.y) * view.scale];
}

/** @param {View} view @param {number} px @param {number} py @returns {[number, number]} */
export function toPlane(view, px, py) {
  return [view.x + (px - view.width / 2) / view.scale, view.y - (py - view.height / 2) / view.scale];
}

/**
 * Larger by `factor` with the point under (px, py) held still.
 * @param {View} view @param {number} factor @param {number} [px] @param {number} [py]
 * @returns {View}
 */
export function zoomed(view, factor, px = view.width / 2, py = view.height / 2) {
  const least = fitted(view.width, view.height).scale;
  const scale = Math.max(least * 0.5, Math.min(least * 400, view.scale * factor));
  const [x, y] = toPlane(view, px, py);
  return { ...view, scale, x: x - (px - view.width / 2) / scale, y: y + (py - view.height / 2) / scale };
}

/**
 * The nearest point within `reach` pixels that `isThere`; -1 if there is none.
 * @param {Cloud} cloud @param {View} view @param {number} px @param {number} py @param {number} reach
 * @param {(i: number) => boolean} isThere
 */
export function nearest(cloud, view, px, py, reach, isThere) {
  const [x, y] = toPlane(view, px, py);
  const r = reach / view.scale;
  let best = -1;
  let least = r * r;
  for (let cy = cellOf(y - r); cy <= cellOf(y + r); cy += 1) {
    for (let cx = cellOf(x - r); cx <= cellOf(x + r); cx += 1) {
      const cell = cy * GRID + cx;
      for (let k = cloud.starts[cell]; k < cloud.starts[cell + 1]; k += 1) {
        const i = cloud.members[k];
        const d = (cloud.x[i] - x) ** 2 + (cloud.y[i] - y) ** 2;
        if (d <= least && isThere(i)) {
          best = i;
          least = d;
        }
      }
    }
  }
  return best;
}

/**
 * The points inside a polygon of the plane (even-odd rule) that `isThere`.
 * @param {Cloud} cloud @param {[number, number][]} polygon @param {(i: number) => boolean} isThere
 * @returns {number[]}
 */
export function inside(cloud, polygon, isThere) {
  const [left, right] = ends(polygon.map(([x]) => x));
  const [bottom, top] = ends(polygon.map(([, y]) => y));
  const found = [];
  for (let i = 0; i < cloud.n; i += 1) {
    const [x, y] = [cloud.x[i], cloud.y[i]];
    if (x < left || x > right || y < bottom || y > top || !isThere(i)) continue;
    let isIn = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a];
      const [bx, by] = polygon[b];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isIn = !isIn;
    }
    if (isIn) found.push(i);
  }
  return found;
}

/**
 * Paint the points as squares of `size` pixels into 32-bit pixels; those that fail a filter first, in the faint colour.
 * @param {Uint32Array} pixels @param {Cloud} cloud @param {View} view in pixels of the canvas
 * @param {{ size: number, shade: Uint8Array, palette: Uint32Array, faint: number, nFailed: Uint8Array }} look `shade`: index into the palette
 */
export function paint(pixels, cloud, view, { size, shade, palette, faint, nFailed }) {
  const { x, y, n } = cloud;
  const { width, height, scale } = view;
  for (const isOn of [false, true]) {
    const side = isOn ? size : Math.max(1, size - 1);
    const [x0, y0] = [width / 2 - view.x * scale - side / 2 + 0.5, height / 2 + view.y * scale - side / 2 + 0.5];
    for (let i = 0; i < n; i += 1) {
      if ((nFailed[i] === 0) !== isOn) continue;
      const left = Math.floor(x0 + x[i] * scale);
      const top = Math.floor(y0 - y[i] * scale);
      if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
      const color = isOn ? palette[shade[i]] : faint;
      for (let row = top * width + left, end = row + side * width; row < end; row += width) {
        for (let at = row; at < row + side; at += 1) pixels[at] = color;
      }
    }
  }
}
