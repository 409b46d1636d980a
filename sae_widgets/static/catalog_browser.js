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

// widgets/catalog_browser.js
var catalog_browser_exports = {};
__export(catalog_browser_exports, {
  css: () => css,
  render: () => render
});

// lib/catalog.js
var COLUMNS = (
  /** @type {const} */
  { release: Uint16Array, site: Uint8Array, layer: Int16Array, width: Uint32Array, l0: Float32Array, explained: Float32Array }
);
var TEXTS = (
  /** @type {const} */
  ["id", "path", "hook", "neuronpedia"]
);
async function readCatalog(packed) {
  const stream = new Blob([
    /** @type {any} */
    packed
  ]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  const size = new DataView(bytes).getUint32(0, true);
  const decoder = new TextDecoder();
  const { n, releases, sites } = JSON.parse(decoder.decode(new Uint8Array(bytes, 4, size)));
  let at = 4 + size;
  const columns = {};
  for (const [name, Type] of Object.entries(COLUMNS)) {
    columns[name] = new Type(bytes.slice(at, at + n * Type.BYTES_PER_ELEMENT));
    at += n * Type.BYTES_PER_ELEMENT;
  }
  const lines = n ? decoder.decode(new Uint8Array(bytes, at)).split("\n") : [];
  const ofRelease = releases.map((each) => `${each.name} ${each.repo} ${each.model} `.toLowerCase());
  const names = lines.map((line, i) => ofRelease[columns.release[i]] + line.toLowerCase());
  return { n, releases, sites, ...columns, lines, names };
}
function entryAt(catalog, i) {
  const { name, repo, model, format } = catalog.releases[catalog.release[i]];
  const texts = catalog.lines[i].split("	");
  const named = (
    /** @type {any} */
    Object.fromEntries(TEXTS.map((text, k) => [text, texts[k]]))
  );
  return {
    release: name,
    repo,
    model,
    format,
    ...named,
    site: catalog.sites[catalog.site[i]] ?? "",
    layer: catalog.layer[i],
    width: catalog.width[i],
    l0: catalog.l0[i],
    explained: catalog.explained[i]
  };
}
function rowOf(catalog, release, id) {
  const number2 = catalog.releases.findIndex((each) => each.name === release);
  return catalog.lines.findIndex((line, i) => catalog.release[i] === number2 && line.startsWith(`${id}	`));
}
var [MODEL, LAYER, SITE, WIDTH, L0] = [1, 2, 4, 8, 16];
function filterCatalog(catalog, query) {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const site = query.site ? catalog.sites.indexOf(query.site) : -1;
  const isModel = catalog.releases.map((each) => !query.model || each.model === query.model);
  const low = query.l0_min ?? -Infinity;
  const high = query.l0_max ?? Infinity;
  const asksL0 = query.l0_min !== null || query.l0_max !== null;
  const rows = new Int32Array(catalog.n);
  const facets = { model: /* @__PURE__ */ new Map(), layer: /* @__PURE__ */ new Map(), site: /* @__PURE__ */ new Map(), width: /* @__PURE__ */ new Map() };
  let n = 0;
  for (let i = 0; i < catalog.n; i += 1) {
    let fails = 0;
    if (words.length && !words.every((word) => catalog.names[i].includes(word))) continue;
    if (!isModel[catalog.release[i]]) fails |= MODEL;
    if (query.layer !== null && catalog.layer[i] !== query.layer) fails |= LAYER;
    if (query.site && catalog.site[i] !== site) fails |= SITE;
    if (query.width !== null && catalog.width[i] !== query.width) fails |= WIDTH;
    if (asksL0 && !(catalog.l0[i] >= low && catalog.l0[i] <= high)) fails |= L0;
    if (fails === 0) rows[n++] = i;
    if (!(fails & ~MODEL)) add(facets.model, catalog.releases[catalog.release[i]].model);
    if (!(fails & ~LAYER) && catalog.layer[i] >= 0) add(facets.layer, catalog.layer[i]);
    if (!(fails & ~SITE) && catalog.sites[catalog.site[i]]) add(facets.site, catalog.sites[catalog.site[i]]);
    if (!(fails & ~WIDTH) && catalog.width[i]) add(facets.width, catalog.width[i]);
  }
  return { rows: rows.subarray(0, n), facets };
}
function add(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
function sortRows(catalog, rows, order) {
  if (order === "catalogue") return rows;
  const sign = order.startsWith("-") ? -1 : 1;
  const column = (
    /** @type {"layer" | "width" | "l0"} */
    order.replace("-", "")
  );
  const values = Float64Array.from(catalog[column]);
  const isKnown = (value) => column === "layer" ? value >= 0 : value > 0;
  const key = (i) => isKnown(values[i]) ? sign * values[i] : Infinity;
  const keys = Float64Array.from(rows, key);
  const places = Int32Array.from(rows.keys());
  places.sort((a, b) => keys[a] === keys[b] ? a - b : keys[a] < keys[b] ? -1 : 1);
  return Int32Array.from(places, (place) => rows[place]);
}
function loadingCode({ release, id }) {
  return `import sae_widgets as sw

sae = sw.SAE.from_pretrained(${pythonString(release)}, ${pythonString(id)})`;
}
function pythonString(text) {
  return JSON.stringify(text);
}
function pageOf(site, path) {
  return `${site}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

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
    const facts = { id: `${id}-${place}`, "aria-rowindex": String(place + 2), "aria-selected": String(isChosen(row)), "data-place": String(place) };
    for (const [name, value] of Object.entries(facts)) if (own.getAttribute(name) !== value) own.setAttribute(name, value);
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

// widgets/catalog_browser.js
var FILTERS = ["text", "model", "layer", "site", "width", "l0_min", "l0_max"];
var NOTHING = { text: "", model: "", layer: null, site: "", width: null, l0_min: null, l0_max: null };
var ORDERS = [["catalogue", "by release"], ["layer", "by layer"], ["width", "narrow first"], ["-width", "wide first"], ["l0", "sparse first"], ["-l0", "dense first"]];
var COLUMNS2 = [
  { key: "release", title: "release" },
  { key: "id", title: "id" },
  { key: "model", title: "model", class: "sw-cb-model" },
  { key: "layer", title: "layer", class: "sw-gl-number" },
  { key: "site", title: "site" },
  { key: "width", title: "width", class: "sw-gl-number" },
  { key: "l0", title: "L0", class: "sw-gl-number" }
];
var known = (value) => value > 0 ? count(value) : "\u2013";
var few = (value) => value > 0 ? String(Number(value.toPrecision(3))) : "\u2013";
var short = (model) => model.split("/").at(-1) ?? model;
function render({ model, el, root }) {
  let catalog = null;
  let isOver = false;
  let chosen = -1;
  const get = (name) => model.get(name);
  const set = (values) => write(model, values);
  const find = h("input", { class: "sw-input sw-grow", type: "search", placeholder: "Search names, models, hooks: gemma layer_12 16k", "aria-label": "Search published SAEs", autocomplete: "off", spellcheck: "false" });
  const counted = h("span", { class: "sw-small sw-muted", role: "status", "aria-live": "polite" });
  const choice = (trait, label) => h("select", { class: "sw-select sw-cb-choice", "aria-label": label, "data-trait": trait, onchange: takeFilters });
  const choices = { model: choice("model", "Model"), layer: choice("layer", "Layer"), site: choice("site", "Site"), width: choice("width", "Width") };
  const limit = (label, words) => h("input", { class: "sw-input sw-cb-limit", type: "number", min: "0", step: "any", placeholder: words, "aria-label": label, oninput: () => later() });
  const [low, high] = [limit("Smallest L0", "from"), limit("Largest L0", "to")];
  const order = h("select", { class: "sw-select", "aria-label": "Order", onchange: () => set({ order: order.value }) }, ORDERS.map(([value, words]) => h("option", { value }, words)));
  const reset = h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => set(NOTHING) }, "Reset");
  const list = gridList({
    label: "Published SAEs. Arrow keys move and choose.",
    columns: COLUMNS2,
    cells(i) {
      const entry = entryAt(
        /** @type {any} */
        catalog,
        i
      );
      return [visible(entry.release), visible(entry.id), visible(short(entry.model)), entry.layer < 0 ? "\u2013" : String(entry.layer), visible(entry.site) || "\u2013", known(entry.width), few(entry.l0)];
    },
    isChosen: (i) => i === chosen,
    onChoose: choose,
    onHeader: (key) => ORDERS.some(([value]) => value === key) && set({ order: get("order") === key && key !== "layer" ? `-${key}` : key })
  });
  list.node.classList.add("sw-cb-list");
  const detail = h("section", { class: "sw-cb-detail sw-card", "aria-label": "The chosen SAE" });
  const body = h("div", { class: "sw-cb-body" }, list.node, detail);
  el.append(
    h("div", { class: "sw-row sw-cb-find" }, find, counted),
    h("div", { class: "sw-row sw-cb-filters" }, Object.values(choices), h("span", { class: "sw-cb-l0" }, h("span", { class: "sw-muted" }, "L0"), low, high), h("span", { class: "sw-grow" }), order, reset),
    body
  );
  async function takeRows() {
    const packed = get("rows");
    if (!packed?.byteLength) return;
    const read = await readCatalog(packed);
    if (isOver) return;
    catalog = read;
    takeSelected();
    draw();
  }
  function draw() {
    if (!catalog) return;
    const started = performance.now();
    const query = (
      /** @type {import("../lib/catalog.js").Query} */
      Object.fromEntries(FILTERS.map((name) => [name, get(name)]))
    );
    const { rows, facets } = filterCatalog(catalog, query);
    list.set(sortRows(catalog, rows, get("order")), "No published SAE is like this. Take a filter away.");
    if (find.value !== query.text) find.value = query.text;
    for (const [input, value] of [[low, query.l0_min], [high, query.l0_max]]) {
      if (Number(input.value || NaN) !== value && !(value === null && input.value === "")) input.value = value ?? "";
    }
    const byNumber = (entries) => entries.sort((a, b) => a[0] - b[0]);
    drawChoice("model", "all models", [...facets.model].sort((a, b) => short(a[0]).localeCompare(short(b[0]))), query.model, short);
    drawChoice("layer", "all layers", byNumber([...facets.layer]), query.layer, (value) => `layer ${value}`);
    drawChoice("site", "all sites", [...facets.site].sort(), query.site, String);
    drawChoice("width", "all widths", byNumber([...facets.width]), query.width, count);
    order.value = get("order");
    list.setOrder(get("order").replace("-", ""), get("order") === "catalogue" ? "none" : get("order").startsWith("-") ? "descending" : "ascending");
    counted.textContent = rows.length === catalog.n ? plural(catalog.n, "SAE") : `${count(rows.length)} of ${plural(catalog.n, "SAE")}`;
    reset.disabled = FILTERS.every((name) => get(name) === /** @type {any} */
    NOTHING[name]);
    root.dataset.filterMs = (performance.now() - started).toFixed(1);
  }
  function drawChoice(name, all, values, value, words) {
    const isSet = value !== null && value !== "";
    const options = isSet && !values.some(([each]) => each === value) ? [
      ...values,
      /** @type {[any, number]} */
      [value, 0]
    ] : values;
    fill(choices[name], h("option", { value: "" }, all), options.map(([each, n]) => h("option", { value: String(each) }, `${visible(words(each))} (${count(n)})`)));
    choices[name].value = isSet ? String(value) : "";
    choices[name].classList.toggle("sw-cb-set", isSet);
  }
  function drawDetail() {
    if (!catalog || chosen < 0) {
      fill(detail, h("p", { class: "sw-muted sw-small" }, "Choose an SAE to see what is known of it, and the code that loads it."));
      return;
    }
    const entry = entryAt(catalog, chosen);
    const code = loadingCode(entry);
    const copy = h("button", { class: "sw-btn", type: "button", onclick: () => copyText(code, copy) }, "Copy");
    fill(
      detail,
      h("div", { class: "sw-cb-name" }, h("strong", { class: "sw-token" }, visible(entry.release)), h("span", { class: "sw-token" }, visible(entry.id))),
      h("dl", { class: "sw-cb-facts sw-small" }, facts(entry).map(([name, value]) => [h("dt", { class: "sw-muted" }, name), h("dd", { class: "sw-token" }, value)]).flat()),
      h("div", { class: "sw-cb-code" }, h("pre", { class: "sw-mono", tabindex: "0", "aria-label": "Code that loads it" }, code), copy),
      h(
        "p",
        { class: "sw-small sw-cb-links" },
        link(pageOf(get("pages").hub, `${entry.repo}/tree/main`), "Files on the hub"),
        entry.neuronpedia && link(pageOf(get("pages").neuronpedia, entry.neuronpedia), "Neuronpedia")
      )
    );
    detail.scrollTop = 0;
  }
  function facts(entry) {
    const all = [
      ["model", entry.model],
      ["hook", entry.hook],
      ["site", entry.hook ? "" : entry.site],
      ["features", entry.width ? count(entry.width) : ""],
      ["L0", entry.l0 > 0 ? few(entry.l0) : ""],
      ["variance", Number.isNaN(entry.explained) ? "" : `${percent(entry.explained)} explained`],
      ["format", entry.format],
      ["files", `${entry.repo}/${entry.path}`]
    ];
    return (
      /** @type {[string, string][]} */
      all.filter(([, value]) => value).map(([name, value]) => [name, visible(value)])
    );
  }
  const link = (href, words) => h("a", { class: "sw-link", href, target: "_blank", rel: "noopener noreferrer" }, words);
  const later = debounce(takeFilters, 60);
  const tell = debounce(() => model.save_changes(), 120);
  function takeFilters() {
    later.cancel();
    const asNumber = (input) => input.value === "" || !Number.isFinite(Number(input.value)) ? null : Number(input.value);
    set({
      text: find.value,
      model: choices.model.value,
      layer: asNumber(choices.layer),
      site: choices.site.value,
      width: asNumber(choices.width),
      l0_min: asNumber(low),
      l0_max: asNumber(high)
    });
  }
  function choose(row) {
    if (row === chosen || !catalog) return;
    chosen = row;
    const { release, id } = entryAt(catalog, row);
    model.set("selected", [release, id]);
    tell();
    drawDetail();
  }
  function takeSelected() {
    if (!catalog) return;
    const selected = get("selected");
    chosen = selected ? rowOf(catalog, selected[0], selected[1]) : -1;
    drawDetail();
  }
  find.addEventListener("input", () => later());
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") list.focus();
    else if (event.key === "Escape" && find.value) set({ text: "" });
    else return;
    event.preventDefault();
  });
  const narrow = new ResizeObserver(() => {
    body.classList.toggle("sw-cb-narrow", el.clientWidth < 860);
    list.node.classList.toggle("sw-cb-tight", el.clientWidth < 600);
  });
  narrow.observe(el);
  const fail = (error) => fill(detail, h("p", { role: "alert" }, `The catalogue cannot be read here: ${error instanceof Error ? error.message : error}`));
  const stops = [
    listen(model, ["rows"], () => void takeRows().catch(fail)),
    listen(model, [...FILTERS, "order"], draw),
    listen(model, ["selected"], () => {
      const before = chosen;
      takeSelected();
      if (chosen !== before) draw();
    })
  ];
  drawDetail();
  takeRows().catch(fail);
  return () => {
    isOver = true;
    later.cancel();
    tell.flush();
    narrow.disconnect();
    list.stop();
    for (const stop of stops) stop();
  };
}
var css = `${GRID_LIST_CSS}
.sw-cb-find { margin-bottom: 8px; flex-wrap: nowrap; }
.sw-cb-find > .sw-muted { white-space: nowrap; min-width: 110px; text-align: end; }
.sw-cb-filters { margin-bottom: 8px; }
.sw-cb-choice { max-width: 210px; font-size: 12px; }
.sw-cb-set { border-color: var(--sw-accent); font-weight: 600; }
.sw-cb-l0 { display: inline-flex; align-items: center; gap: 4px; font-size: 12px; }
.sw-cb-limit { width: 66px; font-size: 12px; padding-inline: 6px; }
.sw-cb-filters > .sw-select { font-size: 12px; }
.sw-cb-body { display: flex; gap: 10px; align-items: stretch; height: 394px; }
.sw-cb-list { flex: 1 1 0; --sw-gl-columns: minmax(110px, 1.2fr) minmax(130px, 1.9fr) minmax(70px, .8fr) 36px minmax(62px, .6fr) 64px 36px; }
.sw-cb-detail { flex: 0 0 300px; padding: 10px 12px; display: flex; flex-direction: column; gap: 8px; overflow: auto; }
.sw-cb-narrow { flex-direction: column; height: auto; }
.sw-cb-narrow .sw-cb-list { flex: none; height: 290px; }
.sw-cb-narrow .sw-cb-detail { flex: none; }
.sw-cb-tight { --sw-gl-columns: minmax(90px, 1fr) minmax(90px, 1.2fr) 36px 64px 34px; }
.sw-cb-tight .sw-gl-cell:nth-child(3), .sw-cb-tight .sw-gl-cell:nth-child(5) { display: none; }
.sw-cb-name { display: flex; flex-direction: column; }
.sw-cb-facts { display: grid; grid-template-columns: auto 1fr; gap: 1px 12px; margin: 0; }
.sw-cb-facts dd { margin: 0; }
.sw-cb-code { position: relative; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-raised); padding: 8px 10px; display: flex; flex-direction: column; gap: 6px; align-items: flex-start; }
.sw-cb-code pre { margin: 0; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; width: 100%; }
.sw-cb-links { display: flex; gap: 14px; }
.sw-link { color: var(--sw-accent); }
`;

// catalog_browser.entry.js
var catalog_browser_entry_default = { render: (props) => show(catalog_browser_exports, props) };
function mountSaved(page) {
  mount(catalog_browser_exports, page);
}
export {
  catalog_browser_entry_default as default,
  mountSaved
};
