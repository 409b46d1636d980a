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

// widgets/prompt_view.js
var prompt_view_exports = {};
__export(prompt_view_exports, {
  css: () => css2,
  render: () => render
});

// lib/bars.js
function signedFixed(value, digits = 3) {
  if (value === null || value === void 0 || !Number.isFinite(value)) return "\u2013";
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
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
function gradient(map, from = 0) {
  const steps = Array.from({ length: 9 }, (_, i) => css(map(from + (1 - from) * i / 8)));
  return `linear-gradient(to right, ${steps.join(", ")})`;
}
var HATCH = "repeating-linear-gradient(135deg, transparent 0 3px, rgb(128 128 128 / .55) 3px 4px)";

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

// lib/matrix_canvas.js
var ROW = 22;
var HEAD = 92;
var CELL = 26;
function matrixCanvas({ label, onRow, onColumn }) {
  const canvas = h("canvas", { "aria-hidden": "true", class: "sw-mx-canvas" });
  const spacer = h("div", { class: "sw-mx-spacer" });
  const marker = h("div", { class: "sw-mx-marker", "aria-hidden": "true" });
  const spoken = h("div", { role: "row", class: "sw-hidden-text" }, h("span", { role: "gridcell" }));
  const node = h("div", { class: "sw-mx", role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true" }, canvas, spoken, marker, spacer);
  const box = h("div", { class: "sw-tip", role: "tooltip" });
  const float = floating(box);
  const id = uniqueId("cell");
  const context = (
    /** @type {CanvasRenderingContext2D} */
    canvas.getContext("2d")
  );
  let content = null;
  let [row, column] = [0, 0];
  let turn = 0;
  let hasKeys = false;
  let width = 0;
  const height = () => HEAD + ROW * (content?.nRows ?? 0) + 2;
  function paint() {
    if (!content) return;
    width = node.clientWidth || width;
    if (!width) return;
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height() * ratio);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height()}px`, marginBottom: `${-height()}px` });
    Object.assign(spacer.style, { width: `${content.heads.length * CELL + HEAD / 2}px`, height: `${height()}px` });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(node);
    const value = (name) => style.getPropertyValue(name).trim();
    const colors = { fg: style.color, muted: value("--sw-muted"), line: value("--sw-line"), accent: value("--sw-accent"), raised: value("--sw-raised"), font: `11px ${style.fontFamily}` };
    const first = Math.max(0, Math.floor(node.scrollLeft / CELL) - 4);
    const last = Math.min(content.heads.length - 1, Math.ceil((node.scrollLeft + width) / CELL));
    for (let j = first; j <= last; j += 1) drawColumn(content, j, colors);
    if (content.chosenRow >= 0) {
      context.strokeStyle = colors.fg;
      context.lineWidth = 1.5;
      context.strokeRect(1 - node.scrollLeft, HEAD + content.chosenRow * ROW + 0.5, content.heads.length * CELL, ROW - 1);
    }
  }
  function drawColumn(shown, j, colors) {
    const x = j * CELL - node.scrollLeft;
    if (shown.chosenColumn === j) {
      context.fillStyle = colors.raised;
      context.fillRect(x, 0, CELL, height());
    }
    context.save();
    context.translate(x + CELL / 2 + 2, HEAD - 6);
    context.rotate(-Math.PI / 3);
    context.font = shown.chosenColumn === j ? `bold ${colors.font}` : colors.font;
    context.fillStyle = shown.isDim(j) ? colors.muted : colors.fg;
    context.fillText(shown.heads[j], 0, 0, 96);
    context.restore();
    for (let i = 0; i < shown.nRows; i += 1) drawCell(shown, i, j, x + 1, HEAD + i * ROW + 1, colors);
  }
  function drawCell(shown, i, j, x, y, colors) {
    const values = shown.values(i, j);
    const [w, tall] = [CELL - 2, (ROW - 2) / values.length];
    values.forEach((value, part) => {
      const top = y + part * tall;
      if (Number.isNaN(value)) {
        context.strokeStyle = colors.line;
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(x + 4, top + tall - 3);
        context.lineTo(x + w - 4, top + 3);
        context.stroke();
      } else if (value !== 0) {
        context.fillStyle = css(heat(value, shown.theme));
        context.fillRect(x, top, w, tall - (values.length > 1 && part === 0 ? 1 : 0));
      }
    });
    context.strokeStyle = colors.line;
    context.lineWidth = 0.5;
    context.strokeRect(x + 0.25, y + 0.25, w - 0.5, ROW - 2.5);
  }
  const paintSoon = perFrame(paint);
  function look(toRow, toColumn, isKey) {
    if (!content || !content.heads.length) return;
    row = Math.max(-1, Math.min(content.nRows - 1, toRow));
    column = Math.max(0, Math.min(content.heads.length - 1, toColumn));
    Object.assign(marker.style, { left: `${column * CELL}px`, top: `${row < 0 ? HEAD - 24 : HEAD + row * ROW}px`, width: `${CELL}px`, height: `${row < 0 ? 24 : ROW}px` });
    marker.classList.toggle("sw-mx-keys", isKey && hasKeys);
    if (isKey) {
      const x = column * CELL;
      if (x < node.scrollLeft) node.scrollLeft = x;
      else if (x + CELL * 2 > node.scrollLeft + node.clientWidth) node.scrollLeft = x + CELL * 2 - node.clientWidth;
      say();
    }
    fill(box, content.tip(row, column));
    float.open(marker);
  }
  function say() {
    if (!content) return;
    turn = 1 - turn;
    spoken.setAttribute("aria-rowindex", String(row + 2));
    fill(spoken, h("span", { role: row < 0 ? "columnheader" : "gridcell", id: `${id}-${turn}`, "aria-colindex": column + 1, "aria-selected": row < 0 ? false : String(row === content.chosenRow) }, content.words(row, column)));
    node.setAttribute("aria-activedescendant", `${id}-${turn}`);
  }
  function hide() {
    float.close();
    marker.classList.remove("sw-mx-keys");
  }
  function choose() {
    if (!content) return;
    if (row < 0) onColumn(column);
    else onRow(row);
  }
  function cellUnder(event) {
    const at = node.getBoundingClientRect();
    const j = Math.floor((event.clientX - at.left + node.scrollLeft) / CELL);
    const i = Math.floor((event.clientY - at.top - HEAD) / ROW);
    return content && j >= 0 && j < content.heads.length && i < content.nRows ? [Math.max(-1, i), j] : null;
  }
  const stops = [
    on(node, "scroll", paintSoon),
    on(node, "pointermove", (event) => {
      const found = cellUnder(event);
      if (found) look(...found, false);
      else hide();
    }),
    on(node, "pointerleave", hide),
    on(node, "pointerdown", () => hasKeys = false),
    on(node, "click", (event) => {
      const found = cellUnder(event);
      if (!found) return;
      look(...found, false);
      choose();
    }),
    on(node, "focus", () => {
      hasKeys = node.matches(":focus-visible");
      if (hasKeys) look(row, column, true);
    }),
    on(node, "blur", hide),
    on(node, "keydown", (event) => {
      if (!content || event.ctrlKey || event.metaKey || event.altKey) return;
      const n = content.heads.length;
      const to = (
        /** @type {Record<string, [number, number]>} */
        {
          ArrowRight: [row, column + 1],
          ArrowLeft: [row, column - 1],
          ArrowDown: [row + 1, column],
          ArrowUp: [row - 1, column],
          Home: [row, 0],
          End: [row, n - 1],
          PageDown: [content.nRows - 1, column],
          PageUp: [-1, column]
        }[event.key]
      );
      hasKeys = true;
      if (to) look(...to, true);
      else if (event.key === "Enter" || event.key === " ") choose();
      else if (event.key === "Escape" && float.isOpen()) hide();
      else return;
      event.preventDefault();
    })
  ];
  const sized = new ResizeObserver(paintSoon);
  sized.observe(node);
  return {
    node,
    box,
    /** @param {Content} next */
    set(next) {
      content = next;
      row = Math.min(row, next.nRows - 1);
      column = Math.max(0, Math.min(column, next.heads.length - 1));
      node.setAttribute("aria-rowcount", String(next.nRows + 1));
      node.setAttribute("aria-colcount", String(next.heads.length));
      if (node.matches(":focus")) say();
      paint();
    },
    stop() {
      sized.disconnect();
      paintSoon.cancel();
      float.close();
      for (const stop of stops) stop();
    }
  };
}
var MATRIX_CSS = `
.sw-mx { position: relative; overflow-x: auto; overflow-y: hidden; cursor: pointer; min-width: 0; }
.sw-mx-canvas { position: sticky; left: 0; display: block; }
.sw-mx-marker { position: absolute; pointer-events: none; border-radius: 3px; }
.sw-mx-marker.sw-mx-keys { outline: 2px solid var(--sw-accent); outline-offset: 0; }
.sw-mx-none { background: ${HATCH}; }
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

// lib/prompt_matrix.js
function floats(data) {
  if (!data) return new Float32Array(0);
  const bytes = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return new Float32Array(bytes);
}
var readSide = (side) => ({ prompt: side.prompt, tokens: side.tokens, special: side.special, scores: floats(side.scores) });
function readMatrix(payload) {
  if (!payload?.features) return null;
  return {
    metric: payload.metric,
    target: payload.target,
    position: payload.position,
    pairs: payload.pairs,
    rows: payload.features,
    left: readSide(payload.left),
    right: payload.right?.tokens ? readSide(payload.right) : null
  };
}
function scoreAt(matrix, row, column, side) {
  const place = matrix.pairs[column]?.[side === "left" ? 0 : 1];
  const from = matrix[side];
  return place === null || place === void 0 || !from ? Number.NaN : from.scores[row * from.tokens.length + place];
}
function cellValues(matrix, row, column, show2) {
  const left = scoreAt(matrix, row, column, "left");
  if (!matrix.right) return [left];
  const right = scoreAt(matrix, row, column, "right");
  return show2 === "difference" ? [right - left] : [left, right];
}
function fullAt(matrix, show2) {
  let top = 0;
  for (let row = 0; row < matrix.rows.length; row += 1) {
    for (let column = 0; column < matrix.pairs.length; column += 1) {
      for (const value of cellValues(matrix, row, column, show2)) if (Math.abs(value) > top) top = Math.abs(value);
    }
  }
  return top || 1;
}
function columnTokens(matrix, column) {
  const [i, j] = matrix.pairs[column];
  const left = i === null ? null : matrix.left.tokens[i];
  if (!matrix.right) return [left];
  const right = j === null ? null : matrix.right.tokens[j];
  return left === right ? [left] : [left, right];
}
function isSpecial(matrix, column) {
  const [i, j] = matrix.pairs[column];
  return i !== null && matrix.left.special[i] === 1 || matrix.right !== null && j !== null && matrix.right.special[j] === 1;
}
function along(matrix, row, side) {
  const from = matrix[side];
  if (!from) return [];
  const n = from.tokens.length;
  return Array.from(from.scores.subarray(row * n, (row + 1) * n), (value) => Number.isFinite(value) ? value : 0);
}

// lib/prompt_cards.js
function promptCards({ onFeature }) {
  const node = h("div", { class: "sw-pc", role: "list", "aria-label": "The features in detail" });
  let lists = [];
  function clear() {
    for (const list of lists) list.stop();
    lists = [];
  }
  function draw(card, matrix, row, { score, looked, chosen, theme }) {
    const { feature } = card;
    const name = matrix.rows[row].label;
    const isChosen = feature === chosen;
    return h(
      "div",
      { class: "sw-pc-card sw-card", role: "listitem", "aria-label": `Feature ${feature}${name ? `, ${visible(name)}` : ""}`, "data-feature": feature, "data-chosen": isChosen },
      h(
        "div",
        { class: "sw-pc-head" },
        h("button", { class: "sw-btn sw-plain sw-mono", type: "button", "aria-pressed": String(isChosen), title: "Choose this feature: other views follow", onclick: () => onFeature(feature) }, `#${feature}`),
        h("strong", { class: "sw-ellipsis sw-token", title: visible(name) }, visible(name))
      ),
      h("div", { class: "sw-small" }, score(row)),
      prompts(matrix, row, looked, theme),
      activations(card, matrix.rows[row].act),
      card.up ? h("div", { class: "sw-fp sw-pc-part" }, logitTables({ up: card.up, down: card.down })) : h("p", { class: "sw-small sw-muted" }, visible(card.note ?? "")),
      contexts(card, theme)
    );
  }
  function prompts(matrix, row, looked, theme) {
    const sides = (
      /** @type {("left" | "right")[]} */
      matrix.right ? ["left", "right"] : ["left"]
    );
    const values = sides.map((side) => along(matrix, row, side));
    const top = Math.max(1e-12, ...values.flat().map(Math.abs));
    return sides.map((side, s) => h(
      "p",
      { class: "sw-pc-text" },
      matrix.right && h("span", { class: "sw-small sw-muted" }, side === "left" ? "L " : "R "),
      /** @type {import("./prompt_matrix.js").Side} */
      matrix[side].tokens.map((text, i) => {
        const ground = values[s][i] ? heat(0.82 * values[s][i] / top, theme) : null;
        return h("span", { class: i === looked(side) ? "sw-pc-token sw-pc-looked" : "sw-pc-token", style: ground ? { background: css(ground), color: css(inkOn(ground)) } : {} }, tokenText(text, { newlines: true }));
      })
    ));
  }
  function activations({ counts = [], width = 0, density, max_act: top }, act) {
    const used = counts.findLastIndex((n) => n > 0) + 1;
    if (!used) return h("p", { class: "sw-small sw-muted" }, density === void 0 ? "No statistics of this SAE." : "It has not fired on the statistics\u2019 texts.");
    const seen = h("div", { class: "sw-small sw-muted sw-pc-seen", "aria-hidden": "true" });
    const bars = { counts: counts.slice(0, used), low: 0, high: used * width, name: `Activations by strength; here ${number(act)}`, unit: "tokens" };
    return [
      h("div", { class: "sw-small sw-muted" }, `fires on ${percent(density)}, at most ${number(top)}`),
      histogram(bars, { isLog: false, mark: act ? Math.min(Math.abs(act), used * width) : null, onLook: (words) => seen.textContent = words }),
      seen
    ];
  }
  function contexts({ contexts: found = [], max_act: top = 1 }, theme) {
    if (!found.length) return null;
    const never = () => Promise.reject(new Error("Open the feature's dashboard for this."));
    const list = contextList({ onRow: never, onEffects: never, onLook: () => {
    }, offline: true });
    list.set([{ kind: "top", contexts: found }], { width: "stacked", breaks: true, sort: "strength", top, theme });
    lists.push(list);
    return list.node;
  }
  return {
    node,
    /**
     * @param {Card[]} cards @param {import("./prompt_matrix.js").PromptMatrix} matrix
     * @param {{ score: (row: number) => string, looked: (side: "left" | "right") => number | null, chosen: number | null, theme: import("./color.js").Theme }} props
     */
    set(cards, matrix, props) {
      clear();
      const rowOf = new Map(matrix.rows.map((row, i) => [row.feature, i]));
      const shown = cards.filter((card) => rowOf.has(card.feature));
      node.hidden = !shown.length;
      fill(node, shown.map((card) => draw(
        card,
        matrix,
        /** @type {number} */
        rowOf.get(card.feature),
        props
      )));
    },
    /** @param {number | null} feature */
    choose(feature) {
      for (const card of node.children) {
        const isChosen = Number(
          /** @type {HTMLElement} */
          card.dataset.feature
        ) === feature;
        card.toggleAttribute("data-chosen", isChosen);
        card.querySelector("button")?.setAttribute("aria-pressed", String(isChosen));
      }
    },
    describe: (n) => `${count(n)} features in detail`,
    stop: clear
  };
}
var CARDS_CSS = `
.sw-pc { display: flex; gap: 10px; overflow-x: auto; padding: 2px 2px 8px; margin-top: 10px; overscroll-behavior-x: contain; }
.sw-pc-card { flex: none; width: 292px; padding: 6px 10px 8px; display: flex; flex-direction: column; gap: 4px; }
.sw-pc-card[data-chosen] { border-color: var(--sw-accent); box-shadow: inset 0 0 0 1px var(--sw-accent); }
.sw-pc-head { display: flex; align-items: baseline; gap: 4px; min-width: 0; margin-inline-start: -6px; }
.sw-pc-head .sw-btn { padding: 1px 6px; min-height: 24px; color: var(--sw-accent); }
.sw-pc-text { line-height: 1.7; max-height: 96px; overflow-y: auto; overflow-wrap: anywhere; white-space: pre-wrap; border-block: 1px solid var(--sw-line); padding: 3px 0; }
.sw-pc-text + .sw-pc-text { border-top: 0; }
.sw-pc-token { unicode-bidi: isolate; border-radius: 2px; padding: 1px 0; }
.sw-pc-looked { outline: 2px solid var(--sw-accent); outline-offset: -1px; font-weight: 700; }
.sw-pc .sw-pc-part { padding: 0; border: 0; }
.sw-pc-seen { min-height: 18px; }
.sw-pc .sw-hist { height: 52px; }
.sw-pc .sw-cl-act { min-width: 40px; }
.sw-pc .sw-cl-tools { display: none; }
.sw-pc .sw-fp-token { max-width: 70px; }
.sw-pc .sw-fp-logit { min-width: 48px; }
`;

// widgets/prompt_view.js
var METRICS = (
  /** @type {Record<string, [string, string, string]>} */
  {
    act_size: ["Activation", "activation", "How strongly each feature fires"],
    act_quantile: ["Quantile", "quantile", "Share of the feature's activations over much text that are weaker than here"],
    attribution: ["Attribution", "attribution", "Gradient \xD7 activation: how much each feature raises the logit of the next token"],
    loss_effect: ["Loss effect", "loss effect", "How much the loss of the following token rises when the feature is left out; above 0 it helps"]
  }
);
function render({ model, el, root, ask, offline, theme }) {
  const get = (name) => model.get(name);
  const set = (values) => write(model, values);
  let matrix = null;
  let full = 1;
  let isComparing = Boolean(get("other"));
  const prompt = promptBox(model, "Type a text to look at", offline);
  const other = promptBox(model, "Type a second text to compare with", offline, { trait: "other", label: "Second prompt" });
  const compare = needsKernel(h("button", { class: "sw-btn", type: "button", onclick: toggleCompare }), offline);
  const texts = h("div", { class: "sw-pv-texts" }, prompt.node, other.node);
  const metrics = h(
    "div",
    { class: "sw-seg", role: "radiogroup", "aria-label": "Measure" },
    Object.entries(METRICS).map(([name, [words2, , hint]]) => needsKernel(h("button", { class: "sw-btn", type: "button", role: "radio", "data-metric": name, title: hint, onclick: () => set({ metric: name }) }, words2), offline))
  );
  const target = combobox({
    label: "Next token to explain",
    placeholder: "likeliest",
    keepsText: true,
    search: async (query) => query === get("target") ? get("suggestions") ?? [] : (await ask("suggest", { query })).value,
    show: ([text, , probability]) => [h("span", { class: "sw-mono sw-grow sw-ellipsis" }, quotedToken(text, 30)), h("span", { class: "sw-muted sw-small sw-num" }, percent(probability))],
    onPick: ([text]) => takeTarget(text),
    onText: (text) => takeTarget(text),
    empty: "No likely token holds this; Enter takes it as typed"
  });
  needsKernel(target.input, offline);
  const targetBox = h("div", { class: "sw-pv-target sw-row" }, h("span", { class: "sw-small sw-muted" }, "next token"), target.node);
  const show2 = h(
    "div",
    { class: "sw-seg", role: "radiogroup", "aria-label": "What cells show" },
    [["both", "Left and right"], ["difference", "Right \u2212 left"]].map(([name, words2]) => h("button", { class: "sw-btn", type: "button", role: "radio", "data-show": name, onclick: () => set({ show: name }) }, words2))
  );
  const sort = needsKernel(h(
    "select",
    { class: "sw-select", "aria-label": "Which features", onchange: () => set({ sort: sort.value }) },
    h("option", { value: "score" }, "largest on either"),
    h("option", { value: "difference" }, "largest difference")
  ), offline);
  const place = h("span", { class: "sw-pv-place sw-row sw-small" });
  const legend = h("span", { class: "sw-row sw-small sw-muted sw-pv-legend" });
  const cost = h("div", { class: "sw-pv-cost", role: "status" });
  const stop = h("button", { class: "sw-btn", type: "button", onclick: () => model.send({ kind: "stop" }) }, "Stop");
  const names = h("div", { class: "sw-pv-names" });
  const cells = matrixCanvas({
    label: "Features by tokens. Arrow keys move; Enter chooses the feature, in the first row the token.",
    onRow: (row) => matrix && choose(matrix.rows[row].feature),
    onColumn: (column) => lookAt(column)
  });
  const twin = h("details", { class: "sw-pv-twin sw-small", ontoggle: drawTwin }, h("summary", {}, "Numbers as a table"));
  const cards = promptCards({ onFeature: choose });
  const stage = h("div", { class: "sw-pv-stage" }, names, cells.node);
  const body = h("div", {}, h("div", { class: "sw-row sw-pv-about" }, place, h("span", { class: "sw-grow" }), legend), stage, twin, cards.node);
  const live = h("div", { class: "sw-hidden-text", "aria-live": "polite" });
  el.append(texts, h("div", { class: "sw-row sw-pv-controls" }, metrics, targetBox, h("span", { class: "sw-grow" }), show2, sort, compare), cost, body, cells.box, live);
  function toggleCompare() {
    isComparing = !isComparing;
    if (!isComparing && get("other")) set({ other: "", show: "both", sort: "score" });
    drawControls();
    if (isComparing) {
      if (!other.node.value) other.node.value = get("prompt");
      other.node.focus();
      other.node.select();
    }
  }
  function takeTarget(text) {
    target.input.value = text;
    if (text !== get("target")) set({ target: text });
  }
  function choose(feature) {
    const isOn = get("feature") === feature;
    set({ feature: isOn ? null : feature });
    live.textContent = isOn ? "no feature chosen" : `feature ${feature} chosen`;
  }
  function lookAt(column) {
    if (!matrix || offline) return;
    if (isSpecial(matrix, column)) live.textContent = "special tokens are left out";
    else set({ position: get("position") === column ? null : column });
  }
  const unit = () => METRICS[matrix?.metric ?? "act_size"][1];
  const digits = (value) => matrix?.metric === "act_size" || matrix?.metric === "act_quantile" ? number(value) : signedFixed(value);
  const head = (column) => matrix ? columnTokens(matrix, column).map((text) => text === null ? "\u2013" : tokenText(text, { spaces: true, newlines: true, limit: 14 })).join(" | ") : "";
  const spokenHead = (column) => matrix ? columnTokens(matrix, column).map((text) => text === null ? "no token" : spokenToken(text)).join(" against ") : "";
  const nameOf = (row) => matrix ? `#${matrix.rows[row].feature}${matrix.rows[row].label ? ` ${visible(matrix.rows[row].label)}` : ""}` : "";
  function cellWords(row, column) {
    if (!matrix) return [];
    const left = scoreAt(matrix, row, column, "left");
    if (!matrix.right) return [[unit(), digits(left)]];
    const right = scoreAt(matrix, row, column, "right");
    return [["left", digits(left)], ["right", digits(right)], ["difference", signedFixed(right - left)]];
  }
  function words(row, column) {
    if (!matrix) return "";
    if (row < 0) return `token ${column}, ${spokenHead(column)}${isSpecial(matrix, column) ? ", special, left out" : ""}${column === matrix.position ? ", looked at" : ""}`;
    return `feature ${matrix.rows[row].feature} ${visible(matrix.rows[row].label)} at ${spokenHead(column)}: ${cellWords(row, column).map((pair) => pair.join(" ")).join(", ")}`;
  }
  function tip(row, column) {
    if (!matrix) return [];
    const where = h("div", { class: "sw-token" }, h("b", {}, columnTokens(matrix, column).map((text) => text === null ? "\u2013" : quotedToken(text)).join("  ")), h("span", { class: "sw-muted" }, `  token ${column}`));
    if (row < 0) return [where, h("div", { class: "sw-muted" }, isSpecial(matrix, column) ? "Special tokens are left out." : "Enter or a click: the features that matter here")];
    return [h("div", { class: "sw-token" }, nameOf(row)), where, ...cellWords(row, column).map(([name, value]) => h("div", {}, `${name} ${value}`))];
  }
  function drawControls() {
    for (const button of metrics.children) {
      const isOn = button.dataset.metric === get("metric");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    for (const button of show2.children) {
      const isOn = button.dataset.show === get("show");
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    sort.value = get("sort");
    target.input.value = get("target");
    targetBox.hidden = get("metric") !== "attribution";
    isComparing ||= Boolean(get("other"));
    other.node.hidden = !isComparing;
    show2.hidden = sort.hidden = !matrix?.right;
    compare.textContent = isComparing ? "One prompt" : "Compare with\u2026";
    texts.classList.toggle("sw-pv-two", isComparing);
  }
  function drawCost() {
    const { n, tokens, seconds } = get("cost") ?? {};
    const isRunning = get("status")?.state === "running";
    cost.hidden = n === void 0 && !(isRunning && get("metric") === "loss_effect");
    if (cost.hidden) return;
    if (isRunning) fill(cost, h("span", {}, "Leaving features out, one at a time\u2026"), stop);
    else fill(
      cost,
      h("span", {}, `Not computed yet: ${plural(n, "forward pass", "forward passes")} of ${count(tokens)} tokens, one without each feature, about ${duration(seconds)}. Until then, those that fire most with their activations.`),
      needsKernel(h("button", { class: "sw-btn sw-primary", type: "button", onclick: () => model.send({ kind: "measure" }) }, "Compute"), offline)
    );
  }
  function takeData() {
    matrix = readMatrix(get("payload"));
    draw();
  }
  function draw() {
    drawControls();
    drawCost();
    body.hidden = !matrix;
    if (!matrix) return;
    full = matrix.metric === "act_quantile" ? 1 : fullAt(matrix, get("show"));
    drawPlace();
    drawNames();
    drawCells();
    drawTwin();
    const shown = matrix;
    cards.set(get("cards") ?? [], shown, {
      score: scoreWords,
      chosen: get("feature"),
      theme: theme.name(),
      looked: (side) => shown.position === null ? null : shown.pairs[shown.position]?.[side === "left" ? 0 : 1] ?? null
    });
  }
  function scoreWords(i) {
    if (!matrix) return "";
    const row = matrix.rows[i];
    if (!matrix.right) return `${unit()} ${digits(row.left)}`;
    return `${unit()}: left ${digits(row.left)}, right ${digits(row.right)}, difference ${signedFixed(row.difference)}`;
  }
  function drawPlace() {
    if (!matrix) return;
    const { position, metric, target: explained } = matrix;
    const what = metric === "attribution" && explained !== null ? [`${unit()} to `, h("span", { class: "sw-token" }, quotedToken(explained))] : [unit()];
    const whole = metric === "attribution" || metric === "loss_effect" ? "summed over the prompt" : "largest of the prompt";
    fill(
      place,
      h("b", {}, `${plural(matrix.rows.length, "feature")} by `, ...what),
      position === null ? h("span", { class: "sw-muted" }, `${whole}; click a token for its own`) : [
        h("span", { class: "sw-token" }, `at ${head(position)}`),
        needsKernel(h("button", { class: "sw-btn sw-small sw-pv-whole", type: "button", onclick: () => set({ position: null }) }, "Whole prompt"), offline)
      ]
    );
    const low = matrixHasNegative() ? -full : 0;
    const halves = matrix.right && get("show") === "both" ? "upper half left, lower half right" : matrix.right ? "right less left" : "";
    fill(legend, halves && h("span", {}, halves), h("span", { class: "sw-num" }, number(low)), h("i", { class: "sw-pv-ramp", style: { background: gradient((t) => heat(t, theme.name()), low < 0 ? -1 : 0) } }), h("span", { class: "sw-num" }, number(full)));
  }
  function matrixHasNegative() {
    if (!matrix) return false;
    for (let i = 0; i < matrix.rows.length; i += 1) for (let j = 0; j < matrix.pairs.length; j += 1) if (cellValues(matrix, i, j, get("show")).some((value) => value < 0)) return true;
    return false;
  }
  function drawNames() {
    if (!matrix) return;
    const shown = matrix;
    const columns = shown.right ? (
      /** @type {const} */
      [["left", "Left"], ["right", "Right"], ["difference", "Diff"]]
    ) : (
      /** @type {const} */
      [["left", METRICS[shown.metric][0]]]
    );
    const text = (row, name) => name === "difference" ? signedFixed(row[name], 2) : shown.metric === "act_size" || shown.metric === "act_quantile" ? number(row[name]) : signedFixed(row[name]);
    stage.classList.toggle("sw-pv-compared", shown.right !== null);
    fill(
      names,
      h("div", { class: "sw-pv-name sw-pv-namehead sw-label", style: { height: `${HEAD}px` } }, h("span", { class: "sw-grow" }, "Feature"), columns.map(([, words2]) => h("span", { class: "sw-num sw-pv-number" }, words2))),
      shown.rows.map((row, i) => h(
        "button",
        { class: "sw-pv-name", type: "button", tabindex: "-1", style: { height: `${ROW}px` }, "data-row": i, "aria-pressed": String(row.feature === get("feature")), title: nameOf(i), onclick: () => choose(row.feature) },
        h("span", { class: "sw-mono sw-muted" }, `#${row.feature}`),
        h("span", { class: "sw-ellipsis sw-grow" }, visible(row.label)),
        columns.map(([name]) => h("span", { class: "sw-num sw-pv-number" }, text(row, name)))
      ))
    );
  }
  function drawCells() {
    if (!matrix) return;
    const shown = matrix;
    cells.set({
      nRows: shown.rows.length,
      heads: shown.pairs.map((_, column) => head(column)),
      isDim: (column) => isSpecial(shown, column),
      values: (row, column) => cellValues(shown, row, column, get("show")).map((value) => value / full),
      words,
      tip,
      theme: theme.name(),
      chosenColumn: shown.position,
      chosenRow: shown.rows.findIndex((row) => row.feature === get("feature"))
    });
  }
  function drawTwin() {
    if (!matrix || !twin.open) return;
    const shown = matrix;
    const cell = (row, column) => cellValues(shown, row, column, get("show")).map(digits).join(" | ");
    fill(twin, h("summary", {}, "Numbers as a table"), h("div", { class: "sw-pv-table", tabindex: "0", role: "region", "aria-label": "Numbers" }, h(
      "table",
      { class: "sw-table" },
      h("caption", { class: "sw-hidden-text" }, `${unit()} of each feature at each token`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "feature"), shown.pairs.map((_, column) => h("th", { scope: "col", class: "sw-token" }, head(column))))),
      h("tbody", {}, shown.rows.map((_, row) => h("tr", {}, h("th", { scope: "row" }, nameOf(row)), shown.pairs.map((__, column) => h("td", { class: "sw-num" }, cell(row, column))))))
    )));
  }
  function drawChosen() {
    for (const row of names.querySelectorAll("[data-row]")) row.setAttribute("aria-pressed", String(matrix?.rows[Number(row.getAttribute("data-row"))]?.feature === get("feature")));
    cards.choose(get("feature"));
    drawCells();
  }
  const radio = (group, trait, data) => on(group, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[
      /** @type {string} */
      event.key
    ];
    if (!step) return;
    event.preventDefault();
    const all = [...group.children].filter((button) => !button.disabled);
    const at = all.findIndex((button) => button.dataset[data] === get(trait));
    const next = all[(at + step + all.length) % all.length];
    if (!next) return;
    set({ [trait]: next.dataset[data] });
    next.focus();
  });
  const narrow = new ResizeObserver(() => {
    root.classList.toggle("sw-pv-narrow", el.clientWidth < 820);
    root.classList.toggle("sw-pv-tiny", el.clientWidth < 480);
  });
  narrow.observe(el);
  theme.onChange(draw);
  const stops = [
    listen(model, ["payload", "cards"], takeData),
    listen(model, ["metric", "target", "other", "sort"], drawControls),
    listen(model, ["show"], draw),
    listen(model, ["cost", "status"], drawCost),
    listen(model, ["feature"], drawChosen),
    radio(metrics, "metric", "metric"),
    radio(show2, "show", "show")
  ];
  takeData();
  return () => {
    narrow.disconnect();
    for (const part of [prompt, other, target, cells, cards]) part.stop();
    for (const stopOne of stops) stopOne();
  };
}
var css2 = `${COMBOBOX_CSS}${PANELS_CSS}${CONTEXTS_CSS}${MATRIX_CSS}${CARDS_CSS}
.sw-pv-texts { display: grid; gap: 6px; }
.sw-pv-two { grid-template-columns: 1fr 1fr; }
.sw-pv-narrow .sw-pv-two { grid-template-columns: 1fr; }
.sw-pv-controls { margin: 8px 0 6px; }
.sw-pv-target { flex: 0 1 220px; flex-wrap: nowrap; }
.sw-pv-target .sw-combo { flex: 1; }
.sw-pv-cost { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; padding: 6px 10px; margin-bottom: 6px; border-radius: var(--sw-radius); background: var(--sw-raised); font-size: 12px; }
.sw-pv-about { min-height: 28px; }
.sw-pv-whole { min-height: 22px; padding: 0 8px; }
.sw-pv-ramp { width: 90px; height: 10px; border-radius: 3px; border: 1px solid var(--sw-line); }
.sw-pv-stage { display: grid; grid-template-columns: minmax(0, 340px) minmax(0, 1fr); }
.sw-pv-narrow .sw-pv-stage { grid-template-columns: minmax(0, 230px) minmax(0, 1fr); }
.sw-pv-narrow .sw-pv-compared { grid-template-columns: minmax(0, 320px) minmax(0, 1fr); }
.sw-pv-tiny .sw-pv-stage { grid-template-columns: minmax(0, 45%) minmax(0, 1fr); }
.sw-pv-tiny .sw-pv-compared .sw-pv-number:not(:last-child) { display: none; }
.sw-pv-names { min-width: 0; }
.sw-pv-name { display: flex; align-items: center; gap: 6px; width: 100%; font: inherit; font-size: 12px; color: inherit; background: none; border: 0; padding: 0 8px 0 4px; text-align: start; cursor: pointer; border-radius: 4px; }
.sw-pv-name:hover { background: var(--sw-hover); }
.sw-pv-name[aria-pressed="true"] { background: var(--sw-raised); font-weight: 600; }
.sw-pv-namehead, .sw-pv-namehead:hover { align-items: end; padding-bottom: 6px; cursor: default; background: none; font-size: 11px; }
.sw-pv-number { flex: none; min-width: 48px; }
.sw-pv-twin { margin-top: 6px; }
.sw-pv-twin summary { cursor: pointer; color: var(--sw-muted); }
.sw-pv-table { overflow: auto; max-height: 320px; }
.sw-pv-table th[scope="row"] { font-size: 12px; white-space: nowrap; color: inherit; padding-right: 14px; }
`;

// prompt_view.entry.js
var prompt_view_entry_default = { render: (props) => show(prompt_view_exports, props) };
function mountSaved(page) {
  mount(prompt_view_exports, page);
}
export {
  prompt_view_entry_default as default,
  mountSaved
};
