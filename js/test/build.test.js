import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle, names } from "../build.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));

test("the committed bundles are what the sources give, each at most 100 kB minified", () => {
  const said = execFileSync(process.execPath, ["build.mjs", "--check"], { cwd: here, encoding: "utf8" });
  assert.match(said, /token_heatmap\.js: \d+ bytes/);
});

test("no bundle turns text into markup or code, and none loads anything", async () => {
  const banned =
    /\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bfetch\(|XMLHttpRequest|\bimport\(|https?:\/\/(?!www\.w3\.org)/;
  for (const name of await names()) {
    const text = await bundle(name, true);
    const found = text.match(banned);
    assert.equal(found?.[0], undefined, `${name}: ${text.slice((found?.index ?? 0) - 60, (found?.index ?? 0) + 60)}`);
  }
});
