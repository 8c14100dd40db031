/** The arguments of calls, as far as no connection is needed. */
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { UsageError } from "../../mod.ts";
import { parseOptions } from "../../src/connection/arguments.ts";
import { test } from "../support/suite/test.ts";

const SPEC = { action: "run the query", awaits: true };

test("arguments: options may be an object of another realm, or of a class", () => {
  class Options {
    readonly timeout = 5;
  }
  for (const options of [{ timeout: 5 }, runInNewContext("({ timeout: 5 })"), new Options()]) {
    assert.equal(parseOptions(options, SPEC).deadline?.timeout, 5);
  }
  for (const options of [{}, Object.create(null), runInNewContext("({})")]) {
    assert.equal(parseOptions(options, SPEC).deadline, undefined);
  }
});

test("arguments: what has no options is refused", () => {
  for (const options of [null, 5, "timeout", [], new Map([["timeout", 5]]), new Date(), () => 5]) {
    assert.throws(() => parseOptions(options, SPEC), UsageError);
  }
});
