/**
 * Writes src/codecs/oids.ts, from the catalog of the newest server of the tests, which it starts.
 *
 * Usage: deno run -A tools/oids.ts
 */
import { writeFileSync } from "node:fs";
import { Conn } from "../mod.ts";
import { NEWEST } from "../tests/support/installed/versions.ts";
import { oidsFile } from "../tests/support/values/oids_file.ts";
import { PostgresServer } from "../tests/support/installed/postgres.ts";

await using server = await PostgresServer.start({ major: NEWEST });
await using conn = await Conn.connect(`pg://postgres@127.0.0.1:${server.port}/postgres`);
// pyro itself reads the file that this replaces, so nothing is written before all is known.
const content = await oidsFile(conn);
writeFileSync(new URL("../src/codecs/oids.ts", import.meta.url), content);
