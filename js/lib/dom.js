// @ts-check
// Small helpers over the DOM. Text always enters as a text node, so model text can never become markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG_TAGS = new Set(["svg", "g", "path", "rect", "line", "circle", "polyline", "polygon", "text", "defs", "clipPath", "pattern", "title", "use"]);
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * An element: attributes and properties from `props` (`onclick` and the like listen, `style` takes an object, `hint` is
 * both tooltip and spoken name, `false` and `null` leave an attribute out), then children; strings become text nodes.
 * @param {string} tag HTML tag, or an SVG tag (`svg:title` forces SVG)
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const forced = tag.startsWith("svg:");
  const name = forced ? tag.slice(4) : tag;
  const isSvg = forced || (SVG_TAGS.has(name) && name !== "title");
  const node = isSvg ? document.createElementNS(SVG_NAMESPACE, name) : document.createElement(name);
  for (const [key, value] of Object.entries(props)) setProp(node, key, value);
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(asNode(child));
  }
  return node;
}

/** @param {Node | string | number | boolean} child */
function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * @param {any} node
 * @param {string} key
 * @param {any} value
 */
function setProp(node, key, value) {
  if (key.startsWith("on") && typeof value === "function") node.addEventListener(key.slice(2), value);
  else if (key === "style" && value && typeof value === "object") {
    for (const [name, entry] of Object.entries(value)) node.style.setProperty(name, String(entry));
  } else if (key === "hint") {
    node.setAttribute("title", value);
    node.setAttribute("aria-label", value);
  } else if (/^(value|checked|disabled|hidden)$/.test(key)) node[key] = value;
  else if (value === false || value === null || value === undefined) node.removeAttribute(key);
  else node.setAttribute(key, value === true ? "" : String(value));
}

/**
 * Replace what `node` holds.
 * @param {Element | DocumentFragment} node
 * @param {...(Child | Child[])} children
 */
export function fill(node, ...children) {
  const nodes = children.flat().filter((c) => c !== null && c !== undefined && c !== false);
  node.replaceChildren(...nodes.map((c) => asNode(/** @type {any} */ (c))));
}

/**
 * Call `fn` whenever one of `names` changes.
 * @param {any} model
 * @param {string[]} names trait names, or "msg:custom" and other event names with a colon
 * @param {(...args: any[]) => void} fn
 * @returns {() => void} removes every listener
 */
export function listen(model, names, fn) {
  const events = names.map((name) => (name.includes(":") ? name : `change:${name}`));
  for (const event of events) model.on(event, fn);
  return () => {
    for (const event of events) model.off(event, fn);
  };
}

/**
 * Listen to a DOM event.
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: any) => void} fn
 * @param {AddEventListenerOptions} [options]
 * @returns {() => void} removes the listener
 */
export function on(target, type, fn, options) {
  target.addEventListener(type, fn, options);
  return () => target.removeEventListener(type, fn, options);
}

/**
 * Set a trait and send it.
 * @param {any} model
 * @param {Record<string, any>} values
 */
export function write(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

let lastId = 0;

/**
 * An id for `aria-` references, unique on the page's side of a shadow root.
 * @param {string} prefix
 */
export function uniqueId(prefix) {
  lastId += 1;
  return `sw-${prefix}-${lastId}`;
}

/**
 * In a saved page, disable a control that needs the kernel and say why.
 * @template {HTMLElement} T
 * @param {T} control
 * @param {boolean} offline
 * @returns {T}
 */
export function needsKernel(control, offline) {
  if (offline) {
    /** @type {any} */ (control).disabled = true;
    control.title = "Needs a running kernel; this is a saved page.";
    control.setAttribute("aria-description", control.title);
  }
  return control;
}
