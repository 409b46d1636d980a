// @ts-check
/**
 * Undo and redo over whole states, as plain values: every view that sees the same changes keeps the same history.
 *
 * @template T
 * @param {T} initial
 * @param {{limit?: number, same?: (a: T, b: T) => boolean}} [options]
 */
export function createHistory(initial, { limit = 200, same = sameJson } = {}) {
  /** @type {T[]} */
  let states = [initial];
  let at = 0;

  return {
    get current() {
      return states[at];
    },
    get canUndo() {
      return at > 0;
    },
    get canRedo() {
      return at < states.length - 1;
    },
    /** Note a state reached by the user; what had been undone before it can no longer be redone. @param {T} state */
    push(state) {
      if (same(states[at], state)) return false;
      states = [...states.slice(0, at + 1), state].slice(-limit);
      at = states.length - 1;
      return true;
    },
    /** The state before this one, or null at the beginning. @returns {T | null} */
    undo() {
      return at > 0 ? states[--at] : null;
    },
    /** The state that was undone last, or null when there is none. @returns {T | null} */
    redo() {
      return at < states.length - 1 ? states[++at] : null;
    },
  };
}

/** @param {unknown} a @param {unknown} b */
function sameJson(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
