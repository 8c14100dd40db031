import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  ConnectionError,
  DecodeError,
  EncodeError,
  PipelineAborted,
  ProtocolError,
  PyroError,
  type PyroErrorOptions,
  ServerError,
  type ServerFields,
  TimeoutError,
  UsageError,
} from "../../src/errors.ts";
import { SqlState } from "../../src/sqlstate.ts";
import { test } from "../support/suite/test.ts";

const PLAIN = [ConnectionError, PipelineAborted, ProtocolError, UsageError, EncodeError, DecodeError];

function serverError(fields: Partial<ServerFields> = {}): ServerError {
  return new ServerError({ severity: "ERROR", code: "42601", message: "syntax error", ...fields });
}

test("errors: all are PyroErrors and Errors, with the name of their class and the message", () => {
  for (const Class of PLAIN) {
    const error = new Class("the message");
    assert.ok(error instanceof PyroError && error instanceof Error);
    assert.equal(error.name, Class.name);
    assert.equal(error.message, "the message");
    assert.equal(String(error), `${Class.name}: the message`);
  }
  const timeout = new TimeoutError("late", { outcome: "unknown" });
  assert.ok(timeout instanceof PyroError);
  assert.deepEqual([timeout.name, serverError().name], ["TimeoutError", "ServerError"]);
});

test("errors: the name is no member of its own", () => {
  for (const Class of PLAIN) assert.ok(!Object.hasOwn(new Class("x"), "name"));
  assert.ok(!Object.keys(serverError()).includes("name"));
});

test("errors: only connections and the protocol are lost by default", () => {
  for (const Class of PLAIN) {
    const lost = Class === ConnectionError || Class === ProtocolError;
    assert.equal(new Class("x").connectionLost, lost, Class.name);
    assert.equal(new Class("x").safeToRetry, false, Class.name);
  }
});

test("errors: what the options say about loss and repetition holds", () => {
  for (const Class of PLAIN) {
    for (const [connectionLost, safeToRetry] of [[true, false], [false, true]] as const) {
      const error = new Class("x", { connectionLost, safeToRetry });
      assert.deepEqual([error.connectionLost, error.safeToRetry], [connectionLost, safeToRetry], Class.name);
    }
  }
});

test("errors: the cause is kept", () => {
  const cause = new Error("why");
  for (const Class of PLAIN) assert.equal(new Class("x", { cause } satisfies PyroErrorOptions).cause, cause);
  assert.equal(new TimeoutError("x", { cause, outcome: "unknown" }).cause, cause);
  assert.equal(new ServerError({ severity: "ERROR", code: "42601", message: "x" }, { cause }).cause, cause);
});

test("TimeoutError: only what was not sent is safe to repeat", () => {
  for (const outcome of ["not sent", "cancelled", "unknown"] as const) {
    const error = new TimeoutError("late", { outcome });
    assert.equal(error.outcome, outcome);
    assert.equal(error.safeToRetry, outcome === "not sent");
    assert.equal(error.connectionLost, false);
  }
});

test("ServerError: the fields as the server sent them, and undefined for those it did not", () => {
  const fields: ServerFields = {
    severity: "ERROR",
    code: "23505",
    message: "duplicate key",
    detail: "d",
    hint: "h",
    position: 1,
    internalPosition: 2,
    internalQuery: "q",
    where: "w",
    schema: "s",
    table: "t",
    column: "c",
    dataType: "y",
    constraint: "k",
    file: "f",
    line: 3,
    routine: "r",
  };
  const error: ServerFields = new ServerError(fields);
  for (const name of Object.keys(fields) as (keyof ServerFields)[]) assert.equal(error[name], fields[name]);
  const bare = serverError();
  for (const name of Object.keys(fields) as (keyof ServerFields)[]) {
    if (["severity", "code", "message"].includes(name)) continue;
    assert.equal(bare[name], undefined);
    assert.ok(Object.hasOwn(bare, name), `${name} hides what an engine has of that name`);
    assert.ok(!Object.keys(bare).includes(name), `${name} is not printed`);
  }
  assert.deepEqual(JSON.parse(JSON.stringify(bare)), {
    severity: "ERROR",
    code: "42601",
    connectionLost: false,
    safeToRetry: false,
  });
  assert.doesNotMatch(inspect(bare), /undefined/);
});

test("errors: without a cause there is none", () => {
  for (const Class of PLAIN) {
    for (const error of [new Class("x"), new Class("x", {}), new Class("x", { cause: undefined })]) {
      assert.ok(!Object.hasOwn(error, "cause"), Class.name);
      assert.doesNotMatch(inspect(error), /cause/);
    }
  }
  for (const error of [serverError(), new ServerError({ severity: "ERROR", code: "42601", message: "x" }, {})]) {
    assert.ok(!Object.hasOwn(error, "cause"));
  }
  assert.ok(!Object.hasOwn(new TimeoutError("x", { outcome: "unknown", cause: undefined }), "cause"));
});

test("ServerError: FATAL and PANIC end the connection", () => {
  for (const severity of ["ERROR", "FATAL", "PANIC", "WARNING"]) {
    assert.equal(serverError({ severity }).connectionLost, severity === "FATAL" || severity === "PANIC");
  }
});

test("ServerError: conflicts with other transactions are safe to repeat", () => {
  for (const code of ["40001", "40P01", "40000", "40002", "40003", "42601", "57014"]) {
    for (const severity of ["ERROR", "FATAL"]) {
      assert.equal(serverError({ code, severity }).safeToRetry, code === "40001" || code === "40P01");
    }
  }
});

test("ServerError: a connection that is refused for now is safe to repeat, and the same code from a function is not", () => {
  for (const code of ["53300", "57P03"]) {
    assert.equal(serverError({ code, severity: "FATAL" }).safeToRetry, true, code);
    assert.equal(serverError({ code, severity: "ERROR" }).safeToRetry, false, code);
  }
  for (const code of ["28P01", "3D000", "57P01", "53200", "28000"]) {
    assert.equal(serverError({ code, severity: "FATAL" }).safeToRetry, false, code);
  }
});

test("ServerError: the SQL text is there, and is not logged by accident", () => {
  const fields = { severity: "ERROR", code: "42601", message: "syntax error" };
  const error = new ServerError(fields, { query: "select 'secret'" });
  assert.equal(error.query, "select 'secret'");
  assert.ok(!Object.keys(error).includes("query"));
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  assert.doesNotMatch(String(error), /secret/);
  assert.doesNotMatch(inspect(error), /secret/);
  assert.equal(new ServerError(fields).query, undefined);
});

test("SqlState: names that programs test for", () => {
  assert.equal(SqlState.SuccessfulCompletion, "00000");
  assert.equal(SqlState.UniqueViolation, "23505");
  assert.equal(SqlState.ForeignKeyViolation, "23503");
  assert.equal(SqlState.NotNullViolation, "23502");
  assert.equal(SqlState.CheckViolation, "23514");
  assert.equal(SqlState.SerializationFailure, "40001");
  assert.equal(SqlState.DeadlockDetected, "40P01");
  assert.equal(SqlState.InFailedSqlTransaction, "25P02");
  assert.equal(SqlState.QueryCanceled, "57014");
  assert.equal(SqlState.AdminShutdown, "57P01");
  assert.equal(SqlState.UndefinedTable, "42P01");
  assert.equal(SqlState.InvalidPassword, "28P01");
  assert.equal(SqlState.LockNotAvailable, "55P03");
  assert.equal(SqlState.InternalError, "XX000");
});

test("SqlState: codes have five characters, names are in PascalCase, and no code has two names", () => {
  const entries = Object.entries(SqlState);
  for (const [name, code] of entries) {
    assert.match(code, /^[0-9A-Z]{5}$/);
    assert.match(name, /^[A-Z][A-Za-z0-9]+$/);
  }
  assert.equal(new Set(entries.map(([, code]) => code)).size, entries.length);
  assert.ok(entries.length > 240, `${entries.length} names`);
});
