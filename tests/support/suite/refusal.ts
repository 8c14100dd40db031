/** Checks error messages. */
import assert from "node:assert/strict";

/** The message of the error that `body` throws, which is of that class and no other. */
export function refusal(type: abstract new (...parts: never[]) => Error, body: () => unknown): string {
  let value: unknown;
  try {
    value = body();
  } catch (error) {
    assert.ok(error instanceof type, `a ${type.name} is thrown, not ${String(error)}`);
    return error.message;
  }
  assert.fail(`a ${type.name} is thrown, and nothing returned such as ${String(value)}`);
}
