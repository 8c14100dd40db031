/** The npm package, installed from its tarball as users do: on each runtime, with type checks, and through bundlers. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { LIBRARIES, packages } from "../tests/support/installed/versions.ts";
import { buildPackage, readConfig, versionsOf } from "./build.ts";
import { BUN, newProject, Project, TOOLS } from "./package/project.ts";

const ROOT = join(import.meta.dirname!, "..");

let project: Project;

before(async () => {
  project = await Project.make(buildPackage);
  const { tarball } = project;
  project.spawn("npm", ["install", "--no-audit", "--no-fund", "--legacy-peer-deps", tarball, ...packages(LIBRARIES)]);
});

after(async () => await project?.[Symbol.asyncDispose]());

const WITH_TEMPORAL = ["promises", "object", "pooled", "blocking", "temporal"];
const WITHOUT_TEMPORAL = ["promises", "string", "pooled", "blocking", "UsageError", true];

for (const major of [22, 24, 26] as const) {
  test(`package: both worlds on Node ${major}, imported and required`, () => {
    assert.deepEqual(
      project.printed(project.node(major), "program.mjs"),
      major === 26 ? WITH_TEMPORAL : WITHOUT_TEMPORAL,
    );
    assert.deepEqual(project.printed(project.node(major), "program.cjs"), ["promises", "blocking"]);
  });
}

test("package: Node 20 is too old, and both worlds say so", () => {
  const message = "UsageError: Cannot connect: this runtime has no Promise.withResolvers; " +
    "pyro needs Node 22.15, Bun 1.4 or Deno 2.9, or a later release";
  assert.deepEqual(project.printed(project.node(20), "old.mjs"), [message, message]);
});

test("package: both worlds on Bun, imported and required, and installed by it", () => {
  assert.deepEqual(project.printed("npx", ...BUN, "program.mjs"), WITH_TEMPORAL);
  assert.deepEqual(project.printed("npx", ...BUN, "program.cjs"), ["promises", "blocking"]);
  const other = newProject();
  try {
    project.spawn("npx", [...BUN, "add", project.tarball], other);
    assert.deepEqual(JSON.parse(project.spawn("npx", [...BUN, "program.mjs"], other).stdout), WITH_TEMPORAL);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test("package: both worlds on Deno, imported and required", () => {
  const run = ["run", "-A", "--node-modules-dir=manual"];
  assert.deepEqual(project.printed(process.execPath, ...run, "program.mjs"), WITH_TEMPORAL);
  assert.deepEqual(project.printed(process.execPath, ...run, "program.cjs"), ["promises", "blocking"]);
});

for (const version of ["typescript5", "typescript7"] as const) {
  for (const skipLibCheck of [true, false]) {
    test(`package: types by ${TOOLS[version].replace("npm:", "")}, ${skipLibCheck ? "without" : "with"} a check of the package's own`, () => {
      const compilerOptions = {
        strict: true,
        target: "es2022",
        module: "nodenext",
        noEmit: true,
        skipLibCheck,
        types: [],
      };
      const lib = ["es2022", "dom", "esnext.disposable", "es2018.asynciterable"];
      // The types of Drizzle name those of databases that are not installed.
      const files = skipLibCheck ? ["types.mts", "libraries.mts"] : ["types.mts"];
      project.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...compilerOptions, lib }, files }));
      project.spawn(project.node(26), [project.tool(version, "bin", "tsc")]);
    });
  }
}

for (const options of [[], ["--minify"], ["--keep-names"], ["--target=es2022"], ["--minify", "--keep-names"]]) {
  test(`package: bundled by esbuild ${options.join(" ")}`, () => {
    project.spawn(project.node(26), [
      project.tool("esbuild", "bin", "esbuild"),
      "program.mjs",
      "--bundle",
      "--platform=node",
      "--format=esm",
      "--outfile=bundled/esbuild.mjs",
      ...options,
    ]);
    assert.deepEqual(project.printed(project.node(26), "bundled/esbuild.mjs"), WITH_TEMPORAL);
  });
}

test("package: bundled by rollup", () => {
  // Rollup looks for its plugins where it is.
  const config = `import resolve from ${JSON.stringify(project.tool("@rollup/plugin-node-resolve/dist/es/index.js"))};
export default {
  input: "program.mjs",
  external: [/^node:/],
  plugins: [resolve()],
  output: { file: "bundled/rollup.mjs", inlineDynamicImports: true },
};`;
  project.write("rollup.config.mjs", config);
  project.spawn(project.node(26), [project.tool("rollup", "dist", "bin", "rollup"), "-c", "rollup.config.mjs"]);
  assert.deepEqual(project.printed(project.node(26), "bundled/rollup.mjs"), WITH_TEMPORAL);
});

test("package: compiled by Bun", () => {
  project.spawn("npx", [...BUN, "build", "--compile", "--outfile=bundled/program", "program.mjs"]);
  assert.deepEqual(project.printed(join(project.directory, "bundled/program")), WITH_TEMPORAL);
});

test("package: bundled by Deno", () => {
  project.spawn(process.execPath, ["bundle", "--node-modules-dir=manual", "--output=bundled/deno.mjs", "program.mjs"]);
  assert.deepEqual(project.printed(process.execPath, "run", "-A", "bundled/deno.mjs"), WITH_TEMPORAL);
});

test("package: the sources, run by tsx", () => {
  const copy = join(project.directory, "sources");
  mkdirSync(copy);
  for (const name of ["mod.ts", "sync.ts", "async.ts", "src"]) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  const program = readFileSync(join(project.directory, "program.mjs"), "utf8")
    .replace(`"@x/pyro"`, `"./sources/mod.ts"`).replace(`"@x/pyro/sync"`, `"./sources/sync.ts"`);
  project.write(
    "sources.ts",
    program.replace("error.name, error.message", "String(error), String(error)"),
  );
  assert.deepEqual(
    project.printed(project.node(26), project.tool("tsx", "dist", "cli.mjs"), "sources.ts"),
    WITH_TEMPORAL,
  );
});

test("package: every entry point can be imported, on the oldest Node too", () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as { exports: Record<string, string> };
  const imports = Object.keys(exports).map((path) => `import(${JSON.stringify(`@x/pyro${path.slice(1)}`)})`);
  const peers = Object.entries(versionsOf(readConfig())).map(([name, version]) => `${name}@${version}`);
  project.spawn("npm", ["install", "--no-save", "--no-audit", "--no-fund", ...peers]);
  const program = `const all = await Promise.all([${imports}]);
console.log(JSON.stringify(all.map((names) => Object.keys(names).length > 0)));`;
  project.write("entry_points.mjs", program);
  for (const major of [22, 26] as const) {
    assert.deepEqual(project.printed(project.node(major), "entry_points.mjs"), imports.map(() => true));
  }
});

test("package: calls and pools are observed, on the oldest Node too", () => {
  for (const major of [22, 26] as const) {
    assert.deepEqual(project.printed(project.node(major), "observed.mjs"), ["connect test_db", "SELECT test_db", 3, 0]);
  }
});

test("package: nothing is required, and every file that it names is there", () => {
  const directory = join(project.directory, "node_modules/@x/pyro");
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const config = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  assert.equal(manifest.version, config.version);
  assert.deepEqual([manifest.dependencies, manifest.sideEffects], [undefined, false]);
  for (const peer of Object.keys(manifest.peerDependencies)) {
    assert.deepEqual(manifest.peerDependenciesMeta[peer], { optional: true }, peer);
  }
  assert.deepEqual(Object.keys(manifest.exports), [...Object.keys(config.exports), "./package.json"]);
  const files = Object.values(manifest.exports as Record<string, string | Record<string, string>>)
    .flatMap((target) => typeof target === "string" ? [target] : Object.values(target));
  for (const file of [...files, "./README.md", "./LICENSE"]) {
    assert.ok(readdirSync(join(directory, dirname(file))).includes(file.split("/").at(-1)!), file);
  }
});
