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

// lib/format.js
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

// widgets/click_test.js
var click_test_exports = {};
__export(click_test_exports, {
  render: () => render
});
function render({ model, el }) {
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

// click_test.entry.js
var click_test_entry_default = { render: (props) => show(click_test_exports, props) };
function mountSaved(page) {
  mount(click_test_exports, page);
}
export {
  click_test_entry_default as default,
  mountSaved
};
