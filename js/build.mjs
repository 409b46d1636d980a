// Bundles main.js into ../sae_widgets/static/widgets.js: readable, one file, committed, so that installing needs no Node.
// `--check` fails when the committed bundle is not what the sources give; `--size` prints the minified size.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const MINIFIED_LIMIT = 100_000; // bytes; the bundle travels with every widget and into every saved notebook
const target = fileURLToPath(new URL("../sae_widgets/static/widgets.js", import.meta.url));
const settings = {
  entryPoints: [fileURLToPath(new URL("main.js", import.meta.url))],
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  bundle: true,
  format: /** @type {const} */ ("esm"),
  target: "es2022",
  charset: /** @type {const} */ ("ascii"),
  write: false,
  logLevel: /** @type {const} */ ("warning"),
};

const readable = (await build(settings)).outputFiles[0].text;
const minified = (await build({ ...settings, minify: true })).outputFiles[0].contents.byteLength;
console.log(`widgets.js: ${readable.length} bytes, ${minified} minified (limit ${MINIFIED_LIMIT})`);
const isOver = minified > MINIFIED_LIMIT;
if (isOver) console.warn("The bundle is over its limit; the check refuses it.");
if (/<\/script|<!--/i.test(readable)) throw new Error("The bundle could end a script element; write it otherwise.");

if (process.argv.includes("--check")) {
  if (isOver) throw new Error("The bundle is over its limit.");
  const committed = await readFile(target, "utf8").catch(() => "");
  if (committed !== readable) throw new Error("sae_widgets/static/widgets.js is stale: run `npm run build` in js/.");
} else if (!process.argv.includes("--size")) {
  await writeFile(target, readable);
}
