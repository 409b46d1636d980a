// @ts-check
// Boxes that float over the page: in the browser's top layer, because a notebook cuts off what leaves an output.
import { on } from "./dom.js";

/**
 * Let `box` float at an anchor while it is open; until then it is not shown.
 * @param {HTMLElement} box must be in the document when it opens
 * @param {{ width?: "anchor" }} [options] "anchor": at least as wide as the anchor
 */
export function floating(box, options = {}) {
  /** @type {(() => void)[]} */
  let stops = [];
  /** @type {Element | null} */
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
    if (isOpen()) /** @type {any} */ (box).hidePopover?.();
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
        /** @type {any} */ (box).showPopover?.();
        stops = [on(window, "scroll", place, { capture: true, passive: true }), on(window, "resize", place)];
      }
      place();
    },
    place,
    close,
  };
}

/**
 * A box that floats at a control while it is used: Escape, a press elsewhere and focus elsewhere close it.
 * @param {HTMLElement} place where it stands in the page
 * @param {HTMLElement} box
 */
export function popover(place, box) {
  const float = floating(box);
  /** @type {HTMLElement | null} */
  let anchor = null;
  place.append(box);

  function close() {
    if (!float.isOpen()) return;
    const hadFocus = box.contains(/** @type {any} */ (box.getRootNode()).activeElement);
    float.close();
    if (hadFocus) anchor?.focus();
  }

  const stops = [
    on(box, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
    }),
    on(document, "pointerdown", (event) => {
      if (!event.composedPath().includes(box) && !event.composedPath().includes(anchor)) close();
    }, { capture: true }),
    on(box, "focusout", (event) => {
      if (event.relatedTarget && event.relatedTarget !== anchor && !box.contains(event.relatedTarget)) close(); // the anchor's own click decides
    }),
  ];
  return {
    isOpen: float.isOpen,
    /** @param {HTMLElement} at */
    open(at) {
      anchor = at;
      float.open(at);
    },
    close,
    stop() {
      close();
      for (const stop of stops) stop();
    },
  };
}
