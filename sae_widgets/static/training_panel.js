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
function bytes(size) {
  if (size === null || size === void 0 || !Number.isFinite(size)) return "\u2013";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let left = size;
  while (left >= 1e3 && step < units.length - 1) {
    left /= 1e3;
    step += 1;
  }
  return `${number(left, 3)} ${units[step]}`;
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
async function copyText(text, button2) {
  const label = button2.dataset.label ?? button2.textContent ?? "";
  button2.dataset.label = label;
  let isCopied = false;
  try {
    await navigator.clipboard.writeText(text);
    isCopied = true;
  } catch {
  }
  button2.textContent = isCopied ? "Copied" : "Cannot copy here";
  setTimeout(() => button2.textContent = label, 1500);
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
    const bytes2 = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes2[i] = raw.charCodeAt(i);
    return new DataView(bytes2.buffer);
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

// widgets/training_panel.js
var training_panel_exports = {};
__export(training_panel_exports, {
  css: () => css,
  join: () => join,
  render: () => render,
  smoothingSteps: () => smoothingSteps,
  unpack: () => unpack
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
  const placed = marks.map(({ x }) => ({ row: -1, anchor: "start", x }));
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
        placed[i] = { row, anchor, x: anchor === "start" ? a : b };
        break search;
      }
    }
  }
  return placed;
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

// lib/compare.js
function valuesAt(curves, members, curve, step) {
  return members.map((member) => {
    const found = curves.get(`${member}/${curve}`);
    if (!found?.steps.length) return NaN;
    return found.values[Number.isNaN(step) ? found.values.length - 1 : nearest(found.steps, step)];
  });
}
function moved(key, at, n) {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[key];
  return to === void 0 ? at : Math.min(n - 1, Math.max(0, to));
}
function comparePart(model, { onCursor, slider }) {
  const select = h("select", { class: "sw-select", "aria-label": "Curve that SAEs are compared by", onchange: () => write(model, { shown_curve: select.value }) });
  const back = h("button", { type: "button", class: "sw-btn", onclick: () => focusOn("") }, "Show all alike");
  const head = h("tr");
  const body = h("tbody");
  const place = h("div", { class: "sw-compared", ...slider });
  const table2 = h(
    "div",
    { class: "sw-scroll sw-members", role: "region", "aria-label": "SAEs of this run", tabindex: "-1" },
    h("table", { class: "sw-table sw-small" }, h("thead", {}, head), body)
  );
  const element = h(
    "section",
    { class: "sw-compare", "aria-label": "SAEs compared", hidden: true },
    h("div", { class: "sw-row" }, h("label", { class: "sw-row" }, h("span", { class: "sw-muted" }, "Compare by"), select), back),
    place,
    table2
  );
  let chart = null;
  let charted = "";
  let pointed = null;
  let rows = [];
  let built = "";
  let tabStop = 0;
  let curves = /* @__PURE__ */ new Map();
  let view = null;
  const members = () => (
    /** @type {string[]} */
    model.get("members") ?? []
  );
  const focused = () => String(model.get("focused"));
  const focusOn = (name) => write(model, { focused: name });
  function look(member, i) {
    const meant = pointed ?? focused();
    return `${lineLook(i)}${meant ? member === meant ? " sw-front" : " sw-dim" : ""}`;
  }
  function build(numbers) {
    const columns = numbers.columns ?? [];
    const key = JSON.stringify([members(), columns]);
    if (key === built) return;
    built = key;
    rows = members().map((member, i) => {
      const button2 = h(
        "button",
        { type: "button", class: "sw-member", onclick: () => focusOn(focused() === member ? "" : member) },
        h("svg", { width: 26, height: 10, "aria-hidden": "true" }, h("path", { class: `sw-line ${lineLook(i)}`, d: "M1 5H25" })),
        h("span", { class: "sw-ellipsis" }, member)
      );
      button2.title = member;
      const value = h("td");
      const cells = columns.map(() => h("td"));
      const note = h("td", { class: "sw-note" });
      const row = h("tr", {
        onpointerenter: () => point(member),
        onpointerleave: () => point(null),
        onfocusin: () => point(member),
        onfocusout: () => point(null)
      }, h("th", { scope: "row" }, button2), value, cells, note);
      return { row, button: button2, value, cells, note };
    });
    tabStop = Math.min(tabStop, Math.max(0, rows.length - 1));
    body.replaceChildren(...rows.map(({ row }) => row));
    fill(head, h("th", { scope: "col" }, "SAE"), h("th", { scope: "col" }), columns.map(({ label }) => h("th", { scope: "col" }, label)), h("td"));
  }
  body.addEventListener("keydown", (event) => {
    const at = rows.findIndex(({ button: button2 }) => button2 === event.target);
    if (at < 0) return;
    const to = moved(event.key, at, rows.length);
    if (event.key === "Escape" && focused()) focusOn("");
    else if (to === at) return;
    event.preventDefault();
    tabStop = to;
    rows[to].button.focus();
    drawTable();
  });
  function point(member) {
    if (pointed === member) return;
    pointed = member;
    drawChart();
  }
  function drawChart() {
    const choice = chosen();
    if (!view || !choice) return;
    if (!chart || charted !== choice.name) {
      chart?.destroy();
      chart = lineChart({ title: choice.label, log: choice.log, onCursor, plotHeight: 220, isBare: true, isLabelled: () => false });
      charted = choice.name;
      place.replaceChildren(chart.element);
    }
    const none = new Float32Array(0);
    const series = members().map((member, i) => {
      const name = `${member}/${choice.name}`;
      return { name, label: member, look: look(member, i), ...curves.get(name) ?? { steps: none, values: none } };
    });
    chart.draw(series, view);
  }
  function chosen() {
    const choices = (
      /** @type {Choice[]} */
      model.get("choices") ?? []
    );
    return choices.find(({ name }) => name === model.get("shown_curve")) ?? choices[0];
  }
  function drawTable() {
    const numbers = (
      /** @type {Numbers} */
      model.get("numbers") ?? {}
    );
    build(numbers);
    const choice = chosen();
    const step = view ? view.cursor : NaN;
    const shown = valuesAt(curves, members(), choice?.name ?? "", step);
    const problems = model.get("run_state")?.problems ?? {};
    const hidden = (numbers.columns ?? []).findIndex(({ name }) => name === choice?.name);
    [...head.children].forEach((cell, k) => {
      cell.hidden = k - 2 === hidden;
    });
    const heading = (
      /** @type {Element} */
      head.children[1]
    );
    setText(heading, choice ? `${choice.label}${Number.isNaN(step) ? " now" : ` at step ${step}`}` : "");
    for (const [i, { row, button: button2, value, cells, note }] of rows.entries()) {
      const member = members()[i];
      const isFocused = member === focused();
      button2.setAttribute("aria-pressed", String(isFocused));
      button2.tabIndex = i === tabStop ? 0 : -1;
      row.dataset.state = problems[member] ? "failed" : isFocused ? "focused" : "";
      setText(value, formatValue(shown[i]));
      cells.forEach((cell, k) => {
        cell.hidden = k === hidden;
        setText(cell, formatValue(numbers.rows?.[i]?.[k] ?? NaN));
      });
      setText(note, problems[member] ? "stopped" : "");
      note.title = problems[member] ?? "";
    }
    back.hidden = !focused();
  }
  function drawChoices() {
    const choices = (
      /** @type {Choice[]} */
      model.get("choices") ?? []
    );
    const key = choices.map(({ name }) => name).join("\n");
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      fill(select, choices.map(({ name, label }) => h("option", { value: name }, label)));
    }
    select.value = chosen()?.name ?? "";
  }
  return {
    element,
    /** What the crosshair stands in. */
    slider: place,
    /** The chart as the tables under the curves take it. */
    asChart() {
      const choice = chosen();
      return choice && members().length ? [{ title: choice.label, names: members().map((member) => `${member}/${choice.name}`), labels: members() }] : [];
    },
    /** @param {Curves} now @param {import("./chart.js").ChartView} nowView */
    draw(now, nowView) {
      element.hidden = members().length === 0 || !chosen();
      if (element.hidden) return;
      curves = now;
      view = nowView;
      drawChoices();
      drawChart();
      drawTable();
    },
    /** @param {number} cursor @param {Map<string, number>} exact */
    moveCursor(cursor, exact) {
      if (!view || element.hidden) return;
      view = { ...view, cursor, exact };
      chart?.moveCursor(cursor, exact);
      drawTable();
    },
    destroy: () => chart?.destroy()
  };
}
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
var compareCss = `
.sw-compare { margin: 4px 0 18px; }
.sw-compare > .sw-row { gap: 8px 16px; margin-bottom: 8px; min-height: 30px; }
.sw-compare select { width: auto; min-width: 170px; }
.sw-compared { padding: 4px; margin: 0 -4px; }
.sw-line.sw-d1 { stroke-dasharray: 7 4; } .sw-line.sw-d2 { stroke-dasharray: 2 3; } .sw-line.sw-d3 { stroke-dasharray: 9 3 2 3; }
.sw-line.sw-dim { opacity: .22; } .sw-point.sw-dim { opacity: 0; } .sw-line.sw-front { stroke-width: 2.6; }
.sw-members { max-height: 330px; overflow: auto; }
.sw-members thead th { position: sticky; top: 0; background: var(--sw-bg); color: var(--sw-muted); }
.sw-members tr[data-state="focused"] > * { background: var(--sw-hover); }
.sw-members tr[data-state="failed"] .sw-note { color: var(--sw-bad); }
.sw-members td { font-variant-numeric: tabular-nums; }
.sw-members td:nth-child(2) { font-weight: 600; }
.sw-members th:first-child { text-align: start; }
.sw-members th[scope="row"] { padding: 0 16px 0 0; font-size: 12px; color: var(--sw-fg); }
.sw-member { display: inline-flex; align-items: center; gap: 8px; max-width: 320px; padding: 3px 6px; border: 0; border-radius: 4px; background: none; color: inherit; font: inherit; cursor: pointer; }
.sw-member svg { flex: none; }
.sw-member:hover { background: var(--sw-hover); }
.sw-member[aria-pressed="true"] { font-weight: 600; }
`;

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

// widgets/training_panel.js
var FINAL = /* @__PURE__ */ new Set(["stopped", "done", "failed"]);
var PATIENCE_MS = 1500;
function unpack(packed) {
  const curves = /* @__PURE__ */ new Map();
  if (!packed?.names?.length || !packed.data) return curves;
  const { data } = packed;
  const bytes2 = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const numbers = new Float32Array(
    /** @type {ArrayBuffer} */
    bytes2
  );
  let at = 0;
  packed.names.forEach((name, i) => {
    const n = packed.counts?.[i] ?? 0;
    curves.set(name, { steps: numbers.subarray(at, at + n), values: numbers.subarray(at + n, at + 2 * n) });
    at += 2 * n;
  });
  return curves;
}
function join(whole, tail) {
  const joined = new Map(whole);
  for (const [name, { steps, values }] of tail) {
    const before = whole.get(name);
    if (!before) joined.set(name, { steps, values });
    else joined.set(name, { steps: concat(before.steps, steps), values: concat(before.values, values) });
  }
  return joined;
}
function concat(a, b) {
  const out = new Float32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
function smoothingSteps(share, span) {
  return share > 0 ? share * share * 0.25 * span : 0;
}
var button = (label, onclick, title, kind = "") => h("button", { type: "button", class: `sw-btn ${kind}`, title, onclick }, label);
function setText2(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function render({ model, el, ask, offline }) {
  const state = () => (
    /** @type {RunState} */
    model.get("run_state")
  );
  const header = headerPart(send, offline);
  const numbers = numbersPart();
  const settings = settingsPart((name, value) => ask("set", { name, value }, { key: name }));
  const look = lookPart(model);
  const notice = h("p", { class: "sw-notice", role: "status", hidden: true });
  const outcome = outcomePart();
  const plots = plotsPart(model, ask);
  const twin = twinPart();
  const bar = h("div", { class: "sw-bar" }, settings.element, look.element);
  const parts = [header.element, numbers.element, notice, outcome.element, bar, plots.compare.element, plots.caption, plots.element, twin.element];
  el.append(h("section", { class: "sw-training sw-card", "aria-label": "Training run" }, parts));
  let asked = null;
  let before = "";
  let patience;
  const fingerprint = () => `${state().status} ${state().checkpoint} ${state().error}`;
  function send(action) {
    clearTimeout(patience);
    patience = setTimeout(() => say("The kernel is busy with another cell and will act when that ends; to act now, interrupt it."), PATIENCE_MS);
    asked = action;
    before = fingerprint();
    model.send({ kind: "control", action });
    header.draw(state(), asked);
  }
  function say(text) {
    notice.hidden = !text;
    notice.textContent = text;
  }
  function drawState() {
    const now = state();
    if (asked && fingerprint() !== before) {
      clearTimeout(patience);
      asked = null;
      say("");
    }
    const isOver = FINAL.has(now.status);
    header.draw(now, asked);
    header.name(model.get("title"));
    numbers.draw(now);
    outcome.draw(now, model.get("outcome"));
    header.element.dataset.controls = String(model.get("has_controls") !== false);
    const whose = model.get("focused") || (model.get("members")?.length ? "all SAEs" : "");
    settings.draw(model.get("settings"), offline || isOver, whose);
  }
  function drawCurves() {
    plots.draw();
    look.draw(plots.span());
    twin.draw(plots.curves(), [...plots.compare.asChart(), ...model.get("charts")], model.get("marks"));
  }
  const paint = perFrame(drawCurves);
  const stops = [
    listen(model, ["run_state", "title", "outcome", "settings", "focused", "has_controls"], drawState),
    listen(model, ["curves", "tail", "marks", "charts", "log_scale", "smoothing", "members", "choices", "numbers", "shown_curve", "focused"], paint),
    listen(model, ["cursor_step"], () => {
      plots.moveCursor();
      look.draw(plots.span());
    })
  ];
  drawState();
  drawCurves();
  return () => {
    for (const stop of [...stops, paint.cancel, plots.destroy]) stop();
    clearTimeout(patience);
    el.replaceChildren();
  };
}
function headerPart(send, offline) {
  let isPaused = false;
  const pill = h("b", { class: "sw-state", role: "status" });
  const title = h("span", { class: "sw-muted sw-grow sw-ellipsis" });
  const pause = button("Pause", () => send(isPaused ? "resume" : "pause"), "Wait at the end of this step; resume goes on from there");
  const save = button("Checkpoint", () => send("checkpoint"), "Save a checkpoint at the end of this step; training goes on");
  const stop = button("Stop", () => send("stop"), "Finish this step, save a checkpoint and keep the SAE", "sw-stop");
  for (const each of [pause, save, stop]) needsKernel(each, offline);
  const done = h("i");
  const bar = h("div", { class: "sw-tokens", role: "progressbar", "aria-label": "Tokens seen" }, done);
  return {
    element: h("header", {}, h("div", { class: "sw-row sw-head" }, pill, title, h("span", { class: "sw-row sw-buttons" }, pause, save, stop)), bar),
    name(text) {
      setText2(title, text);
      title.title = text;
    },
    draw(now, asked) {
      isPaused = now.status === "paused";
      const pending = { stop: "Stopping", pause: "Pausing", resume: "Resuming" }[asked ?? ""];
      setText2(pill, pending ?? (now.status === "lost" ? "No sign of life" : now.status[0].toUpperCase() + now.status.slice(1)));
      pill.dataset.state = bar.dataset.state = asked === "stop" ? "stopping" : now.status;
      setText2(pause, isPaused ? "Resume" : "Pause");
      setText2(save, asked === "checkpoint" ? "Saving\u2026" : "Checkpoint");
      const isEnding = FINAL.has(now.status) || offline || now.status === "stopping" || asked === "stop";
      pause.disabled = isEnding || Boolean(pending);
      save.disabled = isEnding || asked === "checkpoint";
      stop.disabled = isEnding;
      const percent = now.total_tokens ? Math.min(100, 100 * now.n_tokens / now.total_tokens) : 0;
      done.style.width = `${percent}%`;
      bar.setAttribute("aria-valuenow", percent.toFixed(1));
    }
  };
}
function numbersPart() {
  const rows = [
    ["Step", (now) => [count(now.n_steps), now.activity ? describe(now.activity) : ""]],
    ["Tokens", (now) => [formatCount(now.n_tokens, 3), `of ${formatCount(now.total_tokens, 3)}`]],
    ["Tokens per second", (now) => [now.tokens_per_s > 0 ? formatCount(now.tokens_per_s, 3) : "\u2013"]],
    ["Time left", (now) => [FINAL.has(now.status) ? "\u2013" : duration(now.eta_s)]],
    ["Elapsed", (now) => [duration(now.elapsed_s)]],
    ["Memory", (now) => [bytes(now.memory_bytes)]]
  ];
  const cells = rows.map(() => [h("span"), h("small", { class: "sw-muted sw-ellipsis" })]);
  return {
    element: h("dl", { class: "sw-numbers" }, rows.map(([name], i) => h("div", {}, h("dt", {}, name), h("dd", {}, cells[i])))),
    draw: (now) => rows.forEach(([, read], i) => read(now).forEach((text, k) => setText2(cells[i][k], text ?? "")))
  };
}
var describe = ({ text, done, total }) => total > 0 ? `${text} ${count(done)}/${count(total)}` : text;
function settingsPart(set) {
  const whose = h("span", { class: "sw-muted sw-whose", hidden: true });
  const element = h("div", { class: "sw-row sw-fields", role: "group", "aria-label": "Settings that can be changed while training" }, whose);
  const known = /* @__PURE__ */ new Map();
  function makeField({ name, label, value }) {
    const id = uniqueId("setting");
    const message = h("small", { class: "sw-muted", role: "status", id: `${id}m` });
    const input = h("input", { id, class: "sw-input", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}m` });
    const apply = h("button", { class: "sw-btn sw-primary" }, "Apply");
    const isChanged = () => input.value.trim() !== plain(value);
    const mark = () => {
      apply.hidden = !isChanged();
      input.setAttribute("aria-invalid", "false");
      setText2(message, isChanged() ? `now ${value === null ? "not the same in all" : plain(value)}` : "");
    };
    const submit = async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      try {
        if (!text || !Number.isFinite(Number(text))) throw new Error(`\u201C${text}\u201D is not a number; write for example 0.0003 or 3e-4.`);
        apply.hidden = true;
        await set(name, Number(text));
        value = Number(text);
        mark();
      } catch (error) {
        setText2(message, error instanceof Error ? error.message : String(error));
        input.setAttribute("aria-invalid", "true");
        apply.hidden = false;
      }
    };
    input.addEventListener("input", mark);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !isChanged()) return;
      event.preventDefault();
      input.value = plain(value);
      mark();
    });
    input.value = plain(value);
    input.placeholder = value === null ? "differs" : "";
    mark();
    const form = h("form", { onsubmit: submit }, h("label", { for: id }, label), h("div", {}, input, apply), message);
    element.append(form);
    return {
      form,
      draw(now, isOver) {
        input.disabled = isOver;
        if (now === value) return;
        const isUntouched = !isChanged();
        value = now;
        input.placeholder = now === null ? "differs" : "";
        if (isUntouched) input.value = plain(now);
        mark();
      }
    };
  }
  return {
    element,
    draw(settings, isOver, of = "") {
      element.hidden = !settings.length;
      whose.hidden = !of;
      setText2(whose, `Settings of ${of}`);
      for (const [name, { form }] of [...known]) {
        if (settings.some((setting) => setting.name === name)) continue;
        form.remove();
        known.delete(name);
      }
      for (const setting of settings) {
        const field = known.get(setting.name) ?? makeField(setting);
        known.set(setting.name, field);
        field.draw(setting.value, isOver);
      }
    }
  };
}
function plain(value) {
  if (value === null) return "";
  const [mantissa, exponent] = value.toExponential(5).split("e");
  return value !== 0 && Math.abs(value) < 1e-3 ? `${Number(mantissa)}e${Number(exponent)}` : String(Number(value.toPrecision(6)));
}
function lookPart(model) {
  const linear = button("Linear", () => write(model, { log_scale: false }));
  const log = button("Log", () => write(model, { log_scale: true }));
  const save = throttle(() => model.save_changes(), 100);
  const oninput = () => {
    model.set("smoothing", slider.valueAsNumber / 100);
    save();
  };
  const slider = h("input", { type: "range", class: "sw-range", min: "0", max: "100", "aria-label": "Smoothing", oninput });
  const readout = h("output", { class: "sw-muted" });
  const where = h("span", { class: "sw-muted sw-num" });
  return {
    element: h(
      "div",
      { class: "sw-row sw-look" },
      h("span", { class: "sw-seg", role: "group", "aria-label": "Scale of loss, L0 and learning rate" }, linear, log),
      h("label", { class: "sw-row" }, "Smoothing", slider, readout),
      where
    ),
    draw(span) {
      const isLog = Boolean(model.get("log_scale"));
      linear.setAttribute("aria-pressed", String(!isLog));
      log.setAttribute("aria-pressed", String(isLog));
      const share = Number(model.get("smoothing"));
      if (Math.abs(slider.valueAsNumber - share * 100) > 0.5) slider.value = String(Math.round(share * 100));
      const steps = smoothingSteps(share, span);
      setText2(readout, steps > 0 ? `over ${formatCount(Math.max(1, steps))} steps` : "off");
      slider.setAttribute("aria-valuetext", readout.textContent ?? "");
      const at = Number(model.get("cursor_step"));
      setText2(where, at >= 0 ? `at step ${count(at)}` : "newest values");
    }
  };
}
var MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
var NO_POINTS = new Float32Array(0);
var MOST_TOLD = 24;
function plotsPart(model, ask) {
  const slider = {
    tabindex: "0",
    role: "slider",
    "aria-label": "Step under the crosshair",
    onkeydown: onKey,
    "aria-description": "Arrow keys move by one point, Page Up and Page Down by ten, Home and End to the ends, Escape leaves"
  };
  const element = h("div", { class: "sw-charts", ...slider });
  const caption = h("p", { class: "sw-muted sw-small", hidden: true });
  const compare = comparePart(model, { onCursor: setCursor, slider });
  const charts = /* @__PURE__ */ new Map();
  let curves = /* @__PURE__ */ new Map();
  let whole = /* @__PURE__ */ new Map();
  let wholeRevision = -1;
  let stops = NO_POINTS;
  let exact = /* @__PURE__ */ new Map();
  let exactTimer;
  const cursor = () => model.get("cursor_step") >= 0 ? Number(model.get("cursor_step")) : NaN;
  const save = throttle(() => model.save_changes(), 100);
  function setCursor(step) {
    const next = step === null ? -1 : Math.round(step);
    if (next === model.get("cursor_step")) return;
    model.set("cursor_step", next);
    save();
  }
  const domain = () => stops.length ? [stops[0], stops[stops.length - 1]] : [0, 1];
  const span = () => domain()[1] - domain()[0];
  function onKey(event) {
    const at = cursor();
    const isLeaving = event.key === "Escape" && !Number.isNaN(at);
    if (!stops.length || !isLeaving && !(event.key in MOVES)) return;
    event.preventDefault();
    const from = nearest(stops, Number.isNaN(at) ? Infinity : at);
    setCursor(isLeaving ? null : stops[Math.min(stops.length - 1, Math.max(0, from + MOVES[event.key]))]);
  }
  function read() {
    const packed = model.get("curves");
    const tail = model.get("tail");
    if (packed?.revision !== wholeRevision) {
      whole = unpack(packed);
      wholeRevision = packed?.revision;
    }
    curves = tail?.revision === wholeRevision ? join(whole, unpack(tail)) : whole;
    stops = longest([...curves].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? NO_POINTS;
  }
  function draw() {
    read();
    const shown = model.get("charts");
    const view = {
      domain: domain(),
      log: Boolean(model.get("log_scale")),
      tau: smoothingSteps(Number(model.get("smoothing")), span()),
      cursor: cursor(),
      exact,
      marks: (
        /** @type {import("../lib/chart.js").Mark[]} */
        model.get("marks")
      )
    };
    for (const [i, { title, names, labels, log, noisy, marked }] of shown.entries()) {
      const isLabelled = ({ name }) => marked === true || Array.isArray(marked) && marked.includes(name);
      const chart = charts.get(title) ?? lineChart({ title, log, isNoisy: noisy, isLabelled, onCursor: setCursor });
      if (element.children[i] !== chart.element) element.insertBefore(chart.element, element.children[i] ?? null);
      charts.set(title, chart);
      chart.draw(names.map((name, k) => ({ name, label: labels[k], ...curves.get(name) ?? { steps: NO_POINTS, values: NO_POINTS } })), view);
    }
    for (const [title, chart] of [...charts]) {
      if (shown.some((each) => each.title === title)) continue;
      chart.destroy();
      charts.delete(title);
    }
    element.hidden = shown.length === 0 && model.get("members")?.length > 0;
    caption.hidden = element.hidden || !model.get("focused");
    setText2(caption, `Curves of ${model.get("focused")}`);
    element.setAttribute("aria-label", `Step under the crosshair${model.get("focused") ? `, curves of ${model.get("focused")}` : ""}`);
    compare.draw(curves, view);
    describeCursor();
  }
  function showCursor() {
    for (const chart of charts.values()) chart.moveCursor(cursor(), exact);
    compare.moveCursor(cursor(), exact);
    describeCursor();
  }
  function moveCursor() {
    const step = cursor();
    exact = /* @__PURE__ */ new Map();
    showCursor();
    clearTimeout(exactTimer);
    if (Number.isNaN(step) || model.get("tail")?.exact !== false) return;
    exactTimer = setTimeout(() => ask("values_at", { step }).then(({ value }) => {
      if (cursor() !== step) return;
      exact = new Map(Object.entries(value.values));
      showCursor();
    }, () => {
    }), 120);
  }
  function describeCursor() {
    const [lo, hi] = domain();
    const at = cursor();
    const step = Number.isNaN(at) ? hi : at;
    const told = Number.isNaN(at) ? [] : [...curves].slice(0, MOST_TOLD).map(([name, c]) => `${name} ${formatValue(exact.get(name) ?? c.values[nearest(c.steps, step)])}`);
    const text = told.length ? `step ${step}: ${told.join(", ")}` : "no step chosen, showing the newest values";
    for (const [name, value] of [["min", lo], ["max", hi], ["now", step], ["text", text]]) {
      for (const each of [element, compare.slider]) each.setAttribute(`aria-value${name}`, String(value));
    }
  }
  return {
    element,
    caption,
    compare,
    draw,
    moveCursor,
    span,
    curves: () => curves,
    destroy() {
      clearTimeout(exactTimer);
      compare.destroy();
      for (const chart of charts.values()) chart.destroy();
    }
  };
}
function outcomePart() {
  const element = h("div", { class: "sw-outcome", hidden: true });
  let shown = "";
  return {
    element,
    draw(now, outcome) {
      const isOver = FINAL.has(now.status);
      const problems = Object.entries(now.problems ?? {});
      const key = JSON.stringify([now.status, now.error, now.checkpoint, problems, outcome]);
      if (key === shown) return;
      shown = key;
      element.hidden = !isOver && !now.error && !now.checkpoint && !problems.length;
      element.dataset.state = now.error || problems.length ? "failed" : "";
      const saved = isOver && now.status !== "failed" ? outcome?.saved : now.checkpoint;
      fill(
        element,
        now.error && h("p", { class: "sw-token", role: "alert" }, h("b", {}, isOver ? "Training failed: " : now.status === "lost" ? "" : "Training goes on, but: "), now.error),
        problems.map(([name, problem]) => h("p", { class: "sw-token", role: "alert" }, h("b", {}, `${name} is trained no more: `), problem)),
        now.traceback && withCopy(h("details", {}, h("summary", {}, "Traceback"), h("pre", { class: "sw-mono sw-small", tabindex: "0" }, now.traceback)), now.traceback),
        isOver && now.status !== "failed" && h("p", {}, h("b", {}, now.status === "done" ? "Training is done." : "Training was stopped; the SAE is kept as it is.")),
        isOver && now.status !== "failed" && h("dl", { class: "sw-row" }, (outcome?.rows ?? []).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
        saved && h("p", { class: "sw-small" }, isOver && now.status !== "failed" ? "Saved in " : "Last checkpoint in ", h("code", {}, saved)),
        isOver && outcome?.code && withCopy(h("code", {}, outcome.code), outcome.code)
      );
    }
  };
}
function withCopy(node, text) {
  const copy = button("Copy", () => copyText(text, copy), void 0, "sw-plain");
  return h("div", { class: "sw-row" }, node, copy);
}
function twinPart() {
  let redraw = () => {
  };
  const body = h("div");
  const element = h("details", { ontoggle: () => redraw() }, h("summary", {}, "Numbers as tables"), body);
  return {
    element,
    draw(curves, charts, marks) {
      redraw = () => {
        if (!element.open) return;
        fill(
          body,
          curveTable(curves, charts),
          marks.length > 0 && table("Settings changed while training", ["After step", "Change"], marks.map((m) => [count(m.step), m.label]))
        );
      };
      redraw();
    }
  };
}
function curveTable(curves, charts) {
  const columns = charts.flatMap(({ title, names, labels }) => names.map((name, i) => ({ name, head: names.length > 1 ? `${title}: ${labels[i]}` : title })));
  const steps = longest([...curves].map(([name, c]) => ({ name, label: name, ...c })))?.steps ?? NO_POINTS;
  const last = steps.length - 1;
  const rows = [...new Set(Array.from({ length: last < 0 ? 0 : 10 }, (_, i) => steps[Math.round(i * last / 9)]))];
  const cell = (name, step) => {
    const c = curves.get(name);
    return c?.steps.length ? formatValue(c.values[nearest(c.steps, step)]) : "\u2013";
  };
  return table("Curves at ten steps", ["Step", ...columns.map((c) => c.head)], rows.map((step) => [count(step), ...columns.map((c) => cell(c.name, step))]));
}
function table(caption, head, rows) {
  return h(
    "div",
    { class: "sw-scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "sw-table sw-small" },
      h("caption", { class: "sw-muted" }, caption),
      h("tr", {}, head.map((text) => h("th", { scope: "col" }, text))),
      rows.map((row) => h("tr", {}, row.map((text, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }, text))))
    )
  );
}
var css = `${compareCss}
.sw-training { --c0: #0b6bb8; --c1: #d06a00; --c2: #0f8f6b; --c3: #b3478f; --c4: #6b7280; --c5: #8a5a00; container-type: inline-size; padding: 14px 16px; }
[data-theme="dark"] .sw-training { --c0: #5cb0f2; --c1: #f0a04b; --c2: #3fcf9f; --c3: #e79acb; --c4: #a3adb8; --c5: #d9b45b; }
.sw-training dl, .sw-training dd, .sw-chart { margin: 0; }
.sw-training dt, .sw-training label[for], .sw-training small { display: block; font-size: 11px; color: var(--sw-muted); white-space: nowrap; }
.sw-training summary { cursor: pointer; color: var(--sw-muted); font-size: 12px; width: fit-content; }
.sw-head { gap: 8px 14px; }
.sw-head .sw-grow { flex-basis: 120px; }
.sw-state { min-width: 84px; }
.sw-state::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-inline-end: 7px; border-radius: 50%; background: var(--sw-muted); }
.sw-state[data-state="running"]::before { background: var(--sw-good); }
.sw-state[data-state="paused"]::before, .sw-state[data-state="stopping"]::before { background: var(--c1); }
.sw-state[data-state="done"]::before { background: var(--sw-accent); }
.sw-state[data-state="lost"]::before, .sw-state[data-state="failed"]::before { background: var(--sw-bad); border-radius: 2px; }
[data-controls="false"] .sw-buttons { display: none; }
.sw-whose { align-self: center; max-width: 220px; overflow-wrap: anywhere; }
.sw-buttons .sw-btn { min-width: 84px; justify-content: center; }
.sw-btn.sw-stop:not(:disabled) { color: var(--sw-bad); }
.sw-tokens { height: 4px; margin: 12px 0 14px; border-radius: 2px; background: var(--sw-hover); overflow: hidden; }
.sw-tokens i { display: block; height: 100%; background: var(--sw-accent); transition: width .2s linear; }
.sw-tokens[data-state="failed"] i { background: var(--sw-bad); }
.sw-tokens[data-state="paused"] i { background: var(--sw-muted); }
.sw-numbers { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 4px 16px; }
.sw-numbers dd { display: flex; align-items: baseline; gap: 6px; white-space: nowrap; font-size: 17px; }
.sw-bar { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 24px; margin-top: 14px; padding-top: 12px; border-top: 1px solid var(--sw-line); }
.sw-fields { gap: 8px 18px; align-items: flex-start; }
.sw-fields form > div { position: relative; width: 132px; margin-top: 3px; }
.sw-fields .sw-input { width: 100%; }
.sw-input[aria-invalid="true"] { border-color: var(--sw-bad); }
.sw-fields div:has([aria-invalid="true"]) + small { color: var(--sw-bad); white-space: normal; max-width: 260px; }
.sw-fields .sw-primary { position: absolute; right: 3px; top: 3px; min-height: 22px; padding: 0 8px; font-size: 12px; }
.sw-fields small { min-height: 16px; margin-top: 2px; }
.sw-look { gap: 8px 16px; align-self: flex-start; margin-top: 17px; }
.sw-look output, .sw-look .sw-num { min-width: 100px; }
.sw-charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 18px 22px; margin: 2px -4px 14px; padding: 4px; }
.sw-chart { min-width: 0; }
.sw-chart figcaption { min-height: 20px; padding-right: 8px; flex-wrap: nowrap; }
.sw-chart svg { display: block; width: 100%; touch-action: pan-y; cursor: crosshair; overflow: visible; }
.sw-chart line { stroke: var(--sw-line); shape-rendering: crispEdges; }
.sw-chart .sw-grid { opacity: .55; }
.sw-chart .sw-crosshair { stroke: var(--sw-fg); opacity: .5; }
.sw-chart .sw-mark { stroke: var(--sw-muted); stroke-dasharray: 2 3; }
.sw-chart text { fill: var(--sw-muted); font-size: 10.5px; }
.sw-chart .sw-mark-label { fill: var(--sw-fg); }
.sw-line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.sw-raw { opacity: .28; stroke-width: 1; }
.sw-point { fill: currentColor; stroke: var(--sw-bg); stroke-width: 1.5; }
.sw-c0 { color: var(--c0); } .sw-c1 { color: var(--c1); } .sw-c2 { color: var(--c2); } .sw-c3 { color: var(--c3); } .sw-c4 { color: var(--c4); } .sw-c5 { color: var(--c5); }
.sw-chart-legend { gap: 2px 14px; padding: 2px 4px; }
.sw-chart-legend > span { display: inline-flex; align-items: center; gap: 5px; }
.sw-chart-legend i { width: 10px; height: 3px; background: currentColor; }
.sw-chart-legend i ~ :last-child { color: var(--sw-fg); }
.sw-outcome { margin-top: 14px; padding: 10px 14px; border-radius: 6px; background: var(--sw-raised); }
.sw-outcome[data-state="failed"] { background: var(--sw-bad-bg); border-inline-start: 3px solid var(--sw-bad); }
.sw-outcome > * + * { margin-top: 6px; }
.sw-outcome dl { gap: 6px 26px; }
.sw-outcome dd { font-size: 15px; }
.sw-outcome code { font: 12px var(--sw-mono); overflow-wrap: anywhere; }
.sw-outcome pre { max-height: 260px; overflow: auto; margin: 8px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.sw-scroll { overflow-x: auto; margin-top: 8px; }
.sw-scroll .sw-table { width: auto; }
.sw-scroll caption { text-align: start; white-space: nowrap; }
.sw-scroll th, .sw-scroll td { padding-right: 16px; text-align: end; font-weight: 400; white-space: nowrap; }
@container (max-width: 760px) {
  .sw-charts { grid-template-columns: repeat(2, minmax(0, 1fr)); } .sw-numbers { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .sw-look { margin-top: 0; gap: 8px 12px; } .sw-look .sw-num { min-width: 88px; } .sw-look .sw-range { width: 96px; }
  .sw-head .sw-grow { order: 1; flex-basis: 100%; } .sw-head .sw-buttons { margin-inline-start: auto; } /* the title in a line of its own */
}
@container (max-width: 480px) { .sw-charts { grid-template-columns: minmax(0, 1fr); } .sw-numbers { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

// training_panel.entry.js
var training_panel_entry_default = { render: (props) => show(training_panel_exports, props) };
function mountSaved(page) {
  mount(training_panel_exports, page);
}
export {
  training_panel_entry_default as default,
  mountSaved
};
