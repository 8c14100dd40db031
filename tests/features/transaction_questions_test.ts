/** What a transaction asks the server for beside its work leaves in the writes of BEGIN and COMMIT. */
import assert from "node:assert/strict";
import * as transactionCalls from "../../src/connection/transaction_calls.ts";
import type { PoolTransactionOptions } from "../../src/connection/call_options.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { callContextOf, inBothDrivers, inWholeWrites, type Wire } from "../support/scripted/links.ts";

const begun = concat(commandComplete("BEGIN"), readyForQuery("T"));
const committed = concat(commandComplete("COMMIT"), readyForQuery());
const MARK = { id: 25, position: 25, system: 25, file: 25, since: 25 };

function row(status: "I" | "T", ...values: (string | null)[]): Uint8Array {
  const columns = Object.fromEntries(values.map((_, i) => [Object.keys(MARK)[i]!, 25]));
  return concat(rowDescription(columns), dataRow(...values), commandComplete("SELECT 1"), readyForQuery(status));
}

/** Runs a transaction that does nothing. */
function transact(wire: Wire, options: PoolTransactionOptions): Promise<unknown> {
  const own = transactionCalls.connectionOptions(options);
  return wire.run(
    transactionCalls.tx(callContextOf(wire.link), () => "done", own, (_state, fn) => fn(undefined as never)),
  );
}

inWholeWrites("a position is asked for in the write of COMMIT", [
  ["Query", begun],
  ["Query Query", concat(committed, row("I", "0/16B3748"))],
], async (wire) => {
  const positions: string[] = [];
  assert.equal(await transact(wire, { onPosition: (position) => void positions.push(position) }), "done");
  assert.deepEqual(positions, ["0/16B3748"]);
  assert.deepEqual(wire.server.writes, ["Query", "Query Query"]);
});

inBothDrivers("a server that has no positions commits all the same", [
  ["Query", begun],
  ["Query Query", concat(committed, errorResponse("42883"), readyForQuery())],
  ["Query", begun],
  ["Query Query", concat(committed, row("I", null))],
], async (wire) => {
  const onPosition = (): void => assert.fail("there is none");
  assert.equal(await transact(wire, { onPosition }), "done");
  assert.equal(await transact(wire, { onPosition }), "done");
});

inBothDrivers("a refused COMMIT has no position", [
  ["Query", begun],
  ["Query Query", concat(errorResponse("23505"), readyForQuery(), row("I", "0/1"))],
], async (wire) => {
  await assert.rejects(transact(wire, { onPosition: () => assert.fail("nothing is committed") }), { code: "23505" });
});

inBothDrivers("what the function throws is thrown, after the commit", [
  ["Query", begun],
  ["Query Query", concat(committed, row("I", "0/1"))],
], async (wire) => {
  const own = new Error("mine");
  const onPosition = (): void => {
    throw own;
  };
  await assert.rejects(transact(wire, { onPosition, retries: 3 }), (error) => error === own);
});

inBothDrivers("a position is told by a function", [], async (wire) => {
  await assert.rejects(transact(wire, { onPosition: 1 as never }), /Cannot set onPosition to 1: it must be a function/);
});

inWholeWrites("a mark is asked for in the write of BEGIN, and what is flushed in that of COMMIT", [
  ["Query Query", concat(begun, row("T", "900", "0/10", "7", "000000010000000000000001", "2026-11-29 12:00:00+00"))],
  ["Query Query", concat(row("T", "0/20"), committed)],
], async (wire) => {
  assert.equal(await transact(wire, { resolveUnknown: true }), "done");
  assert.deepEqual(wire.server.writes, ["Query Query", "Query Query"]);
});

inWholeWrites("a standby gives no mark", [
  ["Query Query", concat(begun, row("T", null, null, "7", null, null))],
  ["Query", committed],
], async (wire) => {
  assert.equal(await transact(wire, { resolveUnknown: true, readOnly: true }), "done");
});
