import assert from "node:assert/strict";
import test from "node:test";

import {
  extent, formatCount, formatValue, linearTicks, logTicks, longest, makeScale, nearest, padded, pathData, placeLabels, smooth,
} from "../lib/chart.js";

test("numbers read as a person writes them", () => {
  assert.equal(formatValue(0.123456), "0.1235");
  assert.equal(formatValue(3e-4), "3e-4");
  assert.equal(formatValue(1.25e-5), "1.25e-5");
  assert.equal(formatValue(12345.6), "12,346");
  assert.equal(formatValue(-0.5), "−0.5");
  assert.equal(formatValue(0), "0");
  assert.equal(formatValue(NaN), "–");
  assert.equal(formatValue(-Infinity), "−∞");
  assert.equal(formatCount(1500), "1,500");
  assert.equal(formatCount(25300.4, 3), "25.3k");
  assert.equal(formatCount(2000000), "2M");
});

test("ticks are round and inside", () => {
  assert.deepEqual(linearTicks(0, 1, 4), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(linearTicks(3, 97, 4), [20, 40, 60, 80]);
  assert.deepEqual(linearTicks(1, 155, 3), [50, 100, 150]);
  assert.deepEqual(linearTicks(5, 5), [5]);
  assert.deepEqual(linearTicks(NaN, 1), []);
  assert.deepEqual(logTicks(0.005, 20, 4), [0.01, 0.1, 1, 10]);
  assert.deepEqual(logTicks(1, 8, 4), [1, 2, 5]);
  assert.ok(logTicks(1e-8, 1e8, 4).length <= 6);
  assert.ok(logTicks(3.1, 3.9, 4).length >= 2, "a span without a power of ten still gets ticks");
  assert.deepEqual(logTicks(0, 8), []);
});

test("the extent ignores what cannot be drawn", () => {
  assert.deepEqual(extent([[1, NaN, 3], [-2, Infinity]]), [-2, 3]);
  assert.deepEqual(extent([[0, -1, 4, 2]], true), [2, 4]);
  assert.equal(extent([[NaN], []]), null);
});

test("air keeps a curve off the frame and never invents negative counts", () => {
  assert.deepEqual(padded(0, 100), [0, 108]);
  const [lo, hi] = padded(7, 7);
  assert.ok(lo < 7 && hi > 7);
  assert.deepEqual(padded(0, 0), [0, 1]);
  const [logLo, logHi] = padded(1, 100, true);
  assert.ok(logLo > 0 && logLo < 1 && logHi > 100);
});

test("a scale and its inverse agree, log included", () => {
  for (const log of [false, true]) {
    const s = makeScale(0.01, 10, 40, 300, log);
    assert.ok(Math.abs(s.px(0.01) - 40) < 1e-9 && Math.abs(s.px(10) - 300) < 1e-9);
    assert.ok(Math.abs(s.value(s.px(0.7)) - 0.7) < 1e-9);
  }
  assert.ok(Number.isNaN(makeScale(0.01, 10, 0, 1, true).px(0)), "zero has no place on a log scale");
});

test("smoothing keeps a constant, starts unbiased and forgets by steps, not by points", () => {
  const flat = smooth([0, 1, 2, 50], [3, 3, 3, 3], 10);
  assert.ok([...flat].every((v) => Math.abs(v - 3) < 1e-6));
  assert.equal(smooth([0, 1], [8, 0], 5)[0], 8);
  const near = smooth([0, 1], [1, 0], 10)[1];
  const far = smooth([0, 100], [1, 0], 10)[1];
  assert.ok(near > 0.4 && near < 0.5 && far < 1e-4, `${near} ${far}`);
  assert.deepEqual([...smooth([0, 1, 2], [1, NaN, 1], 0)], [1, NaN, 1]);
});

test("the nearest point is found at the ends and between", () => {
  const steps = [0, 10, 20, 40];
  assert.deepEqual([-5, 4, 6, 29, 31, 99].map((s) => nearest(steps, s)), [0, 0, 1, 2, 3, 3]);
  assert.equal(nearest([], 3), -1);
});

test("a path keeps peaks, breaks at gaps and is bounded by the width", () => {
  const n = 20000;
  const steps = Float32Array.from({ length: n }, (_, i) => i);
  const values = Float32Array.from(steps, (i) => Math.sin(i));
  values[777] = 50;
  const x = makeScale(0, n - 1, 0, 300);
  const y = makeScale(-1, 50, 100, 0);
  const d = pathData(steps, values, x, y);
  assert.ok(d.split(/[ML]/).length <= 301 * 4 + 1);
  assert.ok(d.includes(" 0.0"), "the one high value is there");
  const gap = pathData([0, 1, 2, 3], [1, NaN, 1, 1], makeScale(0, 3, 0, 30), makeScale(0, 2, 10, 0));
  assert.equal(gap.match(/M/g)?.length, 2);
});

test("labels never overlap; the newest keeps its place", () => {
  const marks = [10, 12, 14, 200, 299].map((x) => ({ x, width: 60 }));
  const placed = placeLabels(marks, 0, 300, 2);
  const boxes = placed.map((p, i) => (p.row < 0 ? null : { row: p.row, a: p.anchor === "start" ? p.x : p.x - marks[i].width, w: marks[i].width }));
  for (const [i, p] of boxes.entries()) {
    for (const q of boxes.slice(i + 1)) {
      if (p && q && p.row === q.row) assert.ok(p.a + p.w <= q.a || q.a + q.w <= p.a, `${JSON.stringify([p, q])}`);
    }
    if (p) assert.ok(p.a >= 0 && p.a + p.w <= 300);
  }
  assert.equal(placed[4].anchor, "end");
  assert.equal(placed[4].row, 0);
  assert.equal(placed.filter((p) => p.row < 0).length, 1, "of three marks at one place the oldest gives way");
  assert.equal(placed[0].row, -1);
});

test("the crosshair follows the series with the most points", () => {
  const of = (/** @type {number} */ n) => ({ name: "", label: "", steps: new Float32Array(n), values: new Float32Array(n) });
  const [a, b] = [of(3), of(9)];
  assert.equal(longest([a, b]), b);
  assert.equal(longest([]), undefined);
});
