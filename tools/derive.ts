/**
 * `deno task derive`: writes the files that are made from others, those of `src` and the page of programs.
 *
 * Usage: deno task derive [--check]
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import process from "node:process";
import { argumentsOf } from "./arguments.ts";
import { deriveSync, EDITS } from "./derive_sync.ts";
import { threadCode, THREADS } from "./derive_worker.ts";
import { PAGE, pageOfPrograms } from "./programs.ts";

const root = join(import.meta.dirname!, "..");
const { values: { check: isCheck = false } } = argumentsOf("deno task derive [--check]", {
  options: { check: { type: "boolean" } },
});
let stale = 0;
for (const [name, edits] of Object.entries(EDITS)) {
  const source = `src/${name}`;
  derived(source.replace("async/", "sync/"), deriveSync(readFileSync(join(root, source), "utf8"), edits, source));
}
for (const [file, source, name] of THREADS) derived(file, await threadCode(root, source, name));
derived(PAGE, pageOfPrograms());
process.exit(stale === 0 ? 0 : 1);

/** Writes a file, or complains if it is not as it must be. */
function derived(file: string, text: string): void {
  const path = join(root, file);
  const wanted = formatted(text, extname(file));
  if (existsSync(path) && wanted === readFileSync(path, "utf8")) return;
  if (!isCheck) return writeFileSync(path, wanted);
  stale++;
  console.error(`${file} is not what it must be: run deno task derive`);
}

function formatted(text: string, extension: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["fmt", `--ext=${extension.slice(1)}`, "-"], {
    input: text,
    encoding: "utf8",
    cwd: root,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
