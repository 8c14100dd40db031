import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import type { CallContext } from "../../src/connection/call_context.ts";
import * as pipelineCalls from "../../src/connection/pipeline_calls.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import { PreparedStatement } from "../../src/async/prepared_statement.ts";
import type { AsyncLink } from "../../src/run/async_link.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { Call } from "../../src/protocol/request.ts";
import type { Prepared } from "../../src/protocol/prepared.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  parseComplete,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { callContextOf, int4, learned, namesIn, rows, textRows, type Wire, wire } from "../support/scripted/links.ts";
import type { Step } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

/** A string without parameters, for the first time. */
const AT_ONCE = "Parse Describe Bind Execute Sync";
/** A string with parameters, for the first time. */
const LEARN = "Parse Describe Sync";
/** What the server has. */
const KNOWN = "Bind Execute Sync";
/** What is known, and the server does not have. */
const UNNAMED = "Parse Bind Describe Execute Sync";

/**
 * Each step is a round trip: nothing of it is answered before all of it is here, so that a client that
 * waits in the middle waits for ever; and each begins with a write of its own.
 */
function roundTrips(
  name: string,
  settings: Settings,
  steps: readonly Step[],
  body: (connection: Wire, context: CallContext) => Promise<void>,
): void {
  for (const driver of ["sync", "async"] as const) {
    test(`round trips: ${name} (${driver})`, async () => {
      const connection = wire(driver, steps);
      await body(connection, callContextOf(connection.link, settings));
      assert.ok(connection.server.finished, "the conversation came to its end");
      const written = writes(connection);
      for (const [messages] of steps) {
        let step = written.shift() ?? "";
        while (step.length < messages.length && written.length > 0) step += ` ${written.shift()}`;
        assert.equal(step, messages);
      }
      assert.deepEqual(written, []);
    });
  }
}

function exec(context: CallContext, statement: unknown, values: readonly unknown[] = []): Call<unknown[]> {
  return statementCalls.exec(context, statement as string, values, undefined, collectors.allRows, OPTIONS_OF.rows);
}

roundTrips("exec without parameters is one, always", {}, [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [KNOWN, rows(1)],
  [KNOWN, rows(1)],
], async ({ run }, context) => {
  for (let i = 0; i < 3; i++) assert.deepEqual(await run(exec(context, "a")), [{ n: 1 }]);
});

roundTrips("exec with parameters is two the first time, then one", {}, [
  [LEARN, concat(learned(1), readyForQuery())],
  [KNOWN, rows(1)],
  [KNOWN, rows(2)],
  [KNOWN, rows(3)],
], async ({ run }, context) => {
  for (let i = 1; i < 4; i++) assert.deepEqual(await run(exec(context, "a", [i])), [{ n: i }]);
});

roundTrips("without names it is the same", { statementCacheSize: 0 }, [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [UNNAMED, concat(parseComplete(), bindComplete(), columns(), row(1))],
  [LEARN, concat(learned(1), readyForQuery())],
  [UNNAMED, concat(parseComplete(), bindComplete(), columns(), row(2))],
  [UNNAMED, concat(parseComplete(), bindComplete(), columns(), row(3))],
], async (connection, context) => {
  const { run } = connection;
  for (let i = 0; i < 2; i++) assert.deepEqual(await run(exec(context, "a")), [{ n: 1 }]);
  for (let i = 2; i < 4; i++) assert.deepEqual(await run(exec(context, "b", [i])), [{ n: i }]);
  for (const message of ["Parse", "Bind"] as const) assert.deepEqual([...new Set(namesIn(connection, message))], [""]);
});

roundTrips("evicted statements are closed with what is prepared next", { statementCacheSize: 2 }, [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [AT_ONCE, concat(learned(0), textRows(1))],
  [`Close ${AT_ONCE}`, concat(closeComplete(), learned(0), textRows(1))],
  [`Close ${LEARN}`, concat(closeComplete(), learned(1), readyForQuery())],
  [KNOWN, rows(1)],
  [KNOWN, rows(1)],
], async (connection, context) => {
  const { run } = connection;
  for (const text of ["a", "b", "c"]) assert.deepEqual(await run(exec(context, text)), [{ n: 1 }]);
  assert.deepEqual(await run(exec(context, "d", [1])), [{ n: 1 }]);
  assert.deepEqual(await run(exec(context, "c")), [{ n: 1 }]);
  const names = namesIn(connection, "Parse");
  assert.deepEqual(namesIn(connection, "Close"), names.slice(0, 2));
});

roundTrips("prepare is one, and so is each use", {}, [
  [LEARN, concat(learned(1), readyForQuery())],
  [KNOWN, rows(1)],
  [KNOWN, rows(2)],
], async ({ run, link }, context) => {
  const prepared = await run(statementCalls.prepare(context, "a", undefined));
  const statement = held(context, link, prepared);
  for (let i = 1; i < 3; i++) assert.deepEqual(await run(exec(context, statement, [i])), [{ n: i }]);
});

roundTrips("prepareBatch is one", {}, [
  ["Parse Describe Parse Describe Parse Describe Sync", concat(learned(0), learned(1), learned(2), readyForQuery())],
  [KNOWN, rows(1)],
], async ({ run, link }, context) => {
  const prepared = await run(statementCalls.prepareBatch(context, ["a", "b", "c"], undefined));
  assert.deepEqual(prepared.map(({ parameterTypes }) => parameterTypes.length), [0, 1, 2]);
  assert.deepEqual(await run(exec(context, held(context, link, prepared[1]!), [1])), [{ n: 1 }]);
});

roundTrips("a pipeline is one, strings that are not known included", {}, [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [
    "Bind Execute Parse Describe Bind Execute Bind Execute Sync",
    concat(bindComplete(), result(1), learned(1), bindComplete(), text(2), bindComplete(), text(3), readyForQuery()),
  ],
  ["Bind Execute Bind Execute Sync", concat(bindComplete(), result(1), bindComplete(), result(4), readyForQuery())],
], async ({ run }, context) => {
  await run(exec(context, "a"));
  const pipeline = pipelineCalls.openPipeline(context);
  const add = (text: string, values: readonly unknown[] = []): ReturnType<typeof pipeline.add> =>
    pipelineCalls.addToPipeline(context, pipeline, text, values, undefined);
  const claim = (item: ReturnType<typeof pipeline.add>): Promise<unknown> =>
    run(pipelineCalls.claim(context, pipeline, () => item, undefined, collectors.allRows, OPTIONS_OF.rows));
  const first = [add("a"), add("b", [2]), add("b", [3])];
  for (const [i, item] of first.entries()) assert.deepEqual(await claim(item), [{ n: i + 1 }]);
  const second = [add("a"), add("b", [4])];
  assert.deepEqual(await claim(second[0]!), [{ n: 1 }]);
  assert.deepEqual(await claim(second[1]!), [{ n: 4 }]);
  await run(pipelineCalls.closePipeline(context, pipeline));
});

roundTrips("a pipeline that is closed unclaimed is one, an empty one none", {}, [
  ["Parse Describe Bind Execute Sync", concat(learned(0), textRows(1))],
], async ({ run }, context) => {
  await run(pipelineCalls.closePipeline(context, pipelineCalls.openPipeline(context)));
  const pipeline = pipelineCalls.openPipeline(context);
  pipeline.add("a", []);
  await run(pipelineCalls.closePipeline(context, pipeline));
});

roundTrips("execBatch of a known statement is one", {}, [
  [LEARN, concat(learned(1), readyForQuery())],
  [KNOWN, rows(1)],
  [
    "Parse Bind Execute Bind Execute Bind Execute Bind Execute Sync Query",
    concat(begun(), batch(3), readyForQuery("T"), committed()),
  ],
], async ({ run }, context) => {
  await run(exec(context, "a", [1]));
  assert.equal(await run(statementCalls.execBatch(context, "a", [[1], [2], [3]], undefined)), 3);
});

roundTrips("execBatch of a string that is not known is two", {}, [
  [LEARN, concat(learned(1), readyForQuery())],
  [
    "Parse Bind Execute Bind Execute Bind Execute Sync Query",
    concat(begun(), batch(2), readyForQuery("T"), committed()),
  ],
], async ({ run }, context) => {
  assert.equal(await run(statementCalls.execBatch(context, "a", [[1], [2]], undefined)), 2);
});

roundTrips("a missing statement is three: refused, prepared again, executed", {}, [
  [AT_ONCE, concat(learned(0), textRows(1))],
  [KNOWN, concat(errorResponse("26000", "no such statement"), readyForQuery())],
  [LEARN, concat(learned(0), readyForQuery())],
  [UNNAMED, concat(parseComplete(), bindComplete(), columns(), row(2))],
  [AT_ONCE, concat(learned(0), textRows(3))],
], async (connection, context) => {
  const { run } = connection;
  for (let i = 1; i < 3; i++) assert.deepEqual(await run(exec(context, "a")), [{ n: i }]);
  assert.deepEqual(await run(exec(context, "b")), [{ n: 3 }]);
  assert.deepEqual(namesIn(connection, "Parse").slice(1), ["", "", ""]);
});

test("round trips: calls that are known leave in one write, and those behind a new string after it", async () => {
  const connection = wire("async", [
    [AT_ONCE, concat(learned(0), textRows(1))],
    [KNOWN, rows(1)],
    [KNOWN, rows(1)],
    [AT_ONCE, concat(learned(0), textRows(2))],
    [LEARN, concat(learned(1), readyForQuery())],
    [KNOWN, rows(3)],
    [KNOWN, rows(1)],
  ]);
  const context = callContextOf(connection.link);
  await connection.run(exec(context, "a"));
  const known = [exec(context, "a"), exec(context, "a"), exec(context, "b")].map((call) => connection.run(call));
  assert.deepEqual(await Promise.all(known), [[{ n: 1 }], [{ n: 1 }], [{ n: 2 }]]);
  const behind = [exec(context, "c", [3]), exec(context, "a")].map((call) => connection.run(call));
  assert.deepEqual(await Promise.all(behind), [[{ n: 3 }], [{ n: 1 }]]);
  assert.deepEqual(writes(connection).slice(0, 3), [AT_ONCE, `${KNOWN} ${KNOWN} ${AT_ONCE}`, LEARN]);
});

for (const driver of ["sync", "async"] as const) {
  test(`round trips: execBatch has BEGIN and COMMIT in the same write (${driver})`, async () => {
    const whole = "Parse Bind Execute Bind Execute Bind Execute Sync Query";
    const connection = wire(driver, [
      [LEARN, concat(learned(1), readyForQuery())],
      [whole, concat(begun(), batch(2), readyForQuery("T"), committed())],
    ]);
    assert.equal(
      await connection.run(statementCalls.execBatch(callContextOf(connection.link), "a", [[1], [2]], undefined)),
      2,
    );
    assert.deepEqual(writes(connection), [LEARN, whole]);
  });
}

for (const driver of ["sync", "async"] as const) {
  test(`round trips: with pgbouncer each is one write with one Sync, and no statement has a name (${driver})`, async () => {
    const known = (n: number): Uint8Array => concat(parseComplete(), bindComplete(), columns(), row(n));
    const steps: Step[] = [
      [AT_ONCE, concat(learned(0), textRows(1))],
      [UNNAMED, known(1)],
      [LEARN, concat(learned(1), readyForQuery())],
      [UNNAMED, known(2)],
      [UNNAMED, known(3)],
      // prepare, and its uses
      [LEARN, concat(learned(1), readyForQuery())],
      [UNNAMED, known(4)],
      [UNNAMED, known(5)],
      // prepareBatch
      ["Parse Describe Parse Describe Sync", concat(learned(0), learned(1), readyForQuery())],
      [UNNAMED, known(6)],
      // execBatch of a known string, and its transaction
      [
        "Parse Bind Execute Parse Bind Execute Bind Execute Sync Query",
        concat(begun(), parseComplete(), batch(2), readyForQuery("T"), committed()),
      ],
      // a pipeline of strings that are known, and one that is not
      [
        "Parse Bind Describe Execute Parse Bind Describe Execute Parse Describe Bind Execute Sync",
        concat(
          ...[7, 8].map((n) => concat(parseComplete(), bindComplete(), columns(), result(n))),
          concat(learned(1), bindComplete(), text(9)),
          readyForQuery(),
        ),
      ],
    ];
    const connection = wire(driver, steps);
    const { run, link } = connection;
    const context = callContextOf(link, { pgbouncer: true });
    for (let i = 0; i < 2; i++) assert.deepEqual(await run(exec(context, "a")), [{ n: 1 }]);
    for (let i = 2; i < 4; i++) assert.deepEqual(await run(exec(context, "b", [i])), [{ n: i }]);
    const statement = held(context, link, await run(statementCalls.prepare(context, "c", undefined)));
    for (let i = 4; i < 6; i++) assert.deepEqual(await run(exec(context, statement, [i])), [{ n: i }]);
    const [, second] = await run(statementCalls.prepareBatch(context, ["d", "e"], undefined));
    assert.deepEqual(await run(exec(context, held(context, link, second!), [6])), [{ n: 6 }]);
    assert.equal(await run(statementCalls.execBatch(context, "b", [[1], [2]], undefined)), 2);
    const pipeline = pipelineCalls.openPipeline(context);
    for (const [text, values] of [["a", []], ["b", [8]], ["f", [9]]] as const) pipeline.add(text, values);
    await run(pipelineCalls.closePipeline(context, pipeline));
    assert.deepEqual(writes(connection), steps.map(([messages]) => messages));
    assert.deepEqual(namesIn(connection, "Close"), []);
    for (const message of ["Parse", "Bind"] as const) {
      assert.deepEqual([...new Set(namesIn(connection, message))], [""]);
    }
  });
}

/** What was written, as names of messages, write by write. */
function writes({ server }: Wire): string[] {
  return server.writes.filter((messages) => messages !== "");
}

function held(context: CallContext, link: Wire["link"], prepared: Prepared): PreparedStatement {
  return new PreparedStatement(context, link as AsyncLink, prepared);
}

/** The RowDescription of a portal with an int4 in binary. */
function columns(): Uint8Array {
  const description = learned(0).slice(parseComplete().length + 7);
  description[description.length - 1] = 1;
  return description;
}

function row(n: number): Uint8Array {
  return concat(result(n), readyForQuery());
}

function result(n: number): Uint8Array {
  return concat(dataRow(int4(n)), commandComplete("SELECT 1"));
}

function text(n: number): Uint8Array {
  return concat(dataRow(String(n)), commandComplete("SELECT 1"));
}

function begun(): Uint8Array {
  return concat(parseComplete(), bindComplete(), commandComplete("BEGIN"));
}

function batch(count: number): Uint8Array {
  return concat(...Array.from({ length: count }, (_, n) => concat(bindComplete(), result(n))));
}

function committed(): Uint8Array {
  return concat(commandComplete("COMMIT"), readyForQuery());
}
