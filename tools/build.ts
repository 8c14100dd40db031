/**
 * `deno task build`: makes a directory that is ready for `npm publish`: plain JavaScript, types, and a package.json
 * made from deno.json.
 *
 * Usage: deno task build [DIRECTORY], by default `npm`
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import process from "node:process";
import { rolldown } from "npm:rolldown@1.3.3";
import { dts } from "npm:rolldown-plugin-dts@0.23.2";

const ROOT = join(import.meta.dirname!, "..");

/** The runtimes that the package needs at least: the oldest that are tested. */
const ENGINES = { node: ">=22.15.0" };

/** The libraries that entry points are for: those who use them have them. What is tested is in `deno.json`. */
const PEERS = { "drizzle-orm": "^0.45.0", "kysely": ">=0.28.0 <0.30.0" };

/** What `deno.json` says of the package. */
interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** Makes the package in an empty directory. */
export async function buildPackage(directory: string): Promise<void> {
  const config = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as Config;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entries = Object.entries(config.exports).map(([path, file]) => ({ path, file, name: nameOf(path) }));
  const input = Object.fromEntries(entries.map(({ name, file }) => [name, join(ROOT, file)]));
  await bundle(input, directory);
  await bundleTypes(input, directory);
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(packageOf(config, entries), undefined, 2)}\n`);
  for (const path of publishedDocuments()) cpSync(join(ROOT, path), join(directory, path));
}

/** The files that are published, on JSR and in the package, and are not code. */
export function publishedDocuments(): string[] {
  const { publish } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
    readonly publish: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  };
  return publish.include.filter((name) => name !== "src" && !/\.(?:ts|json)$/.test(name))
    .flatMap((name) => name === "docs" ? filesBelow("docs") : [name])
    .filter((path) => !publish.exclude.some((excluded) => path.startsWith(`${excluded}/`)));
}

function filesBelow(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

/** `.` is `index`, `./sync` is `sync`. */
function nameOf(path: string): string {
  return path === "." ? "index" : path.slice(2).replaceAll("/", "-");
}

async function bundle(input: Record<string, string>, directory: string): Promise<void> {
  // The classes' names are part of what people see when they print values.
  const keepNames = { class: true, function: false };
  const build = await rolldown({ input, platform: "node", external: isPeer, transform: { target: "node22" } });
  await build.write({
    dir: directory,
    format: "esm",
    sourcemap: true,
    minify: { mangle: { keepNames }, compress: { keepNames } },
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: { groups: [{ name: "core", test: isCore }, { name: "sockets", test: isSocket }] },
  });
  await build.close();
}

/** Whether it is imported from a library that is not part of the package. */
function isPeer(id: string): boolean {
  return Object.keys(PEERS).some((name) => id === name || id.startsWith(`${name}/`));
}

/** What every entry point needs, and nothing else. */
function isCore(id: string): boolean {
  return !(OUTSIDE_CORE.test(id) || /\/(?:mod|async|sync)\.ts$/.test(id)) ||
    /\/transport\/(?:transport|reason)\.ts$/.test(id);
}

const OUTSIDE_CORE =
  /\/(?:async|sync|drizzle|kysely|node_postgres|otel|pglite|testing|transport|websocket|workers)\/[^/]*$/;

/** What several runtimes' sockets share. */
function isSocket(id: string): boolean {
  return /\/transport\/(?!worker|ffi|custom)[^/]*$/.test(id) && !/\/(?:bun|deno|native_\w*)\.ts$/.test(id);
}

async function bundleTypes(input: Record<string, string>, directory: string): Promise<void> {
  const build = await rolldown({
    input,
    platform: "node",
    external: isPeer,
    plugins: [dts({ emitDtsOnly: true, oxc: true, tsconfig: false })],
  });
  const { output } = await build.generate({ format: "esm", chunkFileNames: "chunks/[name].js" });
  await build.close();
  for (const chunk of output) {
    if (chunk.type !== "chunk" || !chunk.fileName.endsWith(".d.ts")) continue;
    const path = join(directory, chunk.fileName);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, `${LIBRARIES}${chunk.code}`);
  }
}

/** What the types use and older settings of TypeScript's `lib` lack. */
const LIBRARIES = `/// <reference lib="esnext.disposable" />\n`;

function packageOf(
  { name, version, license, exports }: Config,
  entries: readonly { readonly path: string; readonly name: string }[],
): Record<string, unknown> {
  return {
    name,
    version,
    description: "A fast and correct PostgreSQL client for Node, Bun and Deno, with promises or blocking",
    keywords: ["postgres", "postgresql", "pg", "database", "sql", "client", "driver"],
    license,
    type: "module",
    sideEffects: false,
    engines: ENGINES,
    peerDependencies: PEERS,
    peerDependenciesMeta: Object.fromEntries(Object.keys(PEERS).map((name) => [name, { optional: true }])),
    exports: {
      ...Object.fromEntries(
        entries.map(({ path, name }) => [path, { types: `./${name}.d.ts`, default: `./${name}.js` }]),
      ),
      "./package.json": "./package.json",
    },
    main: `./${nameOf(Object.keys(exports)[0]!)}.js`,
    types: `./${nameOf(Object.keys(exports)[0]!)}.d.ts`,
    files: ["*.js", "*.js.map", "*.d.ts", "*.md", "chunks", "docs"],
  };
}

if (import.meta.main) {
  const directory = resolve(process.argv[2] ?? "npm");
  await buildPackage(directory);
  console.log(`The package is in ${basename(directory)}: npm publish ${directory}`);
}
