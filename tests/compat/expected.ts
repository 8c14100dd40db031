/** What passes on pg and not on pyro in pg's place, each with its reason. `deno task compat` fails for anything else. */

/** Tests of a suite that pyro is not expected to pass. */
export interface Expected {
  /** The suite, as `deno task compat` names it. */
  readonly suite: string;
  /** Their names: the file, and behind ` > ` the test in it; `*` at the end stands for anything. */
  readonly tests: readonly string[];
  /** The runtimes; default: all. */
  readonly runtimes?: readonly ("deno" | "bun" | "node")[];
  readonly reason: string;
}

/** All of them. */
export const EXPECTED: readonly Expected[] = [];
