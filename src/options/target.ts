/** Targets: everything that users can give to connect to. */
import { otherCopyNote } from "../copies.ts";
import { UsageError } from "../errors.ts";
import { argumentError } from "../revoked.ts";
import { refuseAlias } from "./aliases.ts";
import { ADDED_OPTIONS, OPTIONS } from "./option_table.ts";
import { bad, isOptions } from "./option_values.ts";
import { Opts } from "./opts.ts";
import type { OptsObject } from "./opts_object.ts";
import { setAll } from "./set_all.ts";

/**
 * What to connect to: a URL or keyword/value string, a `URL`, {@linkcode Opts}, or a plain object whose
 * keys are the names of its setters.
 */
export type Target = string | URL | Opts | OptsObject;

/** The options of a target. */
export function toOpts(target: Target): Opts {
  try {
    return optsOf(target);
  } catch (error) {
    throw argumentError(error, "connect");
  }
}

function optsOf(target: Target): Opts {
  if (target instanceof Opts) return target;
  if (typeof target === "string") return new Opts(target);
  if (target instanceof URL) return new Opts(withBlanks(target));
  if (!isOptions(target)) throw noTarget(target);
  let opts = new Opts();
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(target)) {
    if (value === undefined) continue;
    if (name === "param" || name === "codec") {
      if (!isOptions(value)) throw bad(name, value, `it must be an object such as ${EXAMPLES[name]}`);
      for (const [key, item] of Object.entries(value)) opts = opts[name](key, item as never);
      continue;
    }
    if (!Object.hasOwn(OPTIONS, name)) {
      refuseAlias(name, "option", "use option");
      throw new UsageError(`Cannot use option ${JSON.stringify(name)}: the options are ${NAMES.join(", ")}`);
    }
    values[name] = value;
  }
  return setAll(opts, values);
}

function noTarget(target: unknown): UsageError {
  const isInstance = typeof target === "object" && target !== null && !Array.isArray(target);
  if (isInstance && "then" in target) return new UsageError("Cannot connect to a promise: await it first");
  const given = isInstance ? `an object of the class ${target.constructor?.name}` : kindOf(target);
  return new UsageError(
    `Cannot connect to ${given}: give a URL, a keyword/value string, Opts, or an object of its setters' names${
      otherCopyNote(target, "Opts")
    }`,
  );
}

function kindOf(target: unknown): string {
  if (Array.isArray(target)) return "an array";
  return target === null || target === undefined ? String(target) : `a ${typeof target}`;
}

/**
 * The options of a target that may be left out: it is then that of the variable `DATABASE_URL`, or, if that is not set
 * or empty, what libpq's variables say.
 */
export function targetOpts(target: Target | undefined, variable: (name: string) => string | undefined): Opts {
  if (target !== undefined) return toOpts(target);
  const url = variable("DATABASE_URL");
  if (!url) return new Opts();
  try {
    return new Opts(url);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}; the string is the variable DATABASE_URL's`);
  }
}

/** A URL object's text. In its query, `+` is a blank, as in forms; in a libpq string it is a plus sign. */
function withBlanks({ href }: URL): string {
  const query = href.indexOf("?");
  return query < 0 ? href : href.slice(0, query) + href.slice(query).replaceAll("+", "%20");
}

const EXAMPLES = { param: '{ work_mem: "64MB" }', codec: "{ point: { parse } }" } as const;
const NAMES: readonly string[] = [...Object.keys(OPTIONS), ...Object.keys(ADDED_OPTIONS)];
