import assert from "node:assert/strict";
import { test } from "node:test";
import { unpackOne } from "../lib/unpack_one.js";
import { numberAt, placed } from "../widgets/toy_model.js";

test("the plane's middle is the picture's, and up is up", () => {
  assert.deepEqual(placed(0, 0), [160, 160]);
  assert.ok(placed(0, 1)[1] < 160 && placed(1, 0)[0] > 160);
});

test("a number stands beyond the end of its direction, and a short one has none", () => {
  const end = placed(1, 0);
  const at = /** @type {[number, number]} */ (numberAt(1, 0));
  assert.ok(at[0] > end[0] && at[0] < 320 && at[1] === end[1]);
  assert.equal(numberAt(0.05, 0.05), null);
});

test("a packed curve is read at any offset, and no curve is empty", () => {
  const numbers = new Float32Array([1, 2, 0.5, 0.25]);
  const shifted = new Uint8Array(1 + 16);
  shifted.set(new Uint8Array(numbers.buffer), 1);
  const { steps, values } = unpackOne({ counts: [2], data: new DataView(shifted.buffer, 1) });
  assert.deepEqual([[...steps], [...values]], [[1, 2], [0.5, 0.25]]);
  assert.equal(unpackOne(undefined).steps.length, 0);
});
