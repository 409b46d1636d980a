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

// widgets/toy_model.js
var toy_model_exports = {};
__export(toy_model_exports, {
  css: () => css,
  numberAt: () => numberAt,
  placed: () => placed,
  render: () => render
});

// lib/chart.js
function formatValue(value, digits = 4) {
  if (value === null || value === void 0 || Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221E" : "\u2212\u221E";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size < 1e-3 || size >= 1e9) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    text = `${String(Number(mantissa))}e${Number(exponent)}`;
  } else if (size >= 10 ** (digits - 1)) {
    text = Math.round(value).toLocaleString("en-US");
  } else {
    text = String(Number(value.toPrecision(digits)));
  }
  return text.replace("-", "\u2212").replace("e\u2212", "e-");
}
function linearTicks(lo, hi, count2 = 4) {
  if (!(hi > lo) || !Number.isFinite(hi - lo)) return Number.isFinite(lo) ? [lo] : [];
  const rough = (hi - lo) / Math.max(1, count2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.85) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}
function logTicks(lo, hi, count2 = 4) {
  if (!(lo > 0) || !(hi > lo)) return lo > 0 ? [lo] : [];
  const first = Math.floor(Math.log10(lo));
  const last = Math.ceil(Math.log10(hi));
  const inside = (ts) => ts.filter((t) => t >= lo * (1 - 1e-9) && t <= hi * (1 + 1e-9));
  const decades = [];
  for (let e = first; e <= last; e++) decades.push(Number((10 ** e).toPrecision(12)));
  const stride = Math.ceil(inside(decades).length / Math.max(1, count2 + 1));
  if (inside(decades).length > 2) return inside(decades).filter((_, i) => i % stride === 0);
  const between = inside(decades.flatMap((d) => [d, 2 * d, 5 * d].map((t) => Number(t.toPrecision(12)))));
  return between.length >= 2 ? between : linearTicks(lo, hi, count2);
}
function extent(arrays, log = false) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      if (!Number.isFinite(v) || log && v <= 0) continue;
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
  }
  return lo <= hi ? [lo, hi] : null;
}
function padded(lo, hi, log = false) {
  if (log) {
    const air2 = Math.max(Math.log10(hi / lo) * 0.08, 0.04);
    return [lo / 10 ** air2, hi * 10 ** air2];
  }
  const air = hi > lo ? (hi - lo) * 0.08 : Math.abs(hi) * 0.1 || 1;
  return [lo >= 0 && lo - air < 0 ? 0 : lo - air, hi + air];
}
function makeScale(lo, hi, from, to, log = false) {
  const f = log ? Math.log : (v) => v;
  const g = log ? Math.exp : (v) => v;
  const a = f(lo);
  const span = f(hi) - a || 1;
  return {
    px: (v) => log && v <= 0 ? NaN : from + (f(v) - a) / span * (to - from),
    value: (px) => g(a + (px - from) / (to - from) * span),
    lo,
    hi,
    log
  };
}
function smooth(steps, values, tau) {
  const out = new Float32Array(values.length);
  let sum = 0;
  let weight = 0;
  let before = NaN;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      out[i] = NaN;
      continue;
    }
    if (!(tau > 0)) {
      out[i] = values[i];
      continue;
    }
    const keep = Number.isNaN(before) ? 0 : Math.exp(-Math.max(0, steps[i] - before) / tau);
    sum = sum * keep + values[i];
    weight = weight * keep + 1;
    before = steps[i];
    out[i] = sum / weight;
  }
  return out;
}
function nearest(steps, step) {
  let lo = 0;
  let hi = steps.length - 1;
  if (hi < 0) return -1;
  while (hi - lo > 1) {
    const mid = lo + hi >> 1;
    if (steps[mid] <= step) lo = mid;
    else hi = mid;
  }
  return Math.abs(steps[hi] - step) < Math.abs(steps[lo] - step) ? hi : lo;
}
function pathData(steps, values, x, y) {
  let d = "";
  let pen = false;
  let column = NaN;
  let held = [];
  const flush = () => {
    for (const [px, py] of extremes(held)) {
      d += `${pen ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`;
      pen = true;
    }
    held = [];
  };
  for (let i = 0; i < steps.length; i++) {
    const px = x.px(steps[i]);
    const py = y.px(values[i]);
    if (!Number.isFinite(py)) {
      flush();
      pen = false;
      column = NaN;
      continue;
    }
    if (Math.floor(px) !== column) {
      flush();
      column = Math.floor(px);
    }
    held.push([px, py]);
  }
  flush();
  return d;
}
function extremes(points) {
  if (points.length <= 4) return points;
  let lo = 0;
  let hi = 0;
  points.forEach((p, i) => {
    if (p[1] < points[lo][1]) lo = i;
    if (p[1] > points[hi][1]) hi = i;
  });
  return [.../* @__PURE__ */ new Set([0, lo, hi, points.length - 1])].sort((a, b) => a - b).map((i) => points[i]);
}
function placeLabels(marks, left, right, rows = 2) {
  const gap = 4;
  const taken = Array.from({ length: rows }, () => []);
  const placed2 = marks.map(({ x }) => ({ row: -1, anchor: "start", x }));
  for (let i = marks.length - 1; i >= 0; i--) {
    const { x, width } = marks[i];
    const sides = (
      /** @type {const} */
      [["start", x + gap, x + gap + width], ["end", x - gap - width, x - gap]]
    );
    search: for (let row = 0; row < rows; row++) {
      for (const [anchor, a, b] of sides) {
        if (a < left || b > right || taken[row].some(([c, d]) => a < d + gap && c < b + gap)) continue;
        taken[row].push([a, b]);
        placed2[i] = { row, anchor, x: anchor === "start" ? a : b };
        break search;
      }
    }
  }
  return placed2;
}
var PAD = { left: 46, right: 8, top: 6, bottom: 18 };
var HEIGHT = 136;
var LABEL_ROW = 13;
function lineChart({ title, log = false, isNoisy = true, isLabelled = () => true, onCursor, plotHeight = HEIGHT, isBare = false }) {
  const reading = h("span", { class: "sw-num" });
  const [gridLayer, markLayer, lineLayer, cursorLayer] = [0, 1, 2, 3].map(() => h("g"));
  const picture2 = h("svg", { "aria-hidden": "true", height: plotHeight }, gridLayer, markLayer, lineLayer, cursorLayer);
  const legend = h("div", { class: "sw-chart-legend sw-row sw-small" });
  const caption = h("figcaption", { class: "sw-row" }, h("b", { class: "sw-grow sw-ellipsis sw-small" }, title), reading);
  const element = h("figure", { class: "sw-chart" }, caption, picture2, legend);
  let width = 0;
  let height = plotHeight;
  let top = PAD.top;
  let nLabelRows = 0;
  let series = [];
  let view = null;
  let frame = null;
  const resize = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now === width || now < 40) return;
    width = now;
    paint();
  });
  resize.observe(picture2);
  const onMove = (event) => {
    if (!frame) return;
    const box = picture2.getBoundingClientRect();
    const step = frame.x.value(Math.min(width - PAD.right, Math.max(PAD.left, event.clientX - box.left)));
    const steps = longest(series)?.steps;
    if (steps?.length) onCursor(steps[nearest(steps, step)]);
  };
  picture2.addEventListener("pointermove", onMove);
  picture2.addEventListener("pointerdown", onMove);
  picture2.addEventListener("pointerleave", () => onCursor(null));
  function paint() {
    if (!view || !width) return;
    const { tau, marks } = view;
    const smoothed = series.map((s) => smooth(s.steps, s.values, tau));
    const useLog = log && view.log;
    nLabelRows = marks.length > 3 ? 2 : Math.min(1, marks.length);
    top = PAD.top + LABEL_ROW * nLabelRows;
    height = plotHeight + top - PAD.top;
    picture2.setAttribute("height", String(height));
    picture2.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const range = extent(series.map((s) => s.values), useLog);
    const [lo, hi] = range ? padded(range[0], range[1], useLog) : [0, 1];
    frame = {
      x: makeScale(view.domain[0], Math.max(view.domain[1], view.domain[0] + 1), PAD.left, width - PAD.right),
      y: makeScale(lo, hi, height - PAD.bottom, top, useLog),
      smoothed
    };
    paintGrid(gridLayer, frame.x, frame.y, { width, height, isEmpty: !range });
    paintMarks(markLayer, frame.x, marks, { width, height, top, nLabelRows, isLabelled });
    paintLines();
    paintCursor();
  }
  function paintLines() {
    if (!frame || !view) return;
    const { x, y, smoothed } = frame;
    const nodes = [];
    for (const [i, s] of series.entries()) {
      const look = lookOf(s, i);
      if (view.tau > 0 && !isBare) nodes.push(h("path", { class: `sw-line sw-raw ${look}`, d: pathData(s.steps, s.values, x, y) }));
      nodes.push(h("path", { class: `sw-line ${look}`, d: pathData(s.steps, smoothed[i], x, y) }));
      if (s.steps.length === 1) {
        const cy = y.px(s.values[0]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point ${look}`, r: 2.5, cx: x.px(s.steps[0]), cy }));
      }
    }
    lineLayer.replaceChildren(...nodes);
  }
  function paintCursor() {
    if (!frame || !view) return;
    const { x, y, smoothed } = frame;
    const { tau, exact } = view;
    const nodes = [];
    const at = Number.isNaN(view.cursor) ? Infinity : view.cursor;
    if (Number.isFinite(at)) {
      const px = x.px(at).toFixed(1);
      nodes.push(h("line", { class: "sw-crosshair", x1: px, x2: px, y1: top, y2: height - PAD.bottom }));
    }
    const entries = series.map((s, i) => {
      const k = Number.isFinite(at) ? nearest(s.steps, at) : s.steps.length - 1;
      if (k >= 0 && Number.isFinite(at)) {
        const cy = y.px(tau > 0 ? smoothed[i][k] : s.values[k]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point ${lookOf(s, i)}`, r: 3, cx: x.px(s.steps[k]), cy }));
      }
      const value = exact.get(s.name) ?? (k >= 0 ? s.values[k] : NaN);
      return { label: s.label, value: formatValue(value), color: lookOf(s, i) };
    });
    cursorLayer.replaceChildren(...nodes);
    reading.textContent = entries.length === 1 ? entries[0].value : "";
    paintLegend(legend, entries.length > 1 && !isBare ? entries : []);
  }
  return {
    element,
    draw(nextSeries, nextView) {
      series = nextSeries;
      view = isNoisy ? nextView : { ...nextView, tau: 0 };
      paint();
    },
    moveCursor(cursor, exact) {
      if (!view) return;
      view = { ...view, cursor, exact };
      paintCursor();
    },
    destroy() {
      resize.disconnect();
      element.remove();
    }
  };
}
var lookOf = (series, i) => series.look ?? lineLook(i);
function lineLook(i) {
  const dash = Math.floor(i / 6) % 4;
  return `sw-c${i % 6}${dash ? ` sw-d${dash}` : ""}`;
}
function longest(series) {
  return series.reduce((best, s) => !best || s.steps.length > best.steps.length ? s : best, void 0);
}
function paintGrid(layer, x, y, { width, height, isEmpty }) {
  const nodes = [];
  const ticks = isEmpty ? [] : y.log ? logTicks(y.lo, y.hi, 4) : linearTicks(y.lo, y.hi, 4);
  for (const tick of ticks) {
    const py = y.px(tick).toFixed(1);
    nodes.push(h("line", { class: "sw-grid", x1: PAD.left, x2: width - PAD.right, y1: py, y2: py }));
    nodes.push(h("text", { class: "sw-tick", x: PAD.left - 6, y: py, "text-anchor": "end", "dominant-baseline": "middle" }, formatValue(tick, 3)));
  }
  const base = height - PAD.bottom;
  nodes.push(h("line", { class: "sw-axis", x1: PAD.left, x2: width - PAD.right, y1: base, y2: base }));
  for (const tick of linearTicks(x.lo, x.hi, Math.max(3, Math.floor(width / 80))).filter(Number.isInteger)) {
    const px = x.px(tick);
    const anchor = px > width - PAD.right - 14 ? "end" : px < PAD.left + 8 ? "start" : "middle";
    nodes.push(h("text", { class: "sw-tick", x: px.toFixed(1), y: height - 5, "text-anchor": anchor }, formatCount(tick)));
  }
  if (isEmpty) {
    nodes.push(h("text", { class: "sw-empty", x: (PAD.left + width) / 2, y: height / 2 - 4, "text-anchor": "middle" }, "no values yet"));
  }
  layer.replaceChildren(...nodes);
}
function formatCount(n, digits = 4) {
  const power = n >= 1e9 ? 9 : n >= 1e6 ? 6 : n >= 1e4 ? 3 : 0;
  return power ? Number((n / 10 ** power).toPrecision(digits)) + { 3: "k", 6: "M", 9: "B" }[power] : Math.round(n).toLocaleString("en-US");
}
function paintMarks(layer, x, marks, { width, height, top, nLabelRows, isLabelled }) {
  const inside = marks.filter((m) => m.step >= x.lo && m.step <= x.hi).sort((a, b) => a.step - b.step);
  const named = inside.filter(isLabelled);
  const places = placeLabels(named.map((m) => ({ x: x.px(m.step), width: m.label.length * 5.6 })), 0, width, nLabelRows);
  const nodes = inside.map((mark) => {
    const px = x.px(mark.step).toFixed(1);
    const place = places[named.indexOf(mark)];
    const from = place?.row >= 0 ? PAD.top + LABEL_ROW * place.row - 4 : top;
    return h("line", { class: "sw-mark", x1: px, x2: px, y1: from, y2: height - PAD.bottom });
  });
  for (const [i, { row, anchor, x: at }] of places.entries()) {
    if (row < 0) continue;
    nodes.push(h("text", { class: "sw-mark-label", x: at.toFixed(1), y: PAD.top + 5 + row * LABEL_ROW, "text-anchor": anchor }, named[i].label));
  }
  layer.replaceChildren(...nodes);
}
function paintLegend(legend, entries) {
  legend.replaceChildren(...entries.map(({ label, value, color }) => h("span", { class: color }, h("i"), h("span", { class: "sw-muted" }, label), h("span", {}, value))));
}

// lib/sync.js
function throttle(fn, interval) {
  let waiting = null;
  let timer;
  const tick = () => {
    timer = void 0;
    if (waiting === null) return;
    const args = waiting;
    waiting = null;
    timer = setTimeout(tick, interval);
    fn(...args);
  };
  const call = (...args) => {
    waiting = args;
    if (timer === void 0) tick();
  };
  call.cancel = () => {
    clearTimeout(timer);
    timer = void 0;
    waiting = null;
  };
  call.flush = () => {
    clearTimeout(timer);
    tick();
  };
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

// lib/unpack_one.js
function unpackOne(packed) {
  const n = packed?.counts?.[0] ?? 0;
  const data = packed?.data;
  if (!n || !data) return { steps: new Float32Array(0), values: new Float32Array(0) };
  const bytes = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const numbers = new Float32Array(
    /** @type {ArrayBuffer} */
    bytes
  );
  return { steps: numbers.subarray(0, n), values: numbers.subarray(n, 2 * n) };
}

// widgets/toy_model.js
var SIZE = 320;
var REACH = 1.35;
var SHORT = 0.12;
function placed(x, y) {
  const half = SIZE / 2;
  return [half + x / REACH * half, half - y / REACH * half];
}
function numberAt(x, y) {
  const length = Math.hypot(x, y);
  return length > SHORT ? placed(x * (1 + 0.14 / length), y * (1 + 0.14 / length)) : null;
}
function render({ model, el, offline }) {
  const frame = () => (
    /** @type {Frame} */
    model.get("frame")
  );
  const send = (action) => model.send({ kind: "control", action });
  const button = (label, action, title2) => needsKernel(h("button", { class: "sw-btn", type: "button", title: title2, onclick: () => send(action) }, label), offline);
  const play = needsKernel(h("button", { class: "sw-btn sw-primary sw-toy-play", type: "button", onclick: () => send(frame().playing ? "pause" : "play") }, "Play"), offline);
  const counted = h("span", { class: "sw-num sw-toy-step" });
  const controls = h(
    "div",
    { class: "sw-row", role: "group", "aria-label": "Training" },
    play,
    button("Step", "step", "One step of training"),
    button("Reset", "reset", "Begin again with the same seed"),
    counted
  );
  const sliders = [
    slider("sparsity", "Sparsity", 0, 0.99, 0.01, "Probability that a feature is zero"),
    slider("importance", "Importance", 0.3, 1, 0.01, "Each feature counts this times the one before it"),
    slider("n_features", "Features", 1, 24, 1, "Begins again")
  ];
  const seed = needsKernel(h("input", { class: "sw-input sw-toy-seed", type: "number", min: "0", step: "1", onchange: () => seed.validity.valid && seed.value !== "" && write(model, { seed: Number(seed.value) }) }), offline);
  const sae = needsKernel(h("input", { type: "checkbox", onchange: () => write(model, { with_sae: sae.checked }) }), offline);
  const settings = h(
    "div",
    { class: "sw-toy-settings", role: "group", "aria-label": "Data" },
    sliders.map((each) => each.element),
    h("div", { class: "sw-row" }, h("label", { class: "sw-row" }, h("span", { class: "sw-muted" }, "Seed"), seed), h("label", { class: "sw-check" }, sae, "Fit an SAE"))
  );
  const titleId = uniqueId("toy");
  const title = h("svg:title", { id: titleId }, "");
  const ground = h(
    "g",
    { class: "sw-toy-ground" },
    h("circle", { cx: SIZE / 2, cy: SIZE / 2, r: SIZE / 2 / REACH }),
    h("path", { d: `M0 ${SIZE / 2}H${SIZE}M${SIZE / 2} 0V${SIZE}` })
  );
  const [rowLayer, featureLayer] = [h("g", { class: "sw-toy-rows" }), h("g", { class: "sw-toy-features" })];
  const picture2 = h("svg", { class: "sw-toy-plane", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-labelledby": titleId }, title, ground, rowLayer, featureLayer);
  const saeKey = h("span", { class: "sw-row", hidden: true }, h("i", { class: "sw-toy-key sw-toy-key-sae" }), "SAE decoder");
  const legend = h("div", { class: "sw-row sw-small sw-muted" }, h("i", { class: "sw-toy-key" }), "feature, 1 the most important", saeKey);
  const chart = lineChart({ title: "Loss", log: false, onCursor() {
  } });
  const told = h("p", { class: "sw-toy-told" });
  const spoken = h("p", { class: "sw-hidden-text", role: "status", "aria-live": "polite" });
  const body = h("tbody");
  const table = h("details", {}, h("summary", {}, "Numbers"), h(
    "table",
    { class: "sw-table sw-small" },
    h("thead", {}, h("tr", {}, ["Feature", "Importance", "Length", "Dimensionality", "Cosine with the SAE"].map((text) => h("th", { scope: "col" }, text)))),
    body
  ));
  table.addEventListener("toggle", () => drawTable());
  el.append(h(
    "section",
    { class: "sw-toy sw-card", "aria-label": "Toy model of superposition" },
    h("div", { class: "sw-toy-left" }, picture2, legend),
    h("div", { class: "sw-toy-right" }, controls, settings, told, spoken, chart.element, table)
  ));
  function slider(name, label, min, max, step, hint) {
    const id = uniqueId(name);
    const output = h("output", { for: id, class: "sw-num" });
    const save = throttle(() => write(model, { [name]: Number(input.value) }), 50);
    const input = needsKernel(h("input", { id, class: "sw-range", type: "range", min, max, step, title: hint, oninput: () => {
      output.textContent = input.value;
      save();
    } }), offline);
    const draw2 = () => {
      const value = Number(model.get(name));
      if (Number(input.value) !== value) input.value = String(value);
      output.textContent = String(Number(value.toFixed(3)));
    };
    return { element: h("div", { class: "sw-toy-slider" }, h("label", { for: id }, label), input, output), draw: draw2, cancel: save.cancel };
  }
  function drawSettings() {
    for (const each of sliders) each.draw();
    if (seed.value !== String(model.get("seed"))) seed.value = String(model.get("seed"));
    sae.checked = Boolean(model.get("with_sae"));
  }
  function drawPlane() {
    const { features, rows } = frame();
    const n = features.length;
    const line = (x, y) => `M${SIZE / 2} ${SIZE / 2}L${x.toFixed(1)} ${y.toFixed(1)}`;
    rowLayer.replaceChildren(...rows.flatMap(([x, y]) => {
      const [px, py] = placed(1.12 * x, 1.12 * y);
      return [h("path", { d: line(px, py) }), h("circle", { cx: px, cy: py, r: 4.5 })];
    }));
    featureLayer.replaceChildren(...features.map(([x, y], i) => {
      const [px, py] = placed(x, y);
      const at = numberAt(x, y);
      const share = `${Math.round(100 * i / Math.max(n - 1, 1))}%`;
      return h(
        "g",
        { style: { "--share": share } },
        h("path", { d: line(px, py) }),
        h("circle", { cx: px, cy: py, r: 5 }),
        at && h("text", { x: at[0], y: at[1] + 4 }, String(i + 1))
      );
    }));
    saeKey.hidden = rows.length === 0;
  }
  function drawTable() {
    if (!table.open) return;
    const { features, importance, dimensionality, cosines } = frame();
    body.replaceChildren(...features.map(([x, y], i) => h(
      "tr",
      {},
      h("th", { scope: "row" }, String(i + 1)),
      [importance[i], Math.hypot(x, y), dimensionality[i], cosines[i]].map((value) => h("td", {}, number(value, 3)))
    )));
  }
  let wasPlaying = false;
  function draw() {
    const now = frame();
    play.textContent = now.playing ? "Pause" : "Play";
    counted.textContent = `step ${count(now.step)}`;
    const words = String(model.get("told"));
    told.textContent = words;
    title.textContent = words;
    if (!now.playing && (wasPlaying || spoken.textContent !== words)) spoken.textContent = words;
    wasPlaying = now.playing;
    drawPlane();
    drawTable();
    const { steps, values } = unpackOne(model.get("curve"));
    const domain = (
      /** @type {[number, number]} */
      [0, Math.max(1, steps[steps.length - 1] ?? 1)]
    );
    chart.draw([{ name: "loss", label: "loss", steps, values }], { domain, log: false, tau: 0, cursor: NaN, exact: /* @__PURE__ */ new Map(), marks: [] });
  }
  const paint = perFrame(draw);
  const stops = [
    listen(model, ["frame", "curve", "told"], paint),
    listen(model, ["sparsity", "importance", "n_features", "seed", "with_sae"], drawSettings)
  ];
  drawSettings();
  draw();
  return () => {
    for (const stop of stops) stop();
    for (const each of sliders) each.cancel();
    paint.cancel();
    chart.destroy();
  };
}
var css = `
.sw-toy { container-type: inline-size; --toy-near: #0b3d7a; --toy-far: #68a9e2; --toy-sae: #b45309; --c0: #0b6bb8; display: flex; flex-wrap: wrap; gap: 14px 24px; padding: 14px 16px; }
[data-theme="dark"] .sw-toy { --toy-near: #d6e9fb; --toy-far: #3d7fbd; --toy-sae: #f0a04b; --c0: #5cb0f2; }
.sw-toy-left { flex: 1 1 260px; max-width: 360px; }
.sw-toy-right { flex: 1 1 320px; min-width: 0; display: grid; gap: 10px; align-content: start; }
.sw-toy-plane { display: block; width: 100%; height: auto; }
.sw-toy-ground * { fill: none; stroke: var(--sw-line); }
.sw-toy-features g { --ink: color-mix(in oklab, var(--toy-far) var(--share), var(--toy-near)); }
.sw-toy-features path { stroke: var(--ink); stroke-width: 2.5; stroke-linecap: round; }
.sw-toy-features circle { fill: var(--ink); stroke: var(--sw-bg); stroke-width: 1; }
.sw-toy-features text { fill: var(--sw-fg); font-size: 12px; text-anchor: middle; }
.sw-toy-rows * { fill: none; stroke: var(--toy-sae); stroke-width: 1.5; }
.sw-toy-rows path { stroke-dasharray: 4 3; opacity: .75; }
.sw-toy-key { width: 18px; border-top: 2.5px solid var(--toy-near); }
.sw-toy-key-sae { border-top: 2px dashed var(--toy-sae); }
.sw-toy-play { min-width: 72px; justify-content: center; }
.sw-toy-step { margin-inline-start: auto; color: var(--sw-muted); }
.sw-toy-settings { display: grid; gap: 4px; }
.sw-toy-slider { display: grid; grid-template-columns: 84px minmax(60px, 1fr) 44px; gap: 8px; align-items: center; }
.sw-toy-slider .sw-range { width: 100%; min-width: 0; }
.sw-toy-seed { width: 92px; }
.sw-toy-told { min-height: 38px; }
.sw-toy summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; width: fit-content; }
.sw-toy .sw-chart { margin: 0; min-width: 0; }
.sw-toy .sw-chart figcaption { flex-wrap: nowrap; padding-right: 8px; }
.sw-toy .sw-chart svg { display: block; width: 100%; overflow: visible; }
.sw-toy .sw-chart line { stroke: var(--sw-line); shape-rendering: crispEdges; }
.sw-toy .sw-chart .sw-grid { opacity: .55; }
.sw-toy .sw-chart text { fill: var(--sw-muted); font-size: 10.5px; }
.sw-toy .sw-chart-legend { display: none; }
.sw-toy .sw-line { fill: none; stroke: currentColor; stroke-width: 1.6; }
.sw-toy .sw-c0 { color: var(--c0); }
`;

// toy_model.entry.js
var toy_model_entry_default = { render: (props) => show(toy_model_exports, props) };
function mountSaved(page) {
  mount(toy_model_exports, page);
}
export {
  toy_model_entry_default as default,
  mountSaved
};
