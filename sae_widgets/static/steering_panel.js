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

// widgets/steering_panel.js
var steering_panel_exports = {};
__export(steering_panel_exports, {
  css: () => css2,
  render: () => render
});

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
function gradient(map, from = 0) {
  const steps = Array.from({ length: 9 }, (_, i) => css(map(from + (1 - from) * i / 8)));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}

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

// lib/presets.js
function presetMenu({ model, offline, local, current, restore }) {
  const node = needsKernel(h("select", { class: "sw-select sw-presets", "aria-label": "Presets", title: "Saved slider settings" }), offline);
  const saved = () => (
    /** @type {Record<string, S>} */
    model.get("presets") ?? {}
  );
  let last = "";
  function draw() {
    const names = Object.keys(saved());
    if (!names.includes(last)) last = "";
    fill(
      node,
      h("option", { value: "" }, "Presets"),
      names.map((name) => h("option", { value: `=${name}` }, visible(shorten(name, 40)))),
      h("option", { value: "+" }, "Save these sliders\u2026"),
      last && h("option", { value: "-" }, `Delete \u201C${visible(shorten(last, 30))}\u201D`)
    );
    node.value = last ? `=${last}` : "";
  }
  function askName() {
    const input = h("input", { class: "sw-input", type: "text", "aria-label": "Name of the preset", placeholder: "Name", maxlength: 80 });
    const keep = () => {
      const name = input.value.trim();
      if (!name) return;
      last = name;
      fill(local);
      write(model, { presets: { ...saved(), [name]: current() } });
      node.focus();
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") keep();
      if (event.key !== "Escape") return;
      event.preventDefault();
      fill(local);
      node.focus();
    });
    fill(local, h("div", { class: "sw-row sw-notice" }, "Save these sliders as", input, h("button", { class: "sw-btn", type: "button", onclick: keep }, "Save")));
    input.focus();
  }
  function choose() {
    const choice = node.value;
    if (choice === "+") askName();
    else if (choice === "-") {
      const { [last]: _, ...rest } = saved();
      write(model, { presets: rest });
    } else if (choice) {
      last = choice.slice(1);
      restore(saved()[last]);
    }
    draw();
  }
  const stops = [on(node, "change", choose), listen(model, ["presets"], draw)];
  draw();
  return { node, stop: () => stops.forEach((stop) => stop()) };
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

// lib/steer_row.js
var REACH = 10;
var STEP = 0.1;
var MODES = (
  /** @type {[Mode, string, string][]} */
  [
    ["add", "Add", "Add strength \xD7 decoder direction at every position"],
    ["clamp", "Clamp", "Set the feature's activation to this value at every position"],
    ["ablate", "Ablate", "Take the feature's own activation away at every position"]
  ]
);
var SOURCES = (
  /** @type {Record<string, string>} */
  {
    statistics: "its maximum over the statistics' text",
    prompt: "its maximum on this prompt (no statistics at hand)",
    estimate: "the typical maximum of other features, because this one was never seen to fire"
  }
);
function reachFor(strength) {
  return Math.max(REACH, Math.ceil(Math.abs(strength)));
}
function parseStrength(text) {
  const plain = text.trim().replace(",", ".").replace("\u2212", "-");
  if (plain === "" || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}
function steerRow(feature, { onStrength, onMode, onRemove, onBad, offline = false }) {
  const name = h("span", { class: "sw-mono sw-steer-number" }, `#${feature}`);
  const label = h("span", { class: "sw-steer-label sw-ellipsis" });
  const slider = h("input", { class: "sw-slider", type: "range", min: -REACH, max: REACH, step: STEP, "aria-label": `Strength of feature ${feature}` });
  const exact = h("input", { class: "sw-input sw-steer-exact", type: "text", inputmode: "decimal", "aria-label": `Exact strength of feature ${feature}, times its maximum activation` });
  const raw = h("span", { class: "sw-steer-raw sw-muted sw-small" });
  const mode = h("select", { class: "sw-select", "aria-label": `Mode of feature ${feature}` }, MODES.map(([value, text, title]) => h("option", { value, title }, text)));
  const remove = h("button", { class: "sw-btn sw-plain sw-icon", type: "button", "aria-label": `Remove feature ${feature}`, title: "Remove" }, "\u2715");
  const node = h(
    "div",
    { class: "sw-steer-row", role: "group", "aria-label": `Feature ${feature}` },
    h("div", { class: "sw-steer-name" }, name, label),
    slider,
    h("span", { class: "sw-steer-value" }, exact, h("span", { class: "sw-muted", "aria-hidden": "true" }, "\xD7 max")),
    raw,
    mode,
    remove
  );
  let strength = 0;
  let unit = Number.NaN;
  let isDragging = false;
  function paint() {
    const reach = Number(slider.max);
    const share = 50 + 50 * strength / reach;
    slider.style.setProperty("--from", `${Math.min(50, share)}%`);
    slider.style.setProperty("--to", `${Math.max(50, share)}%`);
    slider.dataset.sign = strength < 0 ? "down" : "up";
    const isAblated = mode.value === "ablate";
    slider.disabled = exact.disabled = offline || isAblated;
    fill(raw, isAblated ? "removed" : `${mode.value === "clamp" ? "to" : "="} ${number(strength * unit)}`);
    slider.setAttribute("aria-valuetext", isAblated ? "ablated" : `${number(strength)} times its maximum, ${number(strength * unit)} raw`);
  }
  function move(value, isFinal) {
    strength = value;
    exact.value = String(Number(value.toFixed(4)));
    if (exact.getAttribute("aria-invalid") === "true") onBad("");
    exact.setAttribute("aria-invalid", "false");
    paint();
    onStrength(value, isFinal);
  }
  slider.addEventListener("pointerdown", () => isDragging = true);
  slider.addEventListener("input", () => move(Number(slider.value), false));
  slider.addEventListener("change", () => {
    isDragging = false;
    move(Number(slider.value), true);
  });
  slider.addEventListener("dblclick", () => {
    slider.value = "0";
    move(0, true);
  });
  const take = () => {
    const value = parseStrength(exact.value);
    if (value === null) {
      exact.setAttribute("aria-invalid", "true");
      onBad(`\u201C${visible(exact.value)}\u201D is not a number: feature ${feature} keeps its strength ${number(strength)}.`);
    } else if (value !== strength || exact.getAttribute("aria-invalid") === "true") {
      stretch(value);
      slider.value = String(value);
      move(value, true);
    }
  };
  exact.addEventListener("change", take);
  exact.addEventListener("keydown", (event) => {
    if (event.key === "Enter") take();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      const step = (event.shiftKey ? 1 : 0.1) * (event.key === "ArrowUp" ? 1 : -1);
      exact.value = String(Number((strength + step).toFixed(4)));
      take();
    }
  });
  mode.addEventListener("change", () => {
    paint();
    onMode(mode.value);
  });
  remove.addEventListener("click", onRemove);
  function stretch(value) {
    const reach = reachFor(value);
    slider.min = String(-reach);
    slider.max = String(reach);
  }
  return {
    node,
    feature,
    slider,
    /** Show the traits' state; a slider under the hand is left alone. @param {number} value @param {Mode} newMode */
    update(value, newMode) {
      mode.value = newMode;
      if (!isDragging && (value !== strength || exact.value === "")) {
        strength = value;
        stretch(value);
        slider.value = String(value);
        exact.value = String(Number(value.toFixed(4)));
        exact.setAttribute("aria-invalid", "false");
      }
      paint();
    },
    /** @param {RowInfo | undefined} info */
    describe(info) {
      unit = info?.unit ?? Number.NaN;
      const words = visible(info?.label || "");
      const fires = info?.token !== void 0 ? `fires on ${quotedToken(info.token, 24)}` : "silent on this prompt";
      fill(label, words || h("span", { class: "sw-muted" }, info ? fires : ""));
      label.title = [words, info && `${fires}${info.act ? ` (${number(info.act)})` : ""}`].filter(Boolean).join(" \u2014 ");
      raw.title = info ? `Raw activation. 1 \xD7 max = ${number(unit, 4)}, ${SOURCES[info.source] ?? ""}` : "";
      raw.dataset.source = info?.source ?? "";
      paint();
    }
  };
}
var STEER_ROW_CSS = `
.sw-steer-row { display: grid; grid-template-columns: minmax(110px, 1.1fr) minmax(120px, 2fr) auto 76px auto auto; align-items: center; gap: 4px 10px; padding: 3px 0; }
.sw-steer-name { display: flex; align-items: baseline; gap: 8px; min-width: 0; }
.sw-steer-number { font-size: 12px; color: var(--sw-muted); flex: none; }
.sw-steer-value { display: inline-flex; align-items: center; gap: 5px; white-space: nowrap; font-size: 12px; }
.sw-steer-exact { width: 58px; text-align: right; padding: 3px 6px; font-variant-numeric: tabular-nums; }
.sw-steer-exact[aria-invalid="true"] { border-color: var(--sw-bad); }
.sw-steer-raw { text-align: right; white-space: nowrap; cursor: help; }
.sw-steer-raw[data-source="estimate"] { text-decoration: underline dotted; }
.sw-slider { appearance: none; width: 100%; height: 24px; margin: 0; background: none; cursor: pointer; --fill: var(--sw-up); }
.sw-slider[data-sign="down"] { --fill: var(--sw-down); }
.sw-slider::-webkit-slider-runnable-track { height: 5px; border-radius: 3px; background:
  linear-gradient(var(--sw-muted), var(--sw-muted)) 50% 50% / 1.5px 100% no-repeat,
  linear-gradient(to right, transparent var(--from), var(--fill) var(--from), var(--fill) var(--to), transparent var(--to)), var(--sw-hover); }
.sw-slider::-moz-range-track { height: 5px; border-radius: 3px; background:
  linear-gradient(to right, transparent var(--from), var(--fill) var(--from), var(--fill) var(--to), transparent var(--to)), var(--sw-hover); }
.sw-slider::-webkit-slider-thumb { appearance: none; width: 16px; height: 16px; margin-top: -5.5px; border-radius: 50%; background: var(--sw-bg);
  border: 2px solid var(--fill); box-shadow: 0 1px 3px rgb(0 0 0 / .25); }
.sw-slider::-moz-range-thumb { width: 12px; height: 12px; border-radius: 50%; background: var(--sw-bg); border: 2px solid var(--fill); }
.sw-slider:disabled { opacity: .35; cursor: not-allowed; }
@container (max-width: 640px) {
  .sw-steer-row { grid-template-columns: 1fr auto auto; }
  .sw-steer-name { grid-column: 1 / 3; } .sw-steer-row > .sw-slider { grid-column: 1 / 4; grid-row: 2; }
}
`;

// lib/bars.js
function signedFixed(value, digits = 3) {
  if (value === null || value === void 0 || !Number.isFinite(value)) return "\u2013";
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}
function likelier(delta) {
  if (!Number.isFinite(delta)) return "";
  const ratio = Math.exp(Math.abs(delta));
  if (ratio < 1.05) return "unchanged";
  const text = ratio >= 1e3 ? "over 1000" : ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1);
  return `${text}\xD7 ${delta > 0 ? "likelier" : "less likely"}`;
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

// lib/stream_text.js
var FULL_TINT = 4;
function tintOf(delta) {
  if (!(Math.abs(delta) >= 0.05)) return 0;
  return Math.sign(delta) * Math.sqrt(Math.min(1, Math.abs(delta) / FULL_TINT));
}
function streamText({ label, tinted, theme, onActive }) {
  let rows = [];
  let nFresh = 0;
  const prompt = h("span", { class: "sw-muted" });
  const line = tokenLine({ label: `${label}: tokens`, tip, spoken, onActive });
  function spoken(i) {
    const [text, , p, plain, kl] = rows[i];
    const words = [`${spokenToken(text)}, token ${i + 1} of ${rows.length}`, `log-probability ${number(p)}`];
    if (tinted) words.push(`unsteered ${number(plain)}`, likelier(p - plain), `KL ${number(kl)} nats`);
    return words.join(", ");
  }
  function tip(i) {
    const [text, id, p, plain, kl] = rows[i];
    const row = (name, logp) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(logp, 4)), h("td", {}, percent(Math.exp(logp))));
    return [
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(text)), h("span", { class: "sw-muted" }, `token ${i + 1}, id ${id}`)),
      h(
        "table",
        { class: "sw-stream-table" },
        h("tr", {}, h("td"), h("th", { scope: "col" }, "log p"), h("th", { scope: "col" }, "p")),
        tinted && row("steered", p),
        row("unsteered", tinted ? plain : p)
      ),
      tinted && h("div", {}, `${signedFixed(p - plain, 2)} nats: ${likelier(p - plain)} through steering`),
      tinted && h("div", { class: "sw-muted" }, `KL to the unsteered model here: ${number(kl)} nats`)
    ];
  }
  const paint = (i) => tintToken(
    /** @type {HTMLElement} */
    line.at(i),
    tinted ? tintOf(rows[i][2] - rows[i][3]) : 0,
    theme()
  );
  return {
    node: h("div", { class: "sw-stream" }, prompt, line.node, line.box),
    rows: () => rows.slice(0, nFresh),
    /** @param {string} text */
    setPrompt(text) {
      prompt.textContent = visible(text);
    },
    /** A new version begins: the old text turns pale and is replaced token by token. */
    begin() {
      nFresh = 0;
      for (const token of line.node.children) token.classList.add("sw-stale");
    },
    /** @param {number} start @param {TokenRow[]} more */
    patch(start, more) {
      if (start > nFresh) return;
      more.forEach((row, j) => {
        rows[start + j] = row;
        line.put(start + j, visible(row[0])).classList.remove("sw-stale");
        paint(start + j);
      });
      nFresh = Math.max(nFresh, start + more.length);
    },
    /** The whole text; what is left of an older one goes. @param {TokenRow[]} all */
    set(all) {
      this.patch(0, all);
      rows.length = nFresh = all.length;
      line.cut(nFresh);
    },
    repaint: () => rows.forEach((_, i) => paint(i)),
    showTip: line.show,
    hideTip: line.hide,
    stop: line.stop
  };
}
var STREAM_CSS = `${LINE_CSS}
.sw-stream { padding: 10px 12px; line-height: 1.75; font-size: 14px; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; min-height: 96px; }
.sw-stale { opacity: .32; background: none !important; color: inherit !important; }
.sw-stream-table { border-collapse: collapse; margin: 2px 0; }
.sw-stream-table th { font-weight: 400; color: var(--sw-muted); text-align: start; padding: 0 12px 0 0; }
.sw-stream-table td, .sw-stream-table th[scope="col"] { text-align: right; padding: 0 0 0 12px; }
`;

// widgets/steering_panel.js
var DRAG_MS = 40;
var HISTORY_MS = 400;
var SETTINGS = (
  /** @type {[string, string, Record<string, any>][]} */
  [
    ["temperature", "Temperature", { min: 0, max: 10, step: 0.1, title: "0 takes the likeliest token each time" }],
    ["seed", "Seed", { min: 0, step: 1 }],
    ["max_new_tokens", "Length", { min: 1, max: 4096, step: 1, title: "New tokens" }]
  ]
);
var WHERE = [["all", "everywhere"], ["prompt", "in the prompt"], ["generated", "in the new text"]];
function render({ model, el, ask, offline, theme }) {
  const stops = [];
  const local = h("div", { role: "alert", class: "sw-steer-local" });
  const say = (words) => fill(local, words && h("div", { class: "sw-notice" }, words));
  const prompt = promptBox(model, "Type what both texts begin with", offline);
  stops.push(prompt.stop);
  const inputs = new Map(SETTINGS.map(([name, text, attributes]) => {
    const input = h("input", { class: "sw-input sw-steer-setting", type: "number", "aria-label": text, ...attributes });
    const send = debounce(() => {
      const value = input.valueAsNumber;
      if (Number.isNaN(value) || !input.checkValidity()) say(`${text}: ${input.validationMessage || "this is not a number"}`);
      else {
        say("");
        if (value !== model.get(name)) write(model, { [name]: value });
      }
    }, 250);
    stops.push(on(input, "input", () => send()), on(input, "change", () => send.flush()), send.cancel);
    return [name, input];
  }));
  const dice = h("button", {
    class: "sw-btn sw-plain sw-icon",
    type: "button",
    title: "Another seed",
    "aria-label": "Another seed",
    onclick: () => write(model, { seed: Math.floor(Math.random() * 1e5) })
  }, "\u2684");
  const list = h("div", { class: "sw-steer-rows" });
  const rows = /* @__PURE__ */ new Map();
  const sliders = () => ({ features: model.get("features") ?? [], strengths: model.get("strengths") ?? {}, modes: model.get("modes") ?? {} });
  let moved = {};
  const sendMoved = throttle(() => {
    const strengths = { ...sliders().strengths, ...moved };
    moved = {};
    write(model, { strengths });
  }, DRAG_MS);
  const history = createHistory(sliders());
  const initial = sliders();
  const remember = debounce(() => {
    history.push(sliders());
    drawButtons();
  }, HISTORY_MS);
  function makeRow(feature) {
    const row = steerRow(feature, {
      onStrength(value, isFinal) {
        moved[feature] = value;
        if (isFinal) sendMoved.flush();
        if (isFinal && feature in moved) sendMoved();
        else if (!isFinal && model.get("update") !== "release") sendMoved();
      },
      onMode: (mode) => write(model, { modes: { ...sliders().modes, [feature]: mode } }),
      onRemove() {
        const { features, strengths, modes } = sliders();
        const without = (map) => Object.fromEntries(Object.entries(map).filter(([key]) => Number(key) !== feature));
        const next = features[features.indexOf(feature) + 1] ?? features[features.indexOf(feature) - 1];
        write(model, { features: features.filter((f) => f !== feature), strengths: without(strengths), modes: without(modes) });
        (rows.get(next)?.slider ?? search.input).focus();
      },
      onBad: say,
      offline
    });
    for (const control of row.node.querySelectorAll("input, select, button")) needsKernel(control, offline);
    return row;
  }
  function drawSliders() {
    const { features, strengths, modes } = sliders();
    for (const [feature, row] of rows) {
      if (features.includes(feature)) continue;
      row.node.remove();
      rows.delete(feature);
    }
    features.forEach((feature, i) => {
      const row = rows.get(feature) ?? makeRow(feature);
      rows.set(feature, row);
      if (list.children[i] !== row.node) list.insertBefore(row.node, list.children[i] ?? null);
      row.update(
        moved[feature] ?? strengths[feature] ?? 0,
        /** @type {any} */
        modes[feature] ?? "add"
      );
    });
    describe();
  }
  function describe() {
    const known = new Map((model.get("rows") ?? []).map((info) => [info.feature, info]));
    for (const [feature, row] of rows) row.describe(known.get(feature));
  }
  const search = combobox({
    label: "Add a feature",
    placeholder: "Add a feature: what fires here, a label or a number",
    search: async (query) => (await ask("search", { query })).value,
    show: (info) => [
      h("span", { class: "sw-mono sw-muted" }, `#${info.feature}`),
      h("span", { class: "sw-grow sw-ellipsis" }, visible(info.label)),
      h("span", { class: "sw-muted sw-small" }, info.token !== void 0 ? `${quotedToken(info.token, 16)} ${number(info.act)}` : "silent here")
    ],
    onPick(info) {
      const { features, strengths } = sliders();
      if (!features.includes(info.feature)) {
        write(model, { features: [...features, info.feature], strengths: { ...strengths, [info.feature]: 0 } });
      }
      rows.get(info.feature)?.slider.focus();
    },
    empty: "No feature fires, is labelled or numbered so"
  });
  stops.push(search.stop);
  const restore = (state2) => {
    if (!state2) return;
    moved = {};
    write(model, { ...state2 });
    drawButtons();
  };
  const undo = () => (remember.flush(), restore(history.undo()));
  const redo = () => (remember.flush(), restore(history.redo()));
  const button = (text, title, onclick) => needsKernel(h("button", { class: "sw-btn sw-plain", type: "button", title, onclick }, text), offline);
  const undoButton = button("Undo", "Undo (Ctrl+Z)", undo);
  const redoButton = button("Redo", "Redo (Ctrl+Shift+Z)", redo);
  const presets = presetMenu({ model, offline, local, current: sliders, restore });
  const zero = button("All to 0", "Set every slider to 0, mode add", () => restore({ features: sliders().features, strengths: Object.fromEntries(sliders().features.map((f) => [f, 0])), modes: {} }));
  const reset = button("Reset", "Back to how the panel began", () => restore(initial));
  stops.push(on(el, "keydown", (event) => {
    const target = (
      /** @type {HTMLElement} */
      event.target
    );
    if (!(event.ctrlKey || event.metaKey) || target === prompt.node || target === search.input) return;
    const key = event.key.toLowerCase();
    const step = key === "y" || key === "z" && event.shiftKey ? redo : key === "z" ? undo : null;
    if (!step) return;
    event.preventDefault();
    step();
  }));
  function drawButtons() {
    undoButton.disabled = offline || !history.canUndo;
    redoButton.disabled = offline || !history.canRedo;
  }
  const where = h("select", { class: "sw-select", "aria-label": "Where to steer" }, WHERE.map(([value, text]) => h("option", { value }, text)));
  stops.push(presets.stop, on(where, "change", () => write(model, { where: where.value })));
  const plain = streamText({ label: "Unsteered text", tinted: false, theme: theme.name });
  const steered = streamText({ label: "Steered text", tinted: true, theme: theme.name, onActive: (i) => markBar(i) });
  const panes = { plain, steered };
  let run = -1;
  let plainKey = "";
  let isSteered = false;
  const kl = h("span", { class: "sw-small sw-muted" });
  const spark = h("svg", { class: "sw-spark", height: 20, role: "img", "aria-label": "KL to the unsteered model per token" });
  const state = h("span", { class: "sw-small sw-muted" });
  const go = h("button", { class: "sw-btn", type: "button" }, "Stop");
  stops.push(on(go, "click", () => model.send({ kind: go.dataset.kind })), plain.stop, steered.stop);
  function drawKl() {
    const values = isSteered ? steered.rows().map((row) => row[4]).filter(Number.isFinite) : [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    fill(kl, values.length ? `KL ${number(mean)} nats a token` : "");
    kl.title = "KL(steered \u2016 unsteered model on the same prefix), mean over the tokens: how far steering moves the predictions";
    const top = Math.max(0.05, ...values);
    spark.setAttribute("width", String(Math.max(1, values.length * 4)));
    fill(spark, values.map((value, i) => h("rect", { x: i * 4, width: 3, y: 20 - Math.max(1, 19 * value / top), height: Math.max(1, 19 * value / top) })));
    spark.setAttribute("aria-label", values.length ? `KL per token: mean ${number(mean)}, largest ${number(Math.max(...values))} nats at token ${values.indexOf(Math.max(...values)) + 1}` : "");
  }
  function markBar(i) {
    spark.querySelector(".sw-on")?.classList.remove("sw-on");
    spark.children[i]?.classList.add("sw-on");
  }
  stops.push(
    on(spark, "pointermove", (event) => steered.showTip(Math.floor(event.offsetX / 4))),
    on(spark, "pointerleave", () => steered.hideTip())
  );
  function receive(content) {
    if (content?.kind === "start") {
      run = content.run;
      steered.setPrompt(content.prompt);
      plain.setPrompt(content.prompt);
      steered.begin();
      if (content.plain_key !== plainKey) plain.begin();
      plainKey = content.plain_key;
      isSteered = content.is_steered;
      fill(state, isSteered ? "" : "No steering yet: move a slider.");
      drawKl();
    } else if (content?.kind === "patch" && content.run === run) {
      panes[
        /** @type {"plain" | "steered"} */
        content.path
      ].patch(content.start, content.tokens);
      if (content.path === "steered") drawKl();
    }
  }
  function drawOutcome() {
    const outcome = model.get("outcome");
    if (!outcome?.plain || outcome.run < run) return;
    run = outcome.run;
    isSteered = outcome.is_steered;
    plainKey = outcome.plain_key;
    for (
      const name of
      /** @type {const} */
      ["plain", "steered"]
    ) {
      panes[name].setPrompt(outcome.prompt);
      panes[name].set(outcome[name]);
    }
    fill(state, outcome.is_stopped ? "Stopped." : isSteered ? "" : "No steering yet: move a slider.");
    drawKl();
  }
  function drawStatus() {
    const now = model.get("status")?.state;
    const isRunning = now === "running";
    if (now === "failed") {
      run = -1;
      drawOutcome();
    }
    go.textContent = isRunning ? "\u25A0 Stop" : "\u21BB Write again";
    go.dataset.kind = isRunning ? "stop" : "run";
    go.disabled = offline;
  }
  function drawSettings() {
    for (const [name, input] of inputs) {
      const value = model.get(name);
      if (input.valueAsNumber !== value) input.value = value;
    }
    where.value = model.get("where");
  }
  const scale = h("span", { class: "sw-steer-scale", "aria-hidden": "true" });
  const drawScale = () => scale.style.background = gradient((t) => heat(0.82 * tintOf(t * FULL_TINT), theme.name()), -1);
  theme.onChange(() => (drawScale(), steered.repaint()));
  for (const control of [search.input, dice, where, ...inputs.values()]) needsKernel(control, offline);
  el.classList.add("sw-steer");
  el.append(
    prompt.node,
    h(
      "div",
      { class: "sw-steer-features" },
      list,
      h("div", { class: "sw-row" }, h("div", { class: "sw-grow sw-steer-search" }, search.node), undoButton, redoButton, zero, reset, presets.node)
    ),
    h(
      "div",
      { class: "sw-row sw-steer-tools" },
      SETTINGS.map(([name, text]) => h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, text), inputs.get(name), name === "seed" && dice)),
      h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, "Steer"), where),
      h("span", { class: "sw-grow" }),
      go
    ),
    local,
    h(
      "div",
      { class: "sw-steer-texts" },
      h("section", { class: "sw-card", "aria-label": "Unsteered text" }, h("div", { class: "sw-steer-head" }, h("span", { class: "sw-label" }, "Unsteered")), plain.node),
      h(
        "section",
        { class: "sw-card", "aria-label": "Steered text" },
        h("div", { class: "sw-steer-head" }, h("span", { class: "sw-label" }, "Steered"), state, h("span", { class: "sw-grow" }), spark, kl),
        steered.node
      )
    ),
    h(
      "div",
      { class: "sw-row sw-steer-legend sw-small sw-muted" },
      "Through steering this token became",
      h("span", {}, "less likely"),
      scale,
      h("span", {}, "likelier"),
      h("span", {}, `(full colour: ${Math.round(Math.exp(FULL_TINT))} times)`)
    )
  );
  stops.push(
    listen(model, ["features", "strengths", "modes"], () => (drawSliders(), remember())),
    listen(model, ["rows"], describe),
    listen(model, ["temperature", "seed", "max_new_tokens", "where"], drawSettings),
    listen(model, ["outcome"], drawOutcome),
    listen(model, ["status"], drawStatus),
    listen(model, ["msg:custom"], receive),
    sendMoved.cancel,
    remember.cancel
  );
  drawSettings();
  drawSliders();
  drawOutcome();
  drawStatus();
  drawButtons();
  drawScale();
  return () => stops.forEach((stop) => stop());
}
var css2 = `
.sw-steer { container-type: inline-size; --sw-up: #c2660a; --sw-down: #3177b8; }
[data-theme="dark"] .sw-steer { --sw-up: #e29022; --sw-down: #529ede; }
.sw-steer > .sw-textarea { font-size: 14px; }
.sw-steer-features { margin: 8px 0 6px; }
.sw-steer-rows:not(:empty) { margin-bottom: 6px; }
.sw-steer-search { min-width: 200px; } .sw-presets { width: 100px; }
.sw-steer-tools { padding: 6px 0 8px; }
.sw-steer-field { display: inline-flex; align-items: center; gap: 6px; margin-inline-end: 6px; }
.sw-steer-setting { width: 68px; padding: 3px 6px; }
.sw-steer-texts { display: grid; grid-template-columns: 1fr 1fr; gap: 10px; }
.sw-steer-texts > section { min-width: 0; }
.sw-steer-head > span { white-space: nowrap; }
.sw-steer-head { display: flex; align-items: center; gap: 10px; min-height: 32px; padding: 4px 12px; border-bottom: 1px solid var(--sw-line); }
.sw-steer-legend { margin-top: 8px; }
.sw-steer-scale { display: inline-block; width: 120px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-steer-local:not(:empty) { margin-bottom: 8px; }
.sw-spark { display: block; flex: 0 1 auto; overflow: hidden; }
.sw-spark rect { fill: var(--sw-muted); opacity: .6; } .sw-spark .sw-on { fill: var(--sw-accent); opacity: 1; }
@container (max-width: 640px) { .sw-steer-texts { grid-template-columns: 1fr; } }
${COMBOBOX_CSS}${STREAM_CSS}${STEER_ROW_CSS}`;

// steering_panel.entry.js
var steering_panel_entry_default = { render: (props) => show(steering_panel_exports, props) };
function mountSaved(page) {
  mount(steering_panel_exports, page);
}
export {
  steering_panel_entry_default as default,
  mountSaved
};
