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
  } else if (key === "class") node.setAttribute("class", value || "");
  else if (key === "value" || key === "checked" || key === "disabled" || key === "hidden" || key === "indeterminate") node[key] = value;
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
  const size = Math.abs(value);
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
function makeFoot(model) {
  const status = h("div", { class: "sw-foot", role: "status", "aria-live": "polite" });
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
    status.dataset.empty = String(!shown);
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
    const copy = h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => copyText(`${trace || `${found.type}: ${words}`}`, copy) }, "Copy");
    fill(
      error,
      h(
        "div",
        { class: "sw-error" },
        h(
          "div",
          { class: "sw-row" },
          h("span", { class: "sw-grow sw-token" }, trace && h("b", {}, `${found.type}: `), words),
          copy
        ),
        trace && h("details", {}, h("summary", {}, "Traceback"), h("pre", { tabindex: "0" }, trace))
      )
    );
  }
  const stops = [listen(model, ["status"], drawStatus), listen(model, ["error"], drawError)];
  drawStatus();
  drawError();
  return {
    node: h("div", {}, error, notice, status),
    say: (words) => fill(notice, words && h("div", { class: "sw-notice" }, words)),
    stop: () => stops.forEach((stop) => stop())
  };
}
async function copyText(text, button2) {
  const label = button2.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button2.textContent = "Copied";
  } catch {
    button2.textContent = "Cannot copy here";
  }
  setTimeout(() => button2.textContent = label, 1500);
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
.sw-textarea { display: block; width: 100%; resize: vertical; line-height: 1.5; padding: 6px 10px; }
.sw-select { padding-right: 4px; cursor: pointer; }
.sw-seg { display: inline-flex; border: 1px solid var(--sw-line); border-radius: var(--sw-radius); background: var(--sw-raised); padding: 1px; }
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
.sw-foot[data-empty="true"] { min-height: 0; margin: 0; }
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
function likelier(delta) {
  if (!Number.isFinite(delta)) return "";
  const ratio = Math.exp(Math.abs(delta));
  if (ratio < 1.05) return "unchanged";
  const text = ratio >= 1e3 ? "over 1000" : ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1);
  return `${text}\xD7 ${delta > 0 ? "likelier" : "less likely"}`;
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
function combobox({ label, placeholder = "", search: search2, show, onPick, onText, empty = "Nothing found", keepsText = false }) {
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
      options = await search2(input.value, mine.signal);
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
        (option, i) => h("div", { class: "sw-option", role: "option", id: `${listId}-${i}`, "aria-selected": "false", onpointerdown: (event) => event.preventDefault(), onclick: () => pick(i) }, show(option))
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
function promptBox(model, placeholder, offline) {
  const node = needsKernel(h("textarea", { class: "sw-textarea", rows: 2, "aria-label": "Prompt", spellcheck: "false", placeholder }), offline);
  const send = debounce(() => node.value !== model.get("prompt") && write(model, { prompt: node.value }), TYPING_MS);
  const draw = () => {
    if (node.value !== model.get("prompt")) node.value = model.get("prompt");
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
    listen(model, ["prompt"], draw)
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
  function show(i) {
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
    on(node, "pointerover", (event) => show(indexOf(event))),
    on(node, "pointerleave", hide),
    on(node, "focusin", (event) => {
      event.target.setAttribute("aria-label", spoken(indexOf(event)));
      show(indexOf(event));
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
    show,
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
  const table2 = h("div", { class: "sw-attr-table", role: "grid", "aria-label": "Contributions of features" });
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
        Number.isFinite(value) && h("i", { class: "sw-attr-bar", "data-sign": (value ?? 0) < 0 ? "down" : "up", "data-clipped": clipped, style: { left: `${left}%`, width: `${width}%` } })
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
      fill(table2);
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
    const hadFocus = table2.contains(
      /** @type {any} */
      table2.getRootNode().activeElement
    );
    table2.style.setProperty("--columns", String(shown.length));
    fill(
      table2,
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
          h("span", { class: "sw-small sw-muted" }, fits ? `= logit difference \u2713` : `\u2260 logit difference ${signedFixed(bars.logit_difference)}`),
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
    for (const node of table2.querySelectorAll("[data-row]")) {
      node.setAttribute("aria-selected", String(rows[Number(node.getAttribute("data-row"))]?.feature === model.get("selected_feature")));
    }
  }
  const rowNode = (i) => table2.querySelector(`[data-row="${i}"]`);
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
  stops.push(on(table2, "click", (event) => {
    const node = event.target.closest("[data-row]");
    if (!node) return;
    moveTo(Number(node.dataset.row));
    select(cursor);
  }));
  stops.push(on(table2, "keydown", (event) => {
    if (!event.target.closest("[data-row]")) return;
    const order = methods();
    const column2 = order.indexOf(model.get("sort_by"));
    const keys = (
      /** @type {Record<string, () => void>} */
      {
        ArrowDown: () => moveTo(cursor + 1),
        ArrowUp: () => moveTo(cursor - 1),
        Home: () => moveTo(0),
        End: () => moveTo(rows.length - 1),
        Enter: () => select(cursor),
        " ": () => select(cursor),
        ArrowRight: () => write(model, { sort_by: order[Math.min(order.length - 1, column2 + 1)] }),
        ArrowLeft: () => write(model, { sort_by: order[Math.max(0, column2 - 1)] })
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
    table2,
    missing,
    h(
      "div",
      { class: "sw-row sw-small sw-muted sw-attr-legend" },
      h("i", { class: "sw-swatch", "data-sign": "up" }),
      "raises",
      h("i", { class: "sw-swatch", "data-sign": "down" }),
      "lowers; one scale for all columns, \u25B8 a bar longer than the scale"
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
@container (max-width: 620px) { .sw-attr-row { grid-template-columns: repeat(var(--columns, 3), 1fr); } .sw-attr-name, .sw-attr-head > .sw-label { grid-column: 1 / -1; } .sw-attr-value { width: 48px; } }
${COMBOBOX_CSS}${STRIP_CSS}`;

// widgets/click_test.js
var click_test_exports = {};
__export(click_test_exports, {
  render: () => render2
});
function render2({ model, el }) {
  const line = h("p", { class: "sw-click-test", role: "status" });
  const draw = () => {
    line.textContent = model.get("verdict");
  };
  const stop = listen(model, ["verdict"], draw);
  draw();
  el.append(line);
  model.send({ kind: "click" });
  return () => {
    stop();
    line.remove();
  };
}

// widgets/steering_panel.js
var steering_panel_exports = {};
__export(steering_panel_exports, {
  css: () => css3,
  render: () => render3
});

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
  const plain2 = text.trim().replace(",", ".").replace("\u2212", "-");
  if (plain2 === "" || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain2)) return null;
  const value = Number(plain2);
  return Number.isFinite(value) ? value : null;
}
function steerRow(feature, { onStrength, onMode, onRemove, onBad }) {
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
    slider.disabled = exact.disabled = isAblated;
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
    const [text, , p, plain2, kl] = rows[i];
    const words = [`${spokenToken(text)}, token ${i + 1} of ${rows.length}`, `log-probability ${number(p)}`];
    if (tinted) words.push(`unsteered ${number(plain2)}`, likelier(p - plain2), `KL ${number(kl)} nats`);
    return words.join(", ");
  }
  function tip(i) {
    const [text, id, p, plain2, kl] = rows[i];
    const row = (name, logp) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(logp, 4)), h("td", {}, percent(Math.exp(logp))));
    return [
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(text)), h("span", { class: "sw-muted" }, `token ${i + 1}, id ${id}`)),
      h(
        "table",
        { class: "sw-stream-table" },
        h("tr", {}, h("td"), h("th", { scope: "col" }, "log p"), h("th", { scope: "col" }, "p")),
        tinted && row("steered", p),
        row("unsteered", tinted ? plain2 : p)
      ),
      tinted && h("div", {}, `${signedFixed(p - plain2, 2)} nats: ${likelier(p - plain2)} through steering`),
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
function render3({ model, el, ask, offline, theme }) {
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
  let moved2 = {};
  const sendMoved = throttle(() => {
    const strengths = { ...sliders().strengths, ...moved2 };
    moved2 = {};
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
        moved2[feature] = value;
        if (isFinal) sendMoved.flush();
        if (isFinal && feature in moved2) sendMoved();
        else if (!isFinal && model.get("update") !== "release") sendMoved();
      },
      onMode: (mode) => write(model, { modes: { ...sliders().modes, [feature]: mode } }),
      onRemove() {
        const { features, strengths, modes } = sliders();
        const without = (map) => Object.fromEntries(Object.entries(map).filter(([key]) => Number(key) !== feature));
        const next = features[features.indexOf(feature) + 1] ?? features[features.indexOf(feature) - 1];
        write(model, { features: features.filter((f) => f !== feature), strengths: without(strengths), modes: without(modes) });
        (rows.get(next)?.slider ?? search2.input).focus();
      },
      onBad: say
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
        moved2[feature] ?? strengths[feature] ?? 0,
        /** @type {any} */
        modes[feature] ?? "add"
      );
    });
    describe2();
  }
  function describe2() {
    const known = new Map((model.get("rows") ?? []).map((info) => [info.feature, info]));
    for (const [feature, row] of rows) row.describe(known.get(feature));
  }
  const search2 = combobox({
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
  stops.push(search2.stop);
  const restore = (state2) => {
    if (!state2) return;
    moved2 = {};
    write(model, { ...state2 });
    drawButtons();
  };
  const undo = () => (remember.flush(), restore(history.undo()));
  const redo = () => (remember.flush(), restore(history.redo()));
  const button2 = (text, title, onclick) => needsKernel(h("button", { class: "sw-btn sw-plain", type: "button", title, onclick }, text), offline);
  const undoButton = button2("Undo", "Undo (Ctrl+Z)", undo);
  const redoButton = button2("Redo", "Redo (Ctrl+Shift+Z)", redo);
  const presets = presetMenu({ model, offline, local, current: sliders, restore });
  const zero = button2("All to 0", "Set every slider to 0, mode add", () => restore({ features: sliders().features, strengths: Object.fromEntries(sliders().features.map((f) => [f, 0])), modes: {} }));
  const reset = button2("Reset", "Back to how the panel began", () => restore(initial));
  const copy = button2("Copy as code", "Python that makes this panel and its text again", async () => {
    const { value } = await ask("code");
    await copyText(value, copy);
    if (copy.textContent !== "Copied") fill(local, h("pre", { class: "sw-mono sw-steer-code", tabindex: "0" }, visible(value)));
  });
  stops.push(on(el, "keydown", (event) => {
    const target = (
      /** @type {HTMLElement} */
      event.target
    );
    if (!(event.ctrlKey || event.metaKey) || target === prompt.node || target === search2.input) return;
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
  const plain2 = streamText({ label: "Unsteered text", tinted: false, theme: theme.name });
  const steered = streamText({ label: "Steered text", tinted: true, theme: theme.name, onActive: (i) => markBar(i) });
  const panes = { plain: plain2, steered };
  let run = -1;
  let plainKey = "";
  let isSteered = false;
  const kl = h("span", { class: "sw-small sw-muted" });
  const spark = h("svg", { class: "sw-spark", height: 20, role: "img", "aria-label": "KL to the unsteered model per token" });
  const state = h("span", { class: "sw-small sw-muted" });
  const go = h("button", { class: "sw-btn", type: "button" }, "Stop");
  stops.push(on(go, "click", () => model.send({ kind: go.dataset.kind })), plain2.stop, steered.stop);
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
      plain2.setPrompt(content.prompt);
      steered.begin();
      if (content.plain_key !== plainKey) plain2.begin();
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
  for (const control of [search2.input, dice, where, ...inputs.values()]) needsKernel(control, offline);
  el.classList.add("sw-steer");
  el.append(
    prompt.node,
    h(
      "div",
      { class: "sw-steer-features" },
      list,
      h("div", { class: "sw-row" }, h("div", { class: "sw-grow sw-steer-search" }, search2.node), undoButton, redoButton, zero, reset, presets.node)
    ),
    h(
      "div",
      { class: "sw-row sw-steer-tools" },
      SETTINGS.map(([name, text]) => h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, text), inputs.get(name), name === "seed" && dice)),
      h("label", { class: "sw-steer-field" }, h("span", { class: "sw-muted sw-small" }, "Steer"), where),
      h("span", { class: "sw-grow" }),
      copy,
      go
    ),
    local,
    h(
      "div",
      { class: "sw-steer-texts" },
      h("section", { class: "sw-card", "aria-label": "Unsteered text" }, h("div", { class: "sw-steer-head" }, h("span", { class: "sw-label" }, "Unsteered")), plain2.node),
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
    listen(model, ["rows"], describe2),
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
var css3 = `
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
.sw-steer-code { margin: 0 0 8px; padding: 8px 10px; border-radius: var(--sw-radius); background: var(--sw-raised); font-size: 12px; overflow: auto; max-height: 260px; }
.sw-steer-local:not(:empty) { margin-bottom: 8px; }
.sw-spark { display: block; flex: 0 1 auto; overflow: hidden; }
.sw-spark rect { fill: var(--sw-muted); opacity: .6; } .sw-spark .sw-on { fill: var(--sw-accent); opacity: 1; }
@container (max-width: 640px) { .sw-steer-texts { grid-template-columns: 1fr; } }
${COMBOBOX_CSS}${STREAM_CSS}${STEER_ROW_CSS}`;

// widgets/token_heatmap.js
var token_heatmap_exports = {};
__export(token_heatmap_exports, {
  css: () => css4,
  render: () => render4
});

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
  let isFocused = false;
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
    return h(
      "div",
      {
        class: `sw-fl-row${isFocused && i === active ? " sw-fl-active" : ""}`,
        role: "option",
        id: `${id}-${i}`,
        "aria-selected": String(entry.isSelected),
        "aria-setsize": String(entries.length),
        "aria-posinset": String(i + 1),
        "aria-label": `Feature ${entry.feature}${words ? `, ${words}` : ""}, ${entry.detail}`,
        title: `${entry.feature}${words ? ` ${words}` : ""}
${entry.detail}`,
        "data-index": String(i),
        style: { top: `${i * ROW}px` }
      },
      h("span", { class: "sw-fl-id", style: color ? { "border-color": color } : {} }, String(entry.feature)),
      h("span", { class: "sw-fl-label sw-ellipsis sw-token" }, words),
      h("i", { class: "sw-fl-bar", style: { width: `${44 * Math.min(1, Math.max(0, entry.share))}px`, ...color && { background: color } } }),
      h("span", { class: "sw-num sw-fl-value" }, entry.value === 0 ? "\u2013" : number(entry.value)),
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
      (wantsMore ? onToggle : onShow)(entry.feature);
    }),
    on(view, "pointerover", (event) => onPreview(under(event)?.feature ?? null)),
    on(view, "pointerleave", () => onPreview(null)),
    on(view, "focus", () => {
      isFocused = view.matches(":focus-visible");
      draw();
    }),
    on(view, "blur", () => {
      isFocused = false;
      onPreview(null);
      draw();
    }),
    on(view, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !entries.length) return;
      isFocused = true;
      const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -entries.length, End: entries.length }[
        /** @type {string} */
        event.key
      ];
      if (step !== void 0) go(active + step);
      else if (event.key === "Enter" || event.key === " ") onShow(entries[active].feature);
      else if (event.key === "+" || event.key === "-" || event.key === "=") onToggle(entries[active].feature);
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
.sw-fl-active { box-shadow: inset 0 0 0 2px var(--sw-accent); }
.sw-fl-bar { flex: none; height: 8px; border-radius: 2px; background: var(--sw-muted); opacity: .8; }
.sw-fl-value { min-width: 38px; }
.sw-fl-id { font-family: var(--sw-mono); color: var(--sw-muted); border-inline-start: 3px solid transparent; padding-inline-start: 5px; }
.sw-fl-label { flex: 1 1 0; white-space: nowrap; }
.sw-fl-add { width: 20px; text-align: center; color: var(--sw-muted); border-radius: 4px; visibility: hidden; }
.sw-fl-add:hover { background: var(--sw-line); color: var(--sw-fg); }
.sw-fl-row:hover .sw-fl-add, .sw-fl-row[aria-selected="true"] .sw-fl-add, .sw-fl-active .sw-fl-add { visibility: visible; }
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
  function arrange2() {
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
  const innerWidth2 = (i) => Math.max(4, layout.width[i] - LEAD * content.leads[i]);
  function drawToken(i, x, y) {
    const look = content.look(i);
    const w = innerWidth2(i);
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
      arrange2();
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
      arrange2();
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
    place: (i) => ({ x: left(i), y: 6 + layout.row[i] * rowHeight - view.scrollTop, width: innerWidth2(i), height: 22 }),
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
var TYPING_MS2 = 250;
var MODES2 = [["strongest", "Strongest", "The strongest feature of each token"], ["feature", "One feature", "One feature's intensity over the text"], ["overlay", "Overlay", "Several features in different hues"]];
var SORTS = [["max", "by peak"], ["mean", "by mean"], ["count", "by tokens"]];
function render4({ model, el, root, ask, offline, theme }) {
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
  const promptId = uniqueId("prompt");
  const prompt = needsKernel(h("textarea", {
    class: "sw-textarea",
    id: promptId,
    rows: "2",
    spellcheck: "false",
    placeholder: "Type a prompt\u2026",
    oninput: () => sendPrompt(prompt.value),
    onkeydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && sendPrompt.flush()
  }), offline);
  const promptBox2 = h("div", { class: "sw-th-prompt" }, h("label", { class: "sw-label", for: promptId }, "Prompt"), prompt);
  const sendPrompt = debounce((text) => set({ prompt: text, pinned: null }), TYPING_MS2);
  const modes = h(
    "div",
    { class: "sw-seg", role: "radiogroup", "aria-label": "What the colours show" },
    MODES2.map(([mode, words, why]) => h("button", { class: "sw-btn", type: "button", role: "radio", "data-mode": mode, title: why, onclick: () => setMode(mode) }, words))
  );
  const toggle = (trait, words, why, isOpposite = false) => h("button", { class: "sw-btn sw-th-toggle", type: "button", title: why, "aria-label": why, "data-trait": trait, "data-opposite": isOpposite, onclick: () => set({ [trait]: !get(trait) }) }, words);
  const toggles = h(
    "div",
    { class: "sw-seg" },
    toggle("show_spaces", "\xB7 spaces", "Show marks for spaces"),
    toggle("show_newlines", "\u21B5 lines", "Show marks for line ends"),
    toggle("dim_bos", "BOS", "Count special tokens such as BOS: colour them and let them set the scale", true)
  );
  const scale = h(
    "select",
    { class: "sw-select", "aria-label": "What full colour means", title: "What full colour means", onchange: () => set({ scale: scale.value }) },
    h("option", { value: "prompt" }, "scale: this prompt"),
    h("option", { value: "feature" }, "scale: feature\u2019s maximum")
  );
  const step = (words, why, fn) => h("button", { class: "sw-btn sw-icon", type: "button", title: why, "aria-label": why, onclick: fn }, words);
  const jumps = h(
    "div",
    { class: "sw-row sw-th-jumps" },
    step("\u2039", "Previous peak (p)", () => jump(-1)),
    step("max", "Jump to the maximum (m)", jumpToMax),
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
    onShow: (feature) => set(get("mode") === "overlay" ? toggled(feature) : { features: [feature], mode: "feature" }),
    onToggle: (feature) => set({ ...toggled(feature), mode: "overlay" }),
    onPreview(feature) {
      if (preview === feature) return;
      preview = feature;
      drawColours();
    }
  });
  const find = h("input", { class: "sw-input", type: "search", placeholder: "Number, label or token", "aria-label": "Search a feature", oninput: () => searchFor(find.value), onkeydown: onSearchKey });
  const order = h("select", { class: "sw-select", "aria-label": "Order of the features", onchange: () => set({ sort: order.value }) }, SORTS.map(([value, words]) => h("option", { value }, words)));
  const counted = h("span", { class: "sw-small sw-muted sw-grow" });
  const side = h("div", { class: "sw-th-side sw-card" }, h("div", { class: "sw-th-find" }, find, h("div", { class: "sw-row" }, counted, order)), list.node);
  const stage = h("div", { class: "sw-th-stage" }, tokens.node, tip);
  const body = h("div", { class: "sw-th-body" }, h("div", { class: "sw-th-main" }, stage, detail), side);
  el.append(promptBox2, controls, legend, body, live);
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
    for (const button2 of modes.children) {
      const isOn = button2.dataset.mode === get("mode");
      button2.setAttribute("aria-checked", String(isOn));
      button2.tabIndex = isOn ? 0 : -1;
    }
    for (const button2 of toggles.children) button2.setAttribute("aria-pressed", String(get(button2.dataset.trait) !== (button2.dataset.opposite !== void 0)));
    scale.value = get("scale");
    order.value = get("sort");
    promptBox2.hidden = !get("has_model") && !get("prompt");
    if (document.activeElement === null || /** @type {any} */
    root.getRootNode().activeElement !== prompt) prompt.value = visible(get("prompt"));
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
    const words = isRemovable ? `Take feature ${name(feature)} out` : `Show feature ${name(feature)} alone`;
    return h(
      "button",
      { class: "sw-btn sw-plain sw-th-chip", type: "button", title: words, "aria-label": words, onclick: () => set(isRemovable ? toggled(feature) : { features: [feature], mode: "feature" }) },
      h("i", { class: "sw-swatch", style: { background: color } }),
      h("span", { class: "sw-mono" }, String(feature)),
      h("span", { class: "sw-ellipsis sw-token" }, visible(label(feature))),
      isRemovable && h("span", { "aria-hidden": "true" }, "\xD7")
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
      detail: `peak ${number(line.peak)} on ${quotedToken(
        /** @type {any} */
        heat2.tokens[line.position],
        30
      )}, ${plural(line.count, "token")}`
    }));
    const here = new Set(known.map((line) => line.feature));
    for (const { feature, label: words } of elsewhere) {
      if (!here.has(feature)) entries.push({ feature, label: words, value: 0, share: 0, color: color(feature), isSelected: selected.has(feature), detail: "does not fire here" });
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
        pinned !== null && h("button", { class: "sw-btn sw-plain", type: "button", onclick: () => pin(null) }, "Unpin")
      ),
      h("div", { class: "sw-th-firing" }, firing(i).slice(0, 16).map((entry) => h(
        "button",
        { class: "sw-btn sw-th-fire", type: "button", title: `Show feature ${name(entry.feature)}`, onclick: () => set(get("mode") === "overlay" ? toggled(entry.feature) : { features: [entry.feature], mode: "feature" }) },
        h("span", { class: "sw-mono sw-muted" }, String(entry.feature)),
        h("span", { class: "sw-ellipsis sw-token" }, visible(label(entry.feature))),
        h("span", { class: `sw-num${entry.value ? "" : " sw-muted"}` }, number(entry.value))
      )))
    );
  }
  function showTip(i) {
    tip.hidden = i === null || !heat2;
    if (i === null || !heat2) return;
    fill(
      tip,
      h("div", { class: "sw-row" }, h("b", { class: "sw-token" }, quotedToken(heat2.tokens[i])), h("span", { class: "sw-muted" }, `position ${i}`)),
      firing(i).slice(0, 5).map((entry) => h("div", { class: "sw-th-tiprow" }, h("span", { class: "sw-mono sw-muted" }, String(entry.feature)), h("span", { class: "sw-ellipsis sw-token" }, visible(label(entry.feature))), h("span", { class: "sw-num" }, number(entry.value))))
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
    const at = MODES2.findIndex(([mode]) => mode === get("mode"));
    setMode(MODES2[(at + shift + MODES2.length) % MODES2.length][0]);
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
    listen(model, ["mode", "show_spaces", "show_newlines", "dim_bos", "sort", "prompt", "has_model"], drawAll),
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
    sendPrompt.flush();
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
var css4 = `${TOKEN_CANVAS_CSS}${FEATURE_LIST_CSS}
.sw-th-prompt { margin-bottom: 8px; }
.sw-th-prompt label { display: block; margin-bottom: 2px; }
.sw-th-toggle { min-width: 30px; justify-content: center; }
.sw-th-jumps { gap: 2px; }
.sw-th-legend { min-height: 30px; margin: 6px 0 4px; gap: 2px 6px; }
.sw-th-legend .sw-row { gap: 6px; }
.sw-th-chip { padding: 0 6px; min-height: 24px; max-width: 240px; color: var(--sw-fg); font-size: 12px; }
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

// widgets/training_panel.js
var training_panel_exports = {};
__export(training_panel_exports, {
  css: () => css5,
  join: () => join,
  render: () => render5,
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
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.9999) ?? rough;
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
  let column2 = NaN;
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
      column2 = NaN;
      continue;
    }
    if (Math.floor(px) !== column2) {
      flush();
      column2 = Math.floor(px);
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
var PAD2 = { left: 46, right: 8, top: 6, bottom: 18 };
var HEIGHT = 136;
var LABEL_ROW = 13;
function lineChart({ title, log = false, isLabelled = () => true, onCursor }) {
  const reading = h("span", { class: "sw-num" });
  const [gridLayer, markLayer, lineLayer, cursorLayer] = [0, 1, 2, 3].map(() => h("g"));
  const picture2 = h("svg", { "aria-hidden": "true", height: HEIGHT }, gridLayer, markLayer, lineLayer, cursorLayer);
  const legend = h("div", { class: "sw-chart-legend sw-row sw-small" });
  const caption = h("figcaption", { class: "sw-row" }, h("b", { class: "sw-grow sw-ellipsis sw-small" }, title), reading);
  const element = h("figure", { class: "sw-chart" }, caption, picture2, legend);
  let width = 0;
  let height = HEIGHT;
  let top = PAD2.top;
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
    const step = frame.x.value(Math.min(width - PAD2.right, Math.max(PAD2.left, event.clientX - box.left)));
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
    top = PAD2.top + LABEL_ROW * nLabelRows;
    height = HEIGHT + top - PAD2.top;
    picture2.setAttribute("height", String(height));
    picture2.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const range = extent(series.map((s) => s.values), useLog);
    const [lo, hi] = range ? padded(range[0], range[1], useLog) : [0, 1];
    frame = {
      x: makeScale(view.domain[0], Math.max(view.domain[1], view.domain[0] + 1), PAD2.left, width - PAD2.right),
      y: makeScale(lo, hi, height - PAD2.bottom, top, useLog),
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
      if (view.tau > 0) nodes.push(h("path", { class: `sw-line sw-raw sw-c${i % 6}`, d: pathData(s.steps, s.values, x, y) }));
      nodes.push(h("path", { class: `sw-line sw-c${i % 6}`, d: pathData(s.steps, smoothed[i], x, y) }));
      if (s.steps.length === 1) {
        const cy = y.px(s.values[0]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point sw-c${i % 6}`, r: 2.5, cx: x.px(s.steps[0]), cy }));
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
      nodes.push(h("line", { class: "sw-crosshair", x1: px, x2: px, y1: top, y2: height - PAD2.bottom }));
    }
    const entries = series.map((s, i) => {
      const k = Number.isFinite(at) ? nearest(s.steps, at) : s.steps.length - 1;
      if (k >= 0 && Number.isFinite(at)) {
        const cy = y.px(tau > 0 ? smoothed[i][k] : s.values[k]);
        if (Number.isFinite(cy)) nodes.push(h("circle", { class: `sw-point sw-c${i % 6}`, r: 3, cx: x.px(s.steps[k]), cy }));
      }
      const value = exact.get(s.name) ?? (k >= 0 ? s.values[k] : NaN);
      return { label: s.label, value: formatValue(value), color: `sw-c${i % 6}` };
    });
    cursorLayer.replaceChildren(...nodes);
    reading.textContent = entries.length === 1 ? entries[0].value : "";
    paintLegend(legend, entries.length > 1 ? entries : []);
  }
  return {
    element,
    draw(nextSeries, nextView) {
      series = nextSeries;
      view = nextView;
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
function longest(series) {
  return series.reduce((best, s) => !best || s.steps.length > best.steps.length ? s : best, void 0);
}
function paintGrid(layer, x, y, { width, height, isEmpty }) {
  const nodes = [];
  const ticks = isEmpty ? [] : y.log ? logTicks(y.lo, y.hi, 4) : linearTicks(y.lo, y.hi, 4);
  for (const tick of ticks) {
    const py = y.px(tick).toFixed(1);
    nodes.push(h("line", { class: "sw-grid", x1: PAD2.left, x2: width - PAD2.right, y1: py, y2: py }));
    nodes.push(h("text", { class: "sw-tick", x: PAD2.left - 6, y: py, "text-anchor": "end", "dominant-baseline": "middle" }, formatValue(tick, 3)));
  }
  const base = height - PAD2.bottom;
  nodes.push(h("line", { class: "sw-axis", x1: PAD2.left, x2: width - PAD2.right, y1: base, y2: base }));
  for (const tick of linearTicks(x.lo, x.hi, Math.max(3, Math.floor(width / 80))).filter(Number.isInteger)) {
    const px = x.px(tick);
    const anchor = px > width - PAD2.right - 14 ? "end" : px < PAD2.left + 8 ? "start" : "middle";
    nodes.push(h("text", { class: "sw-tick", x: px.toFixed(1), y: height - 5, "text-anchor": anchor }, formatCount(tick)));
  }
  if (isEmpty) {
    nodes.push(h("text", { class: "sw-empty", x: (PAD2.left + width) / 2, y: height / 2 - 4, "text-anchor": "middle" }, "no values yet"));
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
    const from = place?.row >= 0 ? PAD2.top + LABEL_ROW * place.row - 4 : top;
    return h("line", { class: "sw-mark", x1: px, x2: px, y1: from, y2: height - PAD2.bottom });
  });
  for (const [i, { row, anchor, x: at }] of places.entries()) {
    if (row < 0) continue;
    nodes.push(h("text", { class: "sw-mark-label", x: at.toFixed(1), y: PAD2.top + 5 + row * LABEL_ROW, "text-anchor": anchor }, named[i].label));
  }
  layer.replaceChildren(...nodes);
}
function paintLegend(legend, entries) {
  legend.replaceChildren(...entries.map(({ label, value, color }) => h("span", { class: color }, h("i"), h("span", { class: "sw-muted" }, label), h("span", {}, value))));
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
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function render5({ model, el, ask, offline }) {
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
  const parts = [header.element, numbers.element, notice, outcome.element, bar, plots.element, twin.element];
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
    settings.draw(model.get("settings"), offline || isOver);
  }
  function drawCurves() {
    plots.draw();
    look.draw(plots.span());
    twin.draw(plots.curves(), model.get("charts"), model.get("marks"));
  }
  const paint = perFrame(drawCurves);
  const stops = [
    listen(model, ["run_state", "title", "outcome", "settings"], drawState),
    listen(model, ["curves", "tail", "marks", "charts", "log_scale", "smoothing"], paint),
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
      setText(title, text);
      title.title = text;
    },
    draw(now, asked) {
      isPaused = now.status === "paused";
      const pending = { stop: "Stopping", pause: "Pausing", resume: "Resuming" }[asked ?? ""];
      setText(pill, pending ?? now.status[0].toUpperCase() + now.status.slice(1));
      pill.dataset.state = bar.dataset.state = asked === "stop" ? "stopping" : now.status;
      setText(pause, isPaused ? "Resume" : "Pause");
      setText(save, asked === "checkpoint" ? "Saving\u2026" : "Checkpoint");
      const isEnding = FINAL.has(now.status) || offline || now.status === "stopping" || asked === "stop";
      pause.disabled = isEnding || Boolean(pending);
      save.disabled = isEnding || asked === "checkpoint";
      stop.disabled = isEnding;
      const percent2 = now.total_tokens ? Math.min(100, 100 * now.n_tokens / now.total_tokens) : 0;
      done.style.width = `${percent2}%`;
      bar.setAttribute("aria-valuenow", percent2.toFixed(1));
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
    draw: (now) => rows.forEach(([, read], i) => read(now).forEach((text, k) => setText(cells[i][k], text ?? "")))
  };
}
var describe = ({ text, done, total }) => total > 0 ? `${text} ${count(done)}/${count(total)}` : text;
function settingsPart(set) {
  const element = h("div", { class: "sw-row sw-fields", role: "group", "aria-label": "Settings that can be changed while training" });
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
      setText(message, isChanged() ? `now ${plain(value)}` : "");
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
        setText(message, error instanceof Error ? error.message : String(error));
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
    mark();
    element.append(h("form", { onsubmit: submit }, h("label", { for: id }, label), h("div", {}, input, apply), message));
    return (now, isOver) => {
      input.disabled = isOver;
      if (now === value) return;
      const isUntouched = !isChanged();
      value = now;
      if (isUntouched) input.value = plain(now);
      mark();
    };
  }
  return {
    element,
    draw(settings, isOver) {
      for (const setting of settings) {
        const field = known.get(setting.name) ?? makeField(setting);
        known.set(setting.name, field);
        field(setting.value, isOver);
      }
    }
  };
}
function plain(value) {
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
      setText(readout, steps > 0 ? `over ${formatCount(Math.max(1, steps))} steps` : "off");
      slider.setAttribute("aria-valuetext", readout.textContent ?? "");
      const at = Number(model.get("cursor_step"));
      setText(where, at >= 0 ? `at step ${count(at)}` : "newest values");
    }
  };
}
var MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
var NO_POINTS = new Float32Array(0);
function plotsPart(model, ask) {
  const element = h("div", {
    class: "sw-charts",
    tabindex: "0",
    role: "slider",
    "aria-label": "Step under the crosshair",
    onkeydown: onKey,
    "aria-description": "Arrow keys move by one point, Page Up and Page Down by ten, Home and End to the ends, Escape leaves"
  });
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
    for (const [i, { title, names, labels, log, marked }] of shown.entries()) {
      const isLabelled = ({ name }) => marked === true || Array.isArray(marked) && marked.includes(name);
      const chart = charts.get(title) ?? lineChart({ title, log, isLabelled, onCursor: setCursor });
      if (element.children[i] !== chart.element) element.insertBefore(chart.element, element.children[i] ?? null);
      charts.set(title, chart);
      chart.draw(names.map((name, k) => ({ name, label: labels[k], ...curves.get(name) ?? { steps: NO_POINTS, values: NO_POINTS } })), view);
    }
    describeCursor();
  }
  function showCursor() {
    for (const chart of charts.values()) chart.moveCursor(cursor(), exact);
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
    const told = Number.isNaN(at) ? [] : [...curves].map(([name, c]) => `${name} ${formatValue(exact.get(name) ?? c.values[nearest(c.steps, step)])}`);
    const text = told.length ? `step ${step}: ${told.join(", ")}` : "no step chosen, showing the newest values";
    for (const [name, value] of [["min", lo], ["max", hi], ["now", step], ["text", text]]) element.setAttribute(`aria-value${name}`, String(value));
  }
  return {
    element,
    draw,
    moveCursor,
    span,
    curves: () => curves,
    destroy() {
      clearTimeout(exactTimer);
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
      const key = JSON.stringify([now.status, now.error, now.checkpoint, outcome]);
      if (key === shown) return;
      shown = key;
      element.hidden = !isOver && !now.error && !now.checkpoint;
      element.dataset.state = now.error ? "failed" : "";
      const saved = isOver && now.status !== "failed" ? outcome?.saved : now.checkpoint;
      fill(
        element,
        now.error && h("p", { class: "sw-token", role: "alert" }, h("b", {}, isOver ? "Training failed: " : "Training goes on, but: "), now.error),
        now.traceback && withCopy(h("details", {}, h("summary", {}, "Traceback"), h("pre", { class: "sw-mono sw-small", tabindex: "0" }, now.traceback)), now.traceback),
        isOver && now.status !== "failed" && h("p", {}, h("b", {}, now.status === "done" ? "Training is done." : "Training was stopped; the SAE is kept as it is.")),
        isOver && now.status !== "failed" && h("dl", { class: "sw-row" }, (outcome?.rows ?? []).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
        saved && h("p", { class: "sw-small" }, isOver ? "Saved in " : "Checkpoint saved in ", h("code", {}, saved)),
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
var css5 = `
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
.sw-state[data-state="failed"]::before { background: var(--sw-bad); border-radius: 2px; }
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
@container (max-width: 760px) { .sw-charts { grid-template-columns: repeat(2, minmax(0, 1fr)); } .sw-numbers { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@container (max-width: 480px) { .sw-charts { grid-template-columns: minmax(0, 1fr); } .sw-numbers { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

// main.js
var VIEWS = {
  attribution_bars: attribution_bars_exports,
  click_test: click_test_exports,
  steering_panel: steering_panel_exports,
  token_heatmap: token_heatmap_exports,
  training_panel: training_panel_exports
};
function render6({ model, el, signal, offline = false }) {
  const name = model.get("_view");
  const view = VIEWS[name];
  const host = h("div");
  const shadow = host.attachShadow({ mode: "open" });
  const box = h("div", { class: "sw-view" });
  const root = h("div", { class: "sw-root", "data-view": name, "data-offline": offline ? "true" : false });
  const ending = new AbortController();
  const stops = [];
  el.append(host);
  shadow.append(h("style", {}, THEME_CSS + (view?.css ?? "")), root);
  root.append(box);
  const asking = makeAsk(model);
  const foot = makeFoot(model);
  root.append(foot.node);
  const watched = offline ? { model, stop() {
  } } : watchKernel(model, asking.ping, (state) => foot.say(NOTICES[state]), () => el.closest(".jupyter-widgets-disconnected") !== null);
  const themed = /* @__PURE__ */ new Set();
  stops.push(asking.stop, foot.stop, watched.stop, keepKeys(root, el), watchTheme(root, () => themed.forEach((fn) => fn())));
  try {
    if (!view) throw new Error(`There is no view named ${JSON.stringify(name)}.`);
    const theme = { name: () => (
      /** @type {any} */
      root.dataset.theme ?? "light"
    ), onChange: (fn) => void themed.add(fn) };
    const cleanup = view.render({ model: watched.model, el: box, root, ask: asking.ask, signal: ending.signal, offline, theme });
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
function mountSaved(page) {
  const el = page.getElementById("sae-widget");
  const text = page.getElementById("sae-widget-state")?.textContent;
  if (!el || !text) return;
  const answer = { type: "OfflineError", message: "This needs a running kernel; this is a saved page." };
  const model = makeHost(parseState(text), (content, reply) => {
    if (content?.kind === "req") reply({ kind: "res", id: content.id, ok: false, error: answer });
  });
  render6({ model, el, offline: true });
}
var main_default = { render: render6 };
export {
  main_default as default,
  mountSaved
};
