/** The programs of `tests/compat/programs`, each of which uses pg through a library. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Prepared } from "./suites.ts";
import type { Tree } from "./trees.ts";

/** Puts them into a tree that has the libraries. Prisma writes a part of its client, if the tree has it. */
export function programsIn({ directory }: Tree): Prepared {
  for (const path of [PROGRAMS, "tools/compat/in_tree"]) {
    cpSync(join(ROOT, path), join(directory, path), { recursive: true });
    writeFileSync(join(directory, path, "package.json"), `{ "type": "module" }`);
  }
  const packages = readdirSync(join(directory, "node_modules"));
  if (packages.includes("prisma")) generatePrismaClient(directory);
  const files = readdirSync(join(ROOT, PROGRAMS)).filter((file) => file.endsWith(".ts") && file !== "program.ts");
  return {
    cwd: directory,
    areSeparate: true,
    files: files.toSorted().map((file) => ({ name: file.replace(".ts", ""), args: [join(PROGRAMS, file)] })),
  };
}

function generatePrismaClient(directory: string): void {
  const { status, stdout, stderr } = spawnSync("node", [
    "node_modules/prisma/build/index.js",
    "generate",
    `--schema=${PROGRAMS}/schema.prisma`,
    "--no-hints",
  ], {
    cwd: directory,
    encoding: "utf8",
    // Generating needs no engine, but Prisma would download one.
    env: { ...process.env, CHECKPOINT_DISABLE: "1", PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" },
  });
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`);
}

const ROOT = join(import.meta.dirname!, "../..");
const PROGRAMS = "tests/compat/programs";
