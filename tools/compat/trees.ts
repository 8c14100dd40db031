/**
 * Trees of packages: one as npm installs it, and one in which pyro's package is in pg's place. npm would install the
 * second like the first with `"pg": "npm:@x/pyro-pg"`, once the package is published.
 */
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { CACHE, cached, npmInstall } from "../../tests/support/installed/cache.ts";
import { packages } from "../../tests/support/installed/versions.ts";

/** What is in pg's place. */
export const DRIVERS = ["pg", "pyro"] as const;

/** One of them. */
export type Driver = typeof DRIVERS[number];

/** A directory with packages. */
export interface Tree {
  readonly driver: Driver;
  readonly directory: string;
}

/** Makes a tree anew, without suites and programs. `built` is the directory with pyro's packages. */
export function makeTree(name: string, driver: Driver, versions: Versions, built: string): Tree {
  const installed = install(name, versions);
  const directory = join(CACHE, "compat", `${name}-${driver}`);
  rmSync(directory, { recursive: true, force: true });
  link(join(installed, "node_modules"), join(directory, "node_modules"));
  if (driver === "pyro") replacePg(directory, built);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, type: "commonjs" }));
  // Without it, Deno would take the repository's.
  writeFileSync(join(directory, "deno.json"), JSON.stringify({ nodeModulesDir: "manual", lock: false }));
  return { driver, directory };
}

/** Packages with their versions. */
type Versions = Readonly<Record<string, string>>;

/** Installs packages once; all of them get the same pg. */
function install(name: string, versions: Versions): string {
  const hash = createHash("sha256").update(JSON.stringify(versions)).digest("hex").slice(0, 12);
  return cached(`compat-${name}-${hash}`, (staging) => {
    const manifest = { private: true, overrides: { pg: versions.pg } };
    writeFileSync(join(staging, "package.json"), JSON.stringify(manifest));
    npmInstall(staging, packages(versions), ["--legacy-peer-deps", "--save-exact"]);
    return staging;
  });
}

/** Puts pyro's packages into a tree, the one in pg's place under that name. */
function replacePg(directory: string, built: string): void {
  for (const [name, from] of [["@x/pyro", "pyro"], ["pg", "pyro-pg"]] as const) {
    const to = join(directory, "node_modules", name);
    rmSync(to, { recursive: true, force: true });
    cpSync(join(built, from), to, { recursive: true });
  }
  const { dependencies = {} } = JSON.parse(
    readFileSync(join(directory, "node_modules", "pg", "package.json"), "utf8"),
  ) as { readonly dependencies?: Versions };
  const missing = Object.keys(dependencies).filter((name) =>
    !name.startsWith("@types/") && !existsSync(join(directory, "node_modules", name))
  );
  if (missing.length > 0) throw new Error(`${directory} lacks ${missing.join(", ")}, which @x/pyro-pg needs`);
}

/** Copies a directory without copying its files. */
function link(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) link(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkSync(source, target);
  }
}
