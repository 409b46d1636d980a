import assert from "node:assert/strict";
import test from "node:test";

import { join, smoothingSteps, unpack } from "../widgets/training_panel.js";

/** @param {Record<string, [number[], number[]]>} curves @param {number} [offset] bytes before the data, as a message has */
function packed(curves, offset = 0) {
  const names = Object.keys(curves);
  const numbers = Object.values(curves).flatMap(([steps, values]) => [...steps, ...values]);
  const buffer = new ArrayBuffer(offset + 4 * numbers.length);
  const view = new DataView(buffer, offset);
  numbers.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return { names, counts: names.map((name) => curves[name][0].length), data: view };
}

test("packed curves are read wherever their buffer starts", () => {
  for (const offset of [0, 4, 3]) {
    const curves = unpack(packed({ loss: [[1, 2], [0.5, 0.25]], l0: [[2], [31]] }, offset));
    assert.deepEqual([...curves.keys()], ["loss", "l0"]);
    assert.deepEqual([...(curves.get("loss")?.values ?? [])], [0.5, 0.25]);
    assert.deepEqual([...(curves.get("l0")?.steps ?? [])], [2]);
  }
});

test("nothing sent yet is no curve", () => {
  assert.equal(unpack({}).size, 0);
  assert.equal(unpack(null).size, 0);
});

test("the tail follows the whole, and may bring a curve of its own", () => {
  const whole = unpack(packed({ loss: [[1, 2], [5, 4]] }));
  const joined = join(whole, unpack(packed({ loss: [[3], [3]], dead: [[3], [7]] })));
  assert.deepEqual([...(joined.get("loss")?.steps ?? [])], [1, 2, 3]);
  assert.deepEqual([...(joined.get("dead")?.values ?? [])], [7]);
  assert.deepEqual([...(whole.get("loss")?.steps ?? [])], [1, 2], "what was kept is unchanged");
});

test("smoothing grows with the slider and never exceeds a quarter of the run", () => {
  assert.equal(smoothingSteps(0, 1000), 0);
  assert.equal(smoothingSteps(1, 1000), 250);
  assert.ok(smoothingSteps(0.2, 1000) < smoothingSteps(0.4, 1000));
});
