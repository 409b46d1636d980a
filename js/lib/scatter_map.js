// @ts-check
// A map of many points on a canvas: drag to lasso or to move, wheel or keys to zoom, a word on the point under the pointer.
// The keyboard takes what is in view; the list beside the map is its twin for screen readers.
import { css, heat, mix, parseHex } from "./color.js";
import { h, on } from "./dom.js";
import { fitted, inside, makeCloud, nearest, paint, toPlane, toScreen, zoomed } from "./point_cloud.js";
import { perFrame } from "./sync.js";

/** @typedef {import("./color.js").Theme} Theme */

export const N_SHADES = 32;
const LASSO_STEP = 3; // pixels between two corners

/** The colour of a point whose value is `t` of the largest: never as pale as the page. @param {number} t @param {Theme} theme */
export const pointColor = (t, theme) => heat(0.3 + 0.7 * t, theme);

/**
 * @param {{
 *   label: string, theme: () => Theme, words: (row: number) => string, onPick: (row: number) => void, onOpen: (row: number) => void,
 *   onSelect: (rows: number[]) => void, mayTake: (row: number) => boolean,
 * }} props `mayTake`: whether a lasso takes a row
 */
export function scatterMap({ label, theme, words, onPick, onOpen, onSelect, mayTake }) {
  const canvas = h("canvas", { class: "sw-sm-canvas" });
  const tip = h("div", { class: "sw-tip sw-token", hidden: true });
  const node = h("div", {
    class: "sw-sm", tabindex: "0", role: "application", "aria-roledescription": "map", "aria-label": label,
    "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown + - 0 Enter Escape",
  }, canvas, tip);
  let cloud = makeCloud([], []);
  let view = fitted(300, 300);
  /** @type {Uint8Array} */
  let shade = new Uint8Array();
  /** @type {Uint8Array} */
  let nFailed = new Uint8Array();
  let chosen = -1;
  let hovered = -1;
  let isLasso = true;
  /** @type {[number, number][]} */
  let lasso = [];
  /** @type {{ x: number, y: number, view: import("./point_cloud.js").View, isLasso: boolean, hasMoved: boolean } | null} */
  let drag = null;

  function draw() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const ink = canvas.getContext("2d");
    if (!ink || !width || !height) return;
    const image = ink.createImageData(width, height);
    const zoom = view.scale / fitted(view.width, view.height).scale;
    const base = cloud.n > 30_000 ? 2 : cloud.n > 4_000 ? 3 : 4;
    paint(new Uint32Array(image.data.buffer), cloud, { ...view, scale: view.scale * ratio, width, height }, {
      size: Math.round(Math.min(9, base * Math.max(1, Math.sqrt(zoom))) * ratio), shade, nFailed, ...colors(theme()),
    });
    ink.putImageData(image, 0, 0);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(node);
    ink.strokeStyle = style.getPropertyValue("--sw-accent");
    ink.lineWidth = 2;
    for (const [row, radius] of [[chosen, 8], [hovered, 6]]) {
      if (row < 0 || row >= cloud.n) continue;
      ink.beginPath();
      ink.arc(...toScreen(view, cloud.x[row], cloud.y[row]), radius, 0, 2 * Math.PI);
      ink.stroke();
    }
    if (lasso.length > 1) {
      ink.beginPath();
      lasso.forEach(([x, y], i) => (i ? ink.lineTo(x, y) : ink.moveTo(x, y)));
      ink.closePath();
      ink.fillStyle = style.getPropertyValue("--sw-accent");
      ink.globalAlpha = 0.12;
      ink.fill();
      ink.globalAlpha = 1;
      ink.stroke();
    }
  }
  const soon = perFrame(draw);

  /** @param {number} x @param {number} y @param {number} reach */
  const rowAt = (x, y, reach) => {
    const on = nearest(cloud, view, x, y, reach, (row) => nFailed[row] === 0);
    return on;
  };

  /** @param {number} row @param {number} x @param {number} y */
  function hover(row, x, y) {
    if (row !== hovered) {
      hovered = row;
      if (row >= 0) tip.textContent = words(row);
      soon();
    }
    tip.hidden = row < 0;
    if (row < 0) return;
    tip.style.left = `${Math.max(0, Math.min(x + 12, view.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 16 + tip.offsetHeight > view.height ? y - tip.offsetHeight - 8 : y + 16}px`;
  }

  /** @param {[number, number][]} corners on the screen */
  function take(corners) {
    onSelect(inside(cloud, corners.map(([x, y]) => toPlane(view, x, y)), mayTake));
  }

  const takeView = () => take([[0, 0], [view.width, 0], [view.width, view.height], [0, view.height]]);
  const fit = () => move(fitted(view.width, view.height));
  /** @param {import("./point_cloud.js").View} next */
  function move(next) {
    view = next;
    soon();
  }

  function measure() {
    const [width, height] = [node.clientWidth, node.clientHeight];
    if (!width || !height || (width === view.width && height === view.height)) return;
    const share = view.scale / fitted(view.width, view.height).scale;
    view = { ...view, width, height, scale: fitted(width, height).scale * share };
    soon();
  }

  const stops = [
    on(node, "pointerdown", (event) => {
      if (event.button !== 0) return;
      node.focus({ preventScroll: true });
      node.setPointerCapture(event.pointerId);
      drag = { x: event.offsetX, y: event.offsetY, view, isLasso: isLasso !== event.shiftKey, hasMoved: false };
      lasso = drag.isLasso ? [[event.offsetX, event.offsetY]] : [];
    }),
    on(node, "pointermove", (event) => {
      const [x, y] = [event.offsetX, event.offsetY];
      if (!drag) {
        hover(rowAt(x, y, 10), x, y);
        return;
      }
      if (Math.hypot(x - drag.x, y - drag.y) > 4) drag.hasMoved = true;
      if (!drag.isLasso) move({ ...drag.view, x: drag.view.x - (x - drag.x) / view.scale, y: drag.view.y + (y - drag.y) / view.scale });
      else if (Math.hypot(x - (lasso.at(-1)?.[0] ?? 0), y - (lasso.at(-1)?.[1] ?? 0)) > LASSO_STEP) {
        lasso.push([x, y]);
        soon();
      }
    }),
    on(node, "pointerup", (event) => {
      const [was, corners] = [drag, lasso];
      drag = null;
      lasso = [];
      soon();
      if (!was) return;
      if (was.hasMoved && was.isLasso && corners.length > 2) take(corners);
      else if (!was.hasMoved) {
        const row = rowAt(event.offsetX, event.offsetY, 10);
        if (row >= 0) onPick(row);
      }
    }),
    on(node, "pointercancel", () => {
      drag = null;
      lasso = [];
      soon();
    }),
    on(node, "pointerleave", () => hover(-1, 0, 0)),
    on(node, "dblclick", (event) => {
      const row = rowAt(event.offsetX, event.offsetY, 10);
      if (row >= 0) onOpen(row);
    }),
    // The page scrolls over the map unless it has been clicked, or Ctrl says that zooming is meant.
    on(node, "wheel", (event) => {
      if (!event.ctrlKey && /** @type {any} */ (node.getRootNode()).activeElement !== node) return;
      event.preventDefault();
      move(zoomed(view, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY));
    }, { passive: false }),
    on(node, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = 40 / view.scale;
      /** @type {Record<string, () => void>} */
      const acts = {
        ArrowLeft: () => move({ ...view, x: view.x - by }), ArrowRight: () => move({ ...view, x: view.x + by }),
        ArrowUp: () => move({ ...view, y: view.y + by }), ArrowDown: () => move({ ...view, y: view.y - by }),
        "+": () => move(zoomed(view, 1.4)), "=": () => move(zoomed(view, 1.4)), "-": () => move(zoomed(view, 1 / 1.4)), 0: fit, Enter: takeView,
      };
      if (event.key === "Escape" && drag) {
        drag = null;
        lasso = [];
        soon();
      } else if (acts[event.key]) acts[event.key]();
      else return;
      event.preventDefault();
    }),
  ];
  const resized = new ResizeObserver(measure);
  resized.observe(node);

  return {
    node,
    draw: soon,
    fit,
    takeView,
    zoom: (/** @type {number} */ factor) => move(zoomed(view, factor)),
    /** @param {ArrayLike<number>} x @param {ArrayLike<number>} y */
    setPoints(x, y) {
      cloud = makeCloud(x, y);
      hovered = -1;
      fit();
    },
    /** @param {{ shade: Uint8Array, nFailed: Uint8Array, chosen: number }} look */
    setLook(look) {
      ({ shade, nFailed, chosen } = look);
      soon();
    },
    /** @param {boolean} next */
    setLasso(next) {
      isLasso = next;
      node.classList.toggle("sw-sm-move", !next);
    },
    stop() {
      resized.disconnect();
      soon.cancel();
      for (const stop of stops) stop();
    },
  };
}

/** @param {Theme} theme */
function colors(theme) {
  const packed = ([r, g, b] = [0, 0, 0]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0; // as a canvas has its bytes
  const palette = Uint32Array.from({ length: N_SHADES }, (_, i) => packed(pointColor(i / (N_SHADES - 1), theme)));
  const ground = parseHex(theme === "dark" ? "#111316" : "#ffffff");
  return { palette, faint: packed(mix(ground, parseHex("#808890"), 0.35)) };
}

/** The legend's ground. @param {Theme} theme */
export function shadesGradient(theme) {
  return `linear-gradient(to right, ${Array.from({ length: 9 }, (_, i) => css(pointColor(i / 8, theme))).join(", ")})`;
}

export const SCATTER_MAP_CSS = `
.sw-sm { position: relative; min-width: 0; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); overflow: hidden; touch-action: none; cursor: crosshair; }
.sw-sm-move { cursor: grab; }
.sw-sm-canvas { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.sw-sm .sw-tip { max-width: 260px; }
`;
