/**
 * Engines that are not PostgreSQL, as far as their documentation, source and issue trackers say how they differ on the
 * wire. None of them can be installed by the tests; `docs/engines.md` says what that leaves open.
 */
import type { EngineOptions } from "./engine.ts";

/**
 * CockroachDB. Source: pkg/sql/pgwire/conn.go (`statusReportParams`) for what it reports; cockroachlabs.com, "Common
 * Errors and Solutions": 40001 for conflicts, 40003 if the result is ambiguous; issue 40195 for portals.
 */
export const cockroach: EngineOptions = {
  name: "CockroachDB",
  parameters: {
    server_version: "13.0.0",
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    application_name: "",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    is_superuser: "on",
    TimeZone: "UTC",
    integer_datetimes: "on",
    standard_conforming_strings: "on",
    crdb_version: "CockroachDB CCL v24.1.0",
  },
  hasKey: true,
  allowsOnePortal: true,
  refuses: [[/\boperator\(/, "42601", 'at or near "operator": syntax error']],
  answer: answerOf(100_107),
};

/**
 * YugabyteDB, a fork of PostgreSQL 11, later 15. Source: docs.yugabyte.com, "Transaction retries": 40001 and 40P01; the
 * version is PostgreSQL's with its own behind it. LISTEN and advisory locks came late.
 */
export const yugabyte: EngineOptions = {
  name: "YugabyteDB",
  parameters: {
    server_version: "11.2-YB-2.20.1.0-b0",
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    TimeZone: "UTC",
    integer_datetimes: "on",
    standard_conforming_strings: "on",
    session_authorization: "yugabyte",
    is_superuser: "on",
  },
  hasKey: true,
  refuses: [[/^(un)?listen/i, "0A000", "LISTEN not supported yet"]],
  answer: answerOf(16_400),
};

/**
 * CrateDB. Source: PostgresWireProtocol.java: what it reports; the simple protocol always says idle, a refused statement
 * of the extended one says failed; compatibility.rst and issue 11608: BEGIN and COMMIT do nothing, ROLLBACK is refused.
 */
export const crate: EngineOptions = {
  name: "CrateDB",
  parameters: {
    crate_version: "5.8.0",
    server_version: "14.0",
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    datestyle: "ISO",
    TimeZone: "UTC",
    integer_datetimes: "on",
  },
  hasKey: true,
  ignoresTransactions: true,
  refuses: [
    [/^with recursive|^unlisten|^listen|^show /i, "XX000", "line 1:1: mismatched input"],
    [/pg_is_in_recovery/, "42883", "Unknown function: pg_is_in_recovery()"],
  ],
  answer: answerOf(2276),
};

/**
 * QuestDB. Source: PGConnectionContext.java: what it reports, the transaction status, no key (older versions), columns
 * of type BINARY in binary always. `pg_type` is a function with few columns.
 */
export const quest: EngineOptions = {
  name: "QuestDB",
  parameters: {
    TimeZone: "GMT",
    application_name: "QuestDB",
    server_version: "11.3",
    integer_datetimes: "on",
    client_encoding: "UTF8",
  },
  hasKey: false,
  hasNoSavepoints: true,
  binaryOnly: [17],
  refuses: [[/^with recursive|^listen|pg_is_in_recovery|^show transaction/i, "00000", "unexpected token"]],
  // Bytes that would be others, if they were read as bytea's text.
  answer: answerOf(17, "\\x41"),
};

/**
 * Redshift. Source: docs.aws.amazon.com, "Amazon Redshift and PostgreSQL"; its version is that of the PostgreSQL that it
 * was made of, whose errors have fewer fields; conflicts have XX000 (aws/aws-sdk-pandas issue 665).
 */
export const redshift: EngineOptions = {
  name: "Redshift",
  parameters: {
    server_version: "8.0.2",
    server_encoding: "UNICODE",
    client_encoding: "UNICODE",
    DateStyle: "ISO, MDY",
    TimeZone: "UTC",
    integer_datetimes: "on",
    is_superuser: "off",
    session_authorization: "ada",
    server_protocol_version: "1",
  },
  hasKey: true,
  hasNoSavepoints: true,
  hasOldErrors: true,
  refuses: [
    [/^with recursive|pg_is_in_recovery|^discard|listen/i, "42601", "syntax error"],
    [/^show /i, "42704", "unrecognized configuration parameter"],
  ],
  answer: answerOf(4000),
};

/**
 * Materialize. Source: src/pgwire/src/protocol.rs: lists and maps have no binary form; `SERVER_MAJOR_VERSION` in
 * src/sql/src/session/vars.rs. There is WITH MUTUALLY RECURSIVE only, and there are no savepoints.
 */
export const materialize: EngineOptions = {
  name: "Materialize",
  parameters: {
    application_name: "",
    client_encoding: "UTF8",
    DateStyle: "ISO, MDY",
    integer_datetimes: "on",
    server_version: "9.5.0",
    TimeZone: "UTC",
    mz_version: "v0.100.0",
  },
  hasKey: true,
  hasNoSavepoints: true,
  textOnly: [16_384],
  refuses: [
    [/^with recursive/, "42601", "Expected MUTUALLY, found identifier"],
    [/^(un)?listen/i, "42601", "Expected a keyword at the beginning of a statement"],
    [/pg_is_in_recovery/, "42883", "function does not exist"],
    [/^show transaction_read_only/, "42704", "unrecognized configuration parameter"],
  ],
  answer: answerOf(16_384),
};

/** All of them. */
export const engines: readonly EngineOptions[] = [cockroach, yugabyte, crate, quest, redshift, materialize];

/** What the tests ask: numbers, text, and a value of a type of the engine's own. */
function answerOf(own: number, value: string = "{1,2}"): EngineOptions["answer"] {
  const all = { n: 23, big: 20, t: 1043, b: 16, own };
  return (sql, [first = null, second = null]) => {
    if (sql === "select all") {
      return { columns: all, rows: [["7", "8", "ö", "t", value], [null, null, null, null, null]] };
    }
    if (sql.startsWith("select $1")) return { columns: { n: 23, t: 25 }, rows: [[first, second]] };
    if (sql === "select many") return { columns: { n: 23 }, rows: Array.from({ length: 7 }, (_, i) => [String(i)]) };
    if (sql.startsWith("insert")) return { tag: "INSERT 0 1" };
    if (sql.startsWith("select")) return { columns: { n: 23 }, rows: [["1"]] };
    return { error: ["42601", `syntax error: ${sql}`] };
  };
}
