import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "../support/suite/test.ts";
import { typeDocument } from "../support/values/type_table.ts";

test("TYPES.md says what the registry does", () => {
  const written = readFileSync(new URL("../../TYPES.md", import.meta.url), "utf8");
  assert.equal(words(written), words(typeDocument()), "deno run -A tools/type_table.ts writes it anew");
});

/** The text without what formatting changes. */
function words(text: string): string {
  return text.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ");
}
