// Bundles Element's library with our small shell into dist/.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import postcss from "postcss";
import hexrgba from "postcss-hexrgba";
import imports from "postcss-import";
import mixins from "postcss-mixins";
import nested from "postcss-nested";
import scss from "postcss-scss";
import variables from "postcss-simple-vars";

const here = import.meta.dirname;
const sdk = join(here, "node_modules", "matrix-react-sdk");
const out = join(here, "dist");
await rm(out, { recursive: true, force: true });
await mkdir(join(out, "i18n"), { recursive: true });

// An SVG is an address and, under the name Icon, a component.
const component = (text) => {
    const [, attributes, inside] = /<svg([^>]*)>([\s\S]*)<\/svg>/.exec(text);
    const known = [...attributes.matchAll(/\b(viewBox|width|height|fill)="([^"]*)"/g)].map((one) => one.slice(1));
    const given = { ...Object.fromEntries(known), dangerouslySetInnerHTML: { __html: inside } };
    return `
        import { createElement } from "react";
        export default ${JSON.stringify(`data:image/svg+xml,${encodeURIComponent(text)}`)};
        export const Icon = (props) => createElement("svg", { ...${JSON.stringify(given)}, ...props });`;
};
const svg = {
    name: "svg",
    setup({ onLoad }) {
        onLoad({ filter: /\.svg$/ }, async ({ path }) => {
            const contents = component(await readFile(path, "utf8"));
            return { contents, loader: "js", resolveDir: here };
        });
    },
};

// What webpack would give: the address of the list of languages; nothing for exports, voice messages and workers.
const absent = /^!!raw-loader!|^opus-recorder\/|(RecorderWorklet|indexeddbWorkerFactory)$/;
const webpack = {
    name: "webpack",
    setup({ onResolve, onLoad }) {
        const stands_for = (filter, path) => onResolve({ filter }, () => ({ path, namespace: "webpack" }));
        stands_for(/^\$webapp\/i18n\/languages\.json/, "i18n/languages.json");
        stands_for(absent, "nothing");
        onLoad({ filter: /json$/, namespace: "webpack" }, ({ path }) => ({ contents: `module.exports = "${path}"` }));
        onLoad({ filter: /^nothing$/, namespace: "webpack" }, () => ({ contents: 'module.exports = ""' }));
    },
};

// The dark theme, in Element's own dialect of PostCSS.
const dark = join(sdk, "res", "themes", "dark", "css", "dark.pcss");
async function theme() {
    const plugins = [imports(), mixins(), variables(), nested(), hexrgba()];
    const { css } = await postcss(plugins).process(await readFile(dark, "utf8"), { from: dark, parser: scss.parse });
    return { contents: css, loader: "css", resolveDir: dirname(dark) };
}
const themes = { name: "themes", setup: ({ onLoad }) => onLoad({ filter: /dark\.pcss$/ }, theme) };

const files = [".png", ".jpg", ".gif", ".woff", ".woff2", ".ttf", ".ogg", ".mp3", ".wasm", ".html"];
const assets = Object.fromEntries(files.map((extension) => [extension, "file"]));
const written = { outdir: out, assetNames: "assets/[hash]" };
const common = { ...written, bundle: true, minify: true, target: "chrome120", logLevel: "error" };

await build({ ...common, entryPoints: { dark }, plugins: [themes], loader: { ...assets, ".svg": "dataurl" } });
await build({
    ...common,
    entryPoints: { app: join(here, "shell.mjs") },
    format: "esm",
    splitting: true,
    plugins: [svg, webpack],
    loader: assets,
    inject: [join(here, "node.mjs")],
    alias: { fs: join(here, "nothing.cjs"), path: join(here, "nothing.cjs") },
    define: { global: "globalThis", "process.env.NODE_ENV": '"production"' },
    tsconfigRaw: { compilerOptions: { jsx: "react", experimentalDecorators: true, useDefineForClassFields: true } },
});
for (const name of ["index.html", "phone.css"]) await cp(join(here, name), join(out, name));
await cp(join(sdk, "src", "i18n", "strings", "en_EN.json"), join(out, "i18n", "en_EN.json"));
await writeFile(join(out, "i18n", "languages.json"), JSON.stringify({ en: "en_EN.json" }));
