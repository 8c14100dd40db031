/** The package that stands in pg's place, installed under its name. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { packages, PG } from "../tests/support/installed/versions.ts";
import { buildPgPackage } from "./build_pg.ts";
import { BUN, Project, TOOLS } from "./package/project.ts";

/** OpenTelemetry, whose instrumentation of pg changes methods of pg and pg-pool as they are loaded. */
const OPENTELEMETRY = {
  "@opentelemetry/api": "1.9.1",
  "@opentelemetry/instrumentation": "0.223.0",
  "@opentelemetry/instrumentation-pg": "0.76.0",
  "@opentelemetry/sdk-trace-node": "2.12.1",
} as const;

let project: Project;

before(async () => {
  project = await Project.make(buildPgPackage);
  const { "pg-cursor": cursor, "pg-query-stream": stream } = PG;
  const inPlace = [`pg@file:${project.tarball}`, `pg-cursor@${cursor}`, `pg-query-stream@${stream}`];
  project.spawn("npm", ["install", "--no-audit", "--no-fund", ...inPlace, ...packages(OPENTELEMETRY)]);
});

after(async () => await project?.[Symbol.asyncDispose]());

test("package: in pg's place, imported and required, with query classes of other packages", () => {
  const expected = [[true, true, true], [1, 1, 2, 9], "none"];
  const runs = [[project.node(22), "pg.mjs"], [project.node(26), "pg.mjs"], ["npx", ...BUN, "pg.mjs"]];
  for (const [command, ...args] of [...runs, [process.execPath, "run", "-A", "--node-modules-dir=manual", "pg.mjs"]]) {
    assert.deepEqual(project.printed(command!, ...args), expected, command);
  }
  const manifest = JSON.parse(readFileSync(join(project.directory, "node_modules/pg/package.json"), "utf8"));
  assert.deepEqual(Object.keys(manifest.dependencies), ["pg-connection-string", "pg-types", "@types/node"]);
});

test("package: in pg's place, observed by OpenTelemetry and by agents", () => {
  for (const major of [22, 26] as const) {
    const { loaded, ...seen } = project.printed(project.node(major), "pg_observed.cjs") as { loaded: string[] };
    for (const file of ["pg/lib/index.js", "pg/lib/client.js", "pg-pool/index.js"]) {
      assert.ok(loaded.includes(file), file);
    }
    assert.deepEqual(seen, {
      spans: [
        ["pg.connect", "pg-pool.connect"],
        ["pg-pool.connect", "program"],
        ["pg.query:SELECT test_db", "program"],
        ["pg-pool.connect", "program"],
        ["pg.query:SELECT test_db", "program"],
        ["program", null],
      ],
      added: [["select 1 as n", "function"], ["select $1::int4 as n", "function"]],
      hasMethods: [true, true],
      kind: "[object Object]",
      native: [null, false],
    });
  }
});

for (const version of ["typescript5", "typescript7"] as const) {
  test(`package: pg's types by ${TOOLS[version].replace("npm:", "")}`, () => {
    const compilerOptions = { strict: true, target: "es2022", module: "nodenext", noEmit: true, types: ["node"] };
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["pg_types.mts"] }));
    project.spawn(project.node(26), [project.tool(version, "bin", "tsc")]);
  });
}
