/** The recorded conversations. */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { Opts } from "../../mod.ts";
import type { Conversation } from "../support/scripted/replay.ts";

/** The options of a connection that says what was recorded. Only one authenticates, which takes long. */
export function optsOf(name: string): Opts {
  return new Opts().host("127.0.0.1").user(name === "connect" ? "auth_scram" : "auth_trust").password("secret")
    .db("test_db").sslMode("disable").upgradeToUnixSocket(false).connectTimeout(0);
}

/** Where the record is. */
export const RECORD: URL = new URL("./recorded.json.gz", import.meta.url);

/** The conversations by the names of their operations. */
export function readRecord(): Map<string, Conversation> {
  const texts: Record<string, [number, string][]> = JSON.parse(gunzipSync(readFileSync(RECORD)).toString());
  return new Map(
    Object.entries(texts).map(([name, pieces]) => [
      name,
      pieces.map(([after, bytes]) => ({ after, bytes: new Uint8Array(Buffer.from(bytes, "base64")) })),
    ]),
  );
}

/** The content of the record's file. */
export function writtenRecord(conversations: ReadonlyMap<string, Conversation>): Uint8Array {
  const texts = Object.fromEntries(
    [...conversations].map(([name, pieces]) => [
      name,
      pieces.map(({ after, bytes }) => [after, Buffer.from(bytes).toString("base64")]),
    ]),
  );
  return gzipSync(JSON.stringify(texts), { level: 9 });
}
