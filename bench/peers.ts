/** The drivers that pyro is measured beside, from npm. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cached, npmInstall } from "../tests/support/installed/cache.ts";
import { packages, PEERS } from "../tests/support/installed/versions.ts";
import { importFromTree } from "./trees.ts";

/** Installs those from npm, if they are not there yet; where they are. */
export function installPeers(): string {
  return cached(`peers-${Object.values(PEERS).join("-")}`, (staging) => {
    npmInstall(staging, packages(PEERS));
    return staging;
  });
}

/** The module of one: of the packages that this process was given, or in the way that the runtime has for npm packages. */
export async function importPeer<Module>(name: keyof typeof PEERS): Promise<Module> {
  const given = await importFromTree<Module>(name);
  if (given !== undefined) return given;
  if ("Deno" in globalThis) return await import(`npm:${name}@${PEERS[name]}`) as Module;
  return await import(pathToFileURL(entryOf(name)).href) as Module;
}

/** The file that one begins with. */
export function entryOf(name: keyof typeof PEERS): string {
  return createRequire(join(installPeers(), "x.js")).resolve(name);
}
