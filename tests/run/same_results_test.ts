import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { DecodeError, ProtocolError, ServerError } from "../../src/errors.ts";
import { execute, query } from "../../src/statements/execute.ts";
import { perform, settle, submit } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows, FirstRow } from "../../src/rows/collectors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noticeResponse,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import {
  callContextOf,
  contextOf,
  inBothDrivers,
  learned,
  number,
  registry,
  rows,
  textRows,
  wire,
} from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

inBothDrivers("a conversation with everything in it comes out the same", [
  ["Sync", concat(parameterStatus("TimeZone", "UTC"), readyForQuery())],
  ["Query", concat(noticeResponse("one"), number(1))],
  ["Query", concat(errorResponse("42601"), readyForQuery("E"))],
  ["Parse Describe Sync", concat(learned(), readyForQuery("T"))],
  ["Bind Execute Sync", rows(2, 3)],
  ["Parse Describe Bind Execute Sync", concat(learned(0), noticeResponse("two"), textRows(4))],
  ["Bind Execute Sync", rows(5)],
], async ({ run, link }) => {
  const context = callContextOf(link);
  const notices: string[] = [];
  context.state.handlers.own.onNotice = ({ message }) => notices.push(message);
  await run(sessionCalls.ping(context, undefined));
  assert.equal(link.session.parameters.TimeZone, "UTC");
  assert.deepEqual(
    await run(statementCalls.query(context, "select 1", undefined, collectors.allResults, OPTIONS_OF.rows)).then((
      [first],
    ) => first?.rows),
    [{
      n: 1,
    }],
  );
  await assert.rejects(
    run(statementCalls.query(context, "bad", undefined, collectors.affected, OPTIONS_OF.nothing)),
    ServerError,
  );
  assert.equal(link.session.transactionStatus, "failed");
  assert.equal(
    await run(statementCalls.exec(context, "a $1", [1], undefined, collectors.affected, OPTIONS_OF.nothing)),
    2,
  );
  assert.equal(
    await run(statementCalls.exec(context, "b", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    4,
  );
  assert.deepEqual(
    await run(statementCalls.exec(context, "b", undefined, undefined, collectors.onlyResult, OPTIONS_OF.rows)).then((
      { rows },
    ) => rows),
    [{
      n: 5,
    }],
  );
  assert.equal(link.session.transactionStatus, "idle");
  assert.ok(link.session.idle);
  assert.deepEqual(notices, ["one", "two"]);
});

inBothDrivers("a value that cannot be read fails its call, and the connection goes on", [
  [
    "Query",
    concat(rowDescription({ n: 23 }), dataRow("x"), dataRow("2"), commandComplete("SELECT 2"), readyForQuery()),
  ],
  ["Query", number(2)],
], async ({ run, link }) => {
  const first = () => run(query("select n", new FirstRow("object"), contextOf(link)));
  await assert.rejects(first(), DecodeError);
  assert.deepEqual(await first(), { n: 2 });
});

inBothDrivers("an op may catch what a request failed with, and go on", [
  ["Query", concat(errorResponse("42601"), readyForQuery())],
  ["Query", number(2)],
], async ({ run, link }) => {
  const rows = await run(function* () {
    try {
      return yield* settle(yield* submit(new SimpleQuery("bad", new AllRows("array"), registry)));
    } catch (error) {
      assert.ok(error instanceof ServerError);
      return yield* query("good", new AllRows("array"), contextOf(link));
    }
  }());
  assert.deepEqual(rows, [[2]]);
});

inBothDrivers(
  "an error of the op's own is the caller's, and the next call works",
  [["Sync", readyForQuery()]],
  async ({ run }) => {
    const mistake = new Error("a mistake");
    await assert.rejects(
      // deno-lint-ignore require-yield
      run(function* (): Generator<never, void> {
        throw mistake;
      }()),
      (error) => error === mistake,
    );
    await run(perform(new Ping()));
  },
);

for (const driver of ["sync", "async"] as const) {
  test(`requests and replies that are larger than all buffers come through (${driver})`, async () => {
    const text = "é".repeat(150_000);
    const reply = concat(
      rowDescription({ t: 25 }),
      dataRow(text),
      dataRow(text),
      commandComplete("SELECT 2"),
      readyForQuery(),
    );
    const { run, link, server } = wire(driver, [["Query", reply], ["Query", number(1)]], { chunk: 10_000 });
    link.session.inbox.trust();
    const sql = `select '${text}'`;
    assert.deepEqual(await run(query(sql, new AllRows("array"), contextOf(link))), [[text], [text]]);
    assert.equal(server.messages[0]!.body.length, sql.length + text.length + 1);
    assert.ok(server.writes.length > 30, "the request went in parts");
    assert.deepEqual(await run(query("1", new AllRows("array"), contextOf(link))), [[1]]);
  });

  test(`a message before authentication may not be long (${driver})`, async () => {
    const reply = concat(rowDescription({ t: 25 }), dataRow("x".repeat(40_000)));
    const { run, link } = wire(driver, [["Query", reply]], { chunk: 1000 });
    await assert.rejects(run(query("1", new AllRows("array"), contextOf(link))), (error) => {
      return error instanceof ProtocolError && /length/.test(error.message);
    });
    assert.ok(link.session.lost !== undefined);
  });

  test(`many calls one after the other (${driver})`, async () => {
    const calls = 300;
    const steps = Array.from({ length: calls }, (_, i) => ["Bind Execute Sync", rows(i)] as const);
    const { run, link, server } = wire(driver, [["Parse Describe Sync", concat(learned(), readyForQuery())], ...steps]);
    const context = contextOf(link);
    for (let i = 0; i < calls; i++) {
      assert.deepEqual(await run(execute("a $1", [i], new FirstRow("array"), context)), [i]);
    }
    assert.ok(server.finished);
  });
}
