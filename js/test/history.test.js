import assert from "node:assert/strict";
import test from "node:test";

import { createHistory } from "../lib/history.js";

test("undo and redo walk through the states", () => {
  const history = createHistory({ a: 0 });
  assert.equal(history.undo(), null);
  history.push({ a: 1 });
  history.push({ a: 2 });
  assert.deepEqual(history.undo(), { a: 1 });
  assert.deepEqual(history.undo(), { a: 0 });
  assert.equal(history.canUndo, false);
  assert.deepEqual(history.redo(), { a: 1 });
  assert.equal(history.canRedo, true);
});

test("a new state after an undo drops what was undone", () => {
  const history = createHistory(0);
  history.push(1);
  history.push(2);
  history.undo();
  history.push(3);
  assert.equal(history.canRedo, false);
  assert.equal(history.undo(), 1);
});

test("an equal state is no step", () => {
  const history = createHistory({ a: [1] });
  assert.equal(history.push({ a: [1] }), false);
  assert.equal(history.canUndo, false);
});

test("the oldest states go first when the history is full", () => {
  const history = createHistory(0, { limit: 3 });
  for (const state of [1, 2, 3, 4]) history.push(state);
  assert.equal(history.undo(), 3);
  assert.equal(history.undo(), 2);
  assert.equal(history.undo(), null);
});
