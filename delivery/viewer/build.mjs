// Bundles src/ into dist/: names that every file system takes, classic scripts (a page from a folder may load no
// modules), WebAssembly within its script (it may not be fetched).
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url).pathname;
const DECODERS = { JPEGLS: "jpegls", JPEG2K: "jpeg2000", HTJ2K: "htj2k", JPEGLL: "jpeglossless" };
const BUNDLED = ["dicom-parser", "@cornerstonejs/codec-charls", "@cornerstonejs/codec-openjpeg",
  "@cornerstonejs/codec-openjph", "jpeg-lossless-decoder-js"];

// The decoders' scripts look for Node's modules; in a browser they never reach for them. dicom-parser would take zlib.
const nothing = {
  name: "nothing",
  setup(plugin) {
    plugin.onResolve({ filter: /^(fs|path|zlib|crypto)$/ }, ({ path }) => ({ path, namespace: "nothing" }));
    plugin.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "module.exports = {}" }));
  },
};

const common = {
  bundle: true, minify: true, format: "iife", target: ["es2022"], charset: "ascii", legalComments: "none",
  loader: { ".wasm": "binary" }, plugins: [nothing], logLevel: "warning",
  // Decoders that find themselves in Node would read files; `node` must not be taken for true by a bundler either.
  define: { __filename: "undefined", __dirname: "undefined" },
};

rmSync(here("dist"), { recursive: true, force: true });
mkdirSync(here("dist"));
await build({ ...common, entryPoints: [here("src/main.js")], outfile: here("dist/VIEWER.JS") });
await build({ ...common, entryPoints: [here("src/viewer.css")], outfile: here("dist/VIEWER.CSS") });
for (const [name, source] of Object.entries(DECODERS)) {
  await build({ ...common, entryPoints: [here(`src/decoders/${source}.js`)], outfile: here(`dist/${name}.JS`) });
}
copyFileSync(here("src/index.htm"), here("dist/INDEX.HTM"));

// What binary copies must carry along. The OpenJPEG build's package forgot its licence file; it is its siblings'.
const licences = BUNDLED.map((name) => {
  const text = (path) => readFileSync(here(`node_modules/${path}`), "utf8");
  const { version, license } = JSON.parse(text(`${name}/package.json`));
  const file = existsSync(here(`node_modules/${name}/LICENSE`)) ? name : "@cornerstonejs/codec-charls";
  return `${name} ${version} (${license})\n\n${text(`${file}/LICENSE`)}`;
});
writeFileSync(here("dist/LICENCE.TXT"), [readFileSync(here("src/licence.txt"), "utf8"), ...licences].join("\n\n"));
