// Makes one readable bundle for each module of widgets/, in ../sae_widgets/static/<name>.js; they are committed, so that
// installing needs no Node. One each, because a bundle travels with every instance and into every saved notebook.
// `--check` fails when a committed bundle is not what the sources give, or is too large.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const MINIFIED_LIMIT = 100_000; // bytes
const here = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../sae_widgets/static/", import.meta.url));

/** The bundle of one view, as text. @param {string} name @param {boolean} [minify] */
export async function bundle(name, minify = false) {
  const contents = `
    import { mount, show } from "./main.js";
    import * as view from "./widgets/${name}.js";
    export default { render: (props) => show(view, props) };
    export function mountSaved(page) { mount(view, page); }`;
  const made = await build({
    stdin: { contents, resolveDir: here, sourcefile: `${name}.entry.js` },
    absWorkingDir: here,
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "ascii",
    write: false,
    logLevel: "warning",
    minify,
  });
  return made.outputFiles[0].text;
}

/** The names of all views. */
export async function names() {
  const files = await readdir(`${here}widgets`);
  return files.filter((file) => file.endsWith(".js")).map((file) => basename(file, ".js")).sort();
}

async function main() {
  const isCheck = process.argv.includes("--check");
  const views = await names();
  for (const name of views) {
    const readable = await bundle(name);
    const minified = (await bundle(name, true)).length;
    console.log(`${name}.js: ${readable.length} bytes, ${minified} minified (limit ${MINIFIED_LIMIT})`);
    if (minified > MINIFIED_LIMIT) throw new Error(`${name}.js is over its limit.`);
    if (/<\/script|<!--/i.test(readable)) throw new Error(`${name}.js could end a script element; write it otherwise.`);
    if (!isCheck) await writeFile(`${target}${name}.js`, readable);
    else if ((await readFile(`${target}${name}.js`, "utf8").catch(() => "")) !== readable) {
      throw new Error(`sae_widgets/static/${name}.js is stale: run \`npm run build\` in js/.`);
    }
  }
  for (const file of await readdir(target)) {
    if (!file.endsWith(".js") || views.includes(basename(file, ".js"))) continue;
    if (isCheck) throw new Error(`sae_widgets/static/${file} has no source: run \`npm run build\` in js/.`);
    await rm(target + file);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
