/** The pages of the site. Its generator is not run here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedDocuments } from "./build.ts";
import { importsOf, siteFile, sitePages } from "./site_pages.ts";

const documents = publishedDocuments();
const reference = new Set(["~/Conn.html", "sync/~/Conn.html", "~/sql.html"]);
const pages = sitePages({ documents, reference, base: "/pyro/" });

test("site: each document is a page of its own", () => {
  const files = documents.filter((path) => /\.(?:md|ts|js|html)$/.test(path)).map(siteFile);
  assert.equal(new Set(files).size, files.length);
  assert.deepEqual(
    ["docs/README.md", "docs/copy.md", "README.md", "SECURITY.md", "docs/security.md", "docs/examples/page.html"].map(
      siteFile,
    ),
    ["index.md", "copy.md", "pyro.md", "promises.md", "security.md", "examples/page.md"],
  );
});

test("site: links lead to its pages", () => {
  const files = new Set(
    pages.map(({ file }) => `/${file.replace(/(?:^|(?<=\/))index\.md$/, "").replace(/\.md$/, ".html")}`),
  );
  for (const { file, text } of pages) {
    const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^\w+:|^#|^\/pyro\/api\//.test(link!)) continue;
      assert.ok(files.has(link!.replace(/#.*/, "")), `${file}: ${link}`);
    }
  }
});

test("site: no text is taken for a tag or a template of the generator's", () => {
  for (const { file, text } of pages) {
    const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").replaceAll(/(`+)[\s\S]*?\1/g, "");
    assert.doesNotMatch(prose, /\{\{|<(?!\/?(?:table|tr|td)\b|!--)/, file);
  }
});

test("site: every page leads to the API reference, and to what its examples import", () => {
  for (const { file, text } of pages) assert.match(text, /\nAPI reference: .*\(\/pyro\/api\/\)/, file);
  const copy = pages.find(({ file }) => file === "copy.md")!.text;
  assert.match(copy, /\[Conn\]\(\/pyro\/api\/~\/Conn\.html\)/);
  assert.match(copy, /\[Conn \(sync\)\]\(\/pyro\/api\/sync\/~\/Conn\.html\)/);
});

test("site: what examples import, once each", () => {
  const text =
    'import { a, type B } from "@x/pyro";\nimport { a as c } from "@x/pyro/sync";\nimport { a } from "@x/pyro";\n';
  assert.deepEqual(importsOf(`${text}import x from "y";\n`), [
    { name: "a", entry: "" },
    { name: "B", entry: "" },
    { name: "a", entry: "sync" },
  ]);
});
