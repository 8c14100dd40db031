/** How large drivers are: all that an import of them brings, as one minified file. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { entryOf } from "./peers.ts";

/** In bytes. */
export interface Size {
  readonly name: string;
  readonly minified: number;
  readonly compressed: number;
}

/** The sizes of all; Bun bundles. */
export function sizes(bun: string): Size[] {
  const root = join(import.meta.dirname!, "..");
  return Object.entries({
    "**pyro**": join(root, "mod.ts"),
    "**pyro**, blocking": join(root, "sync.ts"),
    "postgres.js": entryOf("postgres"),
    "pg": entryOf("pg"),
  }).map(([name, entry]) => {
    // What pg requires where it is there.
    const external = ["--external=pg-native", "--external=pg-cloudflare"];
    const { stdout, stderr, status } = spawnSync(bun, ["build", "--minify", "--target=node", ...external, entry], {
      maxBuffer: 64 << 20,
    });
    if (status !== 0) throw new Error(`${name} cannot be bundled:\n${stderr}`);
    return { name, minified: stdout.length, compressed: gzipSync(stdout).length };
  });
}

/** As a table. */
export function sizeTable(sizes: readonly Size[]): string {
  const lines = sizes.map(({ name, minified, compressed }) => `| ${name} | ${kb(minified)} | ${kb(compressed)} |`);
  return ["| | minified | and gzipped |", "| --- | --- | --- |", ...lines, ""].join("\n");
}

function kb(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
