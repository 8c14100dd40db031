/**
 * `deno doc --lint`, but for types of other libraries: what extends their classes refers to them, and they cannot be
 * documented here.
 *
 * Usage: deno run -A tools/lint_docs.ts ENTRY_POINTS
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const ROOT = join(import.meta.dirname!, "..");

/** The names that files of `src` import from packages. */
function importedTypes(): Set<string> {
  const names = new Set<string>();
  for (const name of readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const text = readFileSync(join(ROOT, "src", name), "utf8");
    for (const [, list] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "(?!\.|node:)[^"]*";/gm)) {
      for (const [name] of list!.replaceAll("type ", "").matchAll(/\w+/g)) names.add(name);
    }
  }
  return names;
}

/** The complaints, each with its lines. */
function complaintsIn(output: string, imported: ReadonlySet<string>): string[] {
  return output.split(/^(?=error\[)/m).filter((part) => part.startsWith("error[")).filter((complaint) => {
    const [, name] = /^error\[private-type-ref\].* references private type '(\w+)'/.exec(complaint) ?? [];
    return name === undefined || !imported.has(name);
  });
}

const args = ["doc", "--lint", ...process.argv.slice(2)];
const { status, stderr, stdout } = spawnSync(process.execPath, args, {
  cwd: ROOT,
  encoding: "utf8",
  env: { ...process.env, NO_COLOR: "1" },
});
const output = stdout + stderr;
const complaints = complaintsIn(output, importedTypes());
if (complaints.length > 0) console.error(complaints.join(""));
// It may have failed for another reason.
else if (status !== 0 && !output.includes("documentation lint error")) console.error(output);
else process.exit(0);
process.exit(1);
