import assert from "node:assert/strict";
import test from "node:test";

import { parseStrength, reachFor } from "../lib/steer_row.js";

test("typed strengths: decimal comma, true minus and exponents are numbers", () => {
  assert.equal(parseStrength("2.5"), 2.5);
  assert.equal(parseStrength(" -1,25 "), -1.25);
  assert.equal(parseStrength("\u22120.5"), -0.5);
  assert.equal(parseStrength("1e2"), 100);
  assert.equal(parseStrength(".5"), 0.5);
});

test("what is no finite number is refused", () => {
  for (const text of ["", "NaN", "Infinity", "1e999", "two", "1.2.3", "--1"]) assert.equal(parseStrength(text), null, text);
});

test("the slider reaches as far as the strength", () => {
  assert.equal(reachFor(0), 10);
  assert.equal(reachFor(-3), 10);
  assert.equal(reachFor(-17.2), 18);
});
