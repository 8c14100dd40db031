import assert from "node:assert/strict";
import { DEFAULT_CHOICES } from "../../src/opts/choices.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/protocol/sink.ts";
import { Registry } from "../../src/types/registry.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noticeResponse,
  readyForQuery,
  rowDescription,
} from "../support/backend.ts";
import { reply } from "../support/feed.ts";
import { test } from "../support/test.ts";

const registry = new Registry(DEFAULT_CHOICES);

test("simple query: rows of the last statement that gave any", () => {
  const { value, session } = reply(
    () => new SimpleQuery("select 1; select 2, 'x'; set a = b", new AllRows("object"), registry),
    concat(
      rowDescription({ n: 23 }),
      dataRow("1"),
      commandComplete("SELECT 1"),
      noticeResponse("in between"),
      rowDescription({ n: 23, t: 25 }),
      dataRow("2", "x"),
      dataRow(null, ""),
      commandComplete("SELECT 2"),
      commandComplete("SET"),
      readyForQuery("T"),
    ),
  );
  assert.deepEqual(value, [{ n: 2, t: "x" }, { n: null, t: "" }]);
  assert.equal(session.transactionStatus, "active");
});

test("simple query: an error ends the call, not the connection", () => {
  const { failure, session } = reply(
    () => new SimpleQuery("select 1; bad", new AllRows("object"), registry),
    concat(
      rowDescription({ n: 23 }),
      dataRow("1"),
      commandComplete("SELECT 1"),
      errorResponse("42601", "syntax error"),
      readyForQuery(),
    ),
  );
  assert.equal(failure?.kind === "server" && failure.fields.code, "42601");
  assert.equal(session.lost, undefined);
});
