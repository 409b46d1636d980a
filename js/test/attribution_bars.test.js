import assert from "node:assert/strict";
import test from "node:test";

import { addsUp, arrange, byPosition } from "../widgets/attribution_bars.js";

const feature = (number, direct, ablation, at = []) => ({ feature: number, label: "", values: { direct, ablation }, at: { direct: at } });
const BARS = {
  tokens: ["a", "b", "c"],
  logit_difference: 3,
  methods: {
    direct: { others: 0.25, error_term: 0.5, remainder: 1, total: 3 },
    ablation: { others: 0, error_term: -1, remainder: 0.5, total: 3 },
  },
  features: [feature(1, 0.25, 4, [[0, 0.25]]), feature(2, -1, null, [[1, -1.5], [2, 0.5]]), feature(3, 2, -0.5)],
};

test("rows are sorted by strength, and every column adds up whatever is shown", () => {
  for (const top of [1, 2, 3]) {
    const { rows, sums } = arrange(BARS, "direct", top);
    assert.deepEqual(rows.map((row) => row.feature), [3, 2, 1].slice(0, top));
    assert.deepEqual(sums, { direct: 3, ablation: 3 });
  }
});

test("hidden features are counted among the others, missing values too", () => {
  const { rest } = arrange(BARS, "ablation", 1);
  assert.equal(rest.direct.others, 0.25 - 1 + 2);
  assert.equal(rest.ablation.others, -0.5);
});

test("an order by a method that is not there yet falls back to the first", () => {
  const { rows } = arrange({ ...BARS, methods: { direct: BARS.methods.direct } }, "ablation", 1);
  assert.equal(rows[0].feature, 3);
});

test("contributions by position are summed over features", () => {
  assert.deepEqual(byPosition(BARS, BARS.features, "direct"), [0.25, -1.5, 0.5]);
  assert.deepEqual(byPosition(BARS, [BARS.features[1]], "ablation"), [0, 0, 0]);
});

test("sums may differ by rounding only", () => {
  assert.equal(addsUp(3.0005, 3), true);
  assert.equal(addsUp(3.01, 3), false);
});
