/**
 * Connection strings, environments and files at random, beside libpq itself: what one accepts the other accepts, with
 * the same meaning, but for the reasons in `tests/options/libpq/differences.ts`.
 */
import assert from "node:assert/strict";
import { compare } from "../options/libpq/differences.ts";
import { outcomeOf } from "../options/libpq/pyro.ts";
import { readRecorded } from "../options/libpq/recorded.ts";
import { LibpqReader } from "../support/installed/libpq_outcome.ts";
import { fc, fuzz } from "../support/suite/fuzz.ts";
import { setting } from "../support/suite/skips.ts";
import { connectionCases } from "../support/values/connection_strings.ts";

// libpq is called through Deno's FFI; what is compared is the same code on all runtimes.
if (setting === "deno") {
  const libpq = new LibpqReader();
  addEventListener("unload", () => libpq[Symbol.dispose]());

  fuzz("libpq takes and means what pyro does", 1500, connectionCases(fc, readRecorded()), (given) => {
    const theirs = libpq.outcomeOf(given);
    const ours = outcomeOf(given);
    const compared = compare(given, theirs, ours);
    assert.notEqual(compared, "different", `${JSON.stringify({ libpq: theirs, pyro: ours }, null, 1)}`);
  });
}
