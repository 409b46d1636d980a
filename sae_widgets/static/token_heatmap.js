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
function count(value) {
  return value === null || value === void 0 || !Number.isFinite(value) ? "\u2013" : Math.round(value).toLocaleString("en-US").replace(/-/g, MINUS);
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

// widgets/token_heatmap.js
var token_heatmap_exports = {};
__export(token_heatmap_exports, {
  css: () => css2,
  render: () => render
});

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
function hue(index, theme) {
  return parseHex(OVERLAY[theme][index % N_HUES]);
}
function tint(index, t, theme, ground = GROUND[theme]) {
  const size = Math.min(1, Math.max(0, t));
  return size > 0 ? mix(ground, hue(index, theme), 0.12 + 0.88 * size) : ground;
}
function gradient(map, from = 0) {
  const steps = Array.from({ length: 9 }, (_, i) => css(map(from + (1 - from) * i / 8)));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}
var HATCH = "repeating-linear-gradient(135deg, transparent 0 3px, rgb(128 128 128 / .55) 3px 4px)";

// lib/feature_list.js
var ROW = 28;
function featureList({ label, onShow, onToggle, onPreview }) {
  const rows = h("div", { class: "sw-fl-rows" });
  const view = h("div", {
    class: "sw-fl",
    role: "listbox",
    tabindex: "0",
    "aria-label": label,
    "aria-multiselectable": "true",
    "aria-description": "Enter shows a feature, plus adds it to the overlay or takes it out"
  }, rows);
  const id = uniqueId("feature");
  let entries = [];
  let active = 0;
  let empty = "";
  function draw() {
    const first = Math.max(0, Math.floor(view.scrollTop / ROW) - 1);
    const last = Math.min(entries.length, Math.ceil((view.scrollTop + (view.clientHeight || 280)) / ROW) + 1);
    rows.style.height = `${entries.length * ROW}px`;
    if (!entries.length) {
      rows.style.height = "auto";
      fill(rows, h("p", { class: "sw-fl-empty sw-muted" }, empty));
      view.removeAttribute("aria-activedescendant");
      return;
    }
    fill(rows, entries.slice(first, last).map((entry, i) => drawRow(entry, first + i)));
    if (active >= first && active < last) view.setAttribute("aria-activedescendant", `${id}-${active}`);
    else view.removeAttribute("aria-activedescendant");
  }
  function drawRow(entry, i) {
    const color = entry.color ? css(entry.color) : "";
    const words = entry.label ? visible(entry.label) : "";
    const detail = entry.detail();
    return h(
      "div",
      {
        class: `sw-fl-row${i === active ? " sw-fl-active" : ""}`,
        role: "option",
        id: `${id}-${i}`,
        "aria-selected": String(entry.isSelected),
        "aria-setsize": String(entries.length),
        "aria-posinset": String(i + 1),
        "aria-label": `Feature ${entry.feature}${words ? `, ${words}` : ""}, ${detail}`,
        title: `${entry.feature}${words ? ` ${words}` : ""}
${detail}`,
        "data-index": String(i),
        style: { top: `${i * ROW}px` }
      },
      h("span", { class: "sw-fl-id", "aria-hidden": "true", style: color ? { "border-color": color } : {} }, String(entry.feature)),
      h("span", { class: "sw-fl-label sw-ellipsis sw-token", "aria-hidden": "true" }, words),
      h("i", { class: "sw-fl-bar", style: { width: `${44 * Math.min(1, Math.max(0, entry.share))}px`, ...color && { background: color } } }),
      h("span", { class: "sw-num sw-fl-value", "aria-hidden": "true" }, entry.value === 0 ? "\u2013" : number(entry.value)),
      h("span", { class: "sw-fl-add", "aria-hidden": "true", "data-add": "" }, entry.isSelected ? "\u2212" : "+")
    );
  }
  function go(i) {
    active = Math.max(0, Math.min(entries.length - 1, i));
    if (active * ROW < view.scrollTop) view.scrollTop = active * ROW;
    else if ((active + 1) * ROW > view.scrollTop + view.clientHeight) view.scrollTop = (active + 1) * ROW - view.clientHeight;
    draw();
    onPreview(entries[active]?.feature ?? null);
  }
  function act(fn, feature) {
    onPreview(null);
    fn(feature);
  }
  const under = (event) => {
    const row = (
      /** @type {Element} */
      event.target.closest?.("[data-index]")
    );
    return row ? entries[Number(row.getAttribute("data-index"))] : void 0;
  };
  const stops = [
    on(view, "scroll", draw),
    on(view, "click", (event) => {
      const entry = under(event);
      if (!entry) return;
      active = entries.indexOf(entry);
      const wantsMore = event.target.closest("[data-add]") || event.shiftKey || event.ctrlKey || event.metaKey;
      act(wantsMore ? onToggle : onShow, entry.feature);
    }),
    on(view, "pointerover", (event) => onPreview(under(event)?.feature ?? null)),
    on(view, "pointerleave", () => onPreview(null)),
    // The frame around the active row is for whoever uses keys. Nothing is drawn anew at a press of the mouse: the click
    // that follows would find another row than the one pressed, and be nobody's.
    on(view, "pointerdown", () => view.classList.remove("sw-fl-keys")),
    on(view, "focus", () => view.classList.toggle("sw-fl-keys", view.matches(":focus-visible"))),
    on(view, "blur", () => {
      view.classList.remove("sw-fl-keys");
      onPreview(null);
    }),
    on(view, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !entries.length) return;
      view.classList.add("sw-fl-keys");
      const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -entries.length, End: entries.length }[
        /** @type {string} */
        event.key
      ];
      if (step !== void 0) go(active + step);
      else if (event.key === "Enter" || event.key === " ") act(onShow, entries[active].feature);
      else if (event.key === "+" || event.key === "-" || event.key === "=") act(onToggle, entries[active].feature);
      else return;
      event.preventDefault();
    })
  ];
  const resized = new ResizeObserver(draw);
  resized.observe(view);
  return {
    node: view,
    /** @param {Entry[]} next @param {string} [ifEmpty] */
    set(next, ifEmpty = "Nothing fires.") {
      entries = next;
      empty = ifEmpty;
      active = Math.min(active, Math.max(0, entries.length - 1));
      draw();
    },
    toTop() {
      active = 0;
      view.scrollTop = 0;
    },
    focus: () => view.focus(),
    stop() {
      resized.disconnect();
      for (const stop of stops) stop();
    }
  };
}
var FEATURE_LIST_CSS = `
.sw-fl { position: relative; overflow: auto; overscroll-behavior: contain; flex: 1 1 0; min-height: 84px; }
.sw-fl-rows { position: relative; }
.sw-fl-row { position: absolute; left: 0; right: 0; height: ${ROW}px; display: flex; align-items: center; gap: 6px; padding: 0 2px 0 8px; cursor: pointer; font-size: 12px; }
.sw-fl-row:hover { background: var(--sw-hover); }
.sw-fl-row[aria-selected="true"] { background: var(--sw-raised); }
.sw-fl-keys .sw-fl-active { box-shadow: inset 0 0 0 2px var(--sw-accent); }
.sw-fl-bar { flex: none; height: 8px; border-radius: 2px; background: var(--sw-muted); opacity: .8; }
.sw-fl-value { min-width: 38px; }
.sw-fl-id { font-family: var(--sw-mono); color: var(--sw-muted); border-inline-start: 3px solid transparent; padding-inline-start: 5px; }
.sw-fl-label { flex: 1 1 0; white-space: nowrap; }
.sw-fl-add { width: 20px; text-align: center; color: var(--sw-muted); border-radius: 4px; visibility: hidden; }
.sw-fl-add:hover { background: var(--sw-line); color: var(--sw-fg); }
.sw-fl-row:hover .sw-fl-add, .sw-fl-row[aria-selected="true"] .sw-fl-add, .sw-fl-keys .sw-fl-active .sw-fl-add { visibility: visible; }
.sw-fl-empty { padding: 10px; font-size: 12px; }
`;

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
var uint8 = (view) => new Uint8Array(
  /** @type {ArrayBuffer} */
  buffer(view)
);
function readHeat(payload, columns) {
  if (!payload?.tokens) return null;
  const heat2 = {
    n: payload.tokens.length,
    prompt: payload.prompt,
    tokens: payload.tokens,
    tokenIds: int32(payload.token_ids),
    special: uint8(payload.special),
    starts: int32(payload.starts),
    ids: int32(payload.features),
    values: float32(payload.values),
    isComplete: payload.is_complete,
    nFeatures: payload.n_features,
    /** @type {FeatureLine[]} */
    summary: [],
    labels: numbered(payload.labels),
    maxima: numbered(payload.maxima),
    columns: /* @__PURE__ */ new Map()
  };
  const [feature, position, count2] = ["feature", "position", "count"].map((name) => int32(payload.summary[name]));
  const [peak, mean] = ["peak", "mean"].map((name) => float32(payload.summary[name]));
  heat2.summary = Array.from(feature, (f, i) => ({ feature: f, peak: peak[i], position: position[i], mean: mean[i], count: count2[i] }));
  addColumns(heat2, columns);
  return heat2;
}
function addColumns(heat2, columns) {
  if (!columns?.features) return;
  const values = float32(columns.values);
  if (values.length !== columns.features.length * heat2.n) return;
  columns.features.forEach((f, i) => heat2.columns.set(f, values.subarray(i * heat2.n, (i + 1) * heat2.n)));
  for (const [f, label] of numbered(columns.labels)) heat2.labels.set(f, label);
  for (const [f, value] of numbered(columns.maxima)) heat2.maxima.set(f, value);
}
function numbered(record) {
  return new Map(Object.entries(record ?? {}).map(([key, value]) => [Number(key), value]));
}
function column(heat2, feature) {
  const known = heat2.columns.get(feature);
  if (known) return known;
  const values = new Float32Array(heat2.n);
  for (let i = 0; i < heat2.n; i += 1) {
    for (let e = heat2.starts[i]; e < heat2.starts[i + 1]; e += 1) if (heat2.ids[e] === feature) values[i] = heat2.values[e];
  }
  if (heat2.isComplete) heat2.columns.set(feature, values);
  return values;
}
function strongest(heat2, i, k) {
  const end = Math.min(heat2.starts[i + 1], heat2.starts[i] + k);
  return Array.from({ length: Math.max(0, end - heat2.starts[i]) }, (_, j) => ({ feature: heat2.ids[heat2.starts[i] + j], value: heat2.values[heat2.starts[i] + j] }));
}
function summarize(heat2, skipSpecial) {
  if (!heat2.isComplete) return heat2.summary;
  const lines = /* @__PURE__ */ new Map();
  let nCounted = 0;
  for (let i = 0; i < heat2.n; i += 1) {
    if (skipSpecial && heat2.special[i]) continue;
    nCounted += 1;
    for (let e = heat2.starts[i]; e < heat2.starts[i + 1]; e += 1) {
      const value = heat2.values[e];
      if (!Number.isFinite(value)) continue;
      const line = lines.get(heat2.ids[e]);
      if (!line) lines.set(heat2.ids[e], { feature: heat2.ids[e], peak: value, position: i, mean: value, count: 1 });
      else {
        if (Math.abs(value) > Math.abs(line.peak)) {
          line.peak = value;
          line.position = i;
        }
        line.mean += value;
        line.count += 1;
      }
    }
  }
  for (const line of lines.values()) line.mean /= Math.max(1, nCounted);
  return [...lines.values()].sort((a, b) => Math.abs(b.peak) - Math.abs(a.peak));
}
function sorted(lines, by) {
  if (by === "count") return [...lines].sort((a, b) => b.count - a.count || Math.abs(b.peak) - Math.abs(a.peak));
  if (by === "mean") return [...lines].sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean));
  return lines;
}
function peaks(values, share = 0.25, skip = []) {
  const size = (i) => i < 0 || i >= values.length || skip[i] || Number.isNaN(values[i]) ? 0 : Math.abs(values[i]);
  let most = 0;
  for (let i = 0; i < values.length; i += 1) most = Math.max(most, size(i));
  const found = [];
  for (let i = 0; most > 0 && i < values.length; i += 1) {
    if (size(i) >= share * most && size(i) > size(i - 1) && size(i) >= size(i + 1)) found.push(i);
  }
  return found;
}
function largest(values, skip = []) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) if (!skip[i] && Math.abs(values[i]) > most) most = Math.abs(values[i]);
  return most;
}
function search(heat2, lines, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return lines;
  const number2 = /^#?\d+$/.test(words[0]) && words.length === 1 ? words[0].replace("#", "") : null;
  const rank = (line) => {
    if (number2 !== null) return String(line.feature) === number2 ? 0 : String(line.feature).startsWith(number2) ? 1 : 9;
    const label = (heat2.labels.get(line.feature) ?? "").toLowerCase();
    if (words.every((word) => label.includes(word))) return 2;
    return heat2.tokens[line.position].toLowerCase().includes(words.join(" ")) ? 3 : 9;
  };
  return lines.map((line) => ({ line, rank: rank(line) })).filter((entry) => entry.rank < 9).sort((a, b) => a.rank - b.rank).map((entry) => entry.line);
}

// lib/heat_view.js
function leading(heat2, dimBos) {
  const wins = /* @__PURE__ */ new Map();
  for (let i = 0; i < heat2.n; i += 1) {
    if (dimBos && heat2.special[i] || heat2.starts[i] === heat2.starts[i + 1]) continue;
    const feature = heat2.ids[heat2.starts[i]];
    wins.set(feature, (wins.get(feature) ?? 0) + 1);
  }
  return [...wins].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, N_HUES - 1).map(([feature]) => feature);
}
function heatView(heat2, settings) {
  if (settings.mode === "overlay" && settings.features.length) return overlaid(heat2, settings);
  if (settings.mode === "feature" && (settings.features.length || heat2.summary.length)) return single(heat2, settings);
  return byStrongest(heat2, settings);
}
function fullAt(heat2, settings, feature, onPrompt) {
  return settings.scale === "feature" && heat2.maxima.get(feature) || onPrompt || 1;
}
var skipped = (heat2, settings) => settings.dimBos ? heat2.special : [];
function byStrongest(heat2, settings) {
  const { theme, ground, dimBos } = settings;
  const shown = leading(heat2, dimBos);
  const hues = new Map(shown.map((feature, k) => [feature, k]));
  const values = new Float32Array(heat2.n);
  for (let i = 0; i < heat2.n; i += 1) if (heat2.starts[i] < heat2.starts[i + 1]) values[i] = heat2.values[heat2.starts[i]];
  const onPrompt = largest(values, skipped(heat2, settings));
  return {
    mode: "strongest",
    shown,
    hues,
    values,
    top: onPrompt,
    low: 0,
    look(i) {
      const best = strongest(heat2, i, 1)[0];
      if (!best) return { ground: null, isDim: dimBos && heat2.special[i] === 1 };
      if (dimBos && heat2.special[i]) return { ground: null, isDim: true, note: String(best.feature) };
      const k = hues.get(best.feature) ?? N_HUES - 1;
      const share = Math.abs(best.value) / fullAt(heat2, settings, best.feature, onPrompt);
      const isHatched = Number.isNaN(best.value);
      return {
        ground: isHatched ? null : tint(k, share * 0.85, theme, ground),
        isHatched,
        note: String(best.feature),
        marks: hues.has(best.feature) ? [hue(k, theme)] : []
      };
    }
  };
}
function single(heat2, settings) {
  const { theme, ground, dimBos } = settings;
  const feature = settings.features[0] ?? heat2.summary[0].feature;
  const values = column(heat2, feature);
  const top = fullAt(heat2, settings, feature, largest(values, skipped(heat2, settings)));
  return {
    mode: "feature",
    shown: [feature],
    hues: /* @__PURE__ */ new Map(),
    values,
    top,
    low: values.some((v) => v < 0) ? -top : 0,
    look: (i) => ({
      ground: Number.isNaN(values[i]) || values[i] === 0 ? null : heat(values[i] / top, theme, ground),
      isHatched: Number.isNaN(values[i]),
      ...dimBos && heat2.special[i] && { ground: null, isDim: true }
    })
  };
}
function overlaid(heat2, settings) {
  const { theme, ground, dimBos } = settings;
  const shown = settings.features;
  const columns = shown.map((feature) => column(heat2, feature));
  const tops = columns.map((values2, k) => fullAt(heat2, settings, shown[k], largest(values2, skipped(heat2, settings))));
  const values = new Float32Array(heat2.n);
  for (let i = 0; i < heat2.n; i += 1) {
    columns.forEach((own, k) => {
      values[i] = Math.max(values[i], Math.abs(own[i] || 0) / tops[k]);
    });
  }
  return {
    mode: "overlay",
    shown,
    hues: new Map(shown.map((feature, k) => [feature, k])),
    values,
    top: 1,
    low: 0,
    look(i) {
      if (dimBos && heat2.special[i]) return { ground: null, isDim: true };
      let best = -1;
      const marks = [];
      for (let k = 0; k < columns.length; k += 1) {
        const share = Math.abs(columns[k][i] || 0) / tops[k];
        if (share > 0) marks.push(tint(k, 0.35 + 0.65 * share, theme, ground));
        if (share > 0 && (best < 0 || share > Math.abs(columns[best][i]) / tops[best])) best = k;
      }
      return {
        ground: best < 0 ? null : tint(best, 0.8 * Math.abs(columns[best][i]) / tops[best], theme, ground),
        isHatched: columns.some((own) => Number.isNaN(own[i])),
        marks
      };
    }
  };
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

// lib/prompt_box.js
var TYPING_MS = 500;
function promptBox(model, placeholder, offline, { trait = "prompt", label = "Prompt" } = {}) {
  const node = needsKernel(h("textarea", { class: "sw-textarea", rows: 2, "aria-label": label, spellcheck: "false", placeholder }), offline);
  const send = debounce(() => node.value !== model.get(trait) && write(model, { [trait]: node.value }), TYPING_MS);
  const draw = () => {
    if (node.value !== model.get(trait)) node.value = model.get(trait);
  };
  const stops = [
    send.cancel,
    on(node, "input", () => send()),
    on(node, "blur", send.flush),
    on(node, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      send();
      send.flush();
    }),
    listen(model, [trait], draw)
  ];
  draw();
  return { node, stop: () => stops.forEach((stop) => stop()) };
}

// lib/flow.js
function flow(widths, breaks, rowWidth, gap = 0) {
  const n = widths.length;
  const x = new Float32Array(n);
  const width = new Float32Array(n);
  const row = new Int32Array(n);
  const starts = [0];
  let at = 0;
  let isFresh = true;
  for (let i = 0; i < n; i += 1) {
    const own = Math.min(widths[i], rowWidth);
    if (!isFresh && at + own > rowWidth) {
      starts.push(i);
      at = 0;
    }
    x[i] = at;
    width[i] = own;
    row[i] = starts.length - 1;
    at += own + gap;
    isFresh = false;
    if (breaks[i] && i + 1 < n) {
      starts.push(i + 1);
      at = 0;
      isFresh = true;
    }
  }
  const nRows = n ? starts.length : 0;
  starts.push(n);
  return { rowStarts: Int32Array.from(n ? starts : [0]), x, width, row, nRows };
}
function tokenAt(layout, row, x, isExact = false) {
  if (row < 0 || row >= layout.nRows) return null;
  let low = layout.rowStarts[row];
  let high = layout.rowStarts[row + 1] - 1;
  while (low < high) {
    const middle = low + high + 1 >> 1;
    if (layout.x[middle] <= x) low = middle;
    else high = middle - 1;
  }
  if (isExact && (x < layout.x[low] || x > layout.x[low] + layout.width[low] + 1)) return null;
  return low;
}
function moved(layout, i, key, pageRows = 8) {
  const last = layout.x.length - 1;
  if (last < 0) return null;
  const middle = layout.x[i] + layout.width[i] / 2;
  const vertical = { ArrowUp: -1, ArrowDown: 1, PageUp: -pageRows, PageDown: pageRows }[key];
  if (vertical !== void 0) {
    return tokenAt(layout, Math.min(layout.nRows - 1, Math.max(0, layout.row[i] + vertical)), middle);
  }
  if (key === "ArrowLeft") return Math.max(0, i - 1);
  if (key === "ArrowRight") return Math.min(last, i + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  return null;
}

// lib/token_canvas.js
var PAD = 2;
var GAP = 1;
var LEAD = 4;
var MARK = 3;
function tokenCanvas({ label, onHover, onFocus, onPin, onKey }) {
  const canvas = h("canvas", { "aria-hidden": "true", class: "sw-tc-canvas" });
  const spacer = h("div", { class: "sw-tc-spacer" });
  const cells = h("div", { role: "row", class: "sw-hidden-text" });
  const view = h("div", { class: "sw-tc", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, canvas, cells, spacer);
  const cellId = uniqueId("cell");
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  const measure = (
    /** @type {CanvasRenderingContext2D} */
    document.createElement("canvas").getContext("2d")
  );
  const textWidths = /* @__PURE__ */ new Map();
  const noteWidths = /* @__PURE__ */ new Map();
  let content = { texts: [], leads: new Uint8Array(), breaks: new Uint8Array(), notes: null, hasMarks: false, look: () => ({ ground: null }), spoken: () => "" };
  let layout = flow([], [], 1);
  let rowHeight = 26;
  let width = 0;
  let active = 0;
  let isFocused = false;
  let hovered = null;
  let pinned = null;
  let fonts = { text: "14px sans-serif", note: "10px sans-serif", family: "" };
  let colors = { fg: "#000", muted: "#666", accent: "#06c", line: "#ccc" };
  function readStyles() {
    const style = getComputedStyle(view);
    const family = style.fontFamily || "sans-serif";
    if (family !== fonts.family) {
      fonts = { text: `14px ${family}`, note: `10px ${family}`, family };
      textWidths.clear();
      noteWidths.clear();
    }
    const value = (name, other) => style.getPropertyValue(name).trim() || other;
    colors = { fg: style.color, muted: value("--sw-muted", "#666"), accent: value("--sw-accent", "#06c"), line: value("--sw-line", "#ccc") };
  }
  function widthOf(known, text) {
    let found = known.get(text);
    if (found === void 0) {
      found = measure.measureText(text).width;
      known.set(text, found);
    }
    return found;
  }
  function arrange() {
    width = view.clientWidth - 16;
    if (width <= 0) return;
    readStyles();
    const widths = new Float32Array(content.texts.length);
    measure.font = fonts.text;
    for (let i = 0; i < widths.length; i += 1) widths[i] = Math.max(8, widthOf(textWidths, content.texts[i]) + 2 * PAD) + LEAD * content.leads[i];
    if (content.notes) {
      measure.font = fonts.note;
      for (let i = 0; i < widths.length; i += 1) widths[i] = Math.max(widths[i], widthOf(noteWidths, content.notes[i]) + 2 * PAD + LEAD * content.leads[i]);
    }
    rowHeight = 26 + (content.notes ? 14 : 0) + (content.hasMarks ? MARK + 2 : 0);
    layout = flow(widths, content.breaks, width, GAP);
    spacer.style.height = `${layout.nRows * rowHeight + 12}px`;
    view.setAttribute("aria-rowcount", String(layout.nRows));
  }
  function paint() {
    const height = view.clientHeight;
    if (width <= 0 || height <= 0) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const full = view.clientWidth;
    if (canvas.width !== Math.round(full * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(full * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${full}px`;
      canvas.style.height = `${height}px`;
      canvas.style.marginBottom = `${-height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, full, height);
    context.textBaseline = "alphabetic";
    const first = Math.max(0, Math.floor((view.scrollTop - 6) / rowHeight));
    const last = Math.min(layout.nRows - 1, Math.ceil((view.scrollTop + height) / rowHeight));
    for (let row = first; row <= last; row += 1) {
      for (let i = layout.rowStarts[row]; i < layout.rowStarts[row + 1]; i += 1) drawToken(i, left(i), 6 + row * rowHeight - view.scrollTop);
    }
  }
  const left = (i) => 8 + layout.x[i] + LEAD * content.leads[i];
  const innerWidth = (i) => Math.max(4, layout.width[i] - LEAD * content.leads[i]);
  function drawToken(i, x, y) {
    const look = content.look(i);
    const w = innerWidth(i);
    const inner = 22;
    context.globalAlpha = 1;
    if (look.ground) {
      context.fillStyle = css(look.ground);
      box(x, y, w, inner);
      context.fill();
    }
    if (look.isHatched) hatch(x, y, w, inner);
    if (look.isDim) {
      context.strokeStyle = colors.line;
      context.setLineDash([2, 2]);
      context.lineWidth = 1;
      box(x + 0.5, y + 0.5, w - 1, inner - 1);
      context.stroke();
      context.setLineDash([]);
    }
    context.font = fonts.text;
    context.fillStyle = look.isDim ? colors.muted : look.ground ? css(inkOn(look.ground)) : colors.fg;
    context.fillText(content.texts[i], x + PAD, y + 16, Math.max(1, w - 2 * PAD));
    let below = y + inner + 1;
    if (look.marks?.length) {
      const marks = look.marks;
      const each = w / marks.length;
      marks.forEach((mark, k) => {
        context.fillStyle = css(mark);
        context.fillRect(x + k * each, below, Math.max(1, each - (k + 1 < marks.length ? 1 : 0)), MARK);
      });
    }
    if (content.hasMarks) below += MARK + 2;
    if (look.note) {
      context.font = fonts.note;
      context.fillStyle = look.noteColor ?? colors.muted;
      context.fillText(look.note, x + PAD, below + 9, Math.max(1, w - 2 * PAD));
    }
    outline(i, x, y, w, inner);
  }
  function outline(i, x, y, w, inner) {
    const isActive = isFocused && i === active;
    if (i !== pinned && i !== hovered && !isActive) return;
    context.strokeStyle = i === pinned || isActive ? colors.accent : colors.muted;
    context.lineWidth = i === pinned ? 2.5 : isActive ? 2 : 1;
    box(x - 0.5, y - 0.5, w + 1, inner + 1);
    context.stroke();
  }
  function box(x, y, w, height) {
    context.beginPath();
    context.roundRect(x, y, w, height, 3);
  }
  function hatch(x, y, w, height) {
    context.save();
    box(x, y, w, height);
    context.clip();
    context.strokeStyle = colors.muted;
    context.globalAlpha = 0.5;
    context.lineWidth = 1;
    context.beginPath();
    for (let at = x - height; at < x + w; at += 5) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
  }
  const redraw = perFrame(paint);
  function say() {
    const n = content.texts.length;
    if (!n) {
      view.removeAttribute("aria-activedescendant");
      fill(cells);
      return;
    }
    const row = layout.row[active] ?? 0;
    cells.setAttribute("aria-rowindex", String(row + 1));
    const near = [active - 1, active, active + 1].filter((i) => i >= 0 && i < n && layout.row[i] === row);
    fill(
      cells,
      near.map(
        (i) => h("div", {
          role: "gridcell",
          id: i === active ? cellId : false,
          "aria-colindex": String(i - layout.rowStarts[row] + 1),
          "aria-selected": String(i === pinned)
        }, content.spoken(i))
      )
    );
    view.setAttribute("aria-activedescendant", cellId);
  }
  function reveal(i) {
    const top = layout.row[i] * rowHeight;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + rowHeight + 12 > view.scrollTop + view.clientHeight) view.scrollTop = top + rowHeight + 12 - view.clientHeight;
  }
  function go(i, isQuiet = false) {
    active = Math.max(0, Math.min(content.texts.length - 1, i));
    reveal(active);
    say();
    redraw();
    if (!isQuiet) onFocus(active);
  }
  function tokenUnder(event) {
    const bounds = view.getBoundingClientRect();
    const y = event.clientY - bounds.top - view.clientTop + view.scrollTop - 6;
    if (event.clientX - bounds.left > view.clientLeft + view.clientWidth) return null;
    return tokenAt(layout, Math.floor(y / rowHeight), event.clientX - bounds.left - view.clientLeft - 8, true);
  }
  function hover(i) {
    if (i === hovered) return;
    hovered = i;
    redraw();
    onHover(i);
  }
  const stops = [
    on(view, "scroll", () => (hover(null), paint())),
    on(view, "pointermove", (event) => hover(tokenUnder(event))),
    on(view, "pointerleave", () => hover(null)),
    on(view, "click", (event) => {
      const i = tokenUnder(event);
      if (i === null) return;
      active = i;
      say();
      onPin(i);
    }),
    on(view, "focus", () => {
      isFocused = view.matches(":focus-visible");
      if (isFocused && content.texts.length) onFocus(active);
      redraw();
    }),
    on(view, "blur", () => {
      isFocused = false;
      onFocus(null);
      redraw();
    }),
    on(view, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !content.texts.length) return;
      isFocused = true;
      if (onKey(event)) return event.preventDefault();
      const next = moved(layout, active, event.key, Math.max(1, Math.floor(view.clientHeight / rowHeight) - 1));
      if (next !== null) go(next);
      else if (event.key === "Enter" || event.key === " ") onPin(active);
      else return;
      event.preventDefault();
    })
  ];
  const resized = new ResizeObserver(() => {
    if (view.clientWidth - 16 !== width) {
      arrange();
      say();
    }
    paint();
  });
  resized.observe(view);
  return {
    node: view,
    /** New tokens or other texts. @param {Content} next */
    setContent(next) {
      content = next;
      active = Math.min(active, Math.max(0, next.texts.length - 1));
      hovered = null;
      arrange();
      say();
      paint();
    },
    /** Other colours for the same texts. @param {Content["look"]} look */
    setLook(look) {
      content = { ...content, look };
      redraw();
    },
    /** @param {number | null} i */
    setPinned(i) {
      pinned = i;
      say();
      redraw();
    },
    restyle() {
      readStyles();
      redraw();
    },
    go,
    active: () => active,
    focus: () => view.focus(),
    /** Where a token stands, in pixels of the view's box. @param {number} i */
    place: (i) => ({ x: left(i), y: 6 + layout.row[i] * rowHeight - view.scrollTop, width: innerWidth(i), height: 22 }),
    stop() {
      redraw.cancel();
      resized.disconnect();
      for (const stop of stops) stop();
    }
  };
}
var TOKEN_CANVAS_CSS = `
.sw-tc { position: relative; overflow: auto; overscroll-behavior: contain; max-height: 380px; min-height: 96px; cursor: default;
  border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-bg); }
.sw-tc-canvas { position: sticky; top: 0; left: 0; display: block; pointer-events: none; }
.sw-hatch { background: ${HATCH}; }
`;

// widgets/token_heatmap.js
var MODES = [["strongest", "Strongest", "The strongest feature of each token"], ["feature", "One feature", "One feature's intensity over the text"], ["overlay", "Overlay", "Several features in different hues"]];
var SORTS = [["max", "by peak"], ["mean", "by mean"], ["count", "by tokens"]];
function render({ model, el, root, ask, offline, theme }) {
  let heat2 = null;
  let lines = [];
  let view = null;
  let preview = null;
  let hovered = null;
  let focused = null;
  let stops = [];
  let elsewhere = [];
  let query = "";
  let receivedAt = 0;
  const get = (name2) => model.get(name2);
  const set = (values) => write(model, values);
  const label = (feature) => heat2?.labels.get(feature) ?? "";
  const name = (feature) => `${feature}${label(feature) ? ` ${visible(label(feature))}` : ""}`;
  const words = (feature, value) => [
    h("span", { class: "sw-mono sw-muted" }, feature),
    h("span", { class: "sw-ellipsis sw-token" }, visible(label(feature))),
    value !== void 0 && h("span", { class: `sw-num${value ? "" : " sw-muted"}` }, number(value))
  ];
  const show2 = (feature) => set(get("mode") === "overlay" ? toggled(feature) : { features: [feature], mode: "feature" });
  const prompt = promptBox(model, "Type a text to look at", offline);
  const modes = h(
    "div",
    { class: "sw-seg", role: "radiogroup", "aria-label": "What the colours show" },
    MODES.map(([mode, words2, why]) => h("button", { class: "sw-btn", role: "radio", "data-mode": mode, title: why, onclick: () => setMode(mode) }, words2))
  );
  const toggle = (trait, words2, why, isOpposite = false) => h("button", { class: "sw-btn sw-th-toggle", hint: why, "data-trait": trait, "data-opposite": isOpposite, onclick: () => set({ [trait]: !get(trait) }) }, words2);
  const toggles = h(
    "div",
    { class: "sw-seg" },
    toggle("show_spaces", h("span", {}, h("span", { "aria-hidden": "true" }, "\xB7 "), "spaces"), "Show marks for spaces"),
    toggle("show_newlines", h("span", {}, h("span", { "aria-hidden": "true" }, "\u21B5 "), "lines"), "Show marks for the ends of lines"),
    toggle("dim_bos", "BOS", "Count special tokens such as BOS: colour them and let them set the scale", true)
  );
  const scale = h(
    "select",
    { class: "sw-select", hint: "What full colour means", onchange: () => set({ scale: scale.value }) },
    h("option", { value: "prompt" }, "scale: this prompt"),
    h("option", { value: "feature" }, "scale: feature\u2019s maximum")
  );
  const step = (words2, why, fn) => h("button", { class: "sw-btn sw-icon", hint: why, onclick: fn }, words2);
  const jumps = h(
    "div",
    { class: "sw-row sw-th-jumps" },
    step("\u2039", "Previous peak (p)", () => jump(-1)),
    step("max", "Jump to the max (m)", jumpToMax),
    step("\u203A", "Next peak (n)", () => jump(1))
  );
  const controls = h("div", { class: "sw-row" }, modes, toggles, scale, h("span", { class: "sw-grow" }), jumps);
  const legend = h("div", { class: "sw-th-legend sw-row sw-small" });
  const detail = h("div", { class: "sw-th-detail" });
  const tip = h("div", { class: "sw-tip", hidden: true });
  const live = h("div", { class: "sw-hidden-text", "aria-live": "polite" });
  const tokens = tokenCanvas({
    label: "Tokens. Arrow keys move, n and p go to the next and previous peak, m to the maximum, Enter pins.",
    onHover(i) {
      hovered = i;
      showTip(i);
      drawDetail();
    },
    onFocus(i) {
      showTip(i);
      if (i === null) return;
      focused = i;
      drawDetail();
      live.textContent = sentence(i);
    },
    onPin: (i) => pin(get("pinned") === i ? null : i),
    onKey
  });
  const list = featureList({
    label: "Features that fire on this text",
    onShow: show2,
    onToggle: (feature) => set({ ...toggled(feature), mode: "overlay" }),
    onPreview(feature) {
      if (preview === feature) return;
      preview = feature;
      drawColours();
    }
  });
  const find = h("input", { class: "sw-input", type: "search", placeholder: "Number, label or token", "aria-label": "Search a feature", oninput: () => searchFor(find.value), onkeydown: onSearchKey });
  const order = h("select", { class: "sw-select", "aria-label": "Order of the features", onchange: () => set({ sort: order.value }) }, SORTS.map(([value, words2]) => h("option", { value }, words2)));
  const counted = h("span", { class: "sw-small sw-muted sw-grow" });
  const side = h("div", { class: "sw-th-side sw-card" }, h("div", { class: "sw-th-find" }, find, h("div", { class: "sw-row" }, counted, order)), list.node);
  const stage = h("div", { class: "sw-th-stage" }, tokens.node, tip);
  const body = h("div", { class: "sw-th-body" }, h("div", { class: "sw-th-main" }, stage, detail), side);
  el.append(prompt.node, controls, legend, body, live);
  function settings() {
    return {
      mode: preview === null ? get("mode") : "feature",
      features: preview === null ? get("features") : [preview],
      scale: get("scale"),
      dimBos: get("dim_bos"),
      theme: theme.name(),
      ground: groundOf(root) ?? GROUND[theme.name()]
    };
  }
  function takeData() {
    receivedAt = performance.now();
    heat2 = readHeat(get("payload"), get("columns"));
    elsewhere = [];
    focused = null;
    drawAll();
    if (!heat2) return;
    requestAnimationFrame(() => {
      const took = performance.now() - receivedAt;
      root.dataset.paintMs = took.toFixed(1);
      performance.measure?.("sae_widgets:heatmap", { start: receivedAt, duration: took });
    });
  }
  function drawAll() {
    const [spaces, newlines] = [get("show_spaces"), get("show_newlines")];
    for (const button of modes.children) {
      const isOn = button.dataset.mode === get("mode");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    for (const button of toggles.children) button.setAttribute("aria-pressed", String(get(button.dataset.trait) !== (button.dataset.opposite !== void 0)));
    scale.value = get("scale");
    order.value = get("sort");
    prompt.node.hidden = !get("has_model");
    body.hidden = !heat2;
    controls.hidden = legend.hidden = !heat2;
    if (!heat2) return;
    const found = heat2;
    scale.hidden = found.maxima.size === 0;
    lines = sorted(summarize(found, get("dim_bos")), get("sort"));
    view = heatView(found, settings());
    const shownAs = /* @__PURE__ */ new Map();
    const leads = Uint8Array.from(found.tokens, (token) => !spaces && token.length > 1 && token[0] === " " ? 1 : 0);
    const texts = found.tokens.map((token, i) => {
      let shown = shownAs.get(token);
      if (shown === void 0) shownAs.set(token, shown = tokenText(leads[i] ? token.slice(1) : token, { spaces, newlines, limit: 120 }));
      return shown;
    });
    tokens.setContent({
      texts,
      leads,
      breaks: Uint8Array.from(found.tokens, (token) => token.includes("\n") ? 1 : 0),
      notes: get("mode") === "strongest" ? texts.map((_, i) => found.starts[i] < found.starts[i + 1] ? String(found.ids[found.starts[i]]) : "") : null,
      hasMarks: get("mode") !== "feature",
      look: view.look,
      spoken: (i) => `${spokenToken(found.tokens[i])}, position ${i}`
    });
    tokens.setPinned(pinnedToken());
    afterColours();
  }
  function drawColours() {
    if (!heat2) return;
    view = heatView(heat2, settings());
    tokens.setLook(view.look);
    afterColours();
  }
  function afterColours() {
    if (!heat2 || !view) return;
    tip.hidden = true;
    stops = preview === null ? peaks(view.values, 0.25, get("dim_bos") ? heat2.special : []) : stops;
    drawLegend();
    drawList();
    drawDetail();
  }
  function drawLegend() {
    if (!heat2 || !view) return;
    const { shown, mode } = view;
    const name_ = theme.name();
    if (mode === "feature") {
      const hasNaN = column(heat2, shown[0]).some(Number.isNaN);
      fill(
        legend,
        h("b", {}, `Feature ${shown[0]}`),
        h("span", { class: "sw-ellipsis sw-token" }, visible(label(shown[0]))),
        h("span", { class: "sw-grow" }),
        h("span", { class: "sw-num" }, number(view.low)),
        h("i", { class: "sw-th-ramp", style: { background: gradient((t) => heat(t, name_), view.low < 0 ? -1 : 0) } }),
        h("span", { class: "sw-num" }, number(view.top)),
        hasNaN && h("span", { class: "sw-row" }, h("i", { class: "sw-swatch sw-hatch" }), "not a number")
      );
      return;
    }
    const chips = shown.map((feature, k) => chip(feature, css(hue(k, name_)), mode === "overlay"));
    const rest = mode === "strongest" && h("span", { class: "sw-row sw-muted" }, h("i", { class: "sw-swatch", style: { background: css(hue(N_HUES - 1, name_)) } }), "others");
    fill(legend, chips.length ? chips : h("span", { class: "sw-muted" }, "Nothing fires on this text."), chips.length > 0 && rest);
  }
  function chip(feature, color, isRemovable) {
    return h(
      "button",
      { class: "sw-btn sw-plain sw-th-chip", hint: isRemovable ? `Take feature ${name(feature)} out` : `Show feature ${name(feature)} alone`, onclick: () => set(isRemovable ? toggled(feature) : { features: [feature], mode: "feature" }) },
      h("i", { class: "sw-swatch", style: { background: color } }),
      h("span", { "aria-hidden": "true" }, words(feature), isRemovable && " \xD7")
    );
  }
  function drawList() {
    if (!heat2) return;
    const selected = new Set(get("features"));
    const measured = (line) => get("sort") === "mean" ? line.mean : get("sort") === "count" ? line.count : line.peak;
    const known = search(heat2, lines, query);
    const top = largest(known.slice(0, 2e3).map(measured)) || 1;
    const isHued = view?.mode !== "feature";
    const color = (feature) => isHued && view?.hues.has(feature) ? hue(
      /** @type {number} */
      view.hues.get(feature),
      theme.name()
    ) : null;
    const entries = known.map((line) => ({
      feature: line.feature,
      label: label(line.feature),
      value: measured(line),
      share: Math.abs(measured(line)) / top,
      color: color(line.feature),
      isSelected: get("mode") !== "strongest" && selected.has(line.feature),
      detail: () => `peak ${number(line.peak)} on ${quotedToken(
        /** @type {any} */
        heat2.tokens[line.position],
        30
      )}, ${plural(line.count, "token")}`
    }));
    const here = new Set(known.map((line) => line.feature));
    for (const { feature, label: words2 } of elsewhere) {
      if (!here.has(feature)) entries.push({ feature, label: words2, value: 0, share: 0, color: color(feature), isSelected: selected.has(feature), detail: () => "does not fire here" });
    }
    counted.textContent = query ? `${plural(entries.length, "match", "matches")}` : `${plural(lines.length, "feature")} here`;
    list.set(entries, query ? "No feature found." : "Nothing fires on this text.");
  }
  function firing(i) {
    if (!heat2 || !view) return [];
    const found = heat2;
    if (view.mode === "strongest") return strongest(found, i, get("top_k"));
    const shown = view.shown.map((feature) => ({ feature, value: column(found, feature)[i] }));
    const others = strongest(found, i, get("top_k")).filter((entry) => !shown.some((one) => one.feature === entry.feature));
    return [...shown, ...others].slice(0, Math.max(shown.length, get("top_k")));
  }
  function sentence(i) {
    if (!heat2) return "";
    const [best] = firing(i);
    return `${spokenToken(heat2.tokens[i])}, position ${i}, ${best ? `feature ${name(best.feature)}, ${number(best.value)}` : "no feature"}`;
  }
  function drawDetail() {
    const pinned = pinnedToken();
    const i = pinned ?? hovered ?? focused;
    if (!heat2 || i === null || i >= heat2.n) return fill(detail, h("p", { class: "sw-muted sw-small" }, "Hover a token or walk with the arrow keys to see what fires on it; a click pins it."));
    const id = heat2.tokenIds.length ? ` \xB7 id ${heat2.tokenIds[i]}` : "";
    fill(
      detail,
      h(
        "div",
        { class: "sw-th-where sw-row" },
        h("b", { class: "sw-token" }, quotedToken(heat2.tokens[i], 80)),
        h("span", { class: "sw-muted" }, `position ${i}${id}`),
        h("span", { class: "sw-grow" }),
        pinned !== null && h("button", { class: "sw-btn sw-plain", onclick: () => pin(null) }, "Unpin")
      ),
      h("div", { class: "sw-th-firing" }, firing(i).slice(0, 16).map((entry) => h("button", { class: "sw-btn sw-th-fire", title: `Show feature ${name(entry.feature)}`, onclick: () => show2(entry.feature) }, words(entry.feature, entry.value))))
    );
  }
  function showTip(i) {
    tip.hidden = i === null || !heat2;
    if (i === null || !heat2) return;
    fill(
      tip,
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(heat2.tokens[i])), h("span", { class: "sw-muted" }, `position ${i}`)),
      firing(i).slice(0, 5).map((entry) => h("div", { class: "sw-th-tiprow" }, words(entry.feature, entry.value)))
    );
    const place = tokens.place(i);
    const room = stage.clientWidth - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(4, Math.min(room, place.x))}px`;
    const below = place.y + place.height + 8;
    tip.style.top = `${below + tip.offsetHeight > stage.clientHeight + 40 && place.y > tip.offsetHeight ? place.y - tip.offsetHeight - 6 : below}px`;
  }
  const pinnedToken = () => heat2 && get("pinned") !== null && get("pinned") < heat2.n ? get("pinned") : null;
  function pin(i) {
    set({ pinned: i });
    live.textContent = i === null ? "Unpinned" : `Pinned. ${sentence(i)}`;
  }
  function setMode(mode) {
    const [best] = get("features").length ? get("features") : [lines[0]?.feature];
    set(mode === "strongest" || best === void 0 || get("features").length ? { mode } : { mode, features: [best] });
    modes.querySelector(`[data-mode="${mode}"]`)?.focus();
  }
  function toggled(feature) {
    const now = get("features");
    return { features: now.includes(feature) ? now.filter((f) => f !== feature) : [...now, feature] };
  }
  function jump(direction) {
    if (!stops.length) return;
    const at = tokens.active();
    const next = direction > 0 ? stops.find((i) => i > at) ?? stops[0] : stops.findLast((i) => i < at) ?? stops[stops.length - 1];
    tokens.go(next);
  }
  function jumpToMax() {
    if (!view || !heat2) return;
    const skip = get("dim_bos") ? heat2.special : [];
    const most = largest(view.values, skip);
    const at = view.values.findIndex((value, i) => !skip[i] && Math.abs(value) === most);
    if (at >= 0) tokens.go(at);
  }
  function onKey(event) {
    if (event.key === "n") jump(1);
    else if (event.key === "p") jump(-1);
    else if (event.key === "m") jumpToMax();
    else if (event.key === "/") find.focus();
    else if (event.key === "Escape" && pinnedToken() !== null) pin(null);
    else return false;
    return true;
  }
  function searchFor(text) {
    query = text.trim();
    elsewhere = [];
    list.toTop();
    drawList();
    if (query) askElsewhere();
  }
  const askElsewhere = debounce(async () => {
    if (offline || !get("has_model") || !query) return;
    const asked = query;
    try {
      const { value } = await ask("search", { query: asked, limit: 50 });
      if (asked !== query) return;
      elsewhere = value;
      drawList();
    } catch (error) {
      if (!isCancelled(error)) counted.textContent = `The search failed: ${/** @type {Error} */
      error.message}`;
    }
  }, 120);
  function onSearchKey(event) {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) searchFor(find.value = "");
    else return;
    event.preventDefault();
  }
  modes.addEventListener("keydown", (event) => {
    const shift = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (shift === void 0) return;
    const at = MODES.findIndex(([mode]) => mode === get("mode"));
    setMode(MODES[(at + shift + MODES.length) % MODES.length][0]);
    event.preventDefault();
  });
  const narrow = new ResizeObserver(() => body.classList.toggle("sw-th-narrow", el.clientWidth < 640));
  narrow.observe(el);
  theme.onChange(() => {
    tokens.restyle();
    drawColours();
  });
  const unlisten = [
    listen(model, ["payload"], takeData),
    listen(model, ["columns"], () => {
      if (!heat2) return;
      addColumns(heat2, get("columns"));
      drawColours();
    }),
    listen(model, ["mode", "show_spaces", "show_newlines", "dim_bos", "sort", "has_model"], drawAll),
    listen(model, ["features", "scale", "top_k"], drawColours),
    listen(model, ["pinned"], () => {
      const i = pinnedToken();
      tokens.setPinned(i);
      if (i !== null) tokens.go(i, true);
      drawDetail();
    })
  ];
  takeData();
  return () => {
    for (const stop of unlisten) stop();
    prompt.stop();
    askElsewhere.cancel();
    narrow.disconnect();
    tokens.stop();
    list.stop();
  };
}
function groundOf(root) {
  const card = root.querySelector(".sw-tc");
  const parts = card && getComputedStyle(card).backgroundColor.match(/^rgb\((\d+), (\d+), (\d+)\)$/);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3])] : null;
}
var css2 = `${TOKEN_CANVAS_CSS}${FEATURE_LIST_CSS}
.sw-view > .sw-textarea { margin-bottom: 8px; }
.sw-th-toggle { min-width: 30px; justify-content: center; }
.sw-th-jumps { gap: 2px; }
.sw-th-legend { min-height: 30px; margin: 6px 0 4px; gap: 2px 6px; }
.sw-th-legend .sw-row { gap: 6px; }
.sw-th-chip { padding: 0 6px; min-height: 24px; max-width: 240px; color: var(--sw-fg); font-size: 12px; }
.sw-th-chip > span { display: flex; gap: 5px; min-width: 0; }
.sw-th-ramp { display: inline-block; width: 140px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-th-body { display: flex; gap: 10px; align-items: stretch; }
.sw-th-main { flex: 1 1 0; min-width: 0; display: flex; flex-direction: column; }
.sw-th-stage { position: relative; }
.sw-th-side { flex: 0 0 270px; display: flex; flex-direction: column; min-height: 270px; overflow: hidden; }
.sw-th-narrow { flex-direction: column; }
.sw-th-narrow .sw-th-side { flex: 0 0 240px; }
.sw-th-find { padding: 8px; display: flex; flex-direction: column; gap: 6px; border-bottom: 1px solid var(--sw-line); }
.sw-th-find .sw-input { width: 100%; }
.sw-th-find .sw-select { font-size: 12px; min-height: 24px; padding-block: 1px; }
.sw-th-detail { margin-top: 8px; min-height: 62px; }
.sw-th-where { min-height: 28px; }
.sw-th-firing { display: flex; flex-wrap: wrap; gap: 4px; }
.sw-th-fire { font-size: 12px; min-height: 24px; padding: 0 8px; max-width: 260px; }
.sw-th-tiprow { display: grid; grid-template-columns: auto 1fr auto; gap: 8px; min-width: 150px; }
`;

// token_heatmap.entry.js
var token_heatmap_entry_default = { render: (props) => show(token_heatmap_exports, props) };
function mountSaved(page) {
  mount(token_heatmap_exports, page);
}
export {
  token_heatmap_entry_default as default,
  mountSaved
};
