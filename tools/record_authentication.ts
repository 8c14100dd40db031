/**
 * Writes tests/runtime/authentication/recorded.json: what libpq 18 (of npm's PostgreSQL) does in the
 * situations of tests/runtime/authentication/situations.ts, with servers of the tests.
 *
 * Usage: deno run -A tools/record_authentication.ts
 */
import { writeFileSync } from "node:fs";
import { nameOf, SITUATIONS, stringOf } from "../tests/runtime/authentication/situations.ts";
import { Libpq } from "../tests/support/installed/libpq.ts";
import type { Major } from "../tests/support/installed/postgres.ts";
import { startTestServer } from "../tests/support/installed/test_server.ts";
import { POSTGRES } from "../tests/support/installed/versions.ts";

using libpq = new Libpq();
const recorded: Record<string, Record<string, string>> = {};
for (const major of Object.keys(POSTGRES)) {
  await using server = await startTestServer(Number(major) as Major);
  const place = { directory: server.socketDirectories[0]!, port: server.port };
  const outcomes = recorded[major] = {} as Record<string, string>;
  for (const situation of SITUATIONS) {
    outcomes[nameOf(situation)] = (await libpq.connect(stringOf(situation, place))).refusal;
  }
}
writeFileSync(
  new URL("../tests/runtime/authentication/recorded.json", import.meta.url),
  `${JSON.stringify(recorded, undefined, 2)}\n`,
);
