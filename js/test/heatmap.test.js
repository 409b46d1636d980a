import assert from "node:assert/strict";
import { test } from "node:test";
import { flow, moved, tokenAt } from "../lib/flow.js";
import { heatView, leading } from "../lib/heat_view.js";
import { addColumns, column, largest, peaks, readHeat, search, sorted, strongest, summarize } from "../lib/sparse.js";
import { GROUND } from "../lib/color.js";

const view = (Type, values) => new DataView(Type.from(values).buffer);

/** Bytes that begin at an odd place, as the parts of a message may. */
function unaligned(Type, values) {
  const bytes = new Uint8Array(Type.from(values).buffer);
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  return new DataView(shifted.buffer, 1);
}

// <bos> fires 7 at 9; The: 3 at 1; cat: 7 at 2, 3 at 1.5; sat: 5 at 0.5; ".": 5 at 4
const payload = (changes = {}) => ({
  prompt: "The cat sat.", tokens: ["<bos>", "The", " cat", " sat", "."], token_ids: view(Int32Array, [0, 1, 2, 3, 4]),
  special: view(Uint8Array, [1, 0, 0, 0, 0]), starts: view(Int32Array, [0, 1, 2, 4, 5, 6]),
  features: unaligned(Int32Array, [7, 3, 7, 3, 5, 5]), values: unaligned(Float32Array, [9, 1, 2, 1.5, 0.5, 4]),
  is_complete: true, n_features: 8, labels: { 7: "cats", 5: "ends" }, maxima: { 7: 10 },
  summary: { feature: view(Int32Array, [5]), peak: view(Float32Array, [4]), position: view(Int32Array, [4]), mean: view(Float32Array, [1.125]), count: view(Int32Array, [2]) },
  ...changes,
});
const settings = (changes = {}) => ({ mode: "strongest", features: [], scale: "prompt", dimBos: true, theme: "light", ground: GROUND.light, ...changes });

test("rows break where the width ends and after line ends", () => {
  const layout = flow([10, 10, 10, 50, 10, 10], [0, 0, 0, 0, 1, 0], 32, 1);
  assert.deepEqual([...layout.row], [0, 0, 0, 1, 2, 3]);
  assert.deepEqual([...layout.rowStarts], [0, 3, 4, 5, 6]);
  assert.equal(layout.width[3], 32);
  assert.equal(layout.nRows, 4);
  assert.deepEqual([...flow([], [], 10).rowStarts], [0]);
});

test("a point finds its token, or none beside it", () => {
  const layout = flow([10, 10, 10], [0, 0, 0], 100, 2);
  assert.equal(tokenAt(layout, 0, 0, true), 0);
  assert.equal(tokenAt(layout, 0, 13, true), 1);
  assert.equal(tokenAt(layout, 0, 60, true), null);
  assert.equal(tokenAt(layout, 0, 60), 2);
  assert.equal(tokenAt(layout, 1, 0), null);
});

test("arrow keys move by token and by row, Home and End to the ends", () => {
  const layout = flow(Array(9).fill(10), Array(9).fill(0), 30);
  const at = (i, key) => moved(layout, i, key);
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].map((key) => at(4, key)), [3, 5, 1, 7, 0, 8]);
  assert.deepEqual([at(0, "ArrowLeft"), at(8, "ArrowRight"), at(1, "ArrowUp"), at(7, "PageDown")], [0, 8, 1, 7]);
  assert.equal(at(4, "x"), null);
});

test("10,000 tokens are laid out in a few milliseconds", () => {
  const widths = Array.from({ length: 10_000 }, (_, i) => 20 + (i % 40));
  const started = performance.now();
  assert.ok(flow(widths, new Uint8Array(10_000), 800).nRows > 400);
  assert.ok(performance.now() - started < 2000); // what is quadratic takes minutes
});

test("activations are read from unaligned bytes", () => {
  const heat = readHeat(payload());
  assert.deepEqual([...column(heat, 7)], [9, 0, 2, 0, 0]);
  assert.deepEqual(strongest(heat, 2, 8), [{ feature: 7, value: 2 }, { feature: 3, value: 1.5 }]);
  assert.deepEqual([...column(heat, 6)], [0, 0, 0, 0, 0]);
  assert.equal(readHeat({}), null);
});

test("the list of features leaves special tokens out unless asked", () => {
  const heat = readHeat(payload());
  assert.deepEqual(summarize(heat, true).map((line) => [line.feature, line.peak, line.position, line.count]), [[5, 4, 4, 2], [7, 2, 2, 1], [3, 1.5, 2, 2]]);
  assert.equal(summarize(heat, true)[0].mean, 1.125);
  assert.equal(summarize(heat, false)[0].feature, 7);
  assert.deepEqual(sorted(summarize(heat, true), "mean").map((line) => line.feature), [5, 3, 7]);
  assert.deepEqual(sorted(summarize(heat, true), "count").map((line) => line.feature), [5, 3, 7]);
});

test("a text sent in part is summed up by the kernel, and whole columns win over parts", () => {
  const heat = readHeat(payload({ is_complete: false }), { features: [3], values: view(Float32Array, [0, 1, 1.5, 0.25, 0]), labels: { 3: "new" } });
  assert.deepEqual(summarize(heat, true).map((line) => line.feature), [5]);
  assert.equal(column(heat, 3)[3], 0.25);
  assert.equal(heat.labels.get(3), "new");
  addColumns(heat, { features: [7], values: view(Float32Array, [1, 2]) });
  assert.equal(column(heat, 7)[0], 9, "columns of another text are not taken");
});

test("peaks are local maxima that are high enough; NaN and special tokens are none", () => {
  assert.deepEqual(peaks([9, 0, 5, 1, 0, 4, 4, 0, 1], 0.25, [1]), [2, 5]);
  assert.deepEqual(peaks([0, -3, 0, NaN, 2]), [1, 4]);
  assert.deepEqual(peaks([0, 0]), []);
  assert.equal(largest([-3, NaN, 2]), 3);
});

test("search finds a number, a label, or the token a feature fires on", () => {
  const heat = readHeat(payload());
  const found = (query) => search(heat, summarize(heat, true), query).map((line) => line.feature);
  assert.deepEqual(found("7"), [7]);
  assert.deepEqual(found("#5"), [5]);
  assert.deepEqual(found("CATS"), [7]);
  assert.deepEqual(found("cat"), [7, 3]); // the label first, then what fires on " cat"
  assert.deepEqual(found("nothing"), []);
  assert.equal(found("").length, 3);
});

test("the strongest view gives hues to the features that win most tokens", () => {
  const heat = readHeat(payload());
  assert.deepEqual(leading(heat, true), [5, 3, 7]);
  const seen = heatView(heat, settings());
  assert.deepEqual(seen.shown, [5, 3, 7]);
  assert.equal(seen.look(2).note, "7");
  assert.equal(seen.look(0).isDim, true);
  assert.equal(seen.top, 4);
  assert.equal(heatView(heat, settings({ dimBos: false })).top, 9);
});

test("one feature: zero is the page, the largest is full, NaN is hatched, signs have hues", () => {
  const heat = readHeat(payload());
  const seen = heatView(heat, settings({ mode: "feature", features: [7] }));
  assert.equal(seen.top, 2);
  assert.equal(seen.look(1).ground, null);
  assert.deepEqual(seen.look(2).ground, [160, 60, 0]);
  assert.equal(heatView(heat, settings({ mode: "feature", features: [7], scale: "feature" })).top, 10);
  assert.deepEqual(heatView(heat, settings({ mode: "feature" })).shown, [5], "the strongest one when none is chosen");
  const signs = readHeat(payload({ values: view(Float32Array, [9, 1, -2, 1.5, NaN, 4]) }));
  const signed = heatView(signs, settings({ mode: "feature", features: [7] }));
  assert.equal(signed.low, -2);
  assert.deepEqual(signed.look(2).ground, [12, 70, 132]);
  assert.equal(heatView(signs, settings({ mode: "feature", features: [5] })).look(3).isHatched, true);
});

test("an overlay marks each feature that fires on a token in its own hue", () => {
  const seen = heatView(readHeat(payload()), settings({ mode: "overlay", features: [7, 3] }));
  assert.equal(seen.look(2).marks.length, 2);
  assert.equal(seen.look(1).marks.length, 1);
  assert.equal(seen.look(4).ground, null);
  assert.notDeepEqual(seen.look(2).marks[0], seen.look(2).marks[1]);
});
