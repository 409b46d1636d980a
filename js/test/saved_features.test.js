import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { savedFeatures } from "../lib/saved_features.js";

const chunk = (/** @type {number[]} */ features) => {
  const bytes = deflateSync(JSON.stringify(features.map((feature) => ({ feature }))));
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};
const SAVED = { features: [3, 8, 20], names: ["dogs bark", "the dog", "<b>"], peaks: [1, 2, 3], per_chunk: 2, chunks: [chunk([3, 8]), chunk([20])] };

test("each feature's page is unpacked from its chunk", async () => {
  const saved = savedFeatures(SAVED);
  for (const feature of SAVED.features) assert.deepEqual(await saved.page(feature), { feature });
  assert.equal(saved.has(8), true);
  assert.equal(saved.has(9), false);
});

test("walking goes round, in the order of the numbers", () => {
  const saved = savedFeatures(SAVED);
  assert.equal(saved.beside(3, 1), 8);
  assert.equal(saved.beside(3, -1), 20);
  assert.equal(saved.beside(20, 1), 3);
  assert.ok(SAVED.features.includes(saved.random()));
});

test("search finds numbers first, then names that begin with the text", () => {
  const saved = savedFeatures(SAVED);
  const found = (/** @type {string} */ query) => saved.search(query).map(({ feature }) => feature);
  assert.deepEqual(found("dog"), [3, 8]);
  assert.deepEqual(found("the dog"), [8]);
  assert.deepEqual(found("#20"), [20]);
  assert.deepEqual(found("cat"), []);
  assert.deepEqual(found("<b>"), [20]);
});
