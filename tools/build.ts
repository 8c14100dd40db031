/**
 * `deno task build`: makes two directories that are ready for `npm publish`: the package, and beside it `pyro-pg`, which
 * takes the place of pg (`build_pg.ts`). Both have plain JavaScript, types, and a package.json made from deno.json.
 *
 * The packages that `@x/pyro/pg` imports are not bundled: `types` must be the object that other libraries get from
 * pg-types. They are dependencies of `@x/pyro-pg`, and optional peers of `@x/pyro`, whose other entry points need none.
 *
 * Usage: deno task build [DIRECTORY], by default `npm`
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type OutputOptions, type Plugin, rolldown } from "npm:rolldown@1.3.3";
import { dts } from "npm:rolldown-plugin-dts@0.23.2";
import { argumentsOf } from "./arguments.ts";
import { buildPgPackage } from "./build_pg.ts";

const ROOT = join(import.meta.dirname!, "..");

/** The runtimes that the packages need at least: the oldest that are tested. */
export const ENGINES: Readonly<Record<string, string>> = { node: ">=22.15.0" };

/** The versions of libraries that entry points are for: those who use them have them. `deno.json` has what is tested. */
const LIBRARY_VERSIONS: Readonly<Record<string, string>> = { "drizzle-orm": "^0.45.0", "kysely": ">=0.28.0 <0.30.0" };

/** What `deno.json` says of the package. */
export interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** What `deno.json` says. */
export function readConfig(): Config {
  return JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as Config;
}

/** The packages that entry points import, with their versions. */
export function versionsOf({ imports }: Config): Record<string, string> {
  return Object.fromEntries(
    Object.entries(imports).map(([name, specifier]) => [name, specifier.slice(specifier.lastIndexOf("@") + 1)]),
  );
}

/** Makes the package in an empty directory. */
export async function buildPackage(directory: string): Promise<void> {
  const config = readConfig();
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entries = Object.entries(config.exports).map(([path, file]) => ({ path, file, name: nameOf(path) }));
  const input = Object.fromEntries(entries.map(({ name, file }) => [name, join(ROOT, file)]));
  await bundle(input, directory, Object.keys(config.imports));
  withoutSourceMaps(directory, join(directory, "deno"));
  await bundleTypes(input, directory, Object.keys(config.imports));
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

/** `./sync` is `sync`; `.` and `./async`, which are the same, are `index`. */
function nameOf(path: string): string {
  return path === "." || path === "./async" ? "index" : path.slice(2).replaceAll("/", "-");
}

/**
 * How the code is made smaller. The names of classes and functions are part of what people see, in values and in stacks;
 * and Node prints the whole line that an uncaught error comes from, so that lines stay short.
 */
export const MINIFY: NonNullable<OutputOptions["minify"]> = {
  mangle: { keepNames: true },
  compress: { keepNames: { class: true, function: true } },
  codegen: { removeWhitespace: false },
};

/**
 * On JSR, where each module is a file, what only some runtimes need is imported when they need it. In packages it is
 * imported at once: to load another file takes longer than to load the sockets of other runtimes with one's own.
 */
export const STATIC_IMPORTS: Plugin = {
  name: "static imports",
  transform(code, id) {
    const imports = new Set<string>();
    const add = (names: string, path: string): void => void imports.add(`import { ${names} } from ${path};`);
    const changed = code
      .replace(/\(await import\(("\.[^"]*")\)\)\.(\w+)/g, (_, path: string, name: string) => (add(name, path), name))
      .replace(/const { ([\w, ]+) } = await import\(("\.[^"]*")\);/g, (_, names: string, path: string) => {
        add(names, path);
        return "";
      });
    if (/\bimport\("\./.test(changed)) throw new Error(`An import in ${id} cannot be made static`);
    // The imports are at the end, so that all lines keep their numbers.
    return imports.size > 0 ? { code: `${changed}${[...imports].join(" ")}\n`, map: null } : undefined;
  },
};

async function bundle(input: Record<string, string>, directory: string, external: string[]): Promise<void> {
  const promises = await modulesOf(input["index"]!, external);
  const blocking = await modulesOf(input["sync"]!, external);
  const build = await rolldown({
    input,
    external: isExternal(external),
    platform: "node",
    transform: { target: "node22" },
    plugins: [STATIC_IMPORTS],
  });
  await build.write({
    dir: directory,
    format: "esm",
    sourcemap: true,
    minify: MINIFY,
    comments: { annotation: true, jsdoc: false, legal: false },
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      groups: [
        { name: "core", test: (id) => promises.has(id) && blocking.has(id) },
        { name: "promises", test: (id) => promises.has(id) },
      ],
    },
  });
  await build.close();
}

/** The modules that an entry point consists of. */
async function modulesOf(entry: string, external: string[]): Promise<ReadonlySet<string>> {
  const modules = new Set<string>();
  const build = await rolldown({
    input: entry,
    external: isExternal(external),
    platform: "node",
    plugins: [STATIC_IMPORTS, { name: "modules", moduleParsed: ({ id }) => void modules.add(id) }],
  });
  await build.generate();
  await build.close();
  return modules;
}

/** Copies the code for Deno, which reads the source maps of all modules that it loads: that takes longer than loading them. */
function withoutSourceMaps(from: string, to: string): void {
  for (const path of readdirSync(from, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"))) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), readFileSync(join(from, path), "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""));
  }
}

/** Whether a module is one of these packages, which are not part of what is built. */
export function isExternal(packages: readonly string[]): (id: string) => boolean {
  return (id) => packages.some((name) => id === name || id.startsWith(`${name}/`));
}

/** Makes the declarations of the entry points. */
export async function bundleTypes(
  input: Record<string, string>,
  directory: string,
  external: string[],
): Promise<void> {
  const build = await rolldown({
    input,
    external: isExternal(external),
    platform: "node",
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
  config: Config,
  entries: readonly { readonly path: string; readonly name: string }[],
): Record<string, unknown> {
  const { name, version, license, exports } = config;
  const peers = { ...versionsOf(config), ...LIBRARY_VERSIONS };
  return {
    name,
    version,
    description: "A fast and correct PostgreSQL client for Node, Bun and Deno, with promises or blocking",
    keywords: ["postgres", "postgresql", "pg", "database", "sql", "client", "driver"],
    license,
    type: "module",
    sideEffects: false,
    engines: ENGINES,
    exports: {
      ...Object.fromEntries(
        entries.map(({ path, name }) => [
          path,
          { types: `./${name}.d.ts`, deno: `./deno/${name}.js`, default: `./${name}.js` },
        ]),
      ),
      "./package.json": "./package.json",
    },
    main: `./${nameOf(Object.keys(exports)[0]!)}.js`,
    types: `./${nameOf(Object.keys(exports)[0]!)}.d.ts`,
    files: ["*.js", "*.js.map", "*.d.ts", "*.md", "chunks", "deno", "docs"],
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(Object.keys(peers).map((peer) => [peer, { optional: true }])),
  };
}

if (import.meta.main) {
  const { positionals: [given = "npm"] } = argumentsOf("deno task build [DIRECTORY]", { allowPositionals: true });
  const directory = resolve(given);
  const pgDirectory = join(dirname(directory), "pyro-pg");
  await buildPackage(directory);
  await buildPgPackage(pgDirectory);
  console.log(`The packages are ready: npm publish ${directory}, npm publish ${pgDirectory}`);
}
