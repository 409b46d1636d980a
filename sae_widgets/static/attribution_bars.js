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

// widgets/attribution_bars.js
var attribution_bars_exports = {};
__export(attribution_bars_exports, {
  addsUp: () => addsUp,
  arrange: () => arrange,
  byPosition: () => byPosition,
  css: () => css2,
  render: () => render
});

// lib/bars.js
function barDomain(values, summary = [], stretch = 1.25) {
  const finite = values.filter(Number.isFinite);
  let low = Math.min(0, ...finite);
  let high = Math.max(0, ...finite);
  const reach = Math.max(-low, high) * stretch;
  for (const value of summary.filter(Number.isFinite)) {
    const clipped = reach > 0 ? Math.max(-reach, Math.min(reach, value)) : value;
    low = Math.min(low, clipped);
    high = Math.max(high, clipped);
  }
  return low === high ? { low: -1, high: 1 } : { low, high };
}
function barSpan(value, { low, high }) {
  const share = (x) => 100 * (x - low) / (high - low);
  const zero = share(0);
  if (!Number.isFinite(value)) return { left: zero, width: 0, zero, clipped: false };
  const slack = (high - low) * 1e-6;
  const end = share(Math.max(low, Math.min(high, value)));
  return { left: Math.min(zero, end), width: Math.abs(end - zero), zero, clipped: value < low - slack || value > high + slack };
}
function strongestFirst(values) {
  const strength = (i) => Number.isFinite(values[i]) ? Math.abs(values[i]) : -1;
  return Array.from({ length: values.length }, (_, i) => i).sort((a, b) => strength(b) - strength(a) || a - b);
}
function signedFixed(value, digits = 3) {
  if (value === null || value === void 0 || !Number.isFinite(value)) return "\u2013";
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
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
var COMBOBOX_CSS = `
.sw-combo { position: relative; min-width: 0; }
.sw-combo-input { width: 100%; }
.sw-options { max-height: min(320px, 45vh); overflow-y: auto; padding: 4px; border: 1px solid var(--sw-line); border-radius: var(--sw-radius);
  background: var(--sw-bg); color: var(--sw-fg); box-shadow: var(--sw-shadow); max-width: min(560px, 92vw); z-index: 20; }
.sw-option { display: flex; align-items: baseline; gap: 8px; padding: 4px 8px; border-radius: 4px; cursor: pointer; }
.sw-option:hover { background: var(--sw-hover); }
.sw-option[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 2px 0 0 var(--sw-accent); }
.sw-option-none { padding: 6px 8px; color: var(--sw-muted); }
`;

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

// lib/token_line.js
function tokenLine({ label, tip, spoken, onActive = () => {
} }) {
  const node = h("span", { role: "listbox", "aria-label": label, "aria-orientation": "horizontal" });
  const box = h("div", { class: "sw-tip sw-line-tip", role: "tooltip" });
  const float = floating(box);
  let cursor = 0;
  const at = (i) => (
    /** @type {HTMLElement | undefined} */
    node.children[i]
  );
  const indexOf = (event) => Array.prototype.indexOf.call(node.children, event.target);
  function show2(i) {
    const token = at(i);
    if (!token) return;
    fill(box, tip(i));
    float.open(token);
    onActive(i);
  }
  function hide() {
    float.close();
    onActive(-1);
  }
  function move(to) {
    at(cursor)?.setAttribute("tabindex", "-1");
    cursor = Math.max(0, Math.min(node.children.length - 1, to));
    at(cursor)?.setAttribute("tabindex", "0");
    at(cursor)?.focus();
  }
  const STEPS = (
    /** @type {Record<string, number>} */
    { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10, Home: -1e9, End: 1e9 }
  );
  const stops = [
    on(node, "pointerover", (event) => show2(indexOf(event))),
    on(node, "pointerleave", hide),
    on(node, "focusin", (event) => {
      event.target.setAttribute("aria-label", spoken(indexOf(event)));
      show2(indexOf(event));
    }),
    on(node, "focusout", hide),
    on(node, "click", (event) => indexOf(event) >= 0 && move(indexOf(event))),
    on(node, "keydown", (event) => {
      if (event.key in STEPS) {
        event.preventDefault();
        move(indexOf(event) + STEPS[event.key]);
      } else if (event.key === "Escape" && float.isOpen()) {
        event.preventDefault();
        hide();
      }
    })
  ];
  return {
    node,
    box,
    at,
    show: show2,
    hide,
    /** The element of token `i`, made if it is the next. @param {number} i @param {string} text */
    put(i, text) {
      const token = at(i) ?? h("span", { class: "sw-line-token", role: "option", tabindex: i === cursor ? "0" : "-1" });
      if (!token.parentNode) node.append(token);
      token.textContent = text;
      return token;
    },
    /** Drop the tokens from `n` on. @param {number} n */
    cut(n) {
      while (node.children.length > n) node.lastElementChild?.remove();
      if (cursor < n) return;
      cursor = 0;
      at(0)?.setAttribute("tabindex", "0");
    },
    stop() {
      float.close();
      for (const stop of stops) stop();
    }
  };
}
function tintToken(token, t, theme) {
  const ground = t ? heat(0.82 * t, theme) : null;
  token.style.background = ground ? css(ground) : "";
  token.style.color = ground ? css(inkOn(ground)) : "";
}
var LINE_CSS = `
.sw-line-token { border-radius: 3px; padding: 2px 0; cursor: default; }
.sw-line-token:hover { box-shadow: inset 0 -2px 0 var(--sw-accent); }
.sw-line-tip { line-height: 1.5; white-space: normal; color: var(--sw-fg); }
`;

// lib/token_strip.js
function tokenStrip({ label, theme }) {
  let tokens = [];
  let values = [];
  const line = tokenLine({
    label,
    tip: (i) => [h("b", { class: "sw-token" }, quotedToken(tokens[i])), h("span", { class: "sw-muted" }, ` position ${i}: `), signedFixed(values[i])],
    spoken: (i) => `${spokenToken(tokens[i])}, position ${i}, ${signedFixed(values[i])}`
  });
  function paint() {
    const top = Math.max(...values.map(Math.abs)) || 1;
    tokens.forEach((_, i) => tintToken(
      /** @type {HTMLElement} */
      line.at(i),
      values[i] / top,
      theme()
    ));
  }
  return {
    node: h("div", { class: "sw-strip" }, line.node, line.box),
    /** @param {string[]} newTokens @param {number[]} newValues */
    set(newTokens, newValues) {
      [tokens, values] = [newTokens, newValues];
      line.cut(tokens.length);
      tokens.forEach((token, i) => line.put(i, tokenText(token, { newlines: true })));
      paint();
    },
    repaint: paint,
    stop: line.stop
  };
}
var STRIP_CSS = `${LINE_CSS}
.sw-strip { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.9; font-size: 14px; max-height: 180px; overflow-y: auto; }
.sw-strip .sw-line-token { unicode-bidi: isolate; box-shadow: inset 0 -1px 0 var(--sw-line); margin-inline-end: 1px; }
`;

// widgets/attribution_bars.js
var METHODS = (
  /** @type {Record<string, [string, string]>} */
  {
    direct: ["Direct", "Activation \xD7 decoder direction \xB7 unembedding: what the feature writes straight into the logits"],
    gradient: ["Gradient", "Gradient of the logit difference \xD7 activation: every path through later layers, to first order"],
    ablation: ["Ablation", "How much the logit difference falls when the feature alone is taken away: the true effect, one run each"]
  }
);
var REST = (
  /** @type {[keyof Rest, string, string][]} */
  [
    ["others", "Other features", "All features without a bar of their own"],
    ["error_term", "SAE error", "What the SAE does not reconstruct"],
    ["remainder", "Remainder", "What reaches the logits past this hook, and what a method's approximation leaves over"]
  ]
);
function arrange(bars, sortBy, top) {
  const key = sortBy in bars.methods ? sortBy : Object.keys(bars.methods)[0];
  const order = strongestFirst(bars.features.map((feature) => feature.values[key] ?? Number.NaN));
  const rows = order.slice(0, top).map((i) => bars.features[i]);
  const hidden = order.slice(top).map((i) => bars.features[i]);
  const rest = {};
  const sums = {};
  for (const [name, method] of Object.entries(bars.methods)) {
    const sum = (features) => features.reduce((total, feature) => total + (feature.values[name] ?? 0), 0);
    rest[name] = { ...method, others: method.others + sum(hidden) };
    sums[name] = sum(rows) + rest[name].others + method.error_term + method.remainder;
  }
  return { rows, rest, sums };
}
function byPosition(bars, features, method) {
  const values = new Array(bars.tokens.length).fill(0);
  for (const feature of features) for (const [position, value] of feature.at[method] ?? []) values[position] += value;
  return values;
}
function render({ model, el, ask, offline, theme }) {
  const stops = [];
  const prompt = promptBox(model, "Type the text before the prediction", offline);
  stops.push(prompt.stop);
  function tokenBox(name, label, placeholder) {
    const box = combobox({
      label,
      placeholder,
      keepsText: true,
      search: async (query) => {
        const isChosen = query === (model.get(name) ?? "");
        if (isChosen) return model.get("suggestions") ?? [];
        return (await ask("suggest", { query }, { key: name })).value;
      },
      show: ([text, , probability]) => [h("span", { class: "sw-mono sw-grow sw-ellipsis" }, quotedToken(text, 30)), h("span", { class: "sw-muted sw-small sw-num" }, percent(probability))],
      onPick: ([text]) => take(text),
      onText: (text) => take(text),
      empty: "No likely token holds this; Enter takes it as typed"
    });
    const take = (text) => {
      box.input.value = text;
      if (text !== (model.get(name) ?? "")) write(model, { [name]: text });
    };
    needsKernel(box.input, offline);
    stops.push(box.stop);
    return box;
  }
  const boxes = { target: tokenBox("target", "Target token", "likeliest"), contrast: tokenBox("contrast", "Contrast token", "none") };
  const swap = needsKernel(h("button", {
    class: "sw-btn sw-plain sw-icon",
    type: "button",
    title: "Swap target and contrast",
    "aria-label": "Swap target and contrast",
    onclick: () => model.get("contrast") && write(model, { target: model.get("contrast"), contrast: model.get("target") })
  }, "\u21C4"), offline);
  const go = h("button", { class: "sw-btn", type: "button" }, "Stop");
  stops.push(on(go, "click", () => model.send({ kind: go.dataset.kind })));
  const claim = h("div", { class: "sw-attr-claim", role: "status" });
  const stripTitle = h("div", { class: "sw-attr-where sw-small sw-muted" });
  const strip = tokenStrip({ label: "Contribution at each position of the prompt", theme: theme.name });
  stops.push(strip.stop);
  const missing = h("div");
  const table = h("div", { class: "sw-attr-table", role: "grid", "aria-label": "Contributions of features" });
  let rows = [];
  let cursor = 0;
  const methods = () => (
    /** @type {string[]} */
    model.get("methods") ?? Object.keys(METHODS)
  );
  const isRunning = () => model.get("status")?.state === "running";
  function barCell(value, domain, title) {
    const { left, width, zero, clipped } = barSpan(value ?? Number.NaN, domain);
    return h(
      "div",
      { class: "sw-attr-cell", role: "gridcell", title },
      h(
        "div",
        { class: "sw-attr-lane", "aria-hidden": "true" },
        h("i", { class: "sw-attr-zero", style: { left: `${zero}%` } }),
        width > 0 && h("i", { class: "sw-attr-bar", "data-sign": (value ?? 0) < 0 ? "down" : "up", "data-clipped": clipped, style: { left: `${left}%`, width: `${width}%` } })
      ),
      h("span", { class: "sw-attr-value" }, signedFixed(value))
    );
  }
  function headCell(name) {
    const isSorted = model.get("sort_by") === name;
    const [text, title] = METHODS[name];
    return h(
      "div",
      { class: "sw-attr-cell", role: "columnheader", "aria-sort": isSorted ? "descending" : "none" },
      h("button", { class: "sw-btn sw-plain sw-attr-sort", type: "button", title: `${title}. Click to sort.`, "aria-pressed": String(isSorted), onclick: () => write(model, { sort_by: name }) }, text, isSorted ? " \u25BE" : "")
    );
  }
  function draw() {
    const bars = (
      /** @type {Bars | undefined} */
      model.get("bars")
    );
    if (!bars?.methods) {
      rows = [];
      fill(table);
      fill(claim, h("span", { class: "sw-muted" }, isRunning() ? "Attributing\u2026" : ""));
      return;
    }
    const arranged = arrange(bars, model.get("sort_by"), model.get("top"));
    rows = arranged.rows;
    cursor = Math.min(cursor, Math.max(0, rows.length - 1));
    const shown = methods().filter((name) => name in METHODS);
    const domain = barDomain(
      rows.flatMap((row) => shown.map((name) => row.values[name] ?? 0)),
      shown.flatMap((name) => arranged.rest[name] ? REST.map(([key]) => arranged.rest[name][key]) : [])
    );
    const hadFocus = table.contains(
      /** @type {any} */
      table.getRootNode().activeElement
    );
    table.style.setProperty("--columns", String(shown.length));
    fill(
      table,
      h("div", { class: "sw-attr-row sw-attr-head", role: "row" }, h("div", { role: "columnheader", class: "sw-label" }, "Feature"), shown.map(headCell)),
      rows.map((row, i) => featureRow(row, i, shown, domain, bars)),
      REST.map(([key, text, title]) => restRow(text, title, shown, (name) => arranged.rest[name]?.[key], domain)),
      sumRow(shown, arranged.sums, bars)
    );
    if (hadFocus) rowNode(cursor)?.focus();
    drawClaim(bars, arranged.sums);
    const reasons = Object.entries(bars.unavailable ?? {}).map(([name, why]) => `${METHODS[name]?.[0]}: ${visible(why)} `);
    fill(missing, reasons.length > 0 && h("div", { class: "sw-notice" }, reasons));
    drawStrip();
  }
  function featureRow(row, i, shown, domain, bars) {
    const isSelected = model.get("selected_feature") === row.feature;
    const name = row.label ? visible(row.label) : "";
    return h(
      "div",
      {
        class: "sw-attr-row sw-attr-feature",
        role: "row",
        tabindex: i === cursor ? "0" : "-1",
        "aria-selected": String(isSelected),
        "data-row": i,
        "aria-label": `Feature ${row.feature}${name ? `, ${name}` : ""}: ${shown.map((m) => `${METHODS[m][0]} ${m in bars.methods ? signedFixed(row.values[m]) : "not there yet"}`).join(", ")}`
      },
      h("div", { class: "sw-attr-name", role: "rowheader" }, h("span", { class: "sw-mono sw-attr-number" }, `#${row.feature}`), h("span", { class: "sw-ellipsis", title: name }, name)),
      shown.map((m) => {
        if (!(m in bars.methods)) return pendingCell(m);
        const value = row.values[m];
        return barCell(value, domain, value === null || value === void 0 ? "Too small to be listed by this method; counted among the other features" : "");
      })
    );
  }
  const pendingCell = (name) => {
    const reason = model.get("bars").unavailable?.[name];
    return h(
      "div",
      { class: "sw-attr-cell", role: "gridcell", title: reason ? visible(reason) : "" },
      h("div", { class: "sw-attr-lane" }),
      h("span", { class: "sw-attr-value sw-muted" }, !reason && isRunning() ? "\u2026" : "\u2013")
    );
  };
  function restRow(text, title, shown, value, domain) {
    return h(
      "div",
      { class: "sw-attr-row sw-attr-rest", role: "row" },
      h("div", { class: "sw-attr-name", role: "rowheader", title }, text),
      shown.map((name) => value(name) === void 0 ? pendingCell(name) : barCell(value(name), domain, title))
    );
  }
  function sumRow(shown, sums, bars) {
    return h(
      "div",
      { class: "sw-attr-row sw-attr-sum", role: "row" },
      h("div", { class: "sw-attr-name", role: "rowheader" }, "Sum"),
      shown.map((name) => {
        if (!(name in sums)) return pendingCell(name);
        const fits = addsUp(sums[name], bars.logit_difference);
        return h(
          "div",
          { class: "sw-attr-cell", role: "gridcell" },
          h("span", { class: `sw-small sw-muted${fits ? " sw-attr-fits" : ""}` }, fits ? `= logit difference \u2713` : `\u2260 logit difference ${signedFixed(bars.logit_difference)}`),
          h("span", { class: "sw-attr-value" }, signedFixed(sums[name]))
        );
      })
    );
  }
  function drawClaim(bars, sums) {
    const what = bars.contrast ? ["Logit of ", quotedToken(bars.target), " \u2212 logit of ", quotedToken(bars.contrast)] : ["Logit of ", quotedToken(bars.target), " \u2212 mean logit"];
    const whole = Object.entries(sums).every(([, sum]) => addsUp(sum, bars.logit_difference));
    fill(
      claim,
      h("b", {}, ...what.map((part) => h("span", { class: "sw-token" }, part)), " = ", signedFixed(bars.logit_difference)),
      h("span", { class: "sw-muted" }, whole ? "  The bars of each column add up to it." : "  The bars of a column do not add up: the numbers are not to be trusted.")
    );
  }
  function drawStrip() {
    const bars = (
      /** @type {Bars | undefined} */
      model.get("bars")
    );
    if (!bars?.methods) return;
    const method = model.get("sort_by") in bars.methods ? model.get("sort_by") : Object.keys(bars.methods)[0];
    const selected = bars.features.find((feature) => feature.feature === model.get("selected_feature"));
    const words = selected ? `Where #${selected.feature}${selected.label ? ` (${visible(selected.label)})` : ""} contributes, ${METHODS[method][0].toLowerCase()}: ${signedFixed(selected.values[method])} in all` : `Where the features with bars contribute, ${METHODS[method][0].toLowerCase()}. Click a bar to see its own places.`;
    const missing2 = model.get("selected_feature") !== null && !selected ? ` (#${model.get("selected_feature")} has no bar here.)` : "";
    fill(stripTitle, words + missing2);
    strip.set(bars.tokens, byPosition(bars, selected ? [selected] : rows, method));
    for (const node of table.querySelectorAll("[data-row]")) {
      node.setAttribute("aria-selected", String(rows[Number(node.getAttribute("data-row"))]?.feature === model.get("selected_feature")));
    }
  }
  const rowNode = (i) => table.querySelector(`[data-row="${i}"]`);
  function moveTo(to) {
    rowNode(cursor)?.setAttribute("tabindex", "-1");
    cursor = Math.max(0, Math.min(rows.length - 1, to));
    rowNode(cursor)?.setAttribute("tabindex", "0");
    rowNode(cursor)?.focus();
  }
  function select(i) {
    const feature = rows[i]?.feature;
    if (feature === void 0) return;
    write(model, { selected_feature: model.get("selected_feature") === feature ? null : feature });
  }
  stops.push(on(table, "click", (event) => {
    const node = event.target.closest("[data-row]");
    if (!node) return;
    moveTo(Number(node.dataset.row));
    select(cursor);
  }));
  stops.push(on(table, "keydown", (event) => {
    if (!event.target.closest("[data-row]")) return;
    const order = methods();
    const column = order.indexOf(model.get("sort_by"));
    const keys = (
      /** @type {Record<string, () => void>} */
      {
        ArrowDown: () => moveTo(cursor + 1),
        ArrowUp: () => moveTo(cursor - 1),
        Home: () => moveTo(0),
        End: () => moveTo(rows.length - 1),
        Enter: () => select(cursor),
        " ": () => select(cursor),
        ArrowRight: () => write(model, { sort_by: order[Math.min(order.length - 1, column + 1)] }),
        ArrowLeft: () => write(model, { sort_by: order[Math.max(0, column - 1)] })
      }
    );
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }));
  function drawInputs() {
    for (
      const name of
      /** @type {const} */
      ["target", "contrast"]
    ) {
      const value = model.get(name) ?? "";
      if (boxes[name].input.value !== value) boxes[name].input.value = value;
    }
  }
  function drawStatus() {
    go.textContent = isRunning() ? "\u25A0 Stop" : "\u21BB Run again";
    go.dataset.kind = isRunning() ? "stop" : "run";
    go.disabled = offline;
  }
  theme.onChange(() => strip.repaint());
  el.classList.add("sw-attr");
  el.append(
    prompt.node,
    h(
      "div",
      { class: "sw-row sw-attr-tokens" },
      h("label", { class: "sw-attr-field" }, h("span", { class: "sw-muted sw-small" }, "Next token"), boxes.target.node),
      swap,
      h("label", { class: "sw-attr-field" }, h("span", { class: "sw-muted sw-small" }, "instead of"), boxes.contrast.node),
      h("span", { class: "sw-grow" }),
      go
    ),
    claim,
    stripTitle,
    strip.node,
    table,
    missing,
    h(
      "div",
      { class: "sw-row sw-small sw-muted sw-attr-legend" },
      h("i", { class: "sw-swatch", "data-sign": "up" }),
      "raises",
      h("i", { class: "sw-swatch", "data-sign": "down" }),
      "lowers",
      h("span", {}, "One scale for all columns; \u25B8 a bar longer than the scale.")
    )
  );
  stops.push(
    listen(model, ["bars", "sort_by", "top", "methods"], draw),
    listen(model, ["selected_feature"], drawStrip),
    listen(model, ["target", "contrast"], drawInputs),
    listen(model, ["status"], () => {
      if (go.dataset.kind !== (isRunning() ? "stop" : "run") && Object.keys(model.get("bars")?.methods ?? {}).length < methods().length) draw();
      drawStatus();
    })
  );
  drawInputs();
  drawStatus();
  draw();
  return () => stops.forEach((stop) => stop());
}
function addsUp(a, b) {
  return Math.abs(a - b) <= 2e-3 + 1e-4 * Math.abs(b);
}
var css2 = `
.sw-attr { container-type: inline-size; --sw-up: #d9680a; --sw-down: #3177b8; }
[data-theme="dark"] .sw-attr { --sw-up: #e29022; --sw-down: #529ede; }
.sw-attr > .sw-textarea { font-size: 14px; }
.sw-attr-tokens { margin: 8px 0; }
.sw-attr-field { display: inline-flex; align-items: center; gap: 6px; } .sw-attr-field .sw-combo-input { width: 150px; font-family: var(--sw-mono); }
.sw-attr-claim { min-height: 20px; margin: 4px 0 6px; }
.sw-attr-where { margin-top: 4px; min-height: 18px; }
.sw-attr-table { margin-top: 10px; }
.sw-attr-row { display: grid; grid-template-columns: minmax(110px, 1.3fr) repeat(var(--columns, 3), minmax(110px, 2fr)); gap: 0 14px; align-items: center; padding: 1px 6px; border-radius: 4px; }
.sw-attr-head { border-bottom: 1px solid var(--sw-line); border-radius: 0; margin-bottom: 3px; }
.sw-attr-sort { padding-inline: 4px; min-height: 24px; } .sw-attr-sort[aria-pressed="true"] { background: none; border-color: transparent; color: var(--sw-fg); }
.sw-attr-feature { cursor: pointer; } .sw-attr-feature:hover { background: var(--sw-raised); }
.sw-attr-feature[aria-selected="true"] { background: var(--sw-hover); box-shadow: inset 2px 0 0 var(--sw-accent); }
.sw-attr-name { display: flex; align-items: baseline; gap: 8px; min-width: 0; font-size: 13px; }
.sw-attr-number { flex: none; font-size: 12px; color: var(--sw-muted); }
.sw-attr-cell { display: flex; align-items: center; gap: 8px; min-width: 0; justify-content: space-between; }
.sw-attr-lane { position: relative; flex: 1; height: 20px; min-width: 40px; overflow: hidden; }
.sw-attr-zero { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--sw-line); }
.sw-attr-bar { position: absolute; top: 4px; bottom: 4px; min-width: 1px; border-radius: 2px; background: var(--sw-up); }
.sw-attr-bar[data-sign="down"] { background: var(--sw-down); }
.sw-attr-bar[data-clipped] { clip-path: polygon(0 0, calc(100% - 7px) 0, 100% 50%, calc(100% - 7px) 100%, 0 100%); border-radius: 0; }
.sw-attr-bar[data-sign="down"][data-clipped] { clip-path: polygon(7px 0, 100% 0, 100% 100%, 7px 100%, 0 50%); }
.sw-attr-value { flex: none; width: 62px; text-align: right; font-variant-numeric: tabular-nums; font-size: 12px; }
.sw-attr-rest { color: var(--sw-muted); } .sw-attr-rest .sw-attr-bar { opacity: .5; }
.sw-attr-feature + .sw-attr-rest, .sw-attr-sum { border-top: 1px solid var(--sw-line); border-radius: 0; margin-top: 3px; padding-top: 4px; }
.sw-attr-sum { font-weight: 600; } .sw-attr-sum .sw-small { font-weight: 400; }
.sw-attr-legend { margin-top: 8px; } .sw-attr-legend [data-sign="up"] { background: var(--sw-up); } .sw-attr-legend [data-sign="down"] { background: var(--sw-down); }
@container (max-width: 620px) { .sw-attr-row { grid-template-columns: repeat(var(--columns, 3), 1fr); } .sw-attr-name, .sw-attr-head > .sw-label { grid-column: 1 / -1; } .sw-attr-value { width: 48px; }
  .sw-attr-sum .sw-attr-cell { flex-wrap: wrap; justify-content: flex-end; } .sw-attr-sum .sw-attr-value { width: auto; } .sw-attr-fits { display: none; } }
${COMBOBOX_CSS}${STRIP_CSS}`;

// attribution_bars.entry.js
var attribution_bars_entry_default = { render: (props) => show(attribution_bars_exports, props) };
function mountSaved(page) {
  mount(attribution_bars_exports, page);
}
export {
  attribution_bars_entry_default as default,
  mountSaved
};
