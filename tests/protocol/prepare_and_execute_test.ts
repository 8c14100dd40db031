import assert from "node:assert/strict";
import { ProtocolError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { ExecuteStatement, NewStatement } from "../../src/protocol/extended_query.ts";
import { effectsOfStatement } from "../../src/sql/statement.ts";
import type { Prepared } from "../../src/protocol/prepared.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noData,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { sentCodes } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);

test("prepare and execute: learns the statement, rows come as text", () => {
  const { value, session, learned } = first(
    [],
    parseComplete(),
    parameterDescription(),
    rowDescription({ n: 23 }),
    bindComplete(),
    dataRow("2"),
    done(1),
  );
  assert.deepEqual(value, [[2]]);
  assert.equal(sentCodes(session), "PDBES");
  assert.equal(learned?.name, "s3");
  assert.deepEqual(learned?.resultFormats, [1], "later executions get binary");
});

test("prepare and execute: a statement without rows", () => {
  const messages = [parseComplete(), parameterDescription(), noData(), bindComplete(), commandComplete("SET")];
  const { value, learned } = first([], ...messages, readyForQuery());
  assert.deepEqual(value, []);
  assert.equal(learned?.description, undefined);
});

test("prepare and execute: closes what makes room first", () => {
  const { value, session } = first(
    ["old", "older"],
    closeComplete(),
    closeComplete(),
    parseComplete(),
    parameterDescription(),
    rowDescription({ n: 23 }),
    bindComplete(),
    done(0),
  );
  assert.deepEqual(value, []);
  assert.equal(sentCodes(session), "CCPDBES");
});

test("prepare and execute: a statement that is prepared is learned even if executing it fails", () => {
  const described = [parseComplete(), parameterDescription(), noData()];
  assert.equal(first([], ...described, errorResponse("22012"), readyForQuery()).learned?.name, "s3");
  const { learned, failure } = first([], errorResponse("42601"), readyForQuery());
  assert.equal(learned, undefined);
  assert.equal(failure?.kind, "server");
});

test("prepare and execute: a statement that turns out to have parameters was called wrongly", () => {
  const { failure, session, learned } = first(
    [],
    parseComplete(),
    parameterDescription(23, 25),
    noData(),
    errorResponse("08P01", "bind message supplies 0 parameters"),
    readyForQuery(),
  );
  assert.ok(failure?.kind === "unusable" && failure.error instanceof UsageError);
  assert.match(failure.error.message, /0 parameters: the statement has 2/);
  assert.deepEqual(learned?.parameterTypes, [23, 25]);
  assert.equal(session.lost, undefined);
});

test("prepare and execute: every message has its place", () => {
  const messages = [parseComplete(), parameterDescription(), noData(), bindComplete(), commandComplete("SET")];
  for (let i = 0; i < 4; i++) {
    endsConnection(first([], ...messages.toSpliced(i, 1), readyForQuery()));
    endsConnection(first([], ...messages.with(i, closeComplete()), readyForQuery()));
    const twice = [...messages.slice(0, i + 1), ...messages.slice(i)];
    endsConnection(first([], ...twice, readyForQuery()));
  }
});

function first(evicted: string[], ...messages: Uint8Array[]): Outcome<unknown[]> & { learned: Prepared | undefined } {
  let learned: Prepared | undefined;
  const learn = (statement: Prepared): void => void (learned = statement);
  const make = (): ExecuteStatement<unknown[]> =>
    new ExecuteStatement(
      new NewStatement("select", { name: "s3", evicted, generation: 0 }, effectsOfStatement("select"), learn),
      [],
      new AllRows("array"),
      registry,
    );
  return { ...reply(make, concat(...messages)), learned };
}

function done(rows: number): Uint8Array {
  return concat(commandComplete(`SELECT ${rows}`), readyForQuery());
}

function endsConnection({ failure, session }: Outcome<unknown>): void {
  assert.equal(failure?.kind, "malformed");
  assert.ok(session.lost instanceof ProtocolError);
}
