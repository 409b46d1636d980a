var __defProp = Object.defineProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

// lib/ask.js
var KernelError = class extends Error {
  /** @param {{ type?: string, message?: string, traceback?: string }} error */
  constructor(error) {
    super(error.message || error.type || "The kernel reported an error.");
    this.name = error.type || "KernelError";
    this.traceback = error.traceback || "";
  }
};
function isCancelled(error) {
  return error instanceof Error && (error.name === "Cancelled" || error.name === "AbortError");
}
var randomId = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("");
function makeAsk(model, settings = {}) {
  const view = randomId();
  const open = /* @__PURE__ */ new Map();
  const receive = (content, buffers) => {
    const question = open.get(content?.id);
    if (!question) return;
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
  function send(message, options) {
    const id = randomId();
    return new Promise((resolve, reject) => {
      const limit = options.timeout ?? settings.timeout ?? 6e4;
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
        onProgress: options.onProgress
      });
      options.signal?.addEventListener("abort", abort, { once: true });
      alive();
      model.send({ ...message, id });
    });
  }
  return {
    ask: (op, args = {}, options = {}) => send({ kind: "req", op, args, key: `${view}:${options.key ?? op}` }, options),
    ping: (timeout = 2e3) => send({ kind: "ping" }, { timeout }).then(() => true, () => false),
    stop: () => {
      model.off("msg:custom", receive);
      for (const question of [...open.values()]) question.fail(new KernelError({ type: "Cancelled", message: "The view was closed." }));
    }
  };
}

// lib/dom.js
var SVG_TAGS = /* @__PURE__ */ new Set(["svg", "g", "path", "rect", "line", "circle", "polyline", "polygon", "text", "defs", "clipPath", "pattern", "title", "use"]);
var SVG_NAMESPACE = "http://www.w3.org/2000/svg";
function h(tag, props = {}, ...children) {
  const forced = tag.startsWith("svg:");
  const name = forced ? tag.slice(4) : tag;
  const isSvg = forced || SVG_TAGS.has(name) && name !== "title";
  const node = isSvg ? document.createElementNS(SVG_NAMESPACE, name) : document.createElement(name);
  for (const [key, value] of Object.entries(props)) setProp(node, key, value);
  for (const child of children.flat()) {
    if (child !== null && child !== void 0 && child !== false) node.append(asNode(child));
  }
  return node;
}
function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
function setProp(node, key, value) {
  if (key.startsWith("on") && typeof value === "function") node.addEventListener(key.slice(2), value);
  else if (key === "style" && value && typeof value === "object") {
    for (const [name, entry] of Object.entries(value)) node.style.setProperty(name, String(entry));
  } else if (key === "hint") {
    node.setAttribute("title", value);
    node.setAttribute("aria-label", value);
  } else if (/^(value|checked|disabled|hidden)$/.test(key)) node[key] = value;
  else if (value === false || value === null || value === void 0) node.removeAttribute(key);
  else node.setAttribute(key, value === true ? "" : String(value));
}
function fill(node, ...children) {
  const nodes = children.flat().filter((c) => c !== null && c !== void 0 && c !== false);
  node.replaceChildren(...nodes.map((c) => asNode(
    /** @type {any} */
    c
  )));
}
function listen(model, names, fn) {
  const events = names.map((name) => name.includes(":") ? name : `change:${name}`);
  for (const event of events) model.on(event, fn);
  return () => {
    for (const event of events) model.off(event, fn);
  };
}
function on(target, type, fn, options) {
  target.addEventListener(type, fn, options);
  return () => target.removeEventListener(type, fn, options);
}
function write(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}
var lastId = 0;
function uniqueId(prefix) {
  lastId += 1;
  return `sw-${prefix}-${lastId}`;
}
function needsKernel(control, offline) {
  if (offline) {
    control.disabled = true;
    control.title = "Needs a running kernel; this is a saved page.";
    control.setAttribute("aria-description", control.title);
  }
  return control;
}

// lib/format.js
var MINUS = "\u2212";
function number(value, digits = 3) {
  if (value === null || value === void 0 || Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221E" : `${MINUS}\u221E`;
  if (value === 0) return "0";
  const size = Math.abs(Number(value.toPrecision(digits)));
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 1).replace("e+", "e") : value.toFixed(Math.max(0, Math.min(8, digits - 1 - Math.floor(Math.log10(size)))));
  return text.replace(/-/g, MINUS);
}
function signed(value, digits = 3) {
  const text = number(value, digits);
  return value && value > 0 ? `+${text}` : text;
}
function count(value) {
  return value === null || value === void 0 || !Number.isFinite(value) ? "\u2013" : Math.round(value).toLocaleString("en-US").replace(/-/g, MINUS);
}
function percent(value) {
  return value === null || value === void 0 || !Number.isFinite(value) ? "\u2013" : `${number(value * 100, 3)} %`;
}
function duration(seconds) {
  if (seconds === null || seconds === void 0 || !Number.isFinite(seconds)) return "\u2013";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => i ? String(part).padStart(2, "0") : String(part)).join(":");
}
function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// lib/tokens.js
var HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
function picture(found) {
  const code = (
    /** @type {number} */
    found.codePointAt(0)
  );
  if (code < 32) return String.fromCharCode(9216 + code);
  return code === 127 ? "\u2421" : `\u27E8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27E9`;
}
function visible(text) {
  return text.replace(HIDDEN, picture);
}
function tokenText(text, { spaces = false, newlines = false, limit = 200 } = {}) {
  let shown = visible(shorten(text, limit));
  if (spaces) shown = shown.replace(/ /g, "\xB7").replace(/\u00a0/g, "\u237D");
  shown = shown.replace(/\t/g, spaces ? "\u2192 " : "  ");
  return shown.replace(/\n/g, newlines ? "\u21B5" : " ");
}
function quotedToken(text, limit = 60) {
  return `\u201C${tokenText(text, { spaces: true, newlines: true, limit })}\u201D`;
}
function shorten(text, limit) {
  if (text.length <= limit) return text;
  const cut = /[\ud800-\udbff]/.test(text[limit - 1]) ? limit - 1 : limit;
  return `${text.slice(0, cut)}\u2026`;
}
function spokenToken(text) {
  if (text === "") return "empty";
  const named = visible(shorten(text, 80)).replace(/\n/g, " newline ").replace(/\t/g, " tab ").replace(/^ +(?=\S)/, "").replace(/^ +$/, (run) => run.length === 1 ? "space" : `${run.length} spaces`);
  return named.trim() || "space";
}

// lib/chrome.js
function makeFoot(model, { ask, offline, isInner }) {
  const status = h("div", { class: "sw-foot sw-grow", role: "status", "aria-live": "polite" });
  const shownCode = h("div");
  const error = h("div", { role: "alert" });
  const notice = h("div", { role: "status" });
  let started = 0;
  function drawStatus() {
    const { state = "idle", text = "", done = 0, total = 0 } = model.get("status") ?? {};
    const isRunning = state === "running";
    if (isRunning && !started) started = performance.now();
    if (!isRunning) started = 0;
    const seconds = started ? (performance.now() - started) / 1e3 : 0;
    const left = total && done && seconds > 1 ? `, ${duration(seconds * (total - done) / done)} left` : "";
    const words = visible(text || (isRunning ? "Working\u2026" : ""));
    const shown = state === "failed" ? "" : words;
    fill(
      status,
      isRunning && !total && h("i", { class: "sw-dot", "aria-hidden": "true" }),
      isRunning && total > 0 && h("span", { class: "sw-progress", "aria-hidden": "true" }, h("i", { style: { width: `${100 * Math.min(done, total) / total}%` } })),
      shown && h("span", {}, `${shown}${total ? ` ${done} of ${total}${left}` : ""}`)
    );
  }
  function drawError() {
    const found = model.get("error") ?? {};
    if (!found.message && !found.type) {
      fill(error);
      return;
    }
    const trace = visible(found.traceback ?? "");
    const words = visible(found.message || found.type);
    const copy2 = h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => copyText(`${trace || `${found.type}: ${words}`}`, copy2) }, "Copy");
    fill(
      error,
      h(
        "div",
        { class: "sw-error" },
        h(
          "div",
          { class: "sw-row" },
          h("span", { class: "sw-grow sw-token" }, trace && h("b", {}, `${found.type}: `), words),
          copy2
        ),
        trace && h("details", {}, h("summary", {}, "Traceback"), h("pre", { tabindex: "0" }, trace))
      )
    );
  }
  const hasCode = !isInner && (!offline || Boolean(model.get("as_code")));
  const copy = hasCode && h("button", { class: "sw-btn sw-plain sw-tool", type: "button", title: "Python that makes this view again", onclick: copyCode }, "Copy as code");
  async function copyCode() {
    try {
      const code = offline ? model.get("as_code") : (await ask("code")).value;
      const isCopied = await copyText(code, copy);
      fill(shownCode, !isCopied && h("pre", { class: "sw-mono sw-code", tabindex: "0", "aria-label": "Python that makes this view again" }, visible(code)));
    } catch (found) {
      if (!isCancelled(found)) fill(shownCode, h("div", { class: "sw-notice" }, visible(String(
        /** @type {Error} */
        found.message
      ))));
    }
  }
  const stops = [listen(model, ["status"], drawStatus), listen(model, ["error"], drawError)];
  drawStatus();
  drawError();
  return {
    node: h("div", {}, error, notice, shownCode, h("div", { class: "sw-foot-line" }, status, copy)),
    say(words, isGone = false) {
      fill(notice, words && h("div", { class: "sw-notice" }, words));
      if (isGone) fill(status);
    },
    stop: () => stops.forEach((stop) => stop())
  };
}
async function copyText(text, button) {
  const label = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = label;
  let isCopied = false;
  try {
    await navigator.clipboard.writeText(text);
    isCopied = true;
  } catch {
  }
  button.textContent = isCopied ? "Copied" : "Cannot copy here";
  setTimeout(() => button.textContent = label, 1500);
  return isCopied;
}
function watchKernel(model, ping, onState, isDisconnected) {
  let asking = false;
  let last = 0;
  let stopped = false;
  async function check() {
    if (asking || stopped || performance.now() - last < 2e3) return;
    asking = true;
    const slow = setTimeout(() => !stopped && onState(isDisconnected() ? "gone" : "busy"), 1500);
    const isAlive = await ping(isDisconnected() ? 3e3 : 6e5);
    clearTimeout(slow);
    asking = false;
    last = performance.now();
    if (!stopped) onState(isAlive ? "ok" : "gone");
  }
  const onLive = () => {
    last = 0;
    check();
  };
  model.on("comm_live_update", onLive);
  const watched = {
    /** @param {string} name */
    get: (name) => model.get(name),
    // a host's model may be a class, which a spread would empty
    /** @param {string} name @param {any} value */
    set: (name, value) => model.set(name, value),
    /** @param {string} name @param {any} fn */
    on: (name, fn) => model.on(name, fn),
    /** @param {string} name @param {any} fn */
    off: (name, fn) => model.off(name, fn),
    /** @param {any} content @param {any} [callbacks] @param {any} [buffers] */
    send: (content, callbacks, buffers) => model.send(content, callbacks, buffers),
    save_changes() {
      model.save_changes();
      check();
    }
  };
  return {
    model: watched,
    stop() {
      stopped = true;
      model.off("comm_live_update", onLive);
    }
  };
}

// lib/host.js
function makeHost(state, onSend) {
  const listeners = /* @__PURE__ */ new Map();
  const values = { ...state };
  const emit = (event, ...args) => {
    for (const fn of [...listeners.get(event) ?? []]) fn(...args);
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
    save_changes() {
    },
    /** @param {any} content */
    send(content) {
      onSend?.(content, (answer, buffers = []) => queueMicrotask(() => emit("msg:custom", answer, buffers)));
    },
    /** @param {string} event @param {Function} fn */
    on(event, fn) {
      listeners.set(event, (listeners.get(event) ?? /* @__PURE__ */ new Set()).add(fn));
    },
    /** @param {string} event @param {Function} [fn] */
    off(event, fn) {
      if (fn) listeners.get(event)?.delete(fn);
      else listeners.delete(event);
    },
    /** How many listeners are left, for tests that look for leaks. */
    n_listeners: () => [...listeners.values()].reduce((n, set) => n + set.size, 0)
  };
}
function parseState(text) {
  return JSON.parse(text, (_, value) => {
    if (!value || typeof value !== "object" || typeof value.$b64 !== "string") return value;
    const raw = atob(value.$b64);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return new DataView(bytes.buffer);
  });
}

// lib/theme.css.js
var THEME_CSS = `
:host { display: block; }
.sw-root {
  --sw-own-fg: #1c2128; --sw-own-bg: #ffffff; --sw-own-line: #d1d9e0;
  --sw-muted: #57606a; --sw-raised: #f4f6f8; --sw-hover: #e8ecf0; --sw-accent: #0b62c4; --sw-accent-ink: #ffffff;
  --sw-good: #1a7f4b; --sw-bad: #c4320a; --sw-bad-bg: #fff1ec; --sw-warn-bg: #fff6dd; --sw-shadow: 0 4px 16px rgb(20 30 45 / .16);
  --sw-fg: var(--jp-ui-font-color1, var(--vscode-foreground, var(--colab-primary-text-color, var(--sw-own-fg))));
  --sw-bg: var(--jp-layout-color0, var(--vscode-editor-background, var(--colab-primary-surface-color, var(--sw-own-bg))));
  --sw-line: var(--jp-border-color2, var(--vscode-panel-border, var(--colab-border-color, var(--sw-own-line))));
  --sw-font: var(--jp-ui-font-family, var(--vscode-font-family, system-ui, -apple-system, "Segoe UI", sans-serif));
  --sw-mono: var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, "DejaVu Sans Mono", monospace));
  --sw-radius: 6px;
  color-scheme: light;
  box-sizing: border-box; position: relative; color: var(--sw-fg); font: 13px/1.45 var(--sw-font); text-align: start;
  letter-spacing: normal; font-variant-numeric: tabular-nums; padding: 2px; -webkit-font-smoothing: antialiased;
}
.sw-root[data-theme="dark"] {
  --sw-own-fg: #e6e9ed; --sw-own-bg: #111316; --sw-own-line: #3a424c;
  --sw-muted: #a3adb8; --sw-raised: #1e2227; --sw-hover: #2b3138; --sw-accent: #6cb0ff; --sw-accent-ink: #0b1520;
  --sw-good: #4cc38a; --sw-bad: #ff9570; --sw-bad-bg: #3a1f16; --sw-warn-bg: #3a3115; --sw-shadow: 0 4px 20px rgb(0 0 0 / .55);
  color-scheme: dark;
}
.sw-root *, .sw-root *::before, .sw-root *::after { box-sizing: border-box; }
.sw-root [hidden] { display: none !important; }
.sw-root p { margin: 0; }
.sw-root :focus { outline: none; }
.sw-root :focus-visible { outline: 2px solid var(--sw-accent); outline-offset: 1px; border-radius: 4px; }
.sw-row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; }
.sw-grow { flex: 1 1 0; min-width: 0; }
.sw-muted { color: var(--sw-muted); }
.sw-small { font-size: 12px; }
.sw-mono { font-family: var(--sw-mono); }
.sw-num { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.sw-ellipsis { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.sw-token { white-space: pre-wrap; unicode-bidi: isolate; overflow-wrap: anywhere; }
.sw-card { border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-label { font-size: 11px; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--sw-muted); }
.sw-hidden-text { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sw-btn, .sw-input, .sw-select, .sw-textarea {
  font: inherit; color: inherit; background: var(--sw-bg); border: 1px solid var(--sw-line); border-radius: var(--sw-radius);
  padding: 3px 10px; min-height: 28px; margin: 0;
}
.sw-btn { cursor: pointer; display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; user-select: none; }
.sw-btn:hover:not(:disabled) { background: var(--sw-hover); }
.sw-btn:disabled, .sw-input:disabled, .sw-select:disabled, .sw-textarea:disabled { opacity: .5; cursor: not-allowed; }
.sw-btn[aria-pressed="true"], .sw-btn[aria-checked="true"], .sw-btn[aria-selected="true"] { background: var(--sw-hover); border-color: var(--sw-muted); font-weight: 600; }
.sw-btn.sw-primary { background: var(--sw-accent); border-color: transparent; color: var(--sw-accent-ink); font-weight: 600; }
.sw-btn.sw-primary:hover:not(:disabled) { filter: brightness(1.08); }
.sw-btn.sw-icon { padding: 3px 6px; min-width: 28px; justify-content: center; }
.sw-btn.sw-plain { background: none; border-color: transparent; color: var(--sw-muted); }
.sw-btn.sw-plain:hover:not(:disabled) { color: var(--sw-fg); background: var(--sw-hover); }
.sw-input, .sw-textarea { cursor: text; }
.sw-input::placeholder, .sw-textarea::placeholder { color: var(--sw-muted); opacity: 1; }
.sw-textarea { display: block; width: 100%; resize: vertical; line-height: 1.5; padding: 6px 10px; field-sizing: content; min-height: 54px; max-height: 170px; }
.sw-select { padding-right: 4px; cursor: pointer; }
.sw-seg { display: inline-flex; flex-wrap: wrap; max-width: 100%; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-raised); padding: 1px; }
.sw-seg .sw-btn { border-color: transparent; background: none; min-height: 24px; padding: 1px 10px; border-radius: 5px; color: var(--sw-muted); }
.sw-seg .sw-btn[aria-checked="true"], .sw-seg .sw-btn[aria-pressed="true"] { background: var(--sw-bg); color: var(--sw-fg); border-color: var(--sw-line); font-weight: 600; }
.sw-check { display: inline-flex; align-items: center; gap: 5px; cursor: pointer; user-select: none; }
.sw-check input { margin: 0; accent-color: var(--sw-accent); }
.sw-range { accent-color: var(--sw-accent); min-width: 80px; }
.sw-swatch { display: inline-block; flex: none; width: 12px; height: 12px; border-radius: 3px; border: 1px solid rgb(128 128 128 / .45); }
.sw-table { border-collapse: collapse; font: inherit; width: 100%; }
.sw-table th { text-align: start; font-size: 11px; font-weight: 600; color: var(--sw-muted); }
.sw-table th, .sw-table td { padding: 2px 8px 2px 0; border: 0; background: none; }
.sw-tip { position: absolute; z-index: 10; pointer-events: none; max-width: 340px; padding: 6px 10px; border: 1px solid var(--sw-line);
  border-radius: var(--sw-radius); background: var(--sw-bg); box-shadow: var(--sw-shadow); font-size: 12px; }
.sw-foot { display: flex; align-items: center; gap: 10px; min-height: 20px; margin-top: 6px; font-size: 12px; color: var(--sw-muted); }
.sw-foot-line { display: flex; align-items: center; gap: 10px; margin-top: 6px; }
.sw-foot-line .sw-foot { margin: 0; }
.sw-tool { flex: none; min-height: 22px; padding: 0 8px; font-size: 12px; }
.sw-code { margin: 8px 0 0; padding: 8px 10px; border-radius: var(--sw-radius); background: var(--sw-raised); font-size: 12px; overflow: auto; max-height: 260px; }
.sw-progress { flex: none; width: 120px; height: 4px; border-radius: 2px; background: var(--sw-hover); overflow: hidden; }
.sw-progress > i { display: block; height: 100%; background: var(--sw-accent); border-radius: 2px; }
.sw-dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--sw-accent); animation: sw-pulse 1.1s ease-in-out infinite; }
@keyframes sw-pulse { 50% { opacity: .25; } }
.sw-notice { margin-top: 8px; padding: 6px 10px; border-radius: var(--sw-radius); background: var(--sw-warn-bg); font-size: 12px; }
.sw-error { margin-top: 8px; padding: 8px 12px; border-radius: var(--sw-radius); background: var(--sw-bad-bg); border-inline-start: 3px solid var(--sw-bad); }
.sw-error pre { margin: 8px 0 0; max-height: 240px; overflow: auto; font: 12px/1.45 var(--sw-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-error summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; margin-top: 4px; }
@media (prefers-reduced-motion: reduce) {
  .sw-root *, .sw-root *::before, .sw-root *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
}
@media (forced-colors: active) { .sw-btn[aria-pressed="true"], .sw-btn[aria-checked="true"] { outline: 2px solid Highlight; } }
`;

// lib/theme.js
function brightness(color) {
  const parts = color.match(/[\d.]+/g)?.map(Number);
  if (!parts || parts.length < 3 || parts.length > 3 && parts[3] < 0.5) return null;
  if (color.startsWith("color(")) return 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2];
  return (0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2]) / 255;
}
function themeAt(element) {
  const said = document.body?.getAttribute("data-jp-theme-light");
  if (said === "true" || said === "false") return said === "true" ? "light" : "dark";
  if (document.body?.matches(".vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light)")) return "dark";
  if (document.body?.matches(".vscode-light, .vscode-high-contrast-light")) return "light";
  for (let at = (
    /** @type {Element | null} */
    element
  ); at; ) {
    const shade = brightness(getComputedStyle(at).backgroundColor);
    if (shade !== null) return shade > 0.5 ? "light" : "dark";
    const root = at.getRootNode();
    at = at.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
function watchTheme(root, onChange) {
  const look = () => {
    const theme = themeAt(root.getRootNode() instanceof ShadowRoot ? (
      /** @type {ShadowRoot} */
      root.getRootNode().host
    ) : root);
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    onChange(theme);
  };
  let later = [];
  const soon = () => {
    look();
    for (const timer of later) clearTimeout(timer);
    later = [150, 1e3].map((wait) => setTimeout(look, wait));
  };
  const observer = new MutationObserver(soon);
  for (const node of [document.documentElement, document.body]) {
    if (node) observer.observe(node, { attributes: true, attributeFilter: ["class", "style", "theme", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"] });
  }
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", soon);
  soon();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", soon);
    for (const timer of later) clearTimeout(timer);
  };
}

// main.js
function show(view, { model, el, signal, offline = false, isInner = false }) {
  const host = h("div");
  const shadow = host.attachShadow({ mode: "open" });
  const box = h("div", { class: "sw-view" });
  const root = h("div", { class: "sw-root", "data-view": model.get("_view"), "data-offline": offline ? "true" : false });
  const ending = new AbortController();
  const stops = [];
  el.append(host);
  shadow.append(h("style", {}, THEME_CSS + (view.css ?? "")), root);
  root.append(box);
  const asking = makeAsk(model);
  const foot = makeFoot(model, { ask: asking.ask, offline, isInner });
  root.append(foot.node);
  const watched = offline ? { model, stop() {
  } } : watchKernel(model, asking.ping, (state) => foot.say(NOTICES[state], state === "gone"), () => el.closest(".jupyter-widgets-disconnected") !== null);
  const themed = /* @__PURE__ */ new Set();
  stops.push(asking.stop, foot.stop, watched.stop, keepKeys(root, el), watchTheme(root, () => themed.forEach((fn) => fn())));
  try {
    const theme = { name: () => (
      /** @type {any} */
      root.dataset.theme ?? "light"
    ), onChange: (fn) => void themed.add(fn) };
    const childModel = async (id) => {
      if (!model.widget_manager?.get_model) throw new Error("This notebook cannot show one widget inside another.");
      return model.widget_manager.get_model(id);
    };
    const cleanup = view.render({ model: watched.model, el: box, root, ask: asking.ask, signal: ending.signal, offline, theme, childModel });
    if (cleanup) stops.push(cleanup);
  } catch (error) {
    if (!isCancelled(error)) showFailure(box, error);
  }
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    ending.abort();
    for (const stop of stops.reverse()) stop();
    host.remove();
  };
  signal?.addEventListener("abort", end, { once: true });
  return end;
}
var NOTICES = {
  ok: "",
  busy: "The kernel is busy with another cell; your change applies when it is done.",
  gone: "The kernel is gone. This is the last state; run the cell again to go on."
};
function showFailure(box, error) {
  const trace = error instanceof Error ? `${error.message}

${error.stack ?? ""}` : String(error);
  box.replaceChildren(h("div", { class: "sw-error", role: "alert" }, h("b", {}, "This view failed."), h("pre", { tabindex: "0" }, visible(trace))));
}
function keepKeys(root, el) {
  const onKey = (event) => {
    const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    if (isSave || /^F\d+$/.test(event.key)) return;
    event.stopPropagation();
    if (event.key === "Escape" && !event.defaultPrevented) {
      root.getRootNode().activeElement?.blur();
      el.closest(".jp-Notebook")?.focus();
    }
  };
  root.addEventListener("keydown", onKey);
  return () => root.removeEventListener("keydown", onKey);
}
function mount(view, page) {
  const el = page.getElementById("sae-widget");
  const text = page.getElementById("sae-widget-state")?.textContent;
  if (!el || !text) return;
  const answer = { type: "OfflineError", message: "This needs a running kernel; this is a saved page." };
  const model = makeHost(parseState(text), (content, reply) => {
    if (content?.kind === "req") reply({ kind: "res", id: content.id, ok: false, error: answer });
  });
  show(view, { model, el, offline: true });
}

// widgets/feature_browser.js
var feature_browser_exports = {};
__export(feature_browser_exports, {
  css: () => css3,
  render: () => render2
});

// lib/sparse.js
function buffer(view) {
  if (!view) return new ArrayBuffer(0);
  if (view instanceof ArrayBuffer) return view;
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}
var float32 = (view) => new Float32Array(
  /** @type {ArrayBuffer} */
  buffer(view)
);
var int32 = (view) => new Int32Array(
  /** @type {ArrayBuffer} */
  buffer(view)
);

// lib/feature_table.js
var N_BINS = 32;
var NO_BIN = 255;
var float64 = (view) => new Float64Array(
  /** @type {ArrayBuffer} */
  view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
);
async function readColumn(spec, n) {
  let values = spec.dtype === "f8" ? float64(spec.values) : float32(spec.values);
  if (spec.at) {
    const whole = spec.dtype === "f8" ? new Float64Array(n) : new Float32Array(n);
    int32(spec.at).forEach((row, i) => whole[row] = values[i]);
    values = whole;
  }
  let texts = null;
  if (spec.texts) {
    const stream = new Blob([spec.texts]).stream().pipeThrough(new DecompressionStream("deflate"));
    const lines = (await new Response(stream).text()).split("\n");
    let next = 0;
    texts = Array.from(values, (value) => Number.isNaN(value) ? "" : lines[next++]);
  }
  return { key: spec.key, title: spec.title, about: spec.about, kind: spec.kind, isLog: spec.is_log, values, texts };
}
function orderOf(values, isDown) {
  const n = values.length;
  let order = new Int32Array(n);
  let spare = new Int32Array(n);
  let k = 0;
  for (let i = 0; i < n; i += 1) if (values[i] === values[i]) order[k++] = i;
  const known = k;
  for (let i = 0; i < n; i += 1) if (values[i] !== values[i]) order[k++] = i;
  spare.set(order);
  for (const word of risingWords(values, isDown)) {
    for (let shift = 0; shift < 32; shift += 11) {
      scatter(word, shift, order, spare, known);
      [order, spare] = [spare, order];
    }
  }
  return order;
}
function scatter(word, shift, from, to, n) {
  const starts = new Uint32Array(2049);
  for (let i = 0; i < n; i += 1) starts[(word[from[i]] >>> shift & 2047) + 1] += 1;
  for (let d = 0; d < 2048; d += 1) starts[d + 1] += starts[d];
  for (let i = 0; i < n; i += 1) {
    const row = from[i];
    const digit = word[row] >>> shift & 2047;
    to[starts[digit]] = row;
    starts[digit] += 1;
  }
}
function risingWords(values, isDown) {
  const [n, nWords] = [values.length, values.BYTES_PER_ELEMENT / 4];
  const bits = new Uint32Array(values.buffer, values.byteOffset, n * nWords);
  const flip = isDown ? -1 : 0;
  return Array.from({ length: nWords }, (_, w) => {
    const word = new Uint32Array(n);
    const isTop = w === nWords - 1;
    const signBit = isTop ? 2147483648 : 0;
    for (let i = 0, at = w, top = nWords - 1; i < n; i += 1, at += nWords, top += nWords) {
      const isBelow = bits[top] >>> 31 && values[i] !== 0;
      word[i] = (isBelow ? ~bits[at] : values[i] === 0 ? signBit : bits[at] | signBit) ^ flip;
    }
    return word;
  });
}
function binsOf({ values, isLog }) {
  const n = values.length;
  let [low, high, hasLowest, nWithout] = [Infinity, -Infinity, false, 0];
  for (let i = 0; i < n; i += 1) {
    const value = values[i];
    if (value !== value) nWithout += 1;
    else if (isLog && value <= 0) hasLowest = true;
    else if (Math.abs(value) !== Infinity) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) [low, high] = isLog ? [1, 1] : [0, 0];
  if (isLog) [low, high] = [Math.log10(low), Math.log10(high)];
  const nBins = N_BINS;
  const first = hasLowest ? 1 : 0;
  const perUnit = high > low ? (nBins - first) / (high - low) : 0;
  const bins = new Uint8Array(n);
  const all = new Uint32Array(nBins);
  for (let i = 0; i < n; i += 1) {
    const value = values[i];
    let bin = NO_BIN;
    if (value === value) {
      if (isLog && value <= 0) bin = 0;
      else bin = Math.max(first, Math.min(nBins - 1, first + Math.floor(((isLog ? Math.log10(value) : value) - low) * perUnit || 0)));
      all[bin] += 1;
    }
    bins[i] = bin;
  }
  return { low, high, isLog, n: nBins, hasLowest, bins, all, nWithout };
}
function edgeOf({ low, high, isLog, n, hasLowest }, i) {
  const first = hasLowest ? 1 : 0;
  const at = low + (high - low) * (i - first) / (n - first);
  return Number((isLog ? 10 ** at : at).toPrecision(4));
}
function rangeOf(bins, from, to) {
  const high = to >= bins.n - 1 ? null : bins.hasLowest && to === 0 ? 0 : edgeOf(bins, to + 1);
  return [from <= 0 ? null : edgeOf(bins, from), high];
}
function binsIn(bins, [low, high]) {
  const first = bins.hasLowest ? 1 : 0;
  const at = (value) => {
    if (bins.isLog && value <= 0) return 0;
    const place = bins.high > bins.low ? ((bins.isLog ? Math.log10(value) : value) - bins.low) / (bins.high - bins.low) * (bins.n - first) : 0;
    return Math.max(0, Math.min(bins.n, first + place));
  };
  const from = low === null ? 0 : Math.min(bins.n - 1, Math.floor(at(low) + 0.01));
  const to = high === null ? bins.n - 1 : bins.isLog && high <= 0 ? 0 : Math.ceil(at(high) - 0.01) - 1;
  return [from, Math.max(from, Math.min(bins.n - 1, to))];
}
function makeTable(n) {
  const groups = /* @__PURE__ */ new Map();
  let columns = /* @__PURE__ */ new Map();
  const orders = /* @__PURE__ */ new Map();
  const binned = /* @__PURE__ */ new Map();
  let searched = null;
  const nFailed = new Uint8Array(n);
  const failedBy = new Uint8Array(n);
  let filters = [];
  const own = (
    /** @type {Column} */
    { key: "feature", title: "#", about: "Number of the feature.", kind: "index", isLog: false, values: Float64Array.from({ length: n }, (_, i) => i), texts: null }
  );
  function apply(name, passes) {
    const id = filters.push(name);
    for (let i = 0; i < n; i += 1) {
      if (!passes(i)) {
        nFailed[i] += 1;
        failedBy[i] = id;
      }
    }
  }
  function searchable() {
    if (searched) return searched;
    const parts = (
      /** @type {string[]} */
      new Array(n).fill("")
    );
    for (const { texts } of columns.values()) texts?.forEach((each, i) => each && (parts[i] += `${each.toLowerCase()}
`));
    return searched = parts;
  }
  function applyText(text) {
    const query = text.trim().toLowerCase();
    if (!query) return;
    const all = searchable();
    const words = query.split(/\s+/);
    const number2 = /^#?\d{1,9}$/.test(query) ? Number(query.replace("#", "")) : -1;
    apply("text", words.length === 1 ? (i) => i === number2 || all[i].includes(words[0]) : (i) => words.every((word) => all[i].includes(word)));
  }
  function applyRange({ key, values }, [low, high]) {
    const [from, to] = [low ?? -Infinity, high ?? Infinity];
    const id = filters.push(key);
    for (let i = 0; i < n; i += 1) {
      if (values[i] >= from && values[i] <= to) continue;
      nFailed[i] += 1;
      failedBy[i] = id;
    }
  }
  return {
    n,
    /** @param {string} name @param {Column[]} group */
    setGroup(name, group) {
      for (const { key } of [...groups.get(name) ?? [], ...group]) {
        orders.delete(key);
        orders.delete(`-${key}`);
        binned.delete(key);
      }
      groups.set(name, group);
      searched = null;
      columns = new Map([own, ...[...groups.values()].flat()].map((each) => [each.key, each]));
    },
    get columns() {
      return columns;
    },
    /** Make ready what the first search would have to make. */
    warm: () => void searchable(),
    /**
     * Work out what passes; how many.
     * @param {{ text: string, ranges: Ranges, selected: ArrayLike<number> }} query
     */
    filter({ text, ranges, selected }) {
      nFailed.fill(0);
      failedBy.fill(0);
      filters = [];
      applyText(text);
      if (selected.length) {
        const chosen = new Uint8Array(n);
        for (let i = 0; i < selected.length; i += 1) chosen[selected[i]] = 1;
        apply("selected", (i) => chosen[i] === 1);
      }
      for (const [key, range] of Object.entries(ranges).slice(0, 250)) {
        const column = columns.get(key);
        if (column) applyRange(column, range);
      }
      let left = 0;
      for (let i = 0; i < n; i += 1) if (nFailed[i] === 0) left += 1;
      return left;
    },
    /** For each row how many filters it fails. */
    nFailed,
    /** Whether a row passes all filters but one. @param {string} name @param {number} row */
    passesBut(name, row) {
      return nFailed[row] === 0 || nFailed[row] === 1 && filters[failedBy[row] - 1] === name;
    },
    /** The rows that pass, in order. @param {string} order @returns {Int32Array} */
    rows(order) {
      const column = columns.get(order.replace(/^-/, ""));
      const kept = new Int32Array(n);
      let k = 0;
      if (!column) {
        for (let i = 0; i < n; i += 1) if (nFailed[i] === 0) kept[k++] = i;
        return kept.subarray(0, k);
      }
      let all = orders.get(order);
      if (!all) orders.set(order, all = orderOf(column.values, order.startsWith("-")));
      for (let i = 0; i < n; i += 1) if (nFailed[all[i]] === 0) kept[k++] = all[i];
      return kept.subarray(0, k);
    },
    /** @param {Column} column */
    bins(column) {
      let found = binned.get(column.key);
      if (!found) binned.set(column.key, found = binsOf(column));
      return found;
    },
    /** Rows by bin that pass all filters but the column's own. @param {Column} column */
    counts(column) {
      const { bins, n: nBins } = this.bins(column);
      const counts = new Uint32Array(nBins);
      const id = filters.indexOf(column.key) + 1;
      for (let i = 0; i < n; i += 1) {
        if (nFailed[i] === 0 || id && nFailed[i] === 1 && failedBy[i] === id) {
          if (bins[i] !== NO_BIN) counts[bins[i]] += 1;
        }
      }
      return counts;
    }
  };
}

// lib/floating.js
function floating(box, options = {}) {
  let stops = [];
  let anchor = null;
  box.setAttribute("popover", "manual");
  box.style.position = "fixed";
  box.style.margin = "0";
  box.style.inset = "auto";
  function place() {
    if (!anchor) return;
    const at = anchor.getBoundingClientRect();
    if (options.width === "anchor") box.style.minWidth = `${at.width}px`;
    const { width, height } = box.getBoundingClientRect();
    const isAbove = at.bottom + height + 6 > innerHeight && at.top - height - 6 > 0;
    box.style.left = `${Math.max(4, Math.min(at.left, innerWidth - width - 4))}px`;
    box.style.top = `${isAbove ? at.top - height - 4 : at.bottom + 4}px`;
  }
  function close() {
    for (const stop of stops) stop();
    stops = [];
    anchor = null;
    if (isOpen()) box.hidePopover?.();
    box.style.display = "none";
  }
  const isOpen = () => box.style.display !== "none";
  box.style.display = "none";
  return {
    isOpen,
    /** @param {Element} at */
    open(at) {
      anchor = at;
      if (!isOpen()) {
        box.style.display = "";
        box.showPopover?.();
        stops = [on(window, "scroll", place, { capture: true, passive: true }), on(window, "resize", place)];
      }
      place();
    },
    place,
    close
  };
}
function popover(place, box) {
  const float = floating(box);
  let anchor = null;
  place.append(box);
  function close() {
    if (!float.isOpen()) return;
    const hadFocus = box.contains(
      /** @type {any} */
      box.getRootNode().activeElement
    );
    float.close();
    if (hadFocus) anchor?.focus();
  }
  const stops = [
    on(box, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
    }),
    on(document, "pointerdown", (event) => {
      if (!event.composedPath().includes(box) && !event.composedPath().includes(anchor)) close();
    }, { capture: true }),
    on(box, "focusout", (event) => {
      if (event.relatedTarget && event.relatedTarget !== anchor && !box.contains(event.relatedTarget)) close();
    })
  ];
  return {
    isOpen: float.isOpen,
    /** @param {HTMLElement} at */
    open(at) {
      anchor = at;
      float.open(at);
    },
    close,
    stop() {
      close();
      for (const stop of stops) stop();
    }
  };
}

// lib/column_head.js
var HEIGHT = 26;
var DRAG = 4;
function shownValue(column, value) {
  if (column.kind === "count") return count(value);
  if (column.kind === "index") return Number.isNaN(value) ? "\u2013" : String(value);
  return column.kind === "share" ? percent(value) : number(value);
}
function rangeWords(column, range) {
  const [low, high] = range ?? [null, null];
  if (low === null && high === null) return "all";
  if (low === null) return `up to ${shownValue(
    column,
    /** @type {number} */
    high
  )}`;
  return high === null ? `from ${shownValue(column, low)}` : `${shownValue(column, low)} to ${shownValue(column, high)}`;
}
function columnHead(column, { table, range, setRange, onSort, onMore }) {
  const name = visible(column.title);
  const arrow = h("span", { "aria-hidden": "true" });
  const sort = h("button", { class: "sw-ch-sort", type: "button", title: visible(column.about), onclick: onSort }, h("span", { class: "sw-ellipsis" }, name), arrow);
  const node = h("span", { class: "sw-ch" }, sort);
  if (column.kind === "text" || column.key === "feature") {
    return { node, draw() {
    }, setArrow: (text) => arrow.textContent = text, stop() {
    } };
  }
  const canvas = h("canvas", { class: "sw-ch-canvas", "aria-hidden": "true" });
  const filter = h("button", { class: "sw-ch-filter", type: "button", "aria-haspopup": "dialog" }, canvas);
  node.append(filter);
  let start = null;
  let isDrag = false;
  function draw() {
    const bins = table().bins(column);
    const counts = table().counts(column);
    const own = range(column.key);
    const words = `Filter ${name}: ${rangeWords(column, own)}`;
    filter.setAttribute("aria-label", words);
    filter.title = `${words}. Drag for a range, click for numbers. Heights are square roots of counts.`;
    const [width, ratio] = [filter.clientWidth || 80, devicePixelRatio || 1];
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    const paint2 = canvas.getContext("2d");
    if (!paint2) return;
    paint2.scale(ratio, ratio);
    const style = getComputedStyle(node);
    const color = (key) => style.getPropertyValue(key);
    const step = width / bins.n;
    const top = Math.max(1, ...bins.all);
    const bar = (i, n) => {
      const tall = n ? Math.max(1.5, (HEIGHT - 2) * Math.sqrt(n / top)) : 0;
      paint2.fillRect(i * step, HEIGHT - tall, Math.max(1, step - 0.6), tall);
    };
    if (own) {
      const [from2, to2] = binsIn(bins, own);
      paint2.fillStyle = color("--sw-hover");
      paint2.fillRect(from2 * step, 0, (to2 - from2 + 1) * step, HEIGHT);
    }
    paint2.fillStyle = color("--sw-line");
    for (let i = 0; i < bins.n; i += 1) bar(i, bins.all[i]);
    const [from, to] = own ? binsIn(bins, own) : [0, bins.n];
    for (let i = 0; i < bins.n; i += 1) {
      paint2.fillStyle = i >= from && i <= to ? color("--sw-accent") : color("--sw-muted");
      bar(i, counts[i]);
    }
  }
  const binAt = (event) => {
    const box = filter.getBoundingClientRect();
    return Math.max(0, Math.min(table().bins(column).n - 1, Math.floor((event.clientX - box.left) / box.width * table().bins(column).n)));
  };
  const stops = [
    on(filter, "pointerdown", (event) => {
      if (event.button !== 0) return;
      start = event.clientX;
      isDrag = false;
      filter.setPointerCapture(event.pointerId);
      filter.dataset.from = String(binAt(event));
    }),
    on(filter, "pointermove", (event) => {
      if (start === null || !isDrag && Math.abs(event.clientX - start) < DRAG) return;
      isDrag = true;
      const [a, b] = [Number(filter.dataset.from), binAt(event)];
      setRange(column.key, rangeOf(table().bins(column), Math.min(a, b), Math.max(a, b)));
    }),
    on(filter, "pointerup", () => start = null),
    on(filter, "pointercancel", () => start = null),
    on(filter, "click", () => {
      if (!isDrag) onMore(column, filter);
      isDrag = false;
    })
  ];
  return { node, draw, setArrow: (text) => arrow.textContent = text, stop: () => stops.forEach((stop) => stop()) };
}
function rangeBox(place, { table, range, setRange }) {
  const box = h("div", { class: "sw-ch-box", role: "dialog" });
  const float = popover(place, box);
  function open(column, at) {
    const bins = table().bins(column);
    const name = visible(column.title);
    box.setAttribute("aria-label", `Range of ${name}`);
    const take = (next) => {
      setRange(column.key, next[0] === null && next[1] === null ? null : next);
      show2();
    };
    const typed = (words, end) => {
      const input = h("input", { class: "sw-input sw-ch-number", type: "number", step: "any", "aria-label": `${words} of ${name}`, placeholder: end ? "highest" : "lowest", onchange: () => {
        const next = (
          /** @type {Range} */
          [...range(column.key) ?? [null, null]]
        );
        next[end] = input.value === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value);
        if (next[0] !== null && next[1] !== null && next[0] > next[1]) next[end ? 0 : 1] = next[end];
        take(next);
      } });
      return input;
    };
    const slid = (words, end) => {
      const input = h("input", { class: "sw-range", type: "range", min: 0, max: bins.n - 1, step: 1, "aria-label": `${words} of ${name}, by bin`, oninput: () => {
        const at2 = Number(input.value);
        const [from, to] = binsIn(bins, range(column.key) ?? [null, null]);
        take(end ? rangeOf(bins, Math.min(from, at2), at2) : rangeOf(bins, at2, Math.max(to, at2)));
      } });
      return input;
    };
    const [low, high, left, right] = [typed("From", 0), typed("To", 1), slid("From", 0), slid("To", 1)];
    const said = h("p", { class: "sw-small sw-muted", role: "status" });
    const clear = h("button", { class: "sw-btn", type: "button", onclick: () => take([null, null]) }, "All");
    function show2() {
      const own = range(column.key) ?? [null, null];
      [low.value, high.value] = own.map((value) => value === null ? "" : String(value));
      const [from, to] = binsIn(bins, own);
      [left.value, right.value] = [String(from), String(to)];
      for (
        const [input, i] of
        /** @type {[any, number][]} */
        [[left, from], [right, to + 1]]
      ) input.setAttribute("aria-valuetext", shownValue(column, edgeOf(bins, i)));
      clear.disabled = own[0] === null && own[1] === null;
      const counts = table().counts(column);
      let n = 0;
      for (let i = from; i <= to; i += 1) n += counts[i];
      const ends2 = bins.isLog ? [10 ** bins.low, 10 ** bins.high] : [bins.low, bins.high];
      said.textContent = [
        `${shownValue(column, bins.hasLowest ? 0 : ends2[0])} to ${shownValue(column, ends2[1])}`,
        `about ${plural(n, "feature")} here`,
        bins.nWithout && `${count(bins.nWithout)} without a value`
      ].filter(Boolean).join("; ");
    }
    fill(
      box,
      h("p", { class: "sw-label" }, name),
      column.about && h("p", { class: "sw-small" }, `${visible(column.about)}${column.kind === "share" ? " Typed as a share: 0.01 is 1 %." : ""}`),
      h("div", { class: "sw-ch-pair" }, h("span", { class: "sw-small" }, "from"), low, left, h("span", { class: "sw-small" }, "to"), high, right),
      said,
      h("div", { class: "sw-row" }, clear, h("span", { class: "sw-grow" }), h("button", { class: "sw-btn", type: "button", onclick: float.close }, "Done"))
    );
    show2();
    float.open(at);
    low.focus();
  }
  return { open, close: float.close, stop: float.stop };
}
var COLUMN_HEAD_CSS = `
.sw-ch { display: flex; flex-direction: column; gap: 2px; min-width: 0; }
.sw-ch-sort { display: flex; gap: 4px; justify-content: inherit; font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; min-width: 0; text-align: inherit; }
.sw-ch-sort:hover { color: var(--sw-fg); text-decoration: underline; }
.sw-ch-filter { display: block; height: ${HEIGHT}px; padding: 0; border: 0; background: none; cursor: col-resize; touch-action: none; }
.sw-ch-filter:hover { background: var(--sw-hover); }
.sw-ch-canvas { display: block; width: 100%; height: ${HEIGHT}px; pointer-events: none; }
.sw-ch-box { width: 300px; padding: 10px 12px; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); color: var(--sw-fg); box-shadow: var(--sw-shadow); }
.sw-ch-box > * + * { margin-top: 6px !important; }
.sw-ch-pair { display: grid; grid-template-columns: auto 104px minmax(0, 1fr); gap: 6px 8px; align-items: center; }
.sw-ch-number { width: 100%; padding-inline: 6px; }
`;

// lib/column_picker.js
function columnPicker(place, { columns, shown, setShown }) {
  const open = h("button", { class: "sw-btn", type: "button", "aria-haspopup": "dialog", onclick: toggle }, "Columns");
  const box = h("div", { class: "sw-ch-box sw-cp", role: "dialog", "aria-label": "Columns on view" });
  const float = popover(place, box);
  function toggle() {
    if (float.isOpen()) {
      float.close();
      return;
    }
    const chosen = new Set(shown());
    const check = ({ key, title, about }) => h("label", { class: "sw-check", title: visible(about) }, h("input", { type: "checkbox", checked: chosen.has(key), onchange: (event) => {
      if (event.target.checked) chosen.add(key);
      else chosen.delete(key);
      setShown(columns().map((each) => each.key).filter((each) => chosen.has(each)));
    } }), visible(title));
    fill(box, h("p", { class: "sw-label" }, "Columns"), columns().map(check), h("button", { class: "sw-btn", type: "button", onclick: () => (setShown([]), float.close()) }, "The usual ones"));
    float.open(open);
    box.querySelector("input")?.focus();
  }
  return { open, stop: float.stop };
}
var COLUMN_PICKER_CSS = `
.sw-cp { display: flex; flex-direction: column; max-height: 340px; overflow: auto; width: 220px; }
`;

// lib/contrast_form.js
function contrastForm({ model, offline }) {
  const get = (name) => model.get(name);
  const id = uniqueId("contrast");
  const open = h("button", { class: "sw-btn", type: "button", "aria-expanded": "false", "aria-controls": id, hidden: !get("has_model"), onclick: () => show2(node.hidden, true) }, "Contrast search");
  const side = (label, hint) => {
    const box = h("textarea", { class: "sw-textarea", rows: "1", placeholder: hint, spellcheck: "false" });
    box.readOnly = offline;
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || offline) return;
      event.preventDefault();
      search();
    });
    return { box, node: h("label", { class: "sw-cf-side" }, h("span", { class: "sw-small sw-muted" }, label), box) };
  };
  const [first, second] = [side("Fires on", "She said yes."), side("but not on", "She said no.")];
  const by = needsKernel(h("select", { class: "sw-select", "aria-label": "How a text's tokens are taken together" }, h("option", { value: "max" }, "strongest token"), h("option", { value: "mean" }, "mean over tokens")), offline);
  const go = needsKernel(h("button", { class: "sw-btn", type: "button", title: "Most different first (Enter)", onclick: search }, "Search"), offline);
  const node = h("div", { class: "sw-cf sw-card", id, hidden: true }, first.node, second.node, h("div", { class: "sw-row" }, by, go));
  function search() {
    write(model, { text_a: first.box.value, text_b: second.box.value, contrast_by: by.value });
    model.send({ kind: "contrast" });
  }
  function show2(isShown, focuses = false) {
    node.hidden = !isShown;
    open.setAttribute("aria-expanded", String(isShown));
    if (isShown && focuses) first.box.focus();
  }
  function take() {
    [first.box.value, second.box.value, by.value] = [get("text_a"), get("text_b"), get("contrast_by")];
    if (get("text_a") || get("text_b")) show2(true);
  }
  take();
  return { open, node, stop: listen(model, ["text_a", "text_b", "contrast_by"], take) };
}
var CONTRAST_FORM_CSS = `
.sw-cf { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: end; padding: 8px 10px; margin-bottom: 8px; }
.sw-cf-side { flex: 1 1 220px; }
.sw-cf .sw-textarea { min-height: 32px; }
`;

// lib/grid_list.js
var ROW = 28;
function gridList({ label, columns, cells, isChosen, onChoose, onHeader, onOpen, headHeight = ROW }) {
  const id = uniqueId("row");
  let heads = [];
  const head = h("div", { class: "sw-gl-row sw-gl-head", role: "row", "aria-rowindex": 1, style: { height: `${headHeight}px` } });
  const rows = h("div", { class: "sw-gl-rows", role: "rowgroup" });
  const node = h("div", { class: "sw-gl", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, head, rows);
  let lines = [];
  let top = 0;
  let shown = new Int32Array();
  let active = 0;
  let empty = "";
  let isStale = false;
  function drawHead() {
    heads = columns.map(({ key, title, class: kind = "", head: own }, i) => h("span", { class: `sw-gl-cell ${kind}`, role: "columnheader", "aria-colindex": i + 1, "data-key": key, onclick: () => onHeader?.(key) }, own ?? title));
    fill(head, heads);
    node.setAttribute("aria-colcount", String(columns.length));
  }
  drawHead();
  function draw() {
    isStale = node.clientHeight === 0;
    if (isStale) return;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW) - 2);
    const last = Math.min(shown.length, Math.ceil((node.scrollTop + node.clientHeight) / ROW) + 2, first + 56);
    Object.assign(rows.style, { height: shown.length ? `${shown.length * ROW}px` : "auto", paddingTop: `${first * ROW}px` });
    node.setAttribute("aria-rowcount", String(shown.length + 1));
    if (!shown.length) clear(h("div", { class: "sw-gl-empty sw-muted", role: "row" }, h("span", { role: "gridcell" }, empty)));
    else if (!lines.length) clear();
    turnTo(first, last - first);
    lines.forEach((line, i) => drawLine(line, first + i));
    if (active >= first && active < last) node.setAttribute("aria-activedescendant", `${id}-${active}`);
    else node.removeAttribute("aria-activedescendant");
  }
  function clear(instead) {
    lines = [];
    fill(rows, instead);
  }
  function turnTo(first, n) {
    const step = first - top;
    top = first;
    if (step > 0 && step < lines.length) for (const line of lines.splice(0, step)) put(line);
    else if (step < 0 && -step < lines.length) {
      const moved = lines.splice(step);
      rows.prepend(...moved.map((line) => line.node));
      lines.unshift(...moved);
    }
    while (lines.length < n) {
      const own = columns.map(({ class: kind = "" }, i) => h("span", { class: `sw-gl-cell ${kind}`, role: "gridcell", "aria-colindex": i + 1 }));
      put({ node: h("div", { class: "sw-gl-row", role: "row" }, own), cells: own, texts: [] });
    }
    for (const line of lines.splice(n)) line.node.remove();
  }
  function put(line) {
    rows.append(line.node);
    lines.push(line);
  }
  function drawLine({ node: own, cells: boxes, texts: before }, place) {
    const row = shown[place];
    cells(row).forEach((text, i) => {
      if (text === before[i]) return;
      boxes[i].textContent = boxes[i].title = before[i] = text;
    });
    own.classList.toggle("sw-gl-active", place === active);
    const facts2 = { id: `${id}-${place}`, "aria-rowindex": String(place + 2), "aria-selected": String(isChosen(row)), "data-place": String(place) };
    for (const [name, value] of Object.entries(facts2)) if (own.getAttribute(name) !== value) own.setAttribute(name, value);
  }
  function go(place) {
    active = Math.max(0, Math.min(shown.length - 1, place));
    const room = node.clientHeight - headHeight;
    if (active * ROW < node.scrollTop) node.scrollTop = active * ROW;
    else if ((active + 1) * ROW > node.scrollTop + room) node.scrollTop = (active + 1) * ROW - room;
    draw();
  }
  function choose(place) {
    if (!shown.length) return;
    go(place);
    onChoose(shown[active]);
    draw();
  }
  const stops = [
    on(node, "scroll", draw),
    on(rows, "click", (event) => {
      const row = event.target.closest("[data-place]");
      if (row) choose(Number(row.dataset.place));
      if (row && event.detail === 2) onOpen?.(shown[active]);
    }),
    on(rows, "mousedown", (event) => event.detail > 1 && event.preventDefault()),
    // a double click opens, and marks no text
    // The frame around the active row is for whoever uses keys. Nothing is drawn anew at a press of the mouse: the click
    // that follows would find another row than the one pressed, and be nobody's.
    on(node, "pointerdown", () => node.classList.remove("sw-gl-keys")),
    on(node, "focus", () => node.classList.toggle("sw-gl-keys", node.matches(":focus-visible"))),
    on(node, "blur", () => node.classList.remove("sw-gl-keys")),
    on(node, "keydown", (event) => {
      if (event.target !== node || event.ctrlKey || event.metaKey || event.altKey || !shown.length) return;
      const page = Math.max(1, Math.floor(node.clientHeight / ROW) - 2);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length }[
        /** @type {string} */
        event.key
      ];
      if (step === void 0 && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      node.classList.add("sw-gl-keys");
      const isThere = isChosen(shown[active]);
      choose(step === void 0 || !isThere && Math.abs(step) === 1 ? active : active + step);
      if (event.key === "Enter") onOpen?.(shown[active]);
    })
  ];
  const resized = new ResizeObserver(draw);
  resized.observe(node);
  const seen = new IntersectionObserver(() => isStale && go(active));
  seen.observe(node);
  return {
    node,
    draw,
    focus: () => node.focus(),
    /** @param {Int32Array} next @param {string} ifEmpty @param {{ toTop?: boolean }} [options] `toTop`: even if the chosen row is elsewhere */
    set(next, ifEmpty, { toTop = false } = {}) {
      shown = next;
      empty = ifEmpty;
      const place = toTop ? -1 : Array.prototype.findIndex.call(shown, isChosen);
      active = Math.max(0, place);
      if (place < 0) node.scrollTop = 0;
      go(active);
    },
    /** Other columns; `draw` or `set` shows their cells. @param {Column[]} next */
    setColumns(next) {
      columns = next;
      clear();
      drawHead();
    },
    /** Marks the column that rows are ordered by. @param {string} key @param {"ascending" | "descending" | "none"} direction */
    setOrder(key, direction) {
      for (const each of heads) {
        if (each.dataset.key === key && direction !== "none") each.setAttribute("aria-sort", direction);
        else each.removeAttribute("aria-sort");
      }
    },
    stop() {
      resized.disconnect();
      seen.disconnect();
      for (const stop of stops) stop();
    }
  };
}
var GRID_LIST_CSS = `
.sw-gl { position: relative; min-width: 0; overflow: hidden scroll; overscroll-behavior: contain; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-gl-rows { position: relative; }
.sw-gl-row { display: grid; grid-template-columns: var(--sw-gl-columns); align-items: center; gap: 9px; height: ${ROW}px; padding: 0 10px; font-size: 12px; }
.sw-gl-rows > .sw-gl-row { cursor: pointer; }
.sw-gl-rows > .sw-gl-row:hover { background: var(--sw-raised); }
.sw-gl-rows > .sw-gl-row[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 3px 0 0 var(--sw-accent); }
.sw-gl-keys .sw-gl-active { outline: 2px solid var(--sw-accent); outline-offset: -2px; }
.sw-gl-head { position: sticky; top: 0; z-index: 1; background: var(--sw-raised); box-shadow: 0 1px 0 var(--sw-line); color: var(--sw-muted); font-weight: 600; }
.sw-gl-head .sw-gl-cell[data-key] { cursor: default; user-select: none; }
.sw-gl-cell { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.sw-gl-number { text-align: right; font-variant-numeric: tabular-nums; }
.sw-gl-head [aria-sort]::after { content: " \\2191"; }
.sw-gl-head [aria-sort="descending"]::after { content: " \\2193"; }
.sw-gl-empty { padding: 14px 10px; font-size: 12px; }
`;

// lib/history.js
function createHistory(initial, { limit = 200, same = sameJson } = {}) {
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
    }
  };
}
function sameJson(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

// lib/color.js
var GROUND = { light: [255, 255, 255], dark: [17, 19, 22] };
var OVERLAY = {
  light: ["#0072b2", "#e69f00", "#00b08a", "#9e8cf4", "#883c00", "#58e0f6", "#a57710", "#6b7280"],
  dark: ["#4aa3e0", "#e69f00", "#3fe0b0", "#cd4805", "#b8befe", "#e6e73c", "#526ee3", "#8d97a3"]
};
var N_HUES = OVERLAY.light.length;
var toLinear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
var toGamma = (c) => c <= 31308e-7 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055;
function toOklab(rgb) {
  const [r, g, b] = rgb.map((c) => toLinear(c / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s
  ];
}
function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s
  ];
  return (
    /** @type {Rgb} */
    linear.map((c) => Math.round(255 * Math.min(1, Math.max(0, toGamma(Math.max(0, c))))))
  );
}
function mix(from, to, t) {
  const a = toOklab(from);
  const b = toOklab(to);
  return fromOklab([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]);
}
function parseHex(hex) {
  return (
    /** @type {Rgb} */
    [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16))
  );
}
function css(rgb) {
  return `rgb(${rgb[0]} ${rgb[1]} ${rgb[2]})`;
}
function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => toLinear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}
function inkOn(ground) {
  const dark = [0, 0, 0];
  const light = [255, 255, 255];
  return contrast(ground, dark) >= contrast(ground, light) ? dark : light;
}
var STOPS = {
  light: {
    up: [[255, 244, 224], [253, 206, 130], [245, 158, 55], [217, 104, 10], [160, 60, 0]],
    down: [[234, 243, 252], [181, 214, 242], [111, 170, 221], [49, 119, 184], [12, 70, 132]]
  },
  dark: {
    up: [[44, 32, 20], [102, 58, 12], [168, 92, 8], [226, 144, 34], [255, 214, 130]],
    down: [[18, 32, 46], [18, 62, 102], [28, 102, 166], [82, 158, 222], [178, 220, 255]]
  }
};
function heat(t, theme, ground = GROUND[theme]) {
  const size = Math.min(1, Math.abs(t));
  if (!(size > 0)) return ground;
  const stops = [ground, ...STOPS[theme][t < 0 ? "down" : "up"]];
  const at = size * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[below], stops[below + 1], at - below);
}

// lib/point_cloud.js
var GRID = 96;
function makeCloud(xs, ys) {
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
function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return low > high ? [0, 0] : [low, high];
}
var cellOf = (value) => Math.max(0, Math.min(GRID - 1, Math.floor((value + 1) / 2 * GRID)));
function fitted(width, height) {
  return { x: 0, y: 0, scale: Math.max(1, Math.min(width, height) / 2 - 10), width, height };
}
function toScreen(view, x, y) {
  return [view.width / 2 + (x - view.x) * view.scale, view.height / 2 - (y - view.y) * view.scale];
}
function toPlane(view, px, py) {
  return [view.x + (px - view.width / 2) / view.scale, view.y - (py - view.height / 2) / view.scale];
}
function zoomed(view, factor, px = view.width / 2, py = view.height / 2) {
  const least = fitted(view.width, view.height).scale;
  const scale = Math.max(least * 0.5, Math.min(least * 400, view.scale * factor));
  const [x, y] = toPlane(view, px, py);
  return { ...view, scale, x: x - (px - view.width / 2) / scale, y: y + (py - view.height / 2) / scale };
}
function nearest(cloud, view, px, py, reach, isThere) {
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
function inside(cloud, polygon, isThere) {
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
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) isIn = !isIn;
    }
    if (isIn) found.push(i);
  }
  return found;
}
function paint(pixels, cloud, view, { size, shade, palette, faint, nFailed }) {
  const { x, y, n } = cloud;
  const { width, height, scale } = view;
  for (const isOn of [false, true]) {
    const side = isOn ? size : Math.max(1, size - 1);
    const [x0, y0] = [width / 2 - view.x * scale - side / 2 + 0.5, height / 2 + view.y * scale - side / 2 + 0.5];
    for (let i = 0; i < n; i += 1) {
      if (nFailed[i] === 0 !== isOn) continue;
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

// lib/sync.js
function debounce(fn, pause) {
  let waiting = null;
  let timer;
  const tick = () => {
    clearTimeout(timer);
    const args = waiting;
    waiting = null;
    if (args !== null) fn(...args);
  };
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
function perFrame(draw) {
  let frame = 0;
  let timer;
  const run = () => {
    cancel();
    draw();
  };
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = 0;
    timer = void 0;
  };
  const ask = () => {
    if (frame) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, 250);
  };
  ask.cancel = cancel;
  return ask;
}

// lib/scatter_map.js
var N_SHADES = 32;
var LASSO_STEP = 3;
var pointColor = (t, theme) => heat(0.3 + 0.7 * t, theme);
function scatterMap({ label, theme, words, onPick, onOpen, onSelect, mayTake }) {
  const canvas = h("canvas", { class: "sw-sm-canvas" });
  const tip = h("div", { class: "sw-tip sw-token", hidden: true });
  const node = h("div", {
    class: "sw-sm",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "map",
    "aria-label": label,
    "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown + - 0 Enter Escape"
  }, canvas, tip);
  let cloud = makeCloud([], []);
  let view = fitted(300, 300);
  let shade = new Uint8Array();
  let nFailed = new Uint8Array();
  let chosen = -1;
  let hovered = -1;
  let isLasso = true;
  let lasso = [];
  let drag = null;
  function draw() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const ink = canvas.getContext("2d");
    if (!ink || !width || !height) return;
    const image = ink.createImageData(width, height);
    const zoom = view.scale / fitted(view.width, view.height).scale;
    const base = cloud.n > 3e4 ? 2 : cloud.n > 4e3 ? 3 : 4;
    paint(new Uint32Array(image.data.buffer), cloud, { ...view, scale: view.scale * ratio, width, height }, {
      size: Math.round(Math.min(9, base * Math.max(1, Math.sqrt(zoom))) * ratio),
      shade,
      nFailed,
      ...colors(theme())
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
      lasso.forEach(([x, y], i) => i ? ink.lineTo(x, y) : ink.moveTo(x, y));
      ink.closePath();
      ink.fillStyle = style.getPropertyValue("--sw-accent");
      ink.globalAlpha = 0.12;
      ink.fill();
      ink.globalAlpha = 1;
      ink.stroke();
    }
  }
  const soon = perFrame(draw);
  const rowAt = (x, y, reach) => {
    const on2 = nearest(cloud, view, x, y, reach, (row) => nFailed[row] === 0);
    return on2;
  };
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
  function take(corners) {
    onSelect(inside(cloud, corners.map(([x, y]) => toPlane(view, x, y)), mayTake));
  }
  const takeView = () => take([[0, 0], [view.width, 0], [view.width, view.height], [0, view.height]]);
  const fit = () => move(fitted(view.width, view.height));
  function move(next) {
    view = next;
    soon();
  }
  function measure() {
    const [width, height] = [node.clientWidth, node.clientHeight];
    if (!width || !height || width === view.width && height === view.height) return;
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
      if (!event.ctrlKey && /** @type {any} */
      node.getRootNode().activeElement !== node) return;
      event.preventDefault();
      move(zoomed(view, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY));
    }, { passive: false }),
    on(node, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = 40 / view.scale;
      const acts = {
        ArrowLeft: () => move({ ...view, x: view.x - by }),
        ArrowRight: () => move({ ...view, x: view.x + by }),
        ArrowUp: () => move({ ...view, y: view.y + by }),
        ArrowDown: () => move({ ...view, y: view.y - by }),
        "+": () => move(zoomed(view, 1.4)),
        "=": () => move(zoomed(view, 1.4)),
        "-": () => move(zoomed(view, 1 / 1.4)),
        0: fit,
        Enter: takeView
      };
      if (event.key === "Escape" && drag) {
        drag = null;
        lasso = [];
        soon();
      } else if (acts[event.key]) acts[event.key]();
      else return;
      event.preventDefault();
    })
  ];
  const resized = new ResizeObserver(measure);
  resized.observe(node);
  return {
    node,
    draw: soon,
    fit,
    takeView,
    zoom: (factor) => move(zoomed(view, factor)),
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
    }
  };
}
function colors(theme) {
  const packed = ([r, g, b] = [0, 0, 0]) => (4278190080 | b << 16 | g << 8 | r) >>> 0;
  const palette = Uint32Array.from({ length: N_SHADES }, (_, i) => packed(pointColor(i / (N_SHADES - 1), theme)));
  const ground = parseHex(theme === "dark" ? "#111316" : "#ffffff");
  return { palette, faint: packed(mix(ground, parseHex("#808890"), 0.35)) };
}
function shadesGradient(theme) {
  return `linear-gradient(to right, ${Array.from({ length: 9 }, (_, i) => css(pointColor(i / 8, theme))).join(", ")})`;
}
var SCATTER_MAP_CSS = `
.sw-sm { position: relative; min-width: 0; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); overflow: hidden; touch-action: none; cursor: crosshair; }
.sw-sm-move { cursor: grab; }
.sw-sm-canvas { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.sw-sm .sw-tip { max-width: 260px; }
`;

// lib/map_panel.js
var METHODS = [["pca", "PCA"], ["umap", "UMAP"]];
function mapPanel({ model, table, theme, offline, words, onPick, onOpen, onSelect }) {
  const get = (name) => model.get(name);
  let shaded = { column: void 0, shade: new Uint8Array(table.n) };
  const map = scatterMap({
    label: "Map of decoder rows. Arrow keys move, plus and minus zoom, 0 shows all, Enter takes the features in view.",
    theme: theme.name,
    onPick,
    onOpen,
    onSelect,
    mayTake: (row) => table.passesBut("selected", row),
    words(row) {
      const column = shaded.column;
      return `${words(row)}${column ? `
${visible(column.title)} ${shownValue(column, column.values[row])}` : ""}`;
    }
  });
  const method = needsKernel(h("select", { class: "sw-select sw-small", "aria-label": "How decoder rows are mapped", onchange: () => write(model, { map_method: method.value }) }, METHODS.map(([value, title]) => h("option", { value }, title))), offline);
  const color = h("select", { class: "sw-select sw-small", "aria-label": "Column that colours the map", onchange: () => write(model, { color: color.value }) });
  const tool = (text, hint, isLasso) => h("button", { class: "sw-btn", type: "button", role: "radio", title: hint, "aria-checked": String(isLasso), onclick: () => setTool(isLasso) }, text);
  const tools = [tool("Lasso", "Drag takes features (Shift moves)", true), tool("Move", "Drag moves the map (Shift takes features)", false)];
  const small = (text, hint, onclick) => h("button", { class: "sw-btn sw-icon", type: "button", .../[a-z]/i.test(text) ? { title: hint } : { hint }, onclick }, text);
  const legend = h("div", { class: "sw-row sw-small sw-muted sw-mp-legend", "aria-hidden": "true" });
  const told = h("span", { class: "sw-small sw-muted" });
  const waiting = h("p", { class: "sw-muted sw-mp-waiting" }, "Mapping\u2026");
  const node = h(
    "section",
    { class: "sw-mp", "aria-label": "Map of decoder rows", hidden: true },
    h(
      "div",
      { class: "sw-row sw-mp-tools" },
      method,
      color,
      h("span", { class: "sw-seg", role: "radiogroup", "aria-label": "What a drag does" }, tools),
      h("span", { class: "sw-grow" }),
      small("Take view", "Take the features in view (Enter on the map)", () => map.takeView())
    ),
    h(
      "div",
      { class: "sw-mp-place" },
      map.node,
      waiting,
      h("div", { class: "sw-mp-zoom" }, small("+", "Zoom in", () => map.zoom(1.5)), small("\u2212", "Zoom out", () => map.zoom(1 / 1.5)), small("Fit", "Show the whole map", () => map.fit()))
    ),
    h("div", { class: "sw-row" }, legend, h("span", { class: "sw-grow" }), told)
  );
  function setTool(isLasso) {
    tools.forEach((each, i) => each.setAttribute("aria-checked", String(i === 0 === isLasso)));
    map.setLasso(isLasso);
  }
  function colorColumn() {
    const { columns } = table;
    return columns.get(get("color")) ?? columns.get("density") ?? columns.get("decoder_norm");
  }
  function shadeRows() {
    const column = colorColumn();
    if (shaded.column === column) return;
    const shade = new Uint8Array(table.n);
    if (column) {
      const bins = table.bins(column);
      for (let i = 0; i < table.n; i += 1) shade[i] = Math.min(N_SHADES - 1, bins.bins[i] === 255 ? 0 : bins.bins[i]);
    }
    shaded = { column, shade };
  }
  function drawLegend() {
    const column = shaded.column;
    if (!column) return;
    const { low, high, isLog, hasLowest } = table.bins(column);
    const ends2 = isLog ? [hasLowest ? 0 : 10 ** low, 10 ** high] : [low, high];
    fill(legend, h("span", {}, visible(column.title)), h("span", {}, shownValue(column, ends2[0])), h("i", { class: "sw-mp-bar", style: { background: shadesGradient(theme.name()) } }), h("span", {}, shownValue(column, ends2[1])));
    const options = [...table.columns.values()].filter((each) => !each.texts && !each.key.startsWith("map_"));
    if (color.childElementCount !== options.length) fill(color, options.map(({ key, title }) => h("option", { value: key }, `colour: ${visible(title)}`)));
    color.value = column.key;
  }
  function draw() {
    const wanted = get("map_method");
    const { method: has, explained } = get("mapped");
    node.hidden = !wanted;
    if (!wanted) return;
    method.value = wanted;
    waiting.hidden = has === wanted;
    const isFailed = get("status")?.state === "failed";
    waiting.textContent = isFailed ? "There is no map; see below." : "Mapping\u2026";
    told.textContent = has !== wanted ? "" : explained === null || explained === void 0 ? "near points point alike" : `the plane holds ${percent(explained)} of the variance`;
    shadeRows();
    drawLegend();
    map.setLook({ shade: shaded.shade, nFailed: table.nFailed, chosen: get("feature") ?? -1 });
  }
  return {
    node,
    draw,
    setPoints() {
      const [x, y] = ["map_x", "map_y"].map((key) => table.columns.get(key));
      map.setPoints(x?.values ?? [], y?.values ?? []);
    },
    stop: map.stop
  };
}
var MAP_PANEL_CSS = `${SCATTER_MAP_CSS}
.sw-mp { display: flex; flex-direction: column; gap: 6px; min-width: 0; }
.sw-mp-tools { gap: 4px 6px; }
.sw-mp-tools .sw-select { max-width: 140px; }
.sw-mp-place { position: relative; flex: 1; min-height: 340px; display: grid; }
.sw-mp-waiting { position: absolute; inset: 0; display: grid; place-items: center; pointer-events: none; }
.sw-mp-zoom { position: absolute; top: 6px; right: 6px; display: flex; gap: 4px; }
.sw-mp-bar { display: inline-block; width: 70px; height: 8px; border-radius: 3px; }
`;

// lib/pass_bar.js
function passBar(model) {
  const node = h("div", { class: "sw-row sw-small sw-pass", role: "status" });
  function draw() {
    const { done, total, is_paused: isPaused } = model.get("gathering") ?? {};
    node.hidden = done === void 0;
    if (node.hidden) return;
    const act = (action) => () => model.send({ kind: "gathering", action });
    const share = total ? Math.min(100, 100 * done / total) : 0;
    const focused = (
      /** @type {HTMLElement | null} */
      node.querySelector(":focus")?.dataset.kind
    );
    fill(
      node,
      h("span", { class: "sw-progress", "aria-hidden": "true" }, h("i", { style: { width: `${share}%` } })),
      h("span", {}, `${isPaused ? "Paused at" : "Reading"} ${count(done)}${total ? ` of ${count(total)}` : ""} tokens; what shows sharpens as it goes`),
      h("button", { class: "sw-btn sw-plain sw-small", type: "button", "data-kind": "pause", onclick: act(isPaused ? "resume" : "pause") }, isPaused ? "Go on" : "Pause"),
      h("button", { class: "sw-btn sw-plain sw-small", type: "button", "data-kind": "stop", onclick: act("stop") }, "Stop here")
    );
    if (focused) node.querySelector(`[data-kind="${focused}"]`)?.focus();
  }
  draw();
  return { node, stop: listen(model, ["gathering"], draw) };
}
var PASS_BAR_CSS = `
.sw-pass { margin-bottom: 6px; }
`;

// widgets/feature_dashboard.js
var feature_dashboard_exports = {};
__export(feature_dashboard_exports, {
  css: () => css2,
  render: () => render
});

// lib/combobox.js
function combobox({ label, placeholder = "", search, show: show2, onPick, onText, empty = "Nothing found", keepsText = false }) {
  const listId = uniqueId("list");
  const list = h("div", { class: "sw-options", id: listId, role: "listbox", "aria-label": label });
  const input = h("input", {
    class: "sw-input sw-combo-input",
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-controls": listId,
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    placeholder,
    autocomplete: "off",
    spellcheck: "false"
  });
  const node = h("div", { class: "sw-combo" }, input, list);
  let options = [];
  let active = -1;
  let isOpen = false;
  let asking = new AbortController();
  const float = floating(list, { width: "anchor" });
  function open() {
    isOpen = true;
    input.setAttribute("aria-expanded", "true");
    float.open(input);
  }
  function close() {
    later.cancel();
    asking.abort();
    isOpen = false;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    float.close();
  }
  async function find() {
    asking.abort();
    const mine = asking = new AbortController();
    try {
      options = await search(input.value, mine.signal);
      if (!mine.signal.aborted) drawOptions();
    } catch (error) {
      if (mine.signal.aborted || isCancelled(error)) return;
      options = [];
      active = -1;
      fill(list, h("div", { class: "sw-option-none" }, String(
        /** @type {Error} */
        error.message
      )));
      open();
    }
  }
  const later = debounce(find, 60);
  function drawOptions() {
    active = -1;
    input.removeAttribute("aria-activedescendant");
    fill(
      list,
      options.map(
        (option, i) => h("div", { class: "sw-option", role: "option", id: `${listId}-${i}`, "aria-selected": "false", onpointerdown: (event) => event.preventDefault(), onclick: () => pick(i) }, show2(option))
      ),
      options.length === 0 && h("div", { class: "sw-option-none" }, empty)
    );
    open();
  }
  function move(to) {
    const nodes = list.querySelectorAll(".sw-option");
    nodes[active]?.setAttribute("aria-selected", "false");
    active = nodes.length ? (to + nodes.length) % nodes.length : -1;
    const chosen = nodes[active];
    if (!chosen) return;
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen.id);
  }
  function pick(i) {
    const option = options[i];
    if (option === void 0) return;
    close();
    if (!keepsText) input.value = "";
    onPick(option);
  }
  function onKey(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) find();
      else move(active < 0 && event.key === "ArrowUp" ? -1 : active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isOpen && active >= 0) pick(active);
      else if (onText) {
        close();
        onText(input.value);
      } else if (isOpen) pick(0);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  }
  const stops = [
    on(input, "input", () => later()),
    on(input, "focus", () => later()),
    on(input, "click", () => !isOpen && later()),
    on(input, "keydown", onKey),
    on(input, "blur", () => {
      close();
      if (onText && keepsText) onText(input.value);
    })
  ];
  return {
    node,
    input,
    close,
    stop() {
      close();
      for (const stop of stops) stop();
    }
  };
}

// lib/context_list.js
var STACKED = 5;
var CHARACTER = 8;
var USUAL_WIDTH = 800;
var AT_ONCE = 12;
var FRAME_MS = 8;
function contextList({ onRow, onEffects, onLook, offline }) {
  const node = h("div", { class: "sw-cl" });
  const box = h("div", { class: "sw-tip", role: "tooltip" });
  const float = floating(box);
  let known = /* @__PURE__ */ new Map();
  let groups = [];
  let settings = { width: "snippet", breaks: true, sort: "strength", top: 1, theme: "light" };
  let looked = null;
  let frame = 0;
  let width = USUAL_WIDTH;
  function title(group) {
    if (group.kind === "top") return ["Strongest", `maximum ${number(settings.top)}`];
    if (group.kind === "random") return ["At random", "from all that fire"];
    return [`${number(group.low)} \u2013 ${number(group.high)}`, group.kind === "quantile" ? `a ${percent(group.share)} part of its tokens` : `${percent(group.share)} of its tokens`];
  }
  function draw() {
    hide();
    fill(node, groups.map((group, g) => {
      const [name, aside] = title(group);
      const order = group.contexts.map((_, i) => i);
      if (settings.sort === "document") order.sort((a, b) => (group.contexts[a].document ?? 0) - (group.contexts[b].document ?? 0) || (group.contexts[a].row ?? 0) - (group.contexts[b].row ?? 0));
      return h(
        "section",
        { class: "sw-cl-group", "aria-label": `${name}, ${aside}` },
        h("div", { class: "sw-cl-head" }, h("strong", {}, name), h("span", { class: "sw-muted sw-small" }, aside)),
        h("div", { role: "list" }, order.map((i) => h("div", { class: "sw-cl-row", role: "listitem", tabindex: "-1", "data-key": `${g}:${i}` })))
      );
    }), box);
    const all = rows();
    for (const row of all.slice(0, AT_ONCE)) drawRow(row);
    later(all.slice(AT_ONCE));
    all[0]?.setAttribute("tabindex", "0");
    if (!groups.length) fill(node, h("p", { class: "sw-muted sw-cl-empty" }, "It has not fired on the texts that were read."), box);
  }
  function later(left) {
    cancelAnimationFrame(frame);
    if (!left.length) return;
    frame = requestAnimationFrame(() => {
      const until = performance.now() + FRAME_MS;
      while (left.length && performance.now() < until) drawRow(
        /** @type {HTMLElement} */
        left.shift()
      );
      later(left);
    });
  }
  const rows = () => [...node.querySelectorAll(".sw-cl-row")].map((each) => (
    /** @type {HTMLElement} */
    each
  ));
  const keyOf = (row) => (
    /** @type {string} */
    row.dataset.key
  );
  const placeOf = (row) => (
    /** @type {[number, number]} */
    keyOf(row).split(":").map(Number)
  );
  const entryOf = (row) => {
    const [g, i] = placeOf(row);
    return known.get(keyOf(row)) ?? { context: groups[g].contexts[i], isWhole: false };
  };
  function drawRow(row) {
    const { context, effects, isWhole } = entryOf(row);
    const full = settings.width === "full" || isWhole;
    const first = full ? 0 : Math.max(firstSeen(context), settings.width === "stacked" ? context.at - STACKED : 0);
    const last = settings.width === "stacked" && !isWhole ? Math.min(context.texts.length, context.at + STACKED + 1) : context.texts.length;
    const act2 = context.acts[context.at];
    const spans = [];
    for (let i = first; i < last; i += 1) spans.push(token(context, effects, i));
    const times = context.n_times > 1 ? ` \xD7${context.n_times}` : "";
    row.setAttribute("aria-label", `${number(act2)} at ${spokenToken(context.texts[context.at])}${times}${context.document === null ? "" : `, document ${context.document}`}`);
    row.classList.toggle("sw-cl-full", full);
    fill(
      row,
      h("span", { class: "sw-cl-act sw-num", title: times ? `${plural(context.n_times, "row")} with this text` : "" }, `${number(act2)}${times}`),
      h("span", { class: "sw-cl-text" }, spans),
      h(
        "span",
        { class: "sw-cl-tools" },
        context.document !== null && h("span", { class: "sw-small sw-muted", title: `document ${context.document}, row ${context.row}, from token ${context.start}` }, `doc ${context.document}`),
        !offline && h(
          "span",
          { class: "sw-cl-acts" },
          !isWhole && context.row !== null && h("button", { class: "sw-btn sw-plain sw-cl-btn", type: "button", tabindex: "-1", "data-act": "row" }, "whole row"),
          !effects && h("button", { class: "sw-btn sw-plain sw-cl-btn", type: "button", tabindex: "-1", "data-act": "effects" }, "effects")
        )
      )
    );
  }
  function firstSeen({ texts, at }) {
    let room = (width / 2 - 58) / CHARACTER;
    let first = at;
    while (first > 0 && (room -= texts[first - 1].length) > 0) first -= 1;
    return first;
  }
  function token(context, effects, i) {
    const share = settings.top > 0 ? context.acts[i] / settings.top : 0;
    const style = (
      /** @type {Record<string, string>} */
      {}
    );
    if (share) {
      const ground = heat(share, settings.theme);
      style.background = css(ground);
      style.color = css(inkOn(ground));
    }
    const loss = effects?.loss[i];
    if (loss && Math.abs(loss) > 5e-3) style["border-bottom"] = `2px solid ${loss > 0 ? "#d9680a" : "#3177b8"}`;
    const text = settings.breaks ? tokenText(context.texts[i], { newlines: true }) : tokenText(context.texts[i]);
    return h("span", { class: i === context.at ? "sw-cl-token sw-cl-peak" : "sw-cl-token", "data-i": i, style }, text);
  }
  function look(row, i) {
    const span = row.querySelector(`[data-i="${i}"]`);
    if (!span) return;
    looked?.row.querySelector(".sw-cl-looked")?.classList.remove("sw-cl-looked");
    looked = { row, i };
    span.classList.add("sw-cl-looked");
    const { context, effects } = entryOf(row);
    const some = (tokens) => tokens.map(([text, value]) => `${quotedToken(text, 14)} ${signed(value, 2)}`).join("  ");
    fill(
      box,
      h("div", {}, h("b", { class: "sw-token" }, quotedToken(context.texts[i])), context.ids.length > 0 && h("span", { class: "sw-muted" }, `  token ${context.ids[i]}`)),
      h("div", {}, `activation ${number(context.acts[i], 4)}`),
      effects && effects.loss[i] !== null && h("div", {}, `loss of the next token without it ${signed(effects.loss[i])} nats`),
      effects && h("div", {}, `prediction moved by ${number(effects.kl[i])} nats (KL)`),
      effects && h("div", { class: "sw-token" }, `raises ${some(effects.up[i])}`),
      effects && h("div", { class: "sw-token" }, `lowers ${some(effects.down[i])}`)
    );
    float.open(span);
    onLook(context.acts[i]);
  }
  function hide() {
    looked?.row.querySelector(".sw-cl-looked")?.classList.remove("sw-cl-looked");
    looked = null;
    float.close();
    onLook(null);
  }
  async function act(row, what) {
    const button = (
      /** @type {HTMLButtonElement | null} */
      row.querySelector(`[data-act="${what}"]`)
    );
    if (!button || button.disabled) return;
    button.disabled = true;
    const drawnGroups = groups;
    try {
      const [g, i] = placeOf(row);
      const entry = entryOf(row);
      const effects = what === "effects" ? await onEffects(g, i, entry.isWhole) : void 0;
      const context = what === "row" ? await onRow(g, i) : entry.context;
      if (groups !== drawnGroups) return;
      known.set(keyOf(row), { context, effects, isWhole: entry.isWhole || what === "row" });
      drawRow(row);
      row.focus();
    } catch (error) {
      button.title = error instanceof Error ? error.message : String(error);
      button.textContent = "failed";
    }
  }
  const sized = new ResizeObserver(() => {
    if (!node.clientWidth || Math.abs(node.clientWidth - width) < 4 * CHARACTER) return;
    width = node.clientWidth;
    if (settings.width !== "full") draw();
  });
  sized.observe(node);
  const rowUnder = (event) => (
    /** @type {HTMLElement | null} */
    /** @type {Element} */
    event.target.closest(".sw-cl-row")
  );
  const stops = [
    on(node, "pointerover", (event) => {
      const span = event.target.closest("[data-i]");
      const row = rowUnder(event);
      if (span && row) look(row, Number(span.dataset.i));
      else hide();
    }),
    on(node, "pointerleave", hide),
    on(node, "focusout", hide),
    on(node, "click", (event) => {
      const row = rowUnder(event);
      const what = event.target.closest("[data-act]")?.dataset.act;
      if (row && what) act(row, what);
    }),
    on(node, "keydown", (event) => {
      const row = rowUnder(event);
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      const all = rows();
      const { context } = entryOf(row);
      const here = looked?.row === row ? looked.i : context.at - (event.key === "ArrowRight" ? 1 : -1);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const to = all[all.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
        if (!to) return;
        row.setAttribute("tabindex", "-1");
        to.setAttribute("tabindex", "0");
        to.focus();
      } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") look(row, here + (event.key === "ArrowRight" ? 1 : -1));
      else if (event.key === "Enter" || event.key === "e") act(row, "effects");
      else if (event.key === "r") act(row, "row");
      else if (event.key === "Escape" && float.isOpen()) hide();
      else return;
      event.preventDefault();
    })
  ];
  return {
    node,
    /** @param {Group[]} next @param {Settings} look */
    set(next, look2) {
      if (next !== groups) known = /* @__PURE__ */ new Map();
      groups = next;
      settings = look2;
      draw();
    },
    stop() {
      cancelAnimationFrame(frame);
      sized.disconnect();
      for (const stop of stops) stop();
      float.close();
    }
  };
}
var CONTEXTS_CSS = `
.sw-cl { min-width: 0; container-type: inline-size; }
.sw-cl-group { margin-bottom: 12px; }
.sw-cl-head { display: flex; gap: 8px; align-items: baseline; padding: 2px 0 4px; font-size: 12px; }
.sw-cl-row { display: flex; align-items: baseline; gap: 8px; padding: 2px 4px; border-radius: 4px; content-visibility: auto; contain-intrinsic-size: auto 24px; }
.sw-cl-row:hover, .sw-cl-row:focus-visible, .sw-cl-row:focus-within { background: var(--sw-raised); }
.sw-cl-act { flex: none; min-width: 58px; font-size: 12px; color: var(--sw-muted); }
.sw-cl-text { flex: 1 1 0; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; line-height: 1.6; }
.sw-cl-full .sw-cl-text { white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-cl-token { white-space: pre; unicode-bidi: isolate; border-radius: 2px; padding: 1px 0; }
.sw-cl-full .sw-cl-token { white-space: pre-wrap; }
.sw-cl-peak { font-weight: 700; }
.sw-cl-looked { outline: 2px solid var(--sw-accent); outline-offset: -1px; }
.sw-cl-tools { flex: none; position: relative; display: inline-flex; align-items: baseline; }
.sw-cl-acts { position: absolute; inset-inline-end: 100%; top: 50%; translate: 0 -50%; display: flex; gap: 2px; padding-inline: 4px; background: var(--sw-raised); visibility: hidden; }
.sw-cl-btn { min-height: 20px; padding: 0 6px; font-size: 11px; white-space: nowrap; }
.sw-cl-row:hover .sw-cl-acts, .sw-cl-row:focus-within .sw-cl-acts, .sw-cl-row:focus .sw-cl-acts { visibility: visible; }
.sw-cl-full .sw-cl-acts { position: static; translate: none; background: none; }
.sw-cl-empty { padding: 14px 0; }
@container (max-width: 560px) {
  .sw-cl-row { flex-wrap: wrap; row-gap: 0; } .sw-cl-act { min-width: 40px; }
  .sw-cl-tools { flex-basis: 100%; padding-inline-start: 48px; }
  .sw-cl-acts { position: static; translate: none; background: none; }
}
`;

// lib/feature_panels.js
function histogram(bars, { isLog, mark = null, onLook }) {
  const [width, height] = [240, 72];
  const { counts, low, high } = bars;
  const top = Math.max(1, ...counts);
  const tall = (n) => n === 0 ? 0 : Math.max(1.5, (height - 2) * (isLog ? Math.log1p(n) / Math.log1p(top) : n / top));
  const step = width / Math.max(1, counts.length);
  const at = (value) => high > low ? width * (value - low) / (high - low) : 0;
  const edge = (i) => low + (high - low) * i / counts.length;
  const words = (i) => `${number(edge(i))} to ${number(edge(i + 1))}: ${count(counts[i])} ${bars.unit}`;
  let active = -1;
  const drawn = counts.map((n, i) => {
    const isDown = bars.isSigned && edge(i) + edge(i + 1) < 0;
    return h("rect", { class: isDown ? "sw-hist-bar sw-hist-down" : "sw-hist-bar", x: i * step + 0.3, y: height - tall(n), width: Math.max(0.6, step - 0.6), height: tall(n) });
  });
  const svg = h(
    "svg",
    { class: "sw-hist", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn,
    mark !== null && h("line", { class: "sw-hist-mark", x1: at(mark), x2: at(mark), y1: 0, y2: height })
  );
  const node = h("div", {
    class: "sw-hist-box",
    tabindex: "0",
    role: "slider",
    "aria-label": bars.name,
    "aria-valuemin": 0,
    "aria-valuemax": Math.max(0, counts.length - 1),
    "aria-valuenow": 0,
    "aria-valuetext": counts.length ? words(0) : "empty"
  }, svg);
  function look(i) {
    drawn[active]?.classList.remove("sw-hist-on");
    active = Math.max(-1, Math.min(counts.length - 1, i));
    drawn[active]?.classList.add("sw-hist-on");
    if (active >= 0) {
      node.setAttribute("aria-valuenow", String(active));
      node.setAttribute("aria-valuetext", words(active));
    }
    onLook(active < 0 ? "" : words(active));
  }
  node.addEventListener("pointermove", (event) => {
    const box = node.getBoundingClientRect();
    look(Math.floor((event.clientX - box.left) / box.width * counts.length));
  });
  node.addEventListener("pointerleave", () => look(-1));
  node.addEventListener("blur", () => look(-1));
  node.addEventListener("keydown", (event) => {
    const to = (
      /** @type {Record<string, number>} */
      { ArrowRight: active + 1, ArrowUp: active + 1, ArrowLeft: active - 1, ArrowDown: active - 1, Home: 0, End: counts.length - 1 }[event.key]
    );
    if (to === void 0) return;
    event.preventDefault();
    look(Math.max(0, to));
  });
  return node;
}
function panel(title, aside, ...children) {
  return h("section", { class: "sw-fp", "aria-label": title }, h("div", { class: "sw-fp-head" }, h("h3", { class: "sw-label" }, title), h("span", { class: "sw-small sw-muted sw-fp-aside" }, aside)), children.flat());
}
function logitTables(logits) {
  const column = (title, rows, kind) => {
    const most = Math.max(1e-9, ...rows.map((row) => Math.abs(row[2])));
    return h(
      "table",
      { class: "sw-table sw-small" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title), h("th", { scope: "col", class: "sw-num" }, "logit"))),
      h("tbody", {}, rows.map(([id, text, effect]) => h(
        "tr",
        { title: `${quotedToken(text, 60)}${id === null ? "" : `, token ${id}`}` },
        h("td", { class: "sw-token sw-fp-token" }, quotedToken(text, 24)),
        h("td", { class: "sw-num sw-fp-logit" }, h("i", { class: `sw-fp-fill ${kind}`, style: { width: `${100 * Math.abs(effect) / most}%` } }), h("span", {}, signed(effect)))
      )))
    );
  };
  return h("div", { class: "sw-fp-two" }, column("Raises", logits.up, "sw-fp-up"), column("Lowers", logits.down, "sw-fp-down"));
}
function facts(heads, rows, onFeature, ifEmpty) {
  if (!rows.length) return h("p", { class: "sw-small sw-muted" }, ifEmpty);
  const cell = (value, i) => {
    if (typeof value === "object") {
      return h("td", { class: "sw-ellipsis sw-fp-name" }, h("button", { class: "sw-fp-link", type: "button", disabled: value.isThere === false, title: value.isThere === false ? "Not in this saved page" : null, onclick: () => onFeature(value.feature) }, `#${value.feature}`), value.label && h("span", { class: "sw-token" }, ` ${visible(value.label)}`));
    }
    return h("td", { class: i ? "sw-num" : "sw-token" }, value);
  };
  return h(
    "table",
    { class: "sw-table sw-small sw-fp-facts" },
    heads.some(Boolean) && h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: i ? "sw-num" : false }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell))))
  );
}
function shapeWords(page) {
  const { mean, variance, skewness, kurtosis } = page.shape;
  return [["maximum", number(page.max_act)], ["mean", number(mean)], ["variance", number(variance)], ["skewness", number(skewness)], ["kurtosis", number(kurtosis)]];
}
function densityWords(page) {
  return [percent(page.density), `${percent(page.density_low)} \u2013 ${percent(page.density_high)}`];
}
function pairs(node, pairs2) {
  fill(node, pairs2.map(([name, value]) => h("span", { class: "sw-fp-pair" }, h("span", { class: "sw-muted" }, name), ` ${value}`)));
}
var PANELS_CSS = `
.sw-fp { min-width: 0; padding: 8px 0 10px; border-bottom: 1px solid var(--sw-line); }
.sw-fp:last-child { border-bottom: 0; }
.sw-fp-head { display: flex; align-items: baseline; gap: 8px; margin-bottom: 4px; }
.sw-fp-head h3 { margin: 0; }
.sw-fp-aside { margin-inline-start: auto; text-align: end; min-width: 0; }
.sw-fp-two { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
.sw-fp .sw-table th.sw-num { text-align: right; }
.sw-fp .sw-table th { padding: 2px 6px 1px 0; }
.sw-fp .sw-table td { padding: 1px 6px 1px 0; }
.sw-fp-token { max-width: 0; width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sw-fp .sw-fp-logit { position: relative; padding-inline-end: 4px; min-width: 58px; }
.sw-fp-logit > span { position: relative; }
.sw-fp-fill { position: absolute; inset-block: 1px; right: 0; border-radius: 2px; opacity: .38; }
.sw-fp-up { background: #d9680a; }
.sw-fp-down { background: #3177b8; }
.sw-fp-facts { table-layout: auto; }
.sw-fp-name { max-width: 0; width: 99%; }
.sw-fp-link { font: inherit; color: var(--sw-accent); background: none; border: 0; padding: 0; cursor: pointer; }
.sw-fp-link:hover:not(:disabled) { text-decoration: underline; }
.sw-fp-link:disabled { color: var(--sw-muted); cursor: default; }
.sw-fp-line { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 1px 0; }
.sw-fp-pair { white-space: nowrap; }
.sw-hist-box { display: block; border-radius: 4px; }
.sw-hist { display: block; width: 100%; height: 72px; border-bottom: 1px solid var(--sw-line); }
.sw-hist-bar { fill: #d9680a; }
.sw-hist-down { fill: #3177b8; }
.sw-hist-on { fill: var(--sw-fg); }
.sw-hist-mark { stroke: var(--sw-good); stroke-width: 2; vector-effect: non-scaling-stroke; }
`;

// lib/saved_features.js
var MAX_FOUND = 20;
function beside(features, feature, step) {
  const n = features.length;
  return features[((features.indexOf(feature) + step) % n + n) % n];
}
function savedFeatures(saved, unpack = inflate) {
  const open = /* @__PURE__ */ new Map();
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
      return (await /** @type {Promise<any[]>} */
      open.get(at))[place % saved.per_chunk];
    },
    /** @param {string} query */
    search(query) {
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      const number2 = query.trim().replace(/^#/, "");
      const found = [];
      for (let i = 0; i < saved.features.length && found.length < 1e3; i += 1) {
        const name = saved.names[i].toLowerCase();
        const isNumber = String(saved.features[i]) === number2;
        if (isNumber || words.length && words.every((word) => name.includes(word))) found.push({ i, rank: isNumber ? 0 : name.startsWith(words[0]) ? 1 : 2 });
      }
      found.sort((a, b) => a.rank - b.rank || a.i - b.i);
      return found.slice(0, MAX_FOUND).map(({ i }) => ({ feature: saved.features[i], label: saved.names[i], peak: saved.peaks[i] }));
    }
  };
}
function inflate(packed) {
  const stream = new Blob([
    /** @type {any} */
    packed
  ]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// widgets/feature_dashboard.js
var WIDTHS = [["stacked", "5 tokens"], ["snippet", "Snippet"], ["full", "Wrapped"]];
var GROUPS = [["interval", "Equal parts of the range"], ["quantile", "Quantiles"]];
var SORTS = [["strength", "Strongest first"], ["document", "By document"]];
function render({ model, el, root, ask, offline, theme }) {
  const get = (name2) => model.get(name2);
  const set = (values) => write(model, values);
  const saved = get("saved") && savedFeatures(get("saved"));
  const listed = () => get("listed") ?? [];
  const noModel = offline || get("has_model") === false;
  const isFixed = offline && !(get("saved")?.features.length > 1);
  const isThere = (feature) => saved ? saved.has(feature) : !offline && (!listed().length || listed().includes(feature));
  let lookedAct = null;
  const button = (text, hint, onclick) => needsKernel(h("button", { class: "sw-btn sw-icon", type: "button", hint, onclick }, text), isFixed);
  const go = (feature) => isThere(feature) && set({ feature });
  const goOn = (by) => go(saved ? saved.beside(get("feature"), by) : listed().length ? beside(listed(), get("feature"), by) : (get("feature") + by + get("n_features")) % get("n_features"));
  const title = h("strong", { class: "sw-fd-title" });
  const name = h("input", { class: "sw-input sw-fd-name", type: "text", maxlength: "200", placeholder: "Name this feature", "aria-label": "Name of the feature", spellcheck: "false", onchange: () => model.send({ kind: "label", text: name.value }) });
  name.readOnly = offline;
  const find = combobox({
    label: "Go to a feature: number, name or token",
    placeholder: "Go to feature",
    search: async (query, signal) => !query.trim() ? [] : saved ? saved.search(query) : (await ask("search", { query }, { signal })).value,
    show: (found) => [h("span", { class: "sw-mono" }, `#${found.feature}`), h("span", { class: "sw-ellipsis sw-token" }, ` ${visible(found.label)}`)],
    onPick: (found) => go(found.feature),
    onText: (text) => /^#?\d+$/.test(text.trim()) && go(Number(text.trim().replace("#", "")))
  });
  if (isFixed) find.node.hidden = true;
  const pin = h("button", { class: "sw-btn", type: "button", onclick: togglePin });
  const pins = h("div", { class: "sw-row sw-fd-pins", role: "group", "aria-label": "Pinned features" });
  const explained = h("div", { class: "sw-row sw-small sw-fd-explained" });
  const pass = passBar(model);
  const density = h("div", { class: "sw-fp-line sw-small" });
  const shape = h("div", { class: "sw-small sw-fp-line" });
  const activations = h("div");
  const lookedBar = h("div", { class: "sw-small sw-muted sw-fd-looked", "aria-hidden": "true" });
  const log = h("label", { class: "sw-check sw-small" }, h("input", { type: "checkbox", onchange: (event) => set({ log_counts: event.target.checked }) }), "log");
  const logits = h("div");
  const rank = h("input", { class: "sw-input sw-fd-rank", type: "text", placeholder: "Rank of a token, e.g. \u201C the\u201D", "aria-label": "Rank of a token among all", spellcheck: "false", onchange: askRank });
  needsKernel(rank, noModel);
  const ranked = h("span", { class: "sw-small", role: "status" });
  const near = h("div", { class: "sw-fd-near" });
  const list = contextList({
    offline: noModel,
    onRow: async (group, place) => (await ask("row", { feature: get("page").feature, group, place })).value,
    onEffects: async (group, place, whole) => (await ask("effects", { feature: get("page").feature, group, place, whole }, { key: `effects ${group}:${place}` })).value,
    onLook: (act) => {
      if (act === lookedAct) return;
      lookedAct = act;
      drawActivations();
    }
  });
  const choice = (trait, label, options) => h("select", { class: "sw-select sw-small", "aria-label": label, "data-trait": trait, onchange: (event) => set({ [trait]: event.target.value }) }, options.map(([value, words]) => h("option", { value }, words)));
  const choices = { width: choice("width", "How much of a context", WIDTHS), group_by: choice("group_by", "Groups", GROUPS), sort: choice("sort", "Order in a group", SORTS) };
  needsKernel(choices.group_by, noModel);
  const breaks = h("label", { class: "sw-check sw-small" }, h("input", { type: "checkbox", onchange: (event) => set({ show_breaks: event.target.checked }) }), "line breaks");
  const left = h(
    "div",
    { class: "sw-fd-left" },
    panel("How often, how strongly", log, density, activations, lookedBar, shape),
    panel("Direct effect on the next token", null, logits, h("div", { class: "sw-row" }, rank, ranked)),
    near
  );
  const right = h("div", { class: "sw-fd-right" }, h("div", { class: "sw-row sw-fd-tools" }, choices.group_by, choices.width, choices.sort, breaks), list.node);
  const body = h("div", { class: "sw-fd-body" }, left, right);
  const waiting = h("p", { class: "sw-muted sw-fd-waiting" }, "Reading texts; what is known shows here in a moment.");
  el.append(
    h(
      "div",
      { class: "sw-row sw-fd-head" },
      button("\u2039", "Previous feature (left arrow)", () => goOn(-1)),
      button("\u203A", "Next feature (right arrow)", () => goOn(1)),
      button("\u2684", "A random feature that fires", goRandom),
      title,
      name,
      h("span", { class: "sw-grow" }),
      find.node,
      pin
    ),
    pins,
    explained,
    pass.node,
    waiting,
    body
  );
  function draw() {
    const started = performance.now();
    const page = get("page");
    const has = page && page.feature !== void 0;
    body.hidden = !has;
    waiting.hidden = has;
    title.textContent = `#${get("feature")}`;
    drawPins();
    if (!has) return;
    root.toggleAttribute("data-stale", page.feature !== get("feature"));
    if (document.activeElement !== name) name.value = page.label;
    name.placeholder = page.top_tokens.length ? `Name this feature (${page.top_tokens.map((t) => quotedToken(t, 14)).join(" ")})` : "Name this feature";
    drawExplained(page);
    const [share, interval] = densityWords(page);
    pairs(density, [["fires on", share], .../** @type {[string, string][]} */
    page.density_low === null ? [] : [["95 %", interval]], ["of", `${count(page.n_tokens)} tokens`]]);
    pairs(
      shape,
      /** @type {any} */
      shapeWords(page).filter(([, value]) => value !== number(null))
    );
    drawActivations();
    drawLogits(page);
    drawNear(page);
    drawContexts();
    root.dataset.drawMs = (performance.now() - started).toFixed(1);
    root.dataset.feature = String(page.feature);
  }
  function drawExplained(page) {
    const found = (page.explanations ?? []).filter(([text, by]) => by || text !== page.label);
    explained.hidden = !found.length;
    const take = (text) => h("button", { class: "sw-btn sw-plain sw-small", type: "button", onclick: () => model.send({ kind: "label", text }) }, "Use as name");
    fill(explained, found.map(([text, by]) => h(
      "span",
      { class: "sw-fd-explanation" },
      h("span", { class: "sw-muted" }, by ? `Explained by ${visible(by)}: ` : "Explained: "),
      h("span", { class: "sw-token" }, visible(text)),
      !offline && text !== page.label && take(text)
    )));
  }
  function drawActivations() {
    const page = get("page");
    if (page?.feature === void 0) return;
    log.firstChild.checked = get("log_counts");
    const { counts, width } = page.histogram;
    const used = counts.findLastIndex((n) => n > 0) + 1;
    if (!used) {
      fill(activations, h("p", { class: "sw-muted sw-small" }, "It has not fired on these texts: its density is below the interval's upper end."));
      return;
    }
    const bars = { counts: counts.slice(0, used), low: 0, high: used * width, name: "Activations by strength", unit: "tokens" };
    fill(activations, histogram(bars, { isLog: get("log_counts"), mark: lookedAct ? Math.abs(lookedAct) : null, onLook: (words) => lookedBar.textContent = words }));
  }
  function drawLogits(page) {
    const has = Array.isArray(page.logits.up);
    rank.hidden = !has;
    ranked.textContent = "";
    if (!has) {
      fill(logits, h("p", { class: "sw-small sw-muted" }, visible(page.logits.note)));
      return;
    }
    const { counts, low, high } = page.logits;
    const seen = h("div", { class: "sw-small sw-muted sw-fd-looked", "aria-hidden": "true" });
    fill(
      logits,
      logitTables(page.logits),
      histogram({ counts, low, high, name: "Tokens of the vocabulary by effect", unit: "tokens", isSigned: true }, { isLog: true, mark: 0, onLook: (words) => seen.textContent = words }),
      seen
    );
  }
  function drawNear(page) {
    const { weights } = page;
    const other = (feature, label) => ({ feature, label, isThere: isThere(feature) });
    const sampled = page.n_sample ? `${count(page.n_sample)} tokens drawn` : "";
    const hasAll = get("has_model") !== false;
    fill(
      near,
      (hasAll || page.tokens.length) && panel("Tokens that excite it", sampled, facts(["token", "mean", "fires"], page.tokens.map(([, text, mean, n, all]) => [quotedToken(text, 24), number(mean), `${count(n)} of ${count(all)}`]), go, "No tokens were sampled.")),
      panel("Fires with", sampled, facts(["feature", "Pearson", "95 %", "cosine"], page.correlated.map(([f, r, lo, hi, cosine, , label]) => [other(f, label), number(r, 2), lo === null ? number(null) : `${number(lo, 2)} \u2013 ${number(hi, 2)}`, number(cosine, 2)]), go, "No tokens were sampled.")),
      hasAll && panel("Points the same way", "decoder rows", facts(["feature", "cosine"], page.neighbours.map(([f, cosine, label]) => [other(f, label), number(cosine, 2)]), go, "No other feature.")),
      panel("Neurons", "of the decoder row", facts(["neuron", "value", "% of L1"], page.alignment.slice(0, 5).map(([i, value, share]) => [String(i), signed(value), percent(share)]), go, "")),
      panel("Correlated neurons", "of what it reads", facts(["neuron", "Pearson", "cosine"], page.neurons.slice(0, 5).map(([i, r, cosine]) => [String(i), signed(r, 2), signed(cosine, 2)]), go, "Not gathered for an SAE of this size.")),
      hasAll && panel("Weights", null, facts(["", ""], [["decoder norm", number(weights.decoder_norm)], ["encoder norm", number(weights.encoder_norm)], ["encoder \xB7 decoder", number(weights.encoder_decoder_cosine, 2)], ["encoder bias", signed(weights.encoder_bias)]], go, ""))
    );
  }
  function drawContexts() {
    const page = get("page");
    if (page?.feature === void 0) return;
    for (const [trait, select] of Object.entries(choices)) select.value = get(trait);
    breaks.firstChild.checked = get("show_breaks");
    list.set(page.groups, { width: get("width"), breaks: get("show_breaks"), sort: get("sort"), top: page.max_act, theme: theme.name() });
  }
  function drawPins() {
    const pinned = get("pinned");
    const isPinned = pinned.includes(get("feature"));
    pin.textContent = isPinned ? "Unpin" : "Pin";
    pin.setAttribute("aria-pressed", String(isPinned));
    pins.hidden = !pinned.length;
    fill(pins, h("span", { class: "sw-small sw-muted" }, "Pinned"), pinned.map((feature) => h("button", { class: "sw-btn sw-small", type: "button", "aria-pressed": String(feature === get("feature")), disabled: !isThere(feature), onclick: () => go(feature) }, `#${feature}`)));
  }
  function togglePin() {
    const [pinned, feature] = [get("pinned"), get("feature")];
    set({ pinned: pinned.includes(feature) ? pinned.filter((f) => f !== feature) : [...pinned, feature] });
  }
  async function showSaved() {
    const feature = get("feature");
    if (!saved || get("page")?.feature === feature) return;
    const page = await saved.page(feature);
    if (get("feature") === feature) set({ page });
  }
  async function goRandom() {
    try {
      go(saved ? saved.random() : (await ask("random")).value);
    } catch {
    }
  }
  async function askRank() {
    const text = rank.value;
    if (!text) return;
    try {
      const { rank: place, n, effect } = (await ask("token", { text })).value;
      ranked.textContent = `${count(place)} of ${count(n)} (${signed(effect)})`;
    } catch (error) {
      ranked.textContent = error instanceof Error ? visible(error.message) : String(error);
    }
  }
  const narrow = new ResizeObserver(() => body.classList.toggle("sw-fd-narrow", el.clientWidth < 820));
  narrow.observe(el);
  theme.onChange(drawContexts);
  const stops = [
    listen(model, ["page"], draw),
    listen(model, ["feature", "pinned"], () => {
      title.textContent = `#${get("feature")}`;
      root.toggleAttribute("data-stale", get("page")?.feature !== get("feature"));
      drawPins();
      showSaved();
    }),
    listen(model, ["log_counts"], drawActivations),
    listen(model, ["width", "show_breaks", "sort"], drawContexts),
    pass.stop,
    on(root, "keydown", (event) => {
      if (isFixed || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.target.closest(".sw-cl, .sw-hist-box")) return;
      if (event.key === "ArrowRight") goOn(1);
      else if (event.key === "ArrowLeft") goOn(-1);
      else return;
      event.preventDefault();
    })
  ];
  draw();
  showSaved();
  return () => {
    narrow.disconnect();
    list.stop();
    find.stop?.();
    for (const stop of stops) stop();
  };
}
var css2 = `${PANELS_CSS}${CONTEXTS_CSS}${PASS_BAR_CSS}
.sw-fd-head { margin-bottom: 6px; }
.sw-fd-title { font-size: 15px; }
.sw-fd-name { flex: 1 1 180px; max-width: 340px; }
.sw-fd-explanation { display: inline-flex; align-items: baseline; gap: 4px; }
.sw-fd-pins, .sw-fd-explained { margin-bottom: 6px; }
.sw-fd-body { display: grid; grid-template-columns: minmax(260px, 320px) minmax(0, 1fr); gap: 0 18px; border-top: 1px solid var(--sw-line); }
.sw-fd-left, .sw-fd-right { min-width: 0; max-height: 720px; overflow: auto; overscroll-behavior: contain; }
.sw-fd-left { padding-inline-end: 10px; }
.sw-fd-right { padding-top: 8px; }
.sw-fd-narrow { grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
.sw-fd-narrow .sw-fd-left, .sw-fd-narrow .sw-fd-near { display: contents; }
.sw-fd-narrow .sw-fd-right { order: 1; grid-column: 1 / -1; max-height: 480px; border-bottom: 1px solid var(--sw-line); }
.sw-fd-narrow .sw-fd-near > .sw-fp { order: 2; }
.sw-fd-tools { position: sticky; top: 0; z-index: 2; padding-bottom: 6px; background: var(--sw-bg); }
.sw-fd-looked { min-height: 18px; }
.sw-fd-rank { flex: 1 1 120px; font-size: 12px; }
.sw-fd-waiting { padding: 18px 0; }
.sw-root[data-stale] .sw-fd-body { opacity: .55; }
`;

// widgets/feature_browser.js
var GROUPS2 = ["names", "facts", "given", "cosines", "contrasted", "matched", "mapped"];
var FILTERS = ["text", "ranges", "selected"];
var NOTHING = { text: "", ranges: {}, selected: [] };
var USUAL = ["density", "max_act", "mean_act", "decoder_norm"];
var NARROW = ["density", "max_act"];
var BARE = ["decoder_norm", "encoder_norm", "encoder_decoder_cosine", "encoder_bias"];
var HEAD = 58;
function render2({ model, el, root, offline, theme, childModel }) {
  const get = (name) => model.get(name);
  const set = (values) => write(model, values);
  const table = makeTable(get("n_features"));
  const kept = get("dashboard");
  const isKept = (feature) => kept?.saved.features.includes(feature);
  let isOver = false;
  let isNarrow = false;
  let heads = [];
  const state = () => ({ text: get("text"), ranges: get("ranges"), selected: get("selected") });
  const past = createHistory(state());
  const find = h("input", { class: "sw-input sw-grow sw-fb-find", type: "search", placeholder: "Search labels, tokens, numbers", "aria-label": "Search features", autocomplete: "off", spellcheck: "false" });
  const counted = h("span", { class: "sw-small sw-muted sw-fb-count", role: "status", "aria-live": "polite" });
  const button = (text, title, onclick) => h("button", { class: "sw-btn", type: "button", title, onclick }, text);
  const undo = button("Undo", "Undo the last change of filters (Ctrl+Z)", () => step("undo"));
  const redo = button("Redo", "Redo the filters (Ctrl+Shift+Z)", () => step("redo"));
  const reset = button("Reset", "Take every filter away", () => set(NOTHING));
  const chips = h("div", { class: "sw-row sw-fb-chips", role: "group", "aria-label": "Filters" });
  const contrast2 = contrastForm({ model, offline });
  const like = needsKernel(button("Like \u2026", "Show every feature's cosine with the chosen one, nearest first", () => set({ like: get("feature"), order: "-cosine" })), offline);
  const mapOpen = needsKernel(h("button", { class: "sw-btn", type: "button", "aria-pressed": "false", onclick: () => set({ map_method: get("map_method") ? null : "pca" }) }, "Map"), offline && !get("mapped").method);
  const columnPick = columnPicker(el, { columns: () => [...table.columns.values()].filter(({ key }) => key !== "feature"), shown: shownKeys, setShown: (keys) => set({ shown: keys }) });
  const stop = h("button", { class: "sw-btn sw-primary", type: "button", hidden: true, onclick: () => model.send({ kind: "stop" }) }, "Cancel");
  const source = {
    table: () => table,
    range: (key) => get("ranges")[key] ?? null,
    setRange(key, range) {
      const ranges = { ...get("ranges") };
      if (range && (range[0] !== null || range[1] !== null)) ranges[key] = range;
      else delete ranges[key];
      local({ ranges });
    }
  };
  const box = rangeBox(el, source);
  const pass = passBar(model);
  const list = gridList({
    label: "Features. Arrow keys move, Enter opens the dashboard.",
    columns: [],
    headHeight: HEAD,
    cells: (row) => heads.map(({ column }) => column.texts ? visible(shorten(column.texts[row], 160)) : shownValue(column, column.values[row])),
    isChosen: (row) => row === get("feature"),
    onChoose: choose,
    onOpen: open
  });
  list.node.classList.add("sw-fb-list");
  const map = mapPanel({ model, table, theme, offline, words: named, onPick: pickOnMap, onOpen: open, onSelect: (rows) => set({ selected: rows }) });
  const body = h("div", { class: "sw-fb-body" }, list.node, map.node);
  const dashboardBox = h("div");
  const missing = h("div", { class: "sw-row", role: "status" });
  const keptModel = makeHost(kept ?? {});
  const dashboard = h(
    "section",
    { class: "sw-fb-dashboard", "aria-label": "Dashboard", hidden: true },
    h("div", { class: "sw-row" }, h("span", { class: "sw-label sw-grow" }, "Dashboard"), h("button", { class: "sw-btn", type: "button", onclick: closeDashboard }, "Close")),
    missing,
    dashboardBox
  );
  el.append(
    h("div", { class: "sw-row sw-fb-top" }, find, counted, undo, redo, reset),
    h("div", { class: "sw-row sw-fb-top" }, contrast2.open, like, mapOpen, columnPick.open, h("span", { class: "sw-grow" }), stop),
    contrast2.node,
    pass.node,
    chips,
    body,
    dashboard
  );
  let warming;
  async function takeGroups(names) {
    const read = await Promise.all(names.map(async (name) => [name, await Promise.all((get(name).columns ?? []).map((spec) => readColumn(spec, table.n)))]));
    if (isOver) return;
    for (const [name, columns] of read) table.setGroup(
      /** @type {string} */
      name,
      /** @type {any} */
      columns
    );
    if (names.includes("mapped")) map.setPoints();
    drawColumns();
    drawRows();
    clearTimeout(warming);
    warming = setTimeout(table.warm, 200);
  }
  const fail = (error) => fill(chips, h("p", { role: "alert" }, `The columns cannot be read here: ${error instanceof Error ? error.message : error}`));
  function shownKeys() {
    const wanted = get("shown");
    const asked = [...table.columns.keys()].filter((key) => ["cosine", "contrast", "match", "match_cosine"].includes(key));
    const given = (get("given").columns ?? []).map((spec) => spec.key);
    const facts2 = table.columns.has("density") ? isNarrow ? NARROW : USUAL : BARE;
    const keys = wanted.length ? wanted : ["label", ...asked, ...given, ...facts2];
    return ["feature", ...new Set(keys.filter((key) => table.columns.has(key) && key !== "feature"))];
  }
  function drawColumns() {
    for (const { head } of heads) head.stop();
    heads = shownKeys().map((key) => {
      const column = (
        /** @type {import("../lib/feature_table.js").Column} */
        table.columns.get(key)
      );
      return { column, head: columnHead(column, { ...source, onSort: () => sort(column), onMore: box.open }) };
    });
    list.setColumns(heads.map(({ column, head }) => ({ key: column.key, title: column.title, class: column.texts ? "sw-token" : "sw-gl-number", head: head.node })));
    const widths = heads.map(({ column }) => column.texts ? "minmax(150px, 3fr)" : column.key === "feature" ? "64px" : "minmax(84px, 1fr)");
    list.node.style.setProperty("--sw-gl-columns", widths.join(" "));
    list.node.style.setProperty("--sw-fb-least", `${heads.reduce((sum, { column }) => sum + (column.texts ? 159 : column.key === "feature" ? 73 : 93), 20)}px`);
  }
  let lastOrder = "";
  function drawRows() {
    const started = performance.now();
    const left = table.filter(state());
    const order = get("order");
    const rows = table.rows(order);
    list.set(rows, left || !table.n ? "" : "No feature passes all filters. Undo the last, or reset.", { toTop: order !== lastOrder && lastOrder !== "" });
    lastOrder = order;
    list.setOrder(order.replace(/^-/, ""), order.startsWith("-") ? "descending" : "ascending");
    for (const { column, head } of heads) {
      head.draw();
      head.setArrow(order === column.key ? "\u2191" : order === `-${column.key}` ? "\u2193" : "");
    }
    if (find.value !== get("text") && !later.isWaiting) find.value = get("text");
    counted.textContent = left === table.n ? plural(table.n, "feature") : `${count(left)} of ${plural(table.n, "feature")}`;
    drawChips();
    drawTools();
    map.draw();
    root.dataset.filterMs = (performance.now() - started).toFixed(1);
    root.dataset.shown = String(left);
  }
  const soon = perFrame(drawRows);
  function drawChips() {
    const { ranges, selected } = state();
    const chip = (words, drop) => h("button", { class: "sw-btn sw-small sw-fb-chip", type: "button", "aria-label": `Take away the filter ${words}`, onclick: drop }, words, h("span", { "aria-hidden": "true" }, "\xD7"));
    fill(
      chips,
      Object.entries(ranges).map(([key, range]) => {
        const column = table.columns.get(key);
        return chip(`${visible(column?.title ?? key)}: ${column ? rangeWords(
          column,
          /** @type {any} */
          range
        ) : "\u2026"}`, () => source.setRange(key, null));
      }),
      selected.length > 0 && chip(`${plural(selected.length, "feature")} taken on the map`, () => set({ selected: [] }))
    );
    chips.hidden = !chips.childElementCount;
  }
  function drawTools() {
    const chosen = get("feature");
    like.textContent = chosen === null ? "Like \u2026" : `Like #${chosen}`;
    like.disabled = offline || chosen === null;
    undo.disabled = !past.canUndo;
    redo.disabled = !past.canRedo;
    reset.disabled = !get("text") && !Object.keys(get("ranges")).length && !get("selected").length;
    mapOpen.setAttribute("aria-pressed", String(Boolean(get("map_method"))));
    body.classList.toggle("sw-fb-mapped", Boolean(get("map_method")));
  }
  function named(row) {
    const label = table.columns.get("label")?.texts?.[row];
    return `#${row}${label ? ` ${visible(shorten(label, 80))}` : ""}`;
  }
  const tell = debounce(() => model.save_changes(), 120);
  const note = debounce(() => {
    if (past.push(state())) drawTools();
  }, 400);
  function local(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    tell();
  }
  const typed = debounce(() => set({ text: find.value }), 30);
  const later = Object.assign(() => {
    later.isWaiting = true;
    typed();
    setTimeout(() => later.isWaiting = false, 100);
  }, { isWaiting: false });
  let own = get("feature");
  function choose(row) {
    own = row;
    local({ feature: row });
  }
  function pickOnMap(row) {
    local({ feature: row });
  }
  function step(way) {
    note.flush();
    const state2 = past[way]();
    if (state2) set(state2);
    drawTools();
  }
  function sort({ key, texts: isText }) {
    const first = isText || key === "feature" ? key : `-${key}`;
    const other = first === key ? `-${key}` : key;
    set({ order: get("order") === first ? other : first });
  }
  let endDashboard = null;
  let mounted = "";
  function open(row) {
    own = row;
    if (!offline || kept) set({ feature: row, opened: row });
  }
  function closeDashboard() {
    set({ opened: null });
    list.focus();
  }
  async function drawDashboard() {
    const feature = get("opened");
    dashboard.hidden = feature === null || !get("can_open") || offline && !kept;
    if (dashboard.hidden) return;
    if (offline) drawKept(feature);
    const id = offline ? "kept" : get("dashboard_id");
    if (!id || id === mounted) return;
    mounted = id;
    try {
      const child = offline ? keptModel : await childModel(id);
      if (isOver) return;
      const end = show(feature_dashboard_exports, { model: child, el: dashboardBox, offline, isInner: true });
      const follow = listen(child, ["feature"], () => get("opened") !== null && set({ feature: child.get("feature"), opened: child.get("feature") }));
      endDashboard = () => {
        follow();
        end();
      };
    } catch (error) {
      const words = error instanceof Error ? visible(error.message) : String(error);
      fill(dashboardBox, h("p", { class: "sw-muted" }, `${words} Show it in a cell of its own: browser.dashboard`));
    }
  }
  function drawKept(feature) {
    const isThere = isKept(feature);
    dashboardBox.hidden = !isThere;
    if (isThere) keptModel.set("feature", feature);
    const others = kept.saved.features.slice(0, 100).map((each) => h("button", { class: "sw-btn sw-small", type: "button", onclick: () => open(each) }, `#${each}`));
    fill(missing, !isThere && [h("span", { class: "sw-muted" }, `This page has no dashboard of #${feature}. It has those of ${plural(kept.saved.features.length, "feature")}:`), ...others]);
  }
  let showing;
  function drawStop() {
    clearTimeout(showing);
    const { state: state2, text } = get("status") ?? {};
    const isRunning = state2 === "running" && (text || pass.node.hidden);
    if (!isRunning) stop.hidden = true;
    else showing = setTimeout(() => stop.hidden = isOver, 400);
  }
  find.addEventListener("input", () => later());
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) set({ text: "" });
    else return;
    event.preventDefault();
  });
  const narrow = new ResizeObserver(() => {
    body.classList.toggle("sw-fb-stacked", el.clientWidth < 900);
    if (isNarrow !== el.clientWidth < 640) {
      isNarrow = !isNarrow;
      drawColumns();
    }
    soon();
  });
  narrow.observe(el);
  theme.onChange(soon);
  const stops = [
    ...GROUPS2.map((name) => listen(model, [name], () => void takeGroups([name]).catch(fail))),
    listen(model, [...FILTERS], () => {
      soon();
      note();
    }),
    listen(model, ["order"], soon),
    listen(model, ["shown"], () => {
      drawColumns();
      soon();
    }),
    listen(model, ["feature"], () => {
      if (get("feature") === own) list.draw();
      else soon();
      drawTools();
      map.draw();
    }),
    listen(model, ["map_method", "color"], () => {
      drawTools();
      map.draw();
    }),
    listen(model, ["opened", "dashboard_id"], () => void drawDashboard()),
    listen(model, ["status"], drawStop),
    on(root, "keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || /^(TEXTAREA|INPUT)$/.test(event.target.tagName)) return;
      event.preventDefault();
      step(event.shiftKey ? "redo" : "undo");
    })
  ];
  takeGroups(GROUPS2).catch(fail);
  void drawDashboard();
  return () => {
    isOver = true;
    tell.flush();
    typed.cancel();
    note.cancel();
    soon.cancel();
    clearTimeout(showing);
    clearTimeout(warming);
    narrow.disconnect();
    endDashboard?.();
    box.stop();
    pass.stop();
    contrast2.stop();
    columnPick.stop();
    map.stop();
    list.stop();
    for (const { head } of heads) head.stop();
    for (const stop2 of stops) stop2();
  };
}
var css3 = `${GRID_LIST_CSS}${COLUMN_HEAD_CSS}${COLUMN_PICKER_CSS}${CONTRAST_FORM_CSS}${MAP_PANEL_CSS}${PASS_BAR_CSS}
.sw-fb-top { margin-bottom: 8px; }
.sw-fb-find { flex-basis: 180px; }
.sw-fb-count { min-width: 150px; text-align: end; }
.sw-fb-chips { margin-bottom: 8px; }
.sw-fb-chip { border-radius: 14px; background: var(--sw-hover); min-height: 24px; }
.sw-fb-body { display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px; }
.sw-fb-mapped { grid-template-columns: minmax(0, 1fr) minmax(320px, 42%); }
.sw-fb-stacked { grid-template-columns: minmax(0, 1fr); }
.sw-fb-list { height: 424px; overflow: auto scroll; }
.sw-fb-list > .sw-gl-head, .sw-fb-list > .sw-gl-rows { min-width: var(--sw-fb-least); }
.sw-fb-list .sw-gl-row:not(.sw-gl-head, :hover, [aria-selected="true"]) { background: var(--sw-bg); }
.sw-fb-list .sw-gl-cell:first-child { position: sticky; left: 0; background: inherit; } /* a row's number stays in view */
.sw-fb-list .sw-gl-head { align-items: start; padding-top: 4px; }
.sw-fb-list .sw-gl-head .sw-gl-cell { overflow: visible; }
.sw-fb-list .sw-gl-head [aria-sort]::after { content: none; }
.sw-fb-list .sw-gl-number .sw-ch-sort { justify-content: flex-end; }
.sw-fb-list .sw-gl-cell.sw-token { white-space: nowrap; overflow-wrap: normal; }
.sw-fb-dashboard { margin-top: 12px; padding-top: 10px; border-top: 2px solid var(--sw-line); }
.sw-fb-dashboard > .sw-row { margin-bottom: 6px; }
`;

// feature_browser.entry.js
var feature_browser_entry_default = { render: (props) => show(feature_browser_exports, props) };
function mountSaved(page) {
  mount(feature_browser_exports, page);
}
export {
  feature_browser_entry_default as default,
  mountSaved
};
