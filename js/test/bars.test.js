import assert from "node:assert/strict";
import test from "node:test";

import { barDomain, barSpan, likelier, signedFixed, strongestFirst } from "../lib/bars.js";

test("bars of one sign use the whole width", () => {
  assert.deepEqual(barDomain([1, 3]), { low: 0, high: 3 });
  assert.deepEqual(barSpan(3, { low: 0, high: 3 }), { left: 0, width: 100, zero: 0, clipped: false });
});

test("negative bars end at zero, positive ones begin there", () => {
  const domain = barDomain([-1, 3]);
  assert.deepEqual(barSpan(-1, domain), { left: 0, width: 25, zero: 25, clipped: false });
  assert.deepEqual(barSpan(3, domain), { left: 25, width: 75, zero: 25, clipped: false });
});

test("a huge remainder is clipped and does not squash the features", () => {
  const domain = barDomain([0.5, -0.25], [40]);
  assert.equal(domain.high, 0.625);
  assert.equal(barSpan(40, domain).clipped, true);
  assert.equal(barSpan(0.5, domain).clipped, false);
});

test("without features the summary rows alone set the scale", () => {
  assert.deepEqual(barDomain([], [4, -1]), { low: -1, high: 4 });
});

test("no values, or zeros, or NaN still give a usable scale", () => {
  assert.deepEqual(barDomain([]), { low: -1, high: 1 });
  assert.deepEqual(barDomain([0, Number.NaN]), { low: -1, high: 1 });
  assert.equal(barSpan(Number.NaN, { low: -1, high: 1 }).width, 0);
});

test("strongest first, whatever the sign; missing values last", () => {
  assert.deepEqual(strongestFirst([1, -3, Number.NaN, 2]), [1, 3, 0, 2]);
});

test("signedFixed numbers carry a true minus and no signedFixed zero", () => {
  assert.equal(signedFixed(1.23456), "+1.235");
  assert.equal(signedFixed(-0.05), "−0.050");
  assert.equal(signedFixed(-0.00001), "0.000");
  assert.equal(signedFixed(Number.NaN), "–");
  assert.equal(signedFixed(null), "–");
});

test("likelier says the factor of the probability", () => {
  assert.equal(likelier(Math.log(3.2)), "3.2× likelier");
  assert.equal(likelier(-Math.log(20)), "20× less likely");
  assert.equal(likelier(0.01), "unchanged");
  assert.equal(likelier(50), "over 1000× likelier");
});
