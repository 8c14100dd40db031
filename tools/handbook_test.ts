/** The handbook: all pages are in its order, each has examples that are run, and its links lead somewhere. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { publishedDocuments } from "./build.ts";
import { examplesIn } from "./examples.ts";
import { anchorsOf, chaptersOf, CONTENTS, linksOf, ROOT, slugOf } from "./handbook.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const chapters = chaptersOf(read(CONTENTS));
const inOrder = chapters.flatMap(({ pages }) => pages.map(({ path }) => path.replace(/#.*/, "")));
const pages = publishedDocuments().filter((path) => path.endsWith(".md"));

test("handbook: a chapter has a heading and links", () => {
  assert.deepEqual(
    chaptersOf("# H\n\n[no](x.md)\n\n## A\n\n- [B `c`](b.md): text [d](d.md)\n- [E](../E.md)\n\n## F\n"),
    [
      { title: "A", pages: [{ title: "B c", path: "docs/b.md" }, { title: "E", path: "E.md" }] },
      { title: "F", pages: [] },
    ],
  );
});

test("handbook: anchors are GitHub's", () => {
  const cases = [
    ["Names: `sql.id`", "names-sqlid"],
    ["`cancel()` and `cancel(key)`", "cancel-and-cancelkey"],
    ["Coming from …", "coming-from-"],
    ["Where a_b is", "where-a_b-is"],
  ];
  for (const [heading, slug] of cases) assert.equal(slugOf(heading!), slug);
});

test("handbook: every page of docs is in the order", () => {
  const missing = pages.filter((path) => path.startsWith("docs/") && path !== CONTENTS && !inOrder.includes(path));
  assert.deepEqual(missing, []);
  assert.deepEqual(inOrder.filter((path) => !pages.includes(path)), []);
  assert.ok(chapters.every(({ pages }) => pages.length > 0));
});

test("handbook: every chapter has programs that CI starts", () => {
  const programs = (path: string): number => examplesIn(path, read(path)).length;
  const without = chapters.filter(({ pages }) => pages.every(({ path }) => programs(path.replace(/#.*/, "")) === 0));
  assert.deepEqual(without.map(({ title }) => title), []);
});

test("handbook: links lead to headings that exist", () => {
  const broken = pages.flatMap((path) =>
    linksOf(path).filter(({ target, anchor }) =>
      anchor !== "" && (!target.endsWith(".md") || !anchorsOf(target).has(anchor))
    ).map(({ target, anchor }) => `${path}: ${target}#${anchor}`)
  );
  assert.deepEqual(broken, []);
});
