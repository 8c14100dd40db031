/** The options of a pool's view. */
import { UsageError } from "../errors.ts";
import { checkChoice, checkMilliseconds, checkOptions } from "../options/option_values.ts";
import { TARGET_SESSION_ATTRS } from "../options/option_table.ts";
import type { TargetSessionAttrs } from "../options/settings.ts";

/** Options of `Pool.withTarget`. */
export interface TargetOptions {
  /**
   * A position that `conn.position()` or `pool.position()` has returned: statements are executed only where everything
   * up to it is visible. Default: anywhere.
   */
  readonly after?: string | undefined;
  /**
   * How long a call waits for a standby to get to `after`, in milliseconds. It is executed on the primary then. Default:
   * 0, it does not wait.
   */
  readonly wait?: number | undefined;
}

/** The attributes of a view, checked. */
export function targetFrom(target: unknown): TargetSessionAttrs {
  return checkChoice("the target", target, TARGET_SESSION_ATTRS);
}

/** The options of a view, checked. */
export function targetOptionsFrom(options: unknown): { readonly after: string | undefined; readonly wait: number } {
  const { after, wait = 0 } = checkOptions(options, ["after", "wait"], '{ after: "0/16B3748" }');
  if (after !== undefined && !(typeof after === "string" && POSITION.test(after))) {
    throw new UsageError(
      `Cannot use after${typeof after === "string" ? ` ${JSON.stringify(after)}` : ""}: ` +
        "it must be a position, as position() returns it",
    );
  }
  return { after, wait: checkMilliseconds("wait", wait) };
}

/** A `pg_lsn` as text. */
const POSITION = /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i;
