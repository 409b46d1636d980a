import assert from "node:assert/strict";
import test from "node:test";

import { lineLook } from "../lib/chart.js";
import { moved, valuesAt } from "../lib/compare.js";

const curve = (/** @type {number[]} */ steps, /** @type {number[]} */ values) => ({ steps: Float32Array.from(steps), values: Float32Array.from(values) });

test("a row shows the newest value, or that at the crosshair, or none", () => {
  const curves = new Map([["a/l0", curve([1, 5, 9], [30, 20, 10])], ["b/l0", curve([1], [4])], ["a/loss", curve([1], [1])]]);
  assert.deepEqual(valuesAt(curves, ["a", "b"], "l0", NaN), [10, 4]);
  assert.deepEqual(valuesAt(curves, ["a", "b"], "l0", 6), [20, 4]);
  assert.deepEqual(valuesAt(curves, ["a", "c"], "loss", NaN), [1, NaN]);
});

test("keys move between rows and stop at the ends", () => {
  assert.deepEqual(["ArrowDown", "ArrowUp", "Home", "End", "a"].map((key) => moved(key, 1, 3)), [2, 0, 0, 2, 1]);
  assert.equal(moved("ArrowUp", 0, 3), 0);
  assert.equal(moved("ArrowDown", 2, 3), 2);
});

test("the first 24 lines all look different, and not by colour alone beyond six", () => {
  const looks = Array.from({ length: 24 }, (_, i) => lineLook(i));
  assert.equal(new Set(looks).size, 24);
  assert.equal(lineLook(0), "sw-c0");
  assert.equal(lineLook(6), "sw-c0 sw-d1");
});
