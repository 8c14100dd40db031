/** `Abort` beside the runtime's `AbortController`. */
import assert from "node:assert/strict";
import { Abort, type Abortable, abortSignalOf } from "../../src/abort.ts";
import { test } from "../support/suite/test.ts";

/** A signal, and the function that aborts it. */
interface Kind {
  readonly signal: Abortable;
  abort(reason: unknown): void;
}

function byController(): Kind {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

function byAbort(): Kind {
  const abort = new Abort();
  return { signal: abort, abort: (reason) => abort.abort(reason) };
}

function derived(): Kind {
  const abort = new Abort();
  return { signal: abortSignalOf(abort), abort: (reason) => abort.abort(reason) };
}

for (const [name, make] of Object.entries({ AbortController: byController, Abort: byAbort, abortSignalOf: derived })) {
  test(`aborting by ${name}: listeners are called in their order, once, and not those that were removed`, () => {
    const { signal, abort } = make();
    const calls: string[] = [];
    const removed = (): number => calls.push("removed");
    const removedLater = (): number => calls.push("removed later");
    signal.addEventListener("abort", () => calls.push(`first: ${signal.reason}`));
    signal.addEventListener("abort", removed);
    signal.addEventListener("abort", () => signal.removeEventListener("abort", removedLater));
    signal.addEventListener("abort", removedLater);
    signal.addEventListener("abort", () => calls.push("last"));
    signal.removeEventListener("abort", removed);
    signal.throwIfAborted();
    assert.deepEqual([signal.aborted, signal.reason], [false, undefined]);
    abort("enough");
    abort("more than enough");
    assert.deepEqual(calls, ["first: enough", "last"]);
    assert.deepEqual([signal.aborted, signal.reason], [true, "enough"]);
    assert.throws(() => signal.throwIfAborted(), (error) => error === "enough");
  });
}

test("aborting: the signal of what is aborted already is aborted", () => {
  const abort = new Abort();
  abort.abort("enough");
  const signal = abortSignalOf(abort);
  assert.deepEqual([signal.aborted, signal.reason], [true, "enough"]);
});
