/**
 * The examples of the documentation as tests: the code blocks of a file become one module, in which each is a test.
 *
 * `deno test --doc` makes a module, with an isolate, of each block, and loads all of pyro in it: that takes six times as
 * long. `deno check --doc` has checked the types.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { CACHE } from "../tests/support/installed/cache.ts";

const ROOT = join(import.meta.dirname!, "..");

/** A code block, and where it is. */
export interface Example {
  readonly code: string;
  /** The number of its first line. */
  readonly line: number;
}

/** Writes a module for each file that has examples, and returns their paths. */
export function writeExamples(paths: readonly string[]): string[] {
  const directory = join(CACHE, "examples");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return paths.flatMap(filesOf).flatMap((path) => {
    const examples = examplesIn(path, readFileSync(path, "utf8"));
    if (examples.length === 0) return [];
    const name = relative(ROOT, path);
    const module = join(directory, `${name.replaceAll(/[^\w.]/g, "_")}.ts`);
    writeFileSync(module, moduleOf(name, examples));
    return [module];
  });
}

function filesOf(path: string): string[] {
  const whole = join(ROOT, path);
  if (/\.\w+$/.test(path)) return [whole];
  return readdirSync(whole, { recursive: true, encoding: "utf8" }).filter((name) => /\.(?:ts|md)$/.test(name))
    .map((name) => join(whole, name)).sort();
}

/** The code blocks of a page, or those in the comments of a module; not those that are marked with `ignore`. */
export function examplesIn(path: string, text: string): Example[] {
  const found: Example[] = [];
  let inComment = path.endsWith(".md");
  let block: { lines: string[]; line: number; isTest: boolean; indent: string } | undefined;
  for (const [i, whole] of text.split("\n").entries()) {
    if (!path.endsWith(".md")) {
      if (/^\s*\/\*\*/.test(whole)) inComment = true;
      if (/\*\/\s*$/.test(whole)) inComment = false;
      if (!inComment) continue;
    }
    const line = path.endsWith(".md") ? whole : whole.replace(/^\s*\* ?/, "");
    const [, indent = "", language] = /^(\s*)```(.*)$/.exec(line) ?? [];
    if (language === undefined) {
      block?.lines.push(line.startsWith(block.indent) ? line.slice(block.indent.length) : line);
    } else if (block === undefined) {
      block = { lines: [], line: i + 2, isTest: /^(?:ts|typescript|js|javascript)$/.test(language.trim()), indent };
    } else {
      if (block.isTest) found.push({ code: block.lines.join("\n"), line: block.line });
      block = undefined;
    }
  }
  return found;
}

/** A module in which each example is a test. */
export function moduleOf(file: string, examples: readonly Example[]): string {
  const modules: string[] = [];
  const tests = examples.map(({ code, line }) =>
    `Deno.test(${JSON.stringify(`${file}#${line}`)}, async () => {\n${withoutImports(code, modules)}\n});\n`
  );
  // Not by import(), with which Deno does not find every package.
  const imports = modules.map((module, i) => `import * as module${i} from ${JSON.stringify(module)};\n`);
  return [...imports, ...tests].join("\n");
}

/** The code with the names that it imports as constants; `modules` are those that are imported. Types are erased. */
export function withoutImports(code: string, modules: string[]): string {
  return code.replaceAll(
    /^import\s+(type\s+)?(?:([^"';]*?)\s+from\s+)?"([^"]+)";?/gm,
    (_, isType: string | undefined, names: string | undefined, module: string) => {
      if (isType !== undefined) return "";
      if (!modules.includes(module)) modules.push(module);
      return names === undefined ? "" : `const ${patternOf(names)} = module${modules.indexOf(module)};`;
    },
  ).replaceAll(/^export (?!default)/gm, "");
}

/** `a, { type B, c as d }` as a pattern of what the module is. */
function patternOf(names: string): string {
  const all = /^\*\s+as\s+(\w+)$/.exec(names.trim());
  if (all !== null) return all[1]!;
  const [, whole, braces = ""] = /^(\w+)?\s*,?\s*(?:\{([\s\S]*)\})?$/.exec(names.trim()) ?? [];
  const members = braces.split(",").map((name) => name.trim()).filter((name) =>
    name !== "" && !name.startsWith("type ")
  );
  const parts = [
    ...(whole === undefined ? [] : [`default: ${whole}`]),
    ...members.map((name) => name.replace(" as ", ": ")),
  ];
  return `{ ${parts.join(", ")} }`;
}
