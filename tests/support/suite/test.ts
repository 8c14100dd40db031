/** `test` as all suites use it: the same on every runtime, skipped only by the list. */
import { test as nodeTest } from "node:test";
import { isTurnOf } from "./extent.ts";
import { skipReason } from "./skips.ts";

/** Registers a test. */
export function test(name: string, body: () => void | Promise<void>): void {
  const skip = skipReason(name);
  nodeTest(name, skip === undefined ? {} : { skip }, async () => await body());
}

/** Registers a test that a short run tries on only one of the runtimes. */
export function testInTurn(name: string, body: () => void | Promise<void>): void {
  if (isTurnOf(name) || skipReason(name) !== undefined) test(name, body);
}
