/** The suites of other projects: what of a repository is put where in a tree, and how its files are run. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Repository } from "./checkouts.ts";
import type { Driver, Tree } from "./trees.ts";

/** A suite. */
export interface Suite {
  readonly name: string;
  readonly repository: Repository;
  /** The test files, and the folder to run them in, both in the tree; their names, by which tests are known. */
  prepare(checkout: string, tree: Tree, port: number): Prepared;
}

/** A suite in a tree. */
export interface Prepared {
  readonly cwd: string;
  readonly files: readonly TestFile[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether each file needs a database of its own. */
  readonly areSeparate?: boolean;
}

/** A file to run. */
export interface TestFile {
  readonly name: string;
  /** What the runtime is given. */
  readonly args: readonly string[];
}

/** All of them, in the order in which they are run. */
export const SUITES: readonly Suite[] = [
  { name: "pg", repository: "node-postgres", prepare: preparePg },
  {
    name: "pg-pool",
    repository: "node-postgres",
    prepare: (checkout, tree) => preparePackage(checkout, tree, "pg-pool", OWN_POOL[tree.driver]),
  },
  {
    name: "pg-pool, unchanged",
    repository: "node-postgres",
    prepare: (checkout, tree) => preparePackage(checkout, tree, "pg-pool", `require("pg-pool")`),
  },
  {
    name: "pg-cursor",
    repository: "node-postgres",
    prepare: (checkout, tree) => preparePackage(checkout, tree, "pg-cursor", `require("pg-cursor")`),
  },
  { name: "pg-query-stream", repository: "node-postgres", prepare: prepareQueryStream },
  { name: "kysely", repository: "kysely", prepare: prepareKysely },
  {
    name: "kysely, PyroDialect",
    repository: "kysely",
    prepare: (checkout, tree, port) => prepareKysely(checkout, tree, port, DIALECT[tree.driver]),
  },
  {
    name: "drizzle",
    repository: "drizzle-orm",
    // The last is of Drizzle's proxy, which has no driver of its own.
    prepare: (checkout, tree) => prepareDrizzle(checkout, tree, [...DRIZZLE, "pg/pg-proxy.test.ts"]),
  },
  {
    name: "drizzle, pyro's driver",
    repository: "drizzle-orm",
    prepare: (checkout, tree) => prepareDrizzle(checkout, tree, DRIZZLE, DRIVER[tree.driver]),
  },
];

/** In pg-pool's place is pyro's own pool. */
const OWN_POOL: Readonly<Record<Driver, string>> = { pg: `require("pg-pool")`, pyro: `require("pg").Pool` };

/** What Kysely's suite imports: for pyro, with its dialect in the place of Kysely's own. */
const DIALECT: Readonly<Record<Driver, string>> = {
  pg: `export * from "./whole.js";`,
  pyro: `
import { Opts, Pool } from "@x/pyro";
import { PyroDialect } from "@x/pyro/kysely";

export * from "./whole.js";
export class PostgresDialect extends PyroDialect {
  constructor() {
    super({
      // The file with the settings imports this one.
      async pool() {
        const { DIALECT_CONFIGS } = await import("../test/node/src/test-setup.js");
        const { host, port, user, password, database, max } = DIALECT_CONFIGS.postgres;
        const opts = new Opts("pg://").host(host).port(port).user(user).password(password).db(database);
        return new Pool(opts, { poolMaxConcurrency: max });
      },
    });
  }
}`,
};

/** What stands for `drizzle-orm/node-postgres` and for pg in Drizzle's suite, with pyro's own driver. */
const DRIVER: Readonly<Record<Driver, readonly [drizzle: string, pg: string] | undefined>> = {
  pg: undefined,
  pyro: [
    `
import { drizzle as open } from "@x/pyro/drizzle";
export { migrate } from "@x/pyro/drizzle";
export const drizzle = (client, config) => open(client.conn ?? client, config);
drizzle.mock = open.mock;`,
    `
import { Conn } from "@x/pyro";
export class Client {
  constructor(url) {
    this.url = url;
  }
  async connect() {
    this.conn = await Conn.connect(this.url);
  }
  end() {
    return this.conn.close();
  }
}
export default { Client };`,
  ],
};

/** node-postgres' own tests are programs, which import its files one by one. */
function preparePg(checkout: string, { directory }: Tree): Prepared {
  const cwd = fresh(join(directory, "suite-pg"));
  const tests = join(checkout, "packages", "pg");
  cpSync(join(tests, "test"), join(cwd, "test"), { recursive: true });
  cpSync(join(IN_TREE, "suite.cjs"), join(cwd, "test", "suite.js"));
  chmodSync(join(cwd, "test", "unit", "client", "pgpass.file"), 0o600);
  for (const file of filesBelow(join(tests, "lib"))) {
    const module = file === "index.js" ? "pg" : `pg/lib/${file}`;
    write(join(cwd, "lib", file), `module.exports = require(${JSON.stringify(module)});\n`);
  }
  const files = ["integration", "unit"].flatMap((folder) =>
    filesBelow(join(cwd, "test", folder)).filter((file) => file.endsWith("-tests.js"))
      .map((file) => ({ name: `${folder}/${file}`, args: [join("test", folder, file)] }))
  );
  return { cwd, files };
}

/** A package beside pg, whose tests import it from the folder above. */
function preparePackage(checkout: string, { directory }: Tree, name: string, implementation: string): Prepared {
  const cwd = fresh(join(directory, `suite-${name}`));
  cpSync(join(checkout, "packages", name, "test"), join(cwd, "test"), { recursive: true });
  write(join(cwd, "index.js"), `module.exports = ${implementation};\n`);
  const files = readdirSync(join(cwd, "test")).filter((file) => file.endsWith(".js") && !NO_TESTS.includes(file));
  return { cwd, files: files.toSorted().map((file) => byMocha(cwd, file, join("test", file))) };
}

/** Files among the tests that are none. */
const NO_TESTS: readonly string[] = ["setup.js", "idle-timeout-exit.js"];

function prepareQueryStream(checkout: string, tree: Tree): Prepared {
  const cwd = fresh(join(tree.directory, "suite-pg-query-stream"));
  cpSync(join(checkout, "packages", "pg-query-stream", "test"), join(cwd, "test"), { recursive: true });
  write(join(cwd, "src", "index.ts"), `export { default } from "pg-query-stream";\n`);
  const sources = filesBelow(join(cwd, "test")).filter((file) => file.endsWith(".ts") && file !== "helper.ts");
  bundle(tree, cwd, sources.map((file) => join("test", file)), "test");
  return {
    cwd,
    files: sources.toSorted().map((file) => byMocha(cwd, file, join("test", file.replace(/\.ts$/, ".mjs")))),
  };
}

function prepareKysely(checkout: string, tree: Tree, port: number, imported = DIALECT.pg): Prepared {
  const cwd = fresh(join(tree.directory, "suite-kysely"));
  const folder = join(cwd, "test", "node", "src");
  cpSync(join(checkout, "test", "node", "src"), folder, { recursive: true });
  // It imports some of Kysely's files one by one, which the package keeps to itself.
  cpSync(join(tree.directory, "node_modules", "kysely", "dist"), join(cwd, "dist"), { recursive: true });
  renameSync(join(cwd, "dist", "index.js"), join(cwd, "dist", "whole.js"));
  write(join(cwd, "dist", "index.js"), imported);
  replace(join(folder, "test-setup.ts"), "port: 5434", `port: ${port}`);
  replace(join(folder, "test-setup.ts"), "host: 'localhost'", `host: '127.0.0.1'`);
  const sources = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
  const others = ["better-sqlite3", "mysql2", "tarn", "tedious", "@electric-sql/pglite", "tsx/cjs/api"];
  bundle(
    tree,
    cwd,
    sources.map((file) => join("test/node/src", file)),
    "test/node/src",
    others.map((name) => `--alias:${name}=${join(IN_TREE, "nothing.cjs")}`),
  );
  return {
    cwd,
    files: sources.toSorted().map((file) => byMocha(cwd, file, join("test/node/src", file.replace(/\.ts$/, ".mjs")))),
    env: { DIALECTS: "postgres" },
  };
}

function prepareDrizzle(
  checkout: string,
  tree: Tree,
  sources: readonly string[],
  replaced?: readonly [string, string],
): Prepared {
  const cwd = fresh(join(tree.directory, "suite-drizzle"));
  for (const name of ["tests", "drizzle2"]) {
    cpSync(join(checkout, "integration-tests", name), join(cwd, name), { recursive: true });
  }
  write(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions: { paths: { "~/*": ["./tests/*"] } } }));
  replaced?.forEach((text, index) => write(join(cwd, `replaced${index}.js`), text));
  bundle(tree, cwd, sources.map((file) => join("tests", file)), "tests", [
    ...(replaced === undefined ? [] : [
      `--alias:drizzle-orm/node-postgres/migrator=${join(cwd, "replaced0.js")}`,
      `--alias:drizzle-orm/node-postgres=${join(cwd, "replaced0.js")}`,
      `--alias:pg=${join(cwd, "replaced1.js")}`,
    ]),
    `--alias:vitest=${join(IN_TREE, "vitest.ts")}`,
    ...["dockerode", "get-port", "dotenv/config"].map((name) => `--alias:${name}=${join(IN_TREE, "nothing.cjs")}`),
  ]);
  return {
    cwd,
    files: sources.map((file) => ({ name: file, args: [join("tests", file.replace(/\.ts$/, ".mjs"))] })),
  };
}

/** The files of Drizzle's suite that use a driver. */
const DRIZZLE: readonly string[] = [
  "pg/node-postgres.test.ts",
  "pg/pg-custom.test.ts",
  "relational/pg.test.ts",
  "relational/issues-schemas/wrong-mapping/pg.test.ts",
  "relational/issues-schemas/duplicates/pg/pg.duplicates.test.ts",
  "replicas/postgres.test.ts",
];

/** Makes a module without TypeScript of each source, next to it; packages stay imports. */
function bundle(
  { directory }: Tree,
  cwd: string,
  sources: readonly string[],
  base: string,
  options: readonly string[] = [],
): void {
  const program = join(directory, "node_modules", "esbuild", "bin", "esbuild");
  const result = spawnSync("node", [
    program,
    ...sources,
    "--bundle",
    "--packages=external",
    "--format=esm",
    "--platform=node",
    "--target=es2022",
    "--log-level=error",
    `--outbase=${base}`,
    `--outdir=${base}`,
    "--out-extension:.js=.mjs",
    ...options,
  ], { cwd, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`esbuild in ${cwd} failed:\n${result.error ?? ""}${result.stderr}`);
}

/** A file for Mocha. */
function byMocha(cwd: string, name: string, path: string): TestFile {
  for (const file of ["mocha.ts", "report.ts"]) cpSync(join(IN_TREE, file), join(cwd, "runner", basename(file)));
  // The modules are written as such; the tests beside them are CommonJS.
  write(join(cwd, "runner", "package.json"), `{ "type": "module" }`);
  return { name, args: ["runner/mocha.ts", path] };
}

function fresh(directory: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

function write(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

/** Replaces a text that must be there. */
function replace(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new Error(`${path} has no ${JSON.stringify(from)}`);
  writeFileSync(path, text.replaceAll(from, to));
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name))).toSorted();
}

const IN_TREE = join(import.meta.dirname!, "in_tree");
