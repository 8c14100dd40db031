import assert from "node:assert/strict";
import { ProtocolError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import type { Request } from "../../src/protocol/request.ts";
import { ExecuteStatement, NewStatement } from "../../src/protocol/extended_query.ts";
import { effectsOfStatement } from "../../src/sql/statement.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  copyData,
  copyDone,
  copyResponse,
  dataRow,
  errorResponse,
  noData,
  noticeResponse,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { sentCodes, sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const COPY = new Prepared("s", "copy", [], undefined, registry);

interface Case {
  readonly make: () => Request<unknown[]>;
  /** What is sent. */
  readonly request: string;
  /** What comes before the reply to the statement itself. */
  readonly before: readonly Uint8Array[];
}

const SIMPLE: Case = {
  make: () => new SimpleQuery("copy", new AllRows("array"), registry),
  request: "Q",
  before: [],
};

/** Every request that runs SQL. */
const EXECUTIONS: readonly Case[] = [
  SIMPLE,
  {
    make: () => new ExecuteStatement(COPY, [], new AllRows("array"), registry),
    request: "BEH",
    before: [bindComplete()],
  },
  {
    make: () => new ExecuteStatement(COPY.renewed(registry, ""), [], new AllRows("array"), registry),
    request: "PBDEH",
    before: [parseComplete(), bindComplete(), noData()],
  },
  {
    make: () =>
      new ExecuteStatement(
        new NewStatement("copy", { name: "s", evicted: [], generation: 0 }, effectsOfStatement("copy"), () => {}),
        [],
        new AllRows("array"),
        registry,
      ),
    request: "PDBEH",
    before: [parseComplete(), parameterDescription(), noData(), bindComplete()],
  },
];

test("misplaced COPY FROM STDIN: the server is told that there is no data, and the call fails alone", () => {
  for (const example of EXECUTIONS) {
    const { make, request, before } = example;
    const waiting = reply(make, concat(...before, copyResponse("G"), refusal(example), readyForQuery()));
    assert.ok(waiting.failure?.kind === "unusable" && waiting.failure.error instanceof UsageError);
    assert.match(waiting.failure.error.message, /COPY FROM STDIN.*copyIn/);
    assert.equal(waiting.session.lost, undefined);
    // In the extended protocol no Sync is sent before it is clear whether the server would skip it.
    assert.equal(sentCodes(waiting.session), request === "Q" ? "Qf" : `${request}fS`);
  }
});

test("misplaced COPY FROM STDIN: statements before it in the same text do not matter", () => {
  const { failure, session } = reply(
    SIMPLE.make,
    concat(
      rowDescription({ n: 23 }),
      dataRow("1"),
      commandComplete("SELECT 1"),
      noticeResponse("x"),
      copyResponse("G"),
      refusal(SIMPLE),
      readyForQuery("E"),
    ),
  );
  assert.equal(failure?.kind, "unusable");
  assert.equal(session.transactionStatus, "failed");
});

test("misplaced COPY FROM STDIN: another error than our refusal is the server's", () => {
  for (const error of [errorResponse("42501", "permission denied"), errorResponse("57014", "canceling statement")]) {
    const { failure } = reply(SIMPLE.make, concat(copyResponse("G"), error, readyForQuery()));
    assert.equal(failure?.kind, "server");
  }
});

test("misplaced COPY TO STDOUT: the data is dropped, and the call fails alone", () => {
  for (const { make, before } of EXECUTIONS) {
    const { failure, session } = copyOut(make, ...before, copyResponse("H"), copyData("1\t2\n"), copyData(""));
    assert.ok(failure?.kind === "unusable" && failure.error instanceof UsageError);
    assert.match(failure.error.message, /COPY TO STDOUT.*copyOut/);
    assert.equal(session.lost, undefined);
  }
});

test("misplaced COPY TO STDOUT: an error in the middle of the data is the server's", () => {
  for (const { make, before } of EXECUTIONS) {
    const messages = [...before, copyResponse("H"), copyData("1\n"), errorResponse("22012"), readyForQuery("E")];
    const { failure, session } = reply(make, concat(...messages));
    assert.equal(failure?.kind === "server" && failure.fields.code, "22012");
    assert.equal(session.lost, undefined);
  }
});

test("misplaced COPY TO STDOUT: rows of other statements do not hide it", () => {
  const rows = concat(rowDescription({ n: 23 }), dataRow("1"), commandComplete("SELECT 1"));
  const { failure } = reply(
    SIMPLE.make,
    concat(rows, copyResponse("H"), copyDone(), commandComplete("COPY 0"), rows, readyForQuery()),
  );
  assert.equal(failure?.kind, "unusable");
});

test("replication's COPY in both directions ends the connection", () => {
  for (const { make, before } of EXECUTIONS) {
    const { session } = reply(make, concat(...before, Uint8Array.from([0x57, 0, 0, 0, 7, 0, 0, 0]), readyForQuery()));
    assert.ok(session.lost instanceof ProtocolError);
  }
});

function copyOut(make: () => Request<unknown[]>, ...messages: Uint8Array[]): Outcome<unknown[]> {
  return reply(make, concat(...messages, copyDone(), commandComplete("COPY 1"), readyForQuery()));
}

/** The error with which the server answers CopyFail: it quotes the reason that was given. */
function refusal({ make, before }: Case): Uint8Array {
  const { session } = reply(make, concat(...before, copyResponse("G"), errorResponse(), readyForQuery()));
  const { body } = sentMessages(session).find(({ code }) => code === "f")!;
  return errorResponse("57014", `COPY from stdin failed: ${body.slice(0, -1)}`);
}

test("misplaced COPY FROM STDIN: a server that fails before it reads data is followed", () => {
  for (const { make, request, before } of EXECUTIONS) {
    const { failure, session } = reply(
      make,
      concat(...before, copyResponse("G"), errorResponse("42809"), readyForQuery()),
    );
    assert.equal(failure?.kind === "server" && failure.fields.code, "42809");
    assert.equal(sentCodes(session), request === "Q" ? "Qf" : `${request}fS`);
  }
});
