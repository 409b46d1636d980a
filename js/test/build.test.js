import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const sources = ["main.js", ...["lib", "widgets"].flatMap((dir) => readdirSync(`${here}${dir}`).map((name) => `${dir}/${name}`))];

test("the committed bundle is what the sources give, at most 100 kB minified", () => {
  const said = execFileSync(process.execPath, ["build.mjs", "--check"], { cwd: here, encoding: "utf8" });
  assert.match(said, /minified/);
});

test("the bundle turns no text into markup or code, and loads nothing", async () => {
  const bundle = (await build({ absWorkingDir: here, entryPoints: ["main.js"], bundle: true, format: "esm", minifyWhitespace: true, write: false })).outputFiles[0].text;
  const banned = /\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bfetch\(|XMLHttpRequest|\bimport\(|https?:\/\/(?!www\.w3\.org)/;
  const found = bundle.match(banned);
  assert.equal(found, null, `${found} ${found ? bundle.slice(found.index - 60, found.index + 60) : ""}`);
});

test("every widget of js/widgets has its line in main.js", () => {
  const main = readFileSync(`${here}main.js`, "utf8");
  for (const source of sources.filter((name) => name.startsWith("widgets/"))) assert.ok(main.includes(`"./${source}"`), source);
});
