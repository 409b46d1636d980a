import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { entryAt, filterCatalog, loadingCode, pageOf, readCatalog, rowOf, sortRows } from "../lib/catalog.js";

const RELEASES = [
  { name: "gpt2-res", repo: "a/gpt2", model: "gpt2-small", format: "saelens" },
  { name: "scope", repo: "google/scope", model: "google/gemma-3-1b", format: "gemma_scope_2" },
];
const NOTHING = { text: "", model: "", layer: null, site: "", width: null, l0_min: null, l0_max: null };
const ROWS = [
  // release, site, layer, width, l0, explained, id, path, hook, neuronpedia
  [0, 0, 7, 24576, 60, 0.9, "blocks.7", "p7", "blocks.7.hook_resid_pre", "gpt2-small/7-res-jb"],
  [0, 0, 8, 24576, NaN, NaN, "blocks.8", "p8", "blocks.8.hook_resid_pre", ""],
  [1, 1, 8, 16384, 20, NaN, "layer_8", "l8", "", ""],
  [1, 255, -1, 0, NaN, NaN, "all", "all", "", ""],
];

/** As `sae_widgets/widgets/_catalog.py` packs it. */
function packed(rows = ROWS, releases = RELEASES) {
  const head = Buffer.from(JSON.stringify({ n: rows.length, releases, sites: ["resid_pre", "mlp_out"] }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(head.length);
  const columns = [Uint16Array, Uint8Array, Int16Array, Uint32Array, Float32Array, Float32Array].map((Type, k) =>
    Buffer.from(Type.from(rows.map((row) => /** @type {number} */ (row[k]))).buffer));
  const texts = Buffer.from(rows.map((row) => row.slice(6).join("\t")).join("\n"));
  const bytes = deflateSync(Buffer.concat([size, head, ...columns, texts]));
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const found = (catalog, query) => [...filterCatalog(catalog, { ...NOTHING, ...query }).rows];

test("what the kernel packed is read", async () => {
  const catalog = await readCatalog(packed());
  assert.equal(catalog.n, 4);
  const entry = entryAt(catalog, 0);
  assert.deepEqual(
    { ...entry, explained: Math.round(entry.explained * 100) / 100 },
    {
      release: "gpt2-res", repo: "a/gpt2", model: "gpt2-small", format: "saelens", id: "blocks.7", path: "p7",
      hook: "blocks.7.hook_resid_pre", neuronpedia: "gpt2-small/7-res-jb", site: "resid_pre", layer: 7, width: 24576, l0: 60, explained: 0.9,
    },
  );
  assert.equal(entryAt(catalog, 3).site, "");
  assert.equal(rowOf(catalog, "scope", "layer_8"), 2);
  assert.equal(rowOf(catalog, "gpt2-res", "layer_8"), -1);
  assert.equal((await readCatalog(packed([]))).n, 0);
});

test("all filters hold at once, and what is not known passes none", async () => {
  const catalog = await readCatalog(packed());
  assert.deepEqual(found(catalog, {}), [0, 1, 2, 3]);
  assert.deepEqual(found(catalog, { layer: 8 }), [1, 2]);
  assert.deepEqual(found(catalog, { layer: 8, model: "gpt2-small" }), [1]);
  assert.deepEqual(found(catalog, { l0_max: 100 }), [0, 2]);
  assert.deepEqual(found(catalog, { l0_min: 21 }), [0]);
  assert.deepEqual(found(catalog, { site: "mlp_out" }), [2]);
  assert.deepEqual(found(catalog, { width: 24576 }), [0, 1]);
});

test("every word must stand somewhere in the names", async () => {
  const catalog = await readCatalog(packed());
  assert.deepEqual(found(catalog, { text: "  GEMMA layer_8 " }), [2]);
  assert.deepEqual(found(catalog, { text: "gpt2 res-jb" }), [0]);
  assert.deepEqual(found(catalog, { text: "gpt2 layer_8" }), []);
});

test("a filter counts what each of its values would leave", async () => {
  const { facets } = filterCatalog(await readCatalog(packed()), { ...NOTHING, layer: 8 });
  assert.deepEqual([...facets.layer], [[7, 1], [8, 2]]);
  assert.deepEqual([...facets.model], [["gpt2-small", 1], ["google/gemma-3-1b", 1]]);
  assert.deepEqual([...facets.width], [[24576, 1], [16384, 1]]);
});

test("unknown numbers come last in either order", async () => {
  const catalog = await readCatalog(packed());
  const all = Int32Array.of(0, 1, 2, 3);
  assert.deepEqual([...sortRows(catalog, all, "l0")], [2, 0, 1, 3]);
  assert.deepEqual([...sortRows(catalog, all, "-l0")], [0, 2, 1, 3]);
  assert.deepEqual([...sortRows(catalog, all, "layer")], [0, 1, 2, 3]);
  assert.deepEqual([...sortRows(catalog, all, "-width")], [0, 1, 2, 3]);
  assert.deepEqual([...sortRows(catalog, all, "catalogue")], [0, 1, 2, 3]);
});

test("code and links quote what they are given", () => {
  assert.equal(loadingCode({ release: 'a"b', id: "x" }).split("\n")[2], 'sae = sw.SAE.from_pretrained("a\\"b", "x")');
  assert.equal(pageOf("https://x.org", "a b/c?d#e"), "https://x.org/a%20b/c%3Fd%23e");
});

test("fourteen thousand rows are filtered and ordered at once", async () => {
  const many = Array.from({ length: 14_000 }, (_, i) => [i % 2, i % 2, i % 40, 2 ** (10 + (i % 8)), i % 300, NaN, `layer_${i % 40}_width_${i}`, `path/${i}`, `blocks.${i % 40}.hook`, ""]);
  const catalog = await readCatalog(packed(many));
  const query = { ...NOTHING, text: "layer_1 width path", l0_max: 200 };
  filterCatalog(catalog, query);
  const start = performance.now();
  const { rows } = filterCatalog(catalog, query);
  sortRows(catalog, rows, "-l0");
  // A tenth of this on a calm machine: what is quadratic takes minutes.
  assert.ok(performance.now() - start < 2000, `${performance.now() - start} ms`);
  assert.ok(rows.length > 1000);
});
