/**
 * Cancel requests that arrive when the server begins with BEGIN, COMMIT or RELEASE: a COMMIT that never
 * began leaves the transaction open, and a BEGIN none for what follows. On a real server that is a
 * matter of microseconds.
 */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import { ServerError } from "../../src/errors.ts";
import { CallContext } from "../../src/connection/call_context.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as transactionCalls from "../../src/connection/transaction_calls.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  errorResponse,
  parseComplete,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { callContextOf, inBothDrivers, learned, number, type Wire } from "../support/scripted/links.ts";

const LEARN = "Parse Describe Sync";
const BATCH = "Parse Bind Execute Bind Execute Bind Execute Sync Query";
const NESTED_BATCH = "Query Bind Execute Bind Execute Sync Query";
const BEGUN = concat(parseComplete(), bindComplete(), commandComplete("BEGIN"));
const SET = concat(bindComplete(), commandComplete("INSERT 0 1"));
const CANCELED = errorResponse("57014", "canceling statement due to user request");
const ROLLED_BACK = concat(commandComplete("ROLLBACK"), readyForQuery());
const UNDONE = concat(commandComplete("ROLLBACK"), commandComplete("RELEASE"), readyForQuery("T"));

/** The SQL of simple queries, in order. */
function queries({ server }: Wire): string[] {
  const decoder = new TextDecoder();
  return server.messages.filter(({ name }) => name === "Query").map(({ body }) => decoder.decode(body.subarray(0, -1)));
}

function canceled(error: unknown): boolean {
  return error instanceof ServerError && error.code === "57014";
}

async function assertFree({ run, link }: Wire, context: CallContext): Promise<void> {
  assert.equal(link.session.transactionStatus, "idle");
  assert.equal(
    await run(statementCalls.query(context, "select 7 as n", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    7,
  );
}

inBothDrivers("canceled end: the BEGIN of a batch fails, and so its sets are skipped", [
  [LEARN, concat(learned(1), readyForQuery())],
  // Skipped up to the Sync; then a COMMIT of nothing.
  [BATCH, concat(CANCELED, readyForQuery(), commandComplete("COMMIT"), readyForQuery())],
  ["Query", number(7)],
], async (wire) => {
  const context = callContextOf(wire.link);
  await assert.rejects(wire.run(statementCalls.execBatch(context, "a", [[1], [2]], undefined)), canceled);
  await assertFree(wire, context);
});

inBothDrivers("canceled end: the COMMIT of a batch fails before it began, and is followed by ROLLBACK", [
  [LEARN, concat(learned(1), readyForQuery())],
  [BATCH, concat(BEGUN, SET, SET, readyForQuery("T"), CANCELED, readyForQuery("E"))],
  ["Query", ROLLED_BACK],
  ["Query", number(7)],
], async (wire) => {
  const context = callContextOf(wire.link);
  await assert.rejects(wire.run(statementCalls.execBatch(context, "a", [[1], [2]], undefined)), canceled);
  assert.deepEqual(queries(wire), ["COMMIT", "ROLLBACK"]);
  await assertFree(wire, context);
});

inBothDrivers("canceled end: the COMMIT of a transaction fails before it began, and is followed by ROLLBACK", [
  ["Query", concat(commandComplete("BEGIN"), readyForQuery("T"))],
  ["Query", concat(CANCELED, readyForQuery("E"))],
  ["Query", ROLLED_BACK],
  ["Query", number(7)],
], async (wire) => {
  const context = callContextOf(wire.link);
  const state = await wire.run(transactionCalls.begin(context, undefined));
  await assert.rejects(wire.run(transactionCalls.commit(new CallContext(context.state, state), undefined)), canceled);
  assert.ok(state.finished);
  assert.deepEqual(queries(wire), ["BEGIN", "COMMIT", "ROLLBACK"]);
  await assertFree(wire, context);
});

inBothDrivers("canceled end: a COMMIT that failed and rolled back is not followed by anything", [
  ["Query", concat(commandComplete("BEGIN"), readyForQuery("T"))],
  ["Query", concat(errorResponse("23503", "a deferred constraint"), readyForQuery())],
  ["Query", number(7)],
], async (wire) => {
  const context = callContextOf(wire.link);
  const state = await wire.run(transactionCalls.begin(context, undefined));
  await assert.rejects(
    wire.run(transactionCalls.commit(new CallContext(context.state, state), undefined)),
    ServerError,
  );
  await assertFree(wire, context);
});

inBothDrivers("canceled end: what was nested is undone when its RELEASE fails, and the transaction goes on", [
  ["Query", concat(commandComplete("BEGIN"), readyForQuery("T"))],
  ["Query", concat(commandComplete("SAVEPOINT"), readyForQuery("T"))],
  ["Query", concat(CANCELED, readyForQuery("E"))],
  ["Query", UNDONE],
  [LEARN, concat(learned(1), readyForQuery("T"))],
  [
    NESTED_BATCH,
    concat(
      commandComplete("SAVEPOINT"),
      readyForQuery("T"),
      SET,
      SET,
      readyForQuery("T"),
      CANCELED,
      readyForQuery("E"),
    ),
  ],
  ["Query", UNDONE],
  ["Query", concat(commandComplete("COMMIT"), readyForQuery())],
  ["Query", number(7)],
], async (wire) => {
  const context = callContextOf(wire.link);
  const outer = await wire.run(transactionCalls.begin(context, undefined));
  const inside = new CallContext(context.state, outer);
  const inner = await wire.run(transactionCalls.begin(inside, undefined));
  await assert.rejects(wire.run(transactionCalls.commit(new CallContext(context.state, inner), undefined)), canceled);
  assert.deepEqual([inner.finished, outer.finished], [true, false]);
  await assert.rejects(wire.run(statementCalls.execBatch(inside, "a", [[1], [2]], undefined)), canceled);
  assert.equal(wire.link.session.transactionStatus, "active");
  await wire.run(transactionCalls.commit(inside, undefined));
  await assertFree(wire, context);
});
