// @ts-check
// A small host for the anywidget front-end module: gives a saved page's widget its state, without kernel or network.

/**
 * A model with the anywidget interface over plain state.
 * @param {Record<string, any>} state
 * @param {(content: any, reply: (content: any, buffers?: DataView[]) => void) => void} [onSend]
 */
export function makeHost(state, onSend) {
  /** @type {Map<string, Set<Function>>} */
  const listeners = new Map();
  const values = { ...state };
  /** @param {string} event @param {any[]} args */
  const emit = (event, ...args) => {
    for (const fn of [...(listeners.get(event) ?? [])]) fn(...args);
  };
  return {
    /** @param {string} name */
    get: (name) => values[name],
    /** @param {string} name @param {any} value */
    set(name, value) {
      if (Object.is(values[name], value)) return;
      values[name] = value;
      emit(`change:${name}`);
      emit("change");
    },
    save_changes() {},
    /** @param {any} content */
    send(content) {
      onSend?.(content, (answer, buffers = []) => queueMicrotask(() => emit("msg:custom", answer, buffers)));
    },
    /** @param {string} event @param {Function} fn */
    on(event, fn) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(fn));
    },
    /** @param {string} event @param {Function} [fn] */
    off(event, fn) {
      if (fn) listeners.get(event)?.delete(fn);
      else listeners.delete(event);
    },
    /** How many listeners are left, for tests that look for leaks. */
    n_listeners: () => [...listeners.values()].reduce((n, set) => n + set.size, 0),
  };
}

/**
 * State from JSON: `{"$b64": ...}` becomes a DataView, as the notebook delivers binary traits.
 * @param {string} text
 */
export function parseState(text) {
  return JSON.parse(text, (_, value) => {
    if (!value || typeof value !== "object" || typeof value.$b64 !== "string") return value;
    const raw = atob(value.$b64);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return new DataView(bytes.buffer);
  });
}
