/** Programs from Debian's packages: unpacked into the cache, so that no rights are needed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cached } from "./cache.ts";

/** A program that is installed. */
export interface DebianProgram {
  readonly path: string;
  /** The environment that it needs to find its libraries. */
  readonly env: { readonly LD_LIBRARY_PATH: string };
}

/**
 * Unpacks a package and its libraries, unless they are in the cache. Of each list of libraries the first one that there
 * is: their names carry their version, which differs between releases. `program` is a path in the package, which must
 * answer to `--version`.
 */
export function installDebian(
  name: string,
  program: string,
  libraries: readonly (readonly string[])[],
): DebianProgram {
  const root = cached(name, (staging) => {
    const download = (name: string): boolean => spawnSync("apt-get", ["download", name], { cwd: staging }).status === 0;
    if (!download(name)) throw new Error(`apt-get cannot download ${name}: run \`apt-get update\` as root first`);
    for (const names of libraries) names.some(download);
    for (const file of readdirSync(staging).filter((name) => name.endsWith(".deb"))) {
      spawnSync("dpkg", ["-x", join(staging, file), join(staging, "root")]);
    }
    const root = join(staging, "root");
    const version = spawnSync(join(root, program), ["--version"], { env: environment(root), encoding: "utf8" });
    if (version.status !== 0) throw new Error(`${name} does not run here: ${version.stderr ?? version.error}`);
    return root;
  });
  return { path: join(root, program), env: environment(root) };
}

function environment(root: string): DebianProgram["env"] {
  const base = join(root, "usr/lib");
  const directories = existsSync(base) ? readdirSync(base).map((name) => join(base, name)) : [];
  return { LD_LIBRARY_PATH: directories.join(":") };
}
