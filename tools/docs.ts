/**
 * `deno task docs`: makes a site of the handbook and of the API reference, in the folder `site`.
 *
 * Usage: deno task docs [--base=/pyro/] [--check]
 *
 * `--base` is where the site will be on its server; `/` by default. `--check` looks at each page in a browser.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { CACHE, cached, npmInstall } from "../tests/support/installed/cache.ts";
import { packages, SITE } from "../tests/support/installed/versions.ts";
import { argumentsOf } from "./arguments.ts";
import { publishedDocuments, readConfig } from "./build.ts";
import { problemsOf } from "./check_site.ts";
import { ROOT, slugOf } from "./handbook.ts";
import { REFERENCE, sidebar, sitePages } from "./site_pages.ts";

/** Milliseconds for each of the programs. */
const LIMIT = 300_000;

/** Code side by side, below each other on narrow screens. */
const STYLE = `
.wide .VPDoc .container, .wide .VPDoc .content, .wide .VPDoc .content-container { max-width: none !important; }
.wide table:has(pre) { display: table; table-layout: fixed; width: 100%; }
.wide td:has(pre) { padding: 0; }
.wide td:has(pre) > p { margin: 12px; }
.wide td div[class*="language-"] { margin: 0 !important; border-radius: 0; }
.wide td div[class*="language-"] code { padding: 0 12px; font-size: 12px; white-space: pre-wrap; }
@media (max-width: 1200px) {
  .wide table:has(pre) td { display: block; }
}
`;

const { values: { base = "/", check = false } } = argumentsOf("deno task docs [--base=/pyro/] [--check]", {
  options: { base: { type: "string" }, check: { type: "boolean" } },
});
const sources = join(CACHE, "site");
const output = join(ROOT, "site");

for (const directory of [sources, output]) rmSync(directory, { recursive: true, force: true });
mkdirSync(sources, { recursive: true });
const reference = join(sources, "reference");
run(process.execPath, ["doc", "--html", "--name=pyro", `--output=${reference}`, ...entryPoints()], ROOT);
writeSources();
const generator = cached(`site-${Object.values(SITE).join("-")}`, (staging) => {
  npmInstall(staging, packages(SITE));
  return staging;
});
symlinkSync(join(generator, "node_modules"), join(sources, "node_modules"));
run("node", [join(generator, "node_modules/vitepress/bin/vitepress.js"), "build", join(sources, "pages")], sources);
cpSync(join(sources, "pages/.vitepress/dist"), output, { recursive: true });
for (const file of filesBelow(reference)) copyReference(file);
if (check) {
  const problems = await problemsOf(output, base);
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    process.exit(1);
  }
}
console.log(`The site is in ${relative(process.cwd(), output)}/index.html`);

/** All but `async`, which is the main one. */
function entryPoints(): string[] {
  return Object.entries(readConfig().exports).filter(([name]) => name !== "./async").map(([, path]) => path);
}

function writeSources(): void {
  const content = { documents: publishedDocuments(), reference: new Set(filesBelow(reference)), base };
  for (const { file, text } of sitePages(content)) write(file, text);
  write(".vitepress/config.mjs", `export default ${configuration()};\n`);
  write(
    ".vitepress/theme/index.js",
    `import Theme from "vitepress/theme";\nimport "./style.css";\nexport default Theme;\n`,
  );
  write(".vitepress/theme/style.css", STYLE);
}

function write(file: string, text: string): void {
  const path = join(sources, "pages", file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A file of the API reference: it names the package as users do, and leads to the handbook. */
function copyReference(file: string): void {
  const [from, to] = [join(reference, file), join(output, REFERENCE, file)];
  mkdirSync(dirname(to), { recursive: true });
  if (!file.endsWith(".html")) return cpSync(from, to);
  const home = `<ul class="breadcrumbs">\n  <li><a href="${base}" class="contextLink">Handbook</a> ·</li>`;
  const html = readFileSync(from, "utf8").replaceAll("from &quot;.&quot;", "from &quot;@x/pyro&quot;")
    .replaceAll(/from &quot;(?=(?:\w+)&quot;)/g, "from &quot;@x/pyro/").replace('<ul class="breadcrumbs">', home);
  writeFileSync(to, html);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)));
}

/** VitePress' configuration, as code. */
function configuration(): string {
  const values = JSON.stringify({
    title: "pyro",
    description: "A PostgreSQL client for Deno, Bun and Node",
    base,
    lang: "en",
    themeConfig: {
      nav: [
        { text: "Handbook", link: "/" },
        { text: "API reference", link: REFERENCE, target: "_self" },
      ],
      sidebar: sidebar(),
      outline: [2, 3],
      search: { provider: "local" },
    },
  });
  return `{ ...${values}, markdown: { anchor: { slugify: ${slugOf} } }, ignoreDeadLinks: [/^${
    REFERENCE.replaceAll("/", "\\/")
  }/] }`;
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: LIMIT,
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status === 0) return;
  console.error(
    `${stdout}${stderr}${program} ${args[0]} has ended with ${status ?? `no status after ${LIMIT / 1000} s`}`,
  );
  process.exit(1);
}
