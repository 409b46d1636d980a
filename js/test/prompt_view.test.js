import assert from "node:assert/strict";
import { test } from "node:test";
import { along, cellValues, columnTokens, fullAt, isSpecial, readMatrix, scoreAt } from "../lib/prompt_matrix.js";

const bytes = (numbers) => new DataView(new Float32Array(numbers).buffer);
const side = (tokens, scores) => ({ prompt: tokens.join(""), tokens, special: [1, ...tokens.slice(1).map(() => 0)], scores: bytes(scores) });
const row = (feature) => ({ feature, label: "", act: 1, left: 1, right: null, difference: null });
const ONE = { metric: "act_size", target: null, position: null, pairs: [[0, 0], [1, 1], [2, 2]], features: [row(7), row(3)], left: side(["<bos>", "a", "b"], [NaN, 2, 0, NaN, 0, -4]), right: {} };
const TWO = { ...ONE, pairs: [[0, 0], [1, 1], [null, 2], [2, 3]], right: side(["<bos>", "a", "c", "b"], [NaN, 1, 5, 0.5, NaN, 0, 0, 3]) };

test("one prompt: a number for each cell, none at special tokens", () => {
  const matrix = readMatrix(ONE);
  assert.deepEqual(cellValues(matrix, 0, 1, "both"), [2]);
  assert.deepEqual(cellValues(matrix, 1, 2, "difference"), [-4]);
  assert.ok(Number.isNaN(cellValues(matrix, 0, 0, "both")[0]));
  assert.equal(fullAt(matrix, "both"), 4);
  assert.deepEqual(columnTokens(matrix, 1), ["a"]);
  assert.equal(isSpecial(matrix, 0), true);
  assert.equal(isSpecial(matrix, 2), false);
  assert.deepEqual(along(matrix, 0, "left"), [0, 2, 0]);
  assert.deepEqual(along(matrix, 0, "right"), []);
  assert.equal(readMatrix({}), null);
});

test("two prompts: left and right, or right less left; a lone token has no number", () => {
  const matrix = readMatrix(TWO);
  assert.deepEqual(cellValues(matrix, 0, 1, "both"), [2, 1]);
  assert.deepEqual(cellValues(matrix, 0, 1, "difference"), [-1]);
  assert.ok(Number.isNaN(scoreAt(matrix, 0, 2, "left")));
  assert.equal(scoreAt(matrix, 0, 2, "right"), 5);
  assert.ok(Number.isNaN(cellValues(matrix, 0, 2, "difference")[0]));
  assert.deepEqual(cellValues(matrix, 1, 3, "difference"), [7]);
  assert.equal(fullAt(matrix, "difference"), 7);
  assert.deepEqual(columnTokens(matrix, 2), [null, "c"]);
  assert.deepEqual(columnTokens(matrix, 3), ["b"]);
});
