import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Conn } from "../../mod.ts";
import { oidsFile } from "../support/values/oids_file.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

test("catalog: src/codecs/oids.ts is what tools/oids.ts makes of it", async () => {
  await using conn = await Conn.connect(newest.fast);
  const written = readFileSync(new URL("../../src/codecs/oids.ts", import.meta.url), "utf8");
  assert.equal(await oidsFile(conn), written, "deno run -A tools/oids.ts writes it anew");
});
