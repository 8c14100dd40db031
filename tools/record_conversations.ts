/**
 * Records the conversations of every operation (`tests/fuzz/operations.ts`) with the newest PostgreSQL of the tests in
 * `tests/fuzz/recorded.json.gz`. To be run when an operation is added or says something else.
 *
 * Usage: deno run -A tools/record_conversations.ts
 */
import { writeFileSync } from "node:fs";
import { OPERATIONS } from "../tests/fuzz/operations.ts";
import { optsOf, RECORD, writtenRecord } from "../tests/fuzz/recorded.ts";
import { startTestServer } from "../tests/support/installed/test_server.ts";
import { NEWEST } from "../tests/support/installed/versions.ts";
import { BLOCKING, type Conversation, openBlocking, type Piece, recording } from "../tests/support/scripted/replay.ts";
import { given } from "../tests/support/suite/call_bodies.ts";
import { nativeDialer } from "../src/transport/native_sync.ts";

await using server = await startTestServer(NEWEST);
const conversations = new Map<string, Conversation>();
for (const [name, operation] of Object.entries(OPERATIONS)) {
  const pieces: Piece[] = [];
  const { conn } = openBlocking(recording(nativeDialer("auto"), pieces), optsOf(name).port(server.port));
  try {
    given(BLOCKING, operation)(conn, BLOCKING);
  } catch (error) {
    throw new Error(`"${name}" fails with a real server`, { cause: error });
  }
  await conn.close();
  conversations.set(name, pieces);
}
const bytes = writtenRecord(conversations);
writeFileSync(RECORD, bytes);
console.log(`${conversations.size} conversations, ${bytes.length} bytes`);
