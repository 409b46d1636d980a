// @ts-check
/** One line of text that sends one message when it is shown; the kernel answers with when it came. */

import { h, listen } from "../lib/dom.js";

/** @param {import("../main.js").ViewProps} props */
export function render({ model, el }) {
  const line = h("p", { class: "sw-click-test", role: "status" });
  const draw = () => { line.textContent = model.get("verdict"); };
  const stop = listen(model, ["verdict"], draw);
  draw();
  el.append(line);
  model.send({ kind: "click" });
  return () => {
    stop();
    line.remove();
  };
}
