/**
 * Writes tests/runtime/authentication/recorded.json: what libpq 18 (of npm's PostgreSQL) does in the
 * situations of tests/runtime/authentication/situations.ts, with servers of the tests.
 *
 * Usage: deno run -A tools/record_authentication.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nameOf, SITUATIONS, stringOf } from "../tests/runtime/authentication/situations.ts";
import { install, type Major } from "../tests/support/installed/postgres.ts";
import { startTestServer } from "../tests/support/installed/test_server.ts";
import { POSTGRES } from "../tests/support/installed/versions.ts";

const library = Deno.dlopen(join(install(18), "lib", "libpq.so.5"), {
  PQconnectdb: { parameters: ["buffer"], result: "pointer", nonblocking: true },
  PQstatus: { parameters: ["pointer"], result: "i32" },
  PQerrorMessage: { parameters: ["pointer"], result: "pointer" },
  PQfinish: { parameters: ["pointer"], result: "void" },
});

/** libpq's reason for a refusal; empty if it has connected. */
async function refusalOf(text: string): Promise<string> {
  const { PQconnectdb, PQstatus, PQerrorMessage, PQfinish } = library.symbols;
  // Nothing of the caller's may have an effect.
  const conn = await PQconnectdb(new TextEncoder().encode(`${text} gssencmode=disable passfile=/nonexistent\0`));
  try {
    if (PQstatus(conn) === CONNECTION_OK) return "";
    const message = new Deno.UnsafePointerView(PQerrorMessage(conn)!).getCString().trim();
    return message.replaceAll(/^connection to server .*? failed: /gm, "");
  } finally {
    PQfinish(conn);
  }
}

/** `CONNECTION_OK` in libpq-fe.h. */
const CONNECTION_OK = 0;

const recorded: Record<string, Record<string, string>> = {};
for (const major of Object.keys(POSTGRES)) {
  await using server = await startTestServer(Number(major) as Major);
  const place = { directory: server.socketDirectories[0]!, port: server.port };
  const outcomes = recorded[major] = {} as Record<string, string>;
  for (const situation of SITUATIONS) outcomes[nameOf(situation)] = await refusalOf(stringOf(situation, place));
}
writeFileSync(
  new URL("../tests/runtime/authentication/recorded.json", import.meta.url),
  `${JSON.stringify(recorded, undefined, 2)}\n`,
);
library.close();
