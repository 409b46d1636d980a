// @ts-check
// Questions to the kernel over custom messages. Every question ends: with a value, an error, a cancel or a time-out.

/** @typedef {{ value: any, buffers: DataView[] }} Answer */
/**
 * @typedef {(op: string, args?: Record<string, any>, options?: {
 *   key?: string, signal?: AbortSignal, timeout?: number,
 *   onProgress?: (at: { done: number, total: number, text: string }) => void,
 * }) => Promise<Answer>} Ask
 */

/** An error that the kernel answered, with its Python type and traceback. */
export class KernelError extends Error {
  /** @param {{ type?: string, message?: string, traceback?: string }} error */
  constructor(error) {
    super(error.message || error.type || "The kernel reported an error.");
    this.name = error.type || "KernelError";
    this.traceback = error.traceback || "";
  }
}

/** @param {unknown} error */
export function isCancelled(error) {
  return error instanceof Error && (error.name === "Cancelled" || error.name === "AbortError");
}

const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");

/**
 * The asking side of one view.
 * @param {any} model
 * @param {{ timeout?: number }} [settings] ms until a question without any sign of life fails
 * @returns {{ ask: Ask, ping: (timeout?: number) => Promise<boolean>, stop: () => void }}
 */
export function makeAsk(model, settings = {}) {
  const view = randomId();
  /** @type {Map<string, { done: (answer: Answer) => void, fail: (error: Error) => void, alive: () => void, onProgress?: (at: any) => void }>} */
  const open = new Map();

  /** @param {any} content @param {DataView[]} [buffers] */
  const receive = (content, buffers) => {
    const question = open.get(content?.id);
    if (!question) return; // another view's, or already given up
    if (content.kind === "progress") {
      question.alive();
      question.onProgress?.(content);
    } else if (content.kind === "pong") question.done({ value: true, buffers: [] });
    else if (content.kind === "res") {
      if (content.ok) question.done({ value: content.value, buffers: buffers ?? [] });
      else question.fail(new KernelError(content.error ?? {}));
    }
  };
  model.on("msg:custom", receive);

  /**
   * @param {Record<string, any>} message
   * @param {{ signal?: AbortSignal, timeout?: number, onProgress?: (at: any) => void }} options
   * @returns {Promise<Answer>}
   */
  function send(message, options) {
    const id = randomId();
    return new Promise((resolve, reject) => {
      const limit = options.timeout ?? settings.timeout ?? 60_000;
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const end = () => {
        clearTimeout(timer);
        open.delete(id);
        options.signal?.removeEventListener("abort", abort);
      };
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          end();
          reject(new KernelError({ type: "TimeoutError", message: "The kernel does not answer: it is busy or gone." }));
        }, limit);
      };
      const abort = () => {
        end();
        model.send({ kind: "cancel", id });
        reject(new KernelError({ type: "Cancelled", message: "Cancelled." }));
      };
      if (options.signal?.aborted) {
        reject(new KernelError({ type: "Cancelled", message: "Cancelled." }));
        return;
      }
      open.set(id, {
        done: (answer) => (end(), resolve(answer)),
        fail: (error) => (end(), reject(error)),
        alive,
        onProgress: options.onProgress,
      });
      options.signal?.addEventListener("abort", abort, { once: true });
      alive();
      model.send({ ...message, id });
    });
  }

  return {
    ask: (op, args = {}, options = {}) =>
      send({ kind: "req", op, args, key: `${view}:${options.key ?? op}` }, options),
    ping: (timeout = 2000) => send({ kind: "ping" }, { timeout }).then(() => true, () => false),
    stop: () => {
      model.off("msg:custom", receive);
      for (const question of [...open.values()]) question.fail(new KernelError({ type: "Cancelled", message: "The view was closed." }));
    },
  };
}
