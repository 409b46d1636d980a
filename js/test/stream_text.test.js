import assert from "node:assert/strict";
import test from "node:test";

import { FULL_TINT, tintOf } from "../lib/stream_text.js";

test("a tint has the sign of the change and is full at its limit", () => {
  assert.equal(tintOf(FULL_TINT), 1);
  assert.equal(tintOf(-10 * FULL_TINT), -1);
  assert.equal(tintOf(FULL_TINT / 4), 0.5);
});

test("no change, a tiny one and no number give no tint", () => {
  assert.equal(tintOf(0), 0);
  assert.equal(tintOf(0.04), 0);
  assert.equal(tintOf(Number.NaN), 0);
  assert.equal(tintOf(/** @type {any} */ (undefined) - 1), 0);
});
