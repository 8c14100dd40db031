/** Runs test files with Mocha on any runtime: Mocha's own program loads files in ways that only Node has. */
import { createRequire } from "node:module";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { report } from "./report.ts";

const require = createRequire(import.meta.url);
const Mocha = require("mocha");
const mocha = new Mocha({ timeout: 15_000, reporter: class {} });
for (const file of process.argv.slice(2)) {
  const path = resolve(file);
  mocha.suite.emit("pre-require", globalThis, path, mocha);
  // What is CommonJS must be required: some of it looks at require.main.
  if (path.endsWith(".js")) require(path);
  else await import(pathToFileURL(path).href);
  mocha.suite.emit("post-require", globalThis, path, mocha);
}
const runner = mocha.run((failures: number) => process.exit(failures === 0 ? 0 : 1));
runner.on("pass", (test: Test) => report(test.fullTitle(), "passed"));
runner.on("pending", (test: Test) => report(test.fullTitle(), "skipped"));
runner.on("fail", (test: Test, error: unknown) => report(test.fullTitle(), "failed", error));

interface Test {
  fullTitle(): string;
}
