/**
 * Makes the package `@x/pyro-pg`, whose root is `@x/pyro/pg`, so that it can take the place of pg in any project:
 * `"pg": "npm:@x/pyro-pg"`. It is CommonJS, as pg is: whether a program imports or requires it, it gets the same
 * classes. It contains all of pyro that it needs, and depends only on packages of pg's.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "npm:rolldown@1.3.3";
import { COMPAT_SUITES, PEERS } from "../tests/support/installed/versions.ts";
import {
  bundleTypes,
  type Config,
  ENGINES,
  isExternal,
  MINIFY,
  readConfig,
  STATIC_IMPORTS,
  versionsOf,
} from "./build.ts";
import { LAYERS } from "./layers.ts";

const ROOT = join(import.meta.dirname!, "..");

/** The packages that it depends on. */
const PACKAGES: readonly string[] = LAYERS["pg"]!.packages!;

/** The exports of `src/pg/exports.ts`, in pg's order; `native` is another one. */
const NAMES = [
  ...["Client", "Pool", "Connection", "types", "Query", "DatabaseError", "escapeIdentifier", "escapeLiteral"],
  ...["Result", "TypeOverrides", "defaults", "utils"],
];

/**
 * pg's files that other packages require, and what they export. Tools that observe pg look for them when they are
 * loaded, so the package's root takes what it exports from them, as pg's does.
 */
const FILES: Readonly<Record<string, string>> = {
  "connection": "Connection",
  "connection-parameters": "ConnectionParameters",
  "defaults": "defaults",
  "query": "Query",
  "result": "Result",
  "type-overrides": "TypeOverrides",
  "utils": "utils",
};

/** Where the module pg-pool is in `lib`. */
const POOL = "node_modules/pg-pool";

/**
 * The file of the client or the pool. Some tools change the text of these methods, in a class and a file of these names,
 * when it is loaded.
 */
function fileOf(name: "Client" | "Pool", pyro: string): string {
  return `"use strict";
const pyro = require("${pyro}");

class ${name} extends pyro.${name} {
  connect(callback) {
    return super.connect(callback);
  }

  query(config, values, callback) {
    return super.query(config, values, callback);
  }
}

module.exports = ${name};
`;
}

/**
 * The root: a plain object, whose members can be replaced. Its pool extends that of a module named pg-pool, which is how
 * tools find it; the module is loaded by its path, so that no other package of that name is.
 */
const INDEX = `"use strict";
const pyro = require("./pyro.js");
const Client = require("./client.js");
const Pool = require("./${POOL}/index.js");

class BoundPool extends Pool {
  constructor(options) {
    super(options, Client);
  }
}

module.exports = {
${NAMES.map((name) => `  ${memberOf(name)},\n`).join("")}};
Object.defineProperty(module.exports, "native", { configurable: true, writable: true, value: pyro.native });
`;

/** Makes the package in an empty directory. */
export async function buildPgPackage(directory: string): Promise<void> {
  const config = readConfig();
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "esm"), { recursive: true });
  const external = [...PACKAGES];
  await bundleCode(join(directory, "lib"), external);
  await bundleTypes({ index: join(ROOT, "src/pg/exports.ts") }, join(directory, "lib"), external);
  const write = (path: string, text: string): void => writeFileSync(join(directory, path), text);
  for (const [name, exported] of Object.entries(FILES)) {
    const from = exported === "ConnectionParameters" ? `Client.${exported}` : exported;
    write(`lib/${name}.js`, `"use strict";\nmodule.exports = require("./pyro.js").${from};\n`);
  }
  write("lib/client.js", fileOf("Client", "./pyro.js"));
  write("lib/index.js", INDEX);
  mkdirSync(join(directory, "lib", POOL), { recursive: true });
  write(`lib/${POOL}/index.js`, fileOf("Pool", "../../pyro.js"));
  const { "pg-pool": version } = COMPAT_SUITES;
  write(`lib/${POOL}/package.json`, `${JSON.stringify({ name: "pg-pool", version }, undefined, 2)}\n`);
  const names = [...NAMES, "native"].map((name) => `export const ${name} = pg.${name};\n`).join("");
  write("esm/index.mjs", `import pg from "../lib/index.js";\n\n${names}export default pg;\n`);
  write(
    "esm/index.d.mts",
    `import * as pg from "../lib/index.js";\n\nexport * from "../lib/index.js";\nexport default pg;\n`,
  );
  write("package.json", `${JSON.stringify(packageOf(config), undefined, 2)}\n`);
  cpSync(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
  cpSync(join(ROOT, "docs/pg.md"), join(directory, "README.md"));
}

/** How the root's object has a member. */
function memberOf(name: string): string {
  if (name === "Client") return name;
  if (name === "Pool") return "Pool: BoundPool";
  const file = Object.keys(FILES).find((file) => FILES[file] === name);
  return `${name}: ${file === undefined ? `pyro.${name}` : `require("./${file}.js")`}`;
}

async function bundleCode(directory: string, external: string[]): Promise<void> {
  const build = await rolldown({
    input: { pyro: join(ROOT, "src/pg/exports.ts") },
    external: isExternal(external),
    platform: "node",
    transform: { target: "node22" },
    plugins: [STATIC_IMPORTS],
  });
  await build.write({
    dir: directory,
    format: "cjs",
    sourcemap: true,
    minify: MINIFY,
    comments: { annotation: true, jsdoc: false, legal: false },
    entryFileNames: "[name].js",
  });
  await build.close();
}

/**
 * The version: that of pg whose interface it has, since libraries have pg 8 as a peer; its last part is pyro's version,
 * two digits a number, so that of 0.1.0 it is 100.
 */
export function versionAsPg(version: string): string {
  const [major, minor, patch] = version.split(".").map(Number) as [number, number, number];
  const [pgMajor, pgMinor] = PEERS.pg.split(".");
  return `${pgMajor}.${pgMinor}.${major * 10_000 + minor * 100 + patch}`;
}

function packageOf(config: Config): Record<string, unknown> {
  const { name, version, license } = config;
  const versions = Object.fromEntries(Object.entries(versionsOf(config)).filter(([name]) => PACKAGES.includes(name)));
  return {
    name: `${name}-pg`,
    version: versionAsPg(version),
    description: "pyro, a fast and correct PostgreSQL client, with the interface of pg (node-postgres)",
    keywords: ["postgres", "postgresql", "pg", "node-postgres", "database", "sql", "client", "driver"],
    license,
    type: "commonjs",
    engines: ENGINES,
    main: "./lib/index.js",
    types: "./lib/index.d.ts",
    exports: {
      ".": {
        import: { types: "./esm/index.d.mts", default: "./esm/index.mjs" },
        default: { types: "./lib/index.d.ts", default: "./lib/index.js" },
      },
      "./package.json": "./package.json",
      "./lib/*": "./lib/*.js",
      "./lib/*.js": "./lib/*.js",
    },
    files: ["lib", "esm"],
    dependencies: { ...versions, "@types/node": "*" },
  };
}
