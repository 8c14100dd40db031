/** fast-check on each runtime; only its members that are used here have types. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runtime } from "../suite/runtime.ts";
import { cached, npmInstall } from "./cache.ts";
import { FAST_CHECK } from "./versions.ts";

/** Makes random values of a type, and simpler ones of those that fail. */
export interface Arbitrary<T> {
  map<U>(change: (value: T) => U): Arbitrary<U>;
}

/** How a property is checked. */
export interface Parameters {
  readonly seed: number;
  readonly numRuns: number;
  /** Milliseconds after which no more inputs are tried. */
  readonly interruptAfterTimeLimit?: number;
  readonly markInterruptAsFailure: false;
  readonly verbose: 0;
}

/** The part of fast-check that is used. */
export interface FastCheck {
  assert(property: unknown, parameters: Parameters): void;
  property<A>(input: Arbitrary<A>, holds: (input: A) => void): unknown;
  integer(limits?: { readonly min?: number; readonly max?: number }): Arbitrary<number>;
  nat(max?: number): Arbitrary<number>;
  uint8Array(limits?: { readonly minLength?: number; readonly maxLength?: number }): Arbitrary<Uint8Array>;
  string(limits?: { readonly unit?: "grapheme" | "binary"; readonly maxLength?: number }): Arbitrary<string>;
  constantFrom<T>(...values: readonly T[]): Arbitrary<T>;
  array<T>(item: Arbitrary<T>, limits?: { readonly minLength?: number; readonly maxLength?: number }): Arbitrary<T[]>;
  oneof<T>(...choices: readonly Arbitrary<T>[]): Arbitrary<T>;
  record<T>(members: { readonly [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T>;
}

/** Loads it; Deno gets it from npm itself. */
export async function loadFastCheck(): Promise<FastCheck> {
  const module = await import(runtime === "deno" ? `npm:fast-check@${FAST_CHECK}` : installed());
  return module.default;
}

function installed(): string {
  const directory = cached(`fast-check-${FAST_CHECK}`, (staging) => {
    npmInstall(staging, [`fast-check@${FAST_CHECK}`]);
    return staging;
  });
  return pathToFileURL(join(directory, "node_modules/fast-check/lib/fast-check.js")).href;
}
