// @ts-check
// Drags and keystrokes come faster than a model can follow; these pass on the newest value and never lose the last.

/**
 * At most one call per `interval` ms, the first at once, the newest value always delivered in the end.
 * @template {any[]} A
 * @param {(...args: A) => void} fn
 * @param {number} interval
 * @returns {((...args: A) => void) & { cancel: () => void, flush: () => void }}
 */
export function throttle(fn, interval) {
  /** @type {A | null} */
  let waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const tick = () => {
    timer = undefined;
    if (waiting === null) return;
    const args = waiting;
    waiting = null;
    timer = setTimeout(tick, interval);
    fn(...args);
  };
  /** @param {A} args */
  const call = (...args) => {
    waiting = args;
    if (timer === undefined) tick();
  };
  call.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
    waiting = null;
  };
  call.flush = () => {
    clearTimeout(timer);
    tick();
  };
  return call;
}

/**
 * Call `fn` once `pause` ms have passed without a newer call.
 * @template {any[]} A
 * @param {(...args: A) => void} fn
 * @param {number} pause
 * @returns {((...args: A) => void) & { cancel: () => void, flush: () => void }}
 */
export function debounce(fn, pause) {
  /** @type {A | null} */
  let waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const tick = () => {
    clearTimeout(timer);
    const args = waiting;
    waiting = null;
    if (args !== null) fn(...args);
  };
  /** @param {A} args */
  const call = (...args) => {
    waiting = args;
    clearTimeout(timer);
    timer = setTimeout(tick, pause);
  };
  call.cancel = () => {
    clearTimeout(timer);
    waiting = null;
  };
  call.flush = tick;
  return call;
}

/**
 * Run `draw` at most once per frame; also when the page is hidden, where no frame would come.
 * @param {() => void} draw
 * @returns {(() => void) & { cancel: () => void }}
 */
export function perFrame(draw) {
  let frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const run = () => {
    cancel();
    draw();
  };
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = 0;
    timer = undefined;
  };
  const ask = () => {
    if (frame) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, 250);
  };
  ask.cancel = cancel;
  return ask;
}
