import assert from "node:assert/strict";
import * as transactionCalls from "../../src/connection/transaction_calls.ts";
import { ServerError } from "../../src/errors.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { callContextOf, inBothDrivers, inWholeWrites } from "../support/scripted/links.ts";

const begun = concat(commandComplete("BEGIN"), readyForQuery("T"));
const set = concat(rowDescription({ set_config: 25 }), dataRow("7"), commandComplete("SELECT 1"), readyForQuery("T"));
const refused = concat(errorResponse("42704"), readyForQuery("E"));
const rolledBack = concat(commandComplete("ROLLBACK"), readyForQuery());
const options = { settings: { "app.user": "7" }, role: "web" };

inWholeWrites("transaction settings: they are in the same write as BEGIN", [
  ["Query Query", concat(begun, set)],
], async (wire) => {
  const context = callContextOf(wire.link);
  await wire.run(transactionCalls.begin(context, options));
  assert.deepEqual(wire.server.writes, ["Query Query"]);
  assert.equal(context.state.session.transactionStatus, "active");
});

inBothDrivers("transaction settings: if they are refused, the transaction is rolled back", [
  ["Query Query", concat(begun, refused)],
  ["Query", rolledBack],
], async (wire) => {
  const context = callContextOf(wire.link);
  await assert.rejects(wire.run(transactionCalls.begin(context, options)), ServerError);
  assert.equal(context.state.session.transactionStatus, "idle");
  assert.equal(context.state.transaction, undefined);
});

inBothDrivers("transaction settings: if BEGIN is refused, its error is thrown", [
  ["Query Query", concat(errorResponse("25001"), readyForQuery(), set.slice(0, -6), readyForQuery())],
  ["Query Query", concat(begun, set)],
], async (wire) => {
  const context = callContextOf(wire.link);
  await assert.rejects(
    wire.run(transactionCalls.begin(context, options)),
    (error) => error instanceof ServerError && error.code === "25001",
  );
  assert.equal(context.state.transaction, undefined);
  await wire.run(transactionCalls.begin(context, options));
  assert.equal(context.state.session.transactionStatus, "active");
});
