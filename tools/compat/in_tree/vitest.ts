/**
 * Stands in for Vitest on any runtime: the part of it that Drizzle's suite uses. Bundled into each test file in the
 * place of Vitest, it runs the file's tests in turn once all of them are registered.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { report } from "./report.ts";

/** Jest's matchers, which those of Vitest are made after; the file that this is bundled into is beside the package. */
const jest: Expect = createRequire(import.meta.url)("expect").expect;

type Matchers = Record<string, unknown>;
type Expect = (value: unknown) => Matchers;

/** Jest's, with the names of Chai's that the suite uses too. */
const expect: Expect = Object.assign((value: unknown) => {
  const matchers = jest(value);
  const { toBe: eq, toBeLessThan: lessThan, toBeGreaterThan: greaterThan } = matchers;
  return Object.assign(matchers, { eq, lessThan, greaterThan });
}, jest);

/** What a test and its hooks get. */
interface Context {
  readonly task: { readonly name: string; readonly suite: { readonly name: string } | undefined };
  skip(): never;
  [key: string]: unknown;
}

type Body = (context: Context) => unknown;

/** What a file or a `describe` has registered. */
class Suite {
  readonly members: (Suite | { readonly name: string; readonly body: Body | undefined })[] = [];
  readonly hooks = {
    beforeAll: [] as Body[],
    beforeEach: [] as Body[],
    afterEach: [] as Body[],
    afterAll: [] as Body[],
  };
  readonly name: string;
  readonly parent: Suite | undefined;

  constructor(name: string, parent: Suite | undefined) {
    this.name = name;
    this.parent = parent;
  }

  /** This one and those around it, from the outside. */
  get chain(): readonly Suite[] {
    return [...this.parent?.chain ?? [], this];
  }

  get path(): string {
    return this.parent === undefined ? "" : `${this.parent.path}${this.name} > `;
  }
}

class Skipped extends Error {}

let current = new Suite("", undefined);
const root = current;

function register(name: string, ...rest: unknown[]): void {
  current.members.push({ name, body: rest.find((value) => typeof value === "function") as Body | undefined });
}

function skip(name: string): void {
  current.members.push({ name, body: undefined });
}

const test: typeof register & object = Object.assign(register, {
  skip,
  todo: skip,
  concurrent: register,
  skipIf: (condition: unknown) => condition ? skip : register,
  runIf: (condition: unknown) => condition ? register : skip,
});

function describeSuite(name: string, body: () => void): void {
  const outer = current;
  current = new Suite(name, outer);
  outer.members.push(current);
  try {
    body();
  } finally {
    current = outer;
  }
}

const describe: typeof describeSuite & object = Object.assign(describeSuite, { skip: () => {} });

type Hook = (body: Body) => void;

const hook = (kind: keyof Suite["hooks"]): Hook => (body) => void current.hooks[kind].push(body);
const beforeAll: Hook = hook("beforeAll");
const beforeEach: Hook = hook("beforeEach");
const afterEach: Hook = hook("afterEach");
const afterAll: Hook = hook("afterAll");

/** Functions that remember their calls, as `expect` reads them. */
function spy(body: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  const calls: unknown[][] = [];
  const once: unknown[] = [];
  const called = function (this: unknown, ...args: unknown[]): unknown {
    calls.push(args);
    return once.length > 0 ? once.shift() : body.apply(this, args);
  };
  return Object.assign(called, {
    _isMockFunction: true,
    mock: { calls, results: [] },
    getMockName: () => "spy",
    mockClear() {
      calls.length = 0;
      return this;
    },
    mockReturnValueOnce(value: unknown) {
      once.push(value);
      return this;
    },
  });
}

const vi: Record<string, unknown> = {
  fn: (body: (...args: unknown[]) => unknown = () => undefined) => spy(body),
  spyOn(target: Record<string, unknown>, name: string): (...args: unknown[]) => unknown {
    const method = target[name] as (...args: unknown[]) => unknown;
    const spied = spy(method);
    target[name] = spied;
    return spied;
  },
};

/** Checks of types are the compiler's. */
const expectTypeOf = (): unknown => {
  const anything: unknown = new Proxy(() => anything, { get: () => anything, apply: () => anything });
  return anything;
};

async function run(suite: Suite): Promise<void> {
  const context = contextOf("", suite);
  for (const before of suite.hooks.beforeAll) await before(context);
  for (const member of suite.members) {
    if (member instanceof Suite) await run(member);
    else await runTest(suite, member.name, member.body);
  }
  for (const after of suite.hooks.afterAll.toReversed()) await after(context);
}

async function runTest(suite: Suite, name: string, body: Body | undefined): Promise<void> {
  const full = `${suite.path}${name}`;
  if (body === undefined) return report(full, "skipped");
  const context = contextOf(name, suite);
  try {
    for (const { hooks } of suite.chain) for (const before of hooks.beforeEach) await before(context);
    await body(context);
    for (const { hooks } of suite.chain.toReversed()) for (const after of hooks.afterEach) await after(context);
    report(full, "passed");
  } catch (error) {
    if (error instanceof Skipped) return report(full, "skipped");
    failed = true;
    report(full, "failed", error);
  }
}

function contextOf(name: string, suite: Suite): Context {
  return {
    task: { name, suite: suite.parent === undefined ? undefined : { name: suite.name } },
    skip: () => {
      throw new Skipped();
    },
  };
}

let failed = false;

setTimeout(async () => {
  try {
    await run(root);
  } catch (error) {
    failed = true;
    report("hooks", "failed", error);
  }
  process.exit(failed ? 1 : 0);
}, 0);

export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, test, test as it, vi };
