import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { binsIn, binsOf, edgeOf, makeTable, N_BINS, orderOf, rangeOf, readColumn } from "../lib/feature_table.js";
import { fitted, inside, makeCloud, nearest, paint, toPlane, toScreen, zoomed } from "../lib/point_cloud.js";

const column = (key, values, more = {}) => ({ key, title: key, about: "", kind: "number", isLog: false, values: Float32Array.from(values), texts: null, ...more });
const all = { text: "", ranges: {}, selected: [] };
const bytes = (array) => new DataView(array.buffer, array.byteOffset, array.byteLength);

test("a column is read whole, sparse, and with its texts", async () => {
  const spec = { key: "a", title: "A", about: "", kind: "number", is_log: true, dtype: "f4" };
  assert.deepEqual([...(await readColumn({ ...spec, values: bytes(Float32Array.of(1, NaN, 3)) }, 3)).values], [1, NaN, 3]);
  const sparse = await readColumn({ ...spec, at: bytes(Int32Array.of(4, 1)), values: bytes(Float32Array.of(2, NaN)) }, 6);
  assert.deepEqual([...sparse.values], [0, NaN, 0, 0, 2, 0]);
  const wide = await readColumn({ ...spec, dtype: "f8", values: bytes(Float64Array.of(2 ** 40 + 1)) }, 1);
  assert.equal(wide.values[0], 2 ** 40 + 1);
  const texts = deflateSync(Buffer.from("cats\ndogs \u00fc"));
  const named = await readColumn({ ...spec, kind: "text", values: bytes(Float32Array.of(NaN, 0, NaN, 1)), texts: bytes(texts) }, 4);
  assert.deepEqual(named.texts, ["", "cats", "", "dogs \u00fc"]);
});

test("orders are those of comparing, equal ones by number, NaN last both ways", () => {
  const values = [3, -1, NaN, 0, -0, Infinity, 3, -Infinity, 1e-30, NaN, -2.5];
  const by = (down) => values.map((_, i) => i).filter((i) => !Number.isNaN(values[i])).sort((a, b) => (values[a] === values[b] ? a - b : (values[a] - values[b]) * (down ? -1 : 1)));
  for (const Type of [Float32Array, Float64Array]) {
    assert.deepEqual([...orderOf(Type.from(values), false)], [...by(false), 2, 9]);
    assert.deepEqual([...orderOf(Type.from(values), true)], [...by(true), 2, 9]);
  }
  const many = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 12.9898) * 1000);
  const order = orderOf(many, true);
  assert.equal(new Set(order).size, 5000);
  for (let i = 1; i < 5000; i += 1) assert.ok(many[order[i - 1]] >= many[order[i]]);
});

test("filters hold at once, and a histogram leaves out its own", () => {
  const table = makeTable(6);
  table.setGroup("facts", [column("a", [0, 1, 2, 3, 4, NaN]), column("b", [5, 5, 1, 1, 1, 1]), column("t", [0, 1, NaN, NaN, 2, NaN], { kind: "text", texts: ["A cat", "a Dog", "", "", "cat dog", ""] })]);
  assert.equal(table.filter(all), 6);
  assert.equal(table.filter({ ...all, ranges: { a: [1, null] } }), 4);
  assert.equal(table.filter({ ...all, ranges: { a: [null, null] } }), 5); // NaN passes no range
  assert.equal(table.filter({ ...all, ranges: { a: [1, 3], b: [null, 1] } }), 2);
  assert.deepEqual([...table.rows("-a")], [3, 2]);
  const [a, b] = [table.columns.get("a"), table.columns.get("b")];
  assert.equal(table.counts(b).reduce((sum, n) => sum + n), 3); // 1, 2 and 3 pass the other filter
  assert.equal(table.counts(a).reduce((sum, n) => sum + n), 3); // 2, 3 and 4: 5 has no bin
  assert.ok(table.passesBut("a", 4) && !table.passesBut("a", 0) && table.passesBut("a", 2));
  assert.equal(table.filter({ ...all, text: "CAT" }), 2);
  assert.equal(table.filter({ ...all, text: "dog cat" }), 1);
  assert.equal(table.filter({ ...all, text: "#5" }), 1);
  assert.equal(table.filter({ ...all, selected: [1, 5], ranges: { b: [2, null] } }), 1);
  assert.deepEqual([...table.rows("feature")], [1]);
  assert.equal(table.filter({ ...all, ranges: { gone: [1, 2] } }), 6);
});

test("a new column of an old name has its own order and bins", () => {
  const table = makeTable(3);
  table.setGroup("given", [column("a", [1, 2, 3])]);
  table.filter(all);
  assert.deepEqual([...table.rows("-a")], [2, 1, 0]);
  assert.equal(table.bins(table.columns.get("a")).high, 3);
  table.setGroup("given", [column("a", [9, 2, 3])]);
  assert.deepEqual([...table.rows("-a")], [0, 2, 1]);
  assert.equal(table.bins(table.columns.get("a")).high, 9);
  table.setGroup("given", []);
  assert.equal(table.columns.has("a"), false);
});

test("bins hold every value once; what has no logarithm has the first", () => {
  const log = binsOf(column("d", [0, 1e-4, 1e-2, 1, NaN, -1], { isLog: true }));
  assert.deepEqual([log.high, log.hasLowest, log.nWithout], [0, true, 1]);
  assert.ok(Math.abs(log.low + 4) < 1e-6);
  assert.equal(log.all[0], 2);
  assert.equal(log.all[1], 1);
  assert.equal(log.all[N_BINS - 1], 1);
  assert.equal(log.all.reduce((sum, n) => sum + n), 5);
  const flat = binsOf(column("c", [7, 7, 7]));
  assert.equal(flat.all[0], 3);
  const none = binsOf(column("n", [NaN, NaN]));
  assert.equal(none.nWithout, 2);
  const ends = binsOf(column("i", [-Infinity, 0, 1, Infinity]));
  assert.deepEqual([ends.low, ends.high, ends.all[0], ends.all[N_BINS - 1]], [0, 1, 2, 2]);
});

test("brushed bins and ranges are one another's", () => {
  const bins = binsOf(column("x", Array.from({ length: 321 }, (_, i) => i / 10)));
  assert.deepEqual(rangeOf(bins, 0, N_BINS - 1), [null, null]);
  assert.deepEqual(rangeOf(bins, 4, 7), [4, 8]);
  assert.deepEqual(binsIn(bins, [4, 8]), [4, 7]);
  assert.deepEqual(binsIn(bins, [null, 8]), [0, 7]);
  assert.deepEqual(binsIn(bins, [-100, 1000]), [0, N_BINS - 1]);
  const log = binsOf(column("d", [0, 1e-3, 1], { isLog: true }));
  assert.deepEqual(rangeOf(log, 0, 0), [null, 0]);
  assert.equal(rangeOf(log, 1, N_BINS - 1)[0], 0.001);
  assert.deepEqual(binsIn(log, [null, 0]), [0, 0]);
  for (const [from, to] of [[1, 5], [3, 3], [10, 30], [0, 4]]) assert.deepEqual(binsIn(log, rangeOf(log, from, to)), [from, to]);
  assert.equal(edgeOf(log, N_BINS), 1);
});

test("points are found where they are drawn", () => {
  const cloud = makeCloud([0, 10, 10, 0, 5], [0, 0, 10, 10, 5]);
  assert.deepEqual([...cloud.x], [-1, 1, 1, -1, 0]);
  const view = zoomed(fitted(200, 100), 1.7, 30, 20);
  for (let i = 0; i < 5; i += 1) {
    const [px, py] = toScreen(view, cloud.x[i], cloud.y[i]);
    assert.deepEqual(toPlane(view, px, py).map((v) => Math.round(v * 1e6) / 1e6 + 0), [cloud.x[i], cloud.y[i]]);
    assert.equal(nearest(cloud, view, px + 2, py, 5, () => true), i);
    assert.equal(nearest(cloud, view, px, py, 5, (k) => k !== i), -1);
  }
  const held = toPlane(fitted(200, 100), 30, 20);
  const after = toScreen(view, ...held);
  assert.ok(Math.hypot(after[0] - 30, after[1] - 20) < 1e-6);
});

test("a lasso holds what is inside, its dent left out", () => {
  const cloud = makeCloud([0, 10, 10, 0, 5], [0, 0, 10, 10, 5]);
  const square = [[-2, -2], [2, -2], [2, 2], [-2, 2]];
  assert.deepEqual(inside(cloud, square, () => true), [0, 1, 2, 3, 4]);
  assert.deepEqual(inside(cloud, square, (i) => i > 2), [3, 4]);
  const dented = [[-2, -2], [2, -2], [2, 2], [0, -1], [-2, 2]];
  assert.deepEqual(inside(cloud, dented, () => true).includes(4), false);
  assert.deepEqual(inside(makeCloud([], []), square, () => true), []);
});

test("pixels: those that pass lie over those that do not", () => {
  const cloud = makeCloud([0, 0, 1], [0, 0, 1]);
  const view = fitted(30, 30);
  const pixels = new Uint32Array(900);
  paint(pixels, cloud, view, { size: 2, shade: Uint8Array.of(0, 1, 0), palette: Uint32Array.of(11, 22), faint: 5, nFailed: Uint8Array.of(1, 0, 0) });
  const seen = new Set(pixels);
  assert.ok(seen.has(22) && seen.has(11) && !seen.has(5)); // the faint one lies under
});
