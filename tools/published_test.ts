/** The documents that are published, on JSR and in the npm package. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { publishedDocuments } from "./build.ts";

const ROOT = join(import.meta.dirname!, "..");

test("published: links lead to what is published too", () => {
  const documents = publishedDocuments();
  const links = documents.filter((path) => path.endsWith(".md")).flatMap((path) =>
    [...readFileSync(join(ROOT, path), "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => ({ path, target: target!.replace(/#.*$/, "") }))
      .filter(({ target }) => target !== "" && !target.includes(":"))
  );
  assert.ok(links.length > 50, "links are found");
  const broken = links.filter(({ path, target }) => !documents.includes(posix.join(posix.dirname(path), target)));
  assert.deepEqual(broken, []);
});
