/** Texts and streams from outside, at random: each reader gives a value or one of pyro's errors. */
import assert from "node:assert/strict";
import { Opts, UsageError } from "../../mod.ts";
import { parseDirectories } from "../../src/connect/directories.ts";
import { redactedSql } from "../../src/sql/redaction.ts";
import { commandOf, effectsOfStatements, highestParameter, isPlainRead } from "../../src/sql/statement.ts";
import { WireTrace } from "../../src/trace/wire_trace.ts";
import type { Arbitrary } from "../support/installed/fast_check.ts";
import { fc, fuzz } from "../support/suite/fuzz.ts";
import { mutated, type Mutation, mutations } from "../support/values/mutations.ts";
import { readRecord } from "./recorded.ts";

/** Texts of these pieces, and of any characters. */
function texts(pieces: readonly string[]): Arbitrary<string> {
  return fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 24 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
}

const CONNECTION = texts([
  ..."abc:/@?#[]%=&', \\\t\0;+.1",
  "pg://",
  "postgresql://",
  "localhost",
  "host=",
  "port=",
  "password=",
  "user=",
  "sslmode=",
  "%2F",
  "%zz",
  "5432",
  "[::1]",
  "é",
  "\ud800",
]);
const SQL = texts([
  ..."aA1$'\"\\;:-*/()\n .,é\0",
  "select",
  "copy",
  "begin",
  "set ",
  "$$",
  "$a$",
  "--",
  "/*",
  "*/",
  "E'",
  "U&'",
  "\ud800",
]);

fuzz("connection strings are read or refused, and read again as they are shown", 6000, CONNECTION, (text) => {
  let opts: Opts;
  try {
    opts = new Opts(text);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return;
  }
  const shown = String(opts);
  // What is shown of a secret is three stars.
  assert.equal(String(new Opts(shown)), shown);
});

fuzz("SQL text is looked at without an error", 6000, SQL, (sql) => {
  effectsOfStatements(sql);
  effectsOfStatements(sql, true);
  commandOf(sql);
  isPlainRead(sql);
  assert.ok(highestParameter(sql) >= 0);
  assert.equal(typeof redactedSql(sql), "string");
});

fuzz("lists of directories are read or refused", 3000, texts([...'/ab",\\ @', '""', "/tmp"]), (text) => {
  assert.ok(Array.isArray(parseDirectories(text)));
});

const RECORD = readRecord();
const STREAM = fc.record<{ name: string; changes: Mutation[]; chunk: number }>({
  name: fc.constantFrom(...RECORD.keys()),
  changes: mutations(fc),
  chunk: fc.constantFrom(1, 7, 1000),
});

fuzz("a trace shows whatever is sent", 1500, STREAM, ({ name, changes, chunk }) => {
  const trace = new WireTrace((line) => assert.ok(!/[\n\r\0]/.test(line)), () => "now");
  for (const { bytes } of RECORD.get(name)!) {
    const changed = mutated(bytes, changes);
    for (let at = 0; at < changed.length; at += chunk) trace.received(changed.subarray(at, at + chunk));
  }
});
