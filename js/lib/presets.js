// @ts-check
// Named slider settings, kept in the trait `presets`, so that they are saved with the notebook's state and shared by views.
import { fill, h, listen, needsKernel, on, write } from "./dom.js";
import { shorten, visible } from "./tokens.js";

/**
 * A select that recalls, saves and deletes presets.
 * @template {object} S
 * @param {{ model: any, offline: boolean, local: HTMLElement, current: () => S, restore: (state: S) => void }} props
 *   `local`: where to ask for a name
 */
export function presetMenu({ model, offline, local, current, restore }) {
  const node = needsKernel(h("select", { class: "sw-select sw-presets", "aria-label": "Presets", title: "Saved slider settings" }), offline);
  const saved = () => /** @type {Record<string, S>} */ (model.get("presets") ?? {});
  let last = "";

  function draw() {
    const names = Object.keys(saved());
    if (!names.includes(last)) last = "";
    fill(
      node,
      h("option", { value: "" }, "Presets"),
      names.map((name) => h("option", { value: `=${name}` }, visible(shorten(name, 40)))),
      h("option", { value: "+" }, "Save these sliders\u2026"),
      last && h("option", { value: "-" }, `Delete \u201c${visible(shorten(last, 30))}\u201d`),
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
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
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
