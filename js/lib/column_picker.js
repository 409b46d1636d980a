// @ts-check
// A button that opens a box with all columns, to choose which are on view.
import { fill, h } from "./dom.js";
import { popover } from "./floating.js";
import { visible } from "./tokens.js";

/**
 * @param {HTMLElement} place where the box stands in the page
 * @param {{ columns: () => { key: string, title: string, about: string }[], shown: () => string[], setShown: (keys: string[]) => void }} props
 *   no keys: the usual ones
 */
export function columnPicker(place, { columns, shown, setShown }) {
  const open = h("button", { class: "sw-btn", type: "button", "aria-haspopup": "dialog", onclick: toggle }, "Columns");
  const box = h("div", { class: "sw-ch-box sw-cp", role: "dialog", "aria-label": "Columns on view" });
  const float = popover(place, box);

  function toggle() {
    if (float.isOpen()) {
      float.close();
      return;
    }
    const chosen = new Set(shown());
    const check = (/** @type {{ key: string, title: string, about: string }} */ { key, title, about }) =>
      h("label", { class: "sw-check", title: visible(about) }, h("input", { type: "checkbox", checked: chosen.has(key), onchange: (/** @type {any} */ event) => {
        if (event.target.checked) chosen.add(key);
        else chosen.delete(key);
        setShown(columns().map((each) => each.key).filter((each) => chosen.has(each)));
      } }), visible(title));
    fill(box, h("p", { class: "sw-label" }, "Columns"), columns().map(check), h("button", { class: "sw-btn", type: "button", onclick: () => (setShown([]), float.close()) }, "The usual ones"));
    float.open(open);
    box.querySelector("input")?.focus();
  }

  return { open, stop: float.stop };
}

export const COLUMN_PICKER_CSS = `
.sw-cp { display: flex; flex-direction: column; max-height: 340px; overflow: auto; width: 220px; }
`;
