/**
 * Connection strings, environments and files at random, beside libpq itself: what one accepts the other accepts, with
 * the same meaning, but for the reasons in `tests/options/libpq/differences.ts`.
 */
import assert from "node:assert/strict";
import { compare } from "../options/libpq/differences.ts";
import { outcomeOf } from "../options/libpq/pyro.ts";
import { readRecorded } from "../options/libpq/recorded.ts";
import { LibpqProcess } from "../support/installed/libpq_process.ts";
import { fc, fuzz } from "../support/suite/fuzz.ts";
import { setting } from "../support/suite/skips.ts";
import { connectionCases } from "../support/values/connection_strings.ts";

// libpq is called through Deno's FFI; what is compared is the same code on all runtimes.
if (setting === "deno") {
  const libpq = new LibpqProcess();
  addEventListener("unload", () => libpq.stop());

  fuzz("libpq takes and means what pyro does", 1500, connectionCases(fc, readRecorded()), async (given) => {
    const theirs = await libpq.outcomeOf(given);
    const ours = outcomeOf(given);
    const compared = compare(given, theirs, ours);
    assert.notEqual(compared, "different", `${JSON.stringify({ libpq: theirs, pyro: ours }, null, 1)}`);
  });
}
