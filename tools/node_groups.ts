/**
 * Test files in groups, for Node, which starts a process for each file: to load pyro in it takes longer than most files
 * do.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../tests/support/installed/cache.ts";

/**
 * Writes modules that import the test files below `folders`, and returns their paths. A file that starts something while
 * it is loaded stays alone: tests of other files would already run beside that, and have to wait for it.
 */
export function writeGroups(folders: readonly string[], directory: string = join(CACHE, "node-tests")): string[] {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { alone = [], grouped = [] } = Object.groupBy(
    folders.flatMap(testFiles),
    (file) => START.test(readFileSync(file, "utf8")) ? "alone" : "grouped",
  );
  const groups = groupsOf(grouped, GROUPS).map((files, i) => {
    const module = join(directory, `group_${i + 1}_test.ts`);
    const imports = files.map((file) => `import ${JSON.stringify(join(import.meta.dirname!, "..", file))};\n`);
    writeFileSync(module, imports.join(""));
    return module;
  });
  return [...alone, ...groups];
}

/** The files dealt out in turn, so that those of a folder, which resemble each other, are in different groups. */
export function groupsOf(files: readonly string[], count: number): string[][] {
  const groups = Array.from({ length: Math.min(count, files.length) }, (): string[] => []);
  for (const [i, file] of files.entries()) groups[i % groups.length]!.push(file);
  return groups;
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("_test.ts")).sort()
    .map((name) => join(folder, name));
}

/** `await` outside of functions. */
const START = /^(?:(?:const|let) .*= )?await /m;
/** Few enough to save time, and so many that they end at about the same time. */
const GROUPS = 24;
