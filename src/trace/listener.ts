/**
 * Who gets the wire trace: the listener of the options, and the file or stream that the environment
 * variable `PYRO_TRACE` names.
 */
import { openSync, writeFileSync } from "node:fs";
import { UsageError } from "../errors.ts";
import type { TraceListener } from "./wire_trace.ts";
import { granted, runtime, variable } from "../runtime/runtime.ts";

/** All listeners, as one; undefined if there is none. */
export function traceListener(given: TraceListener | undefined): TraceListener | undefined {
  const target = variable("PYRO_TRACE");
  // Empty counts as unset, as for libpq's variables.
  if (target === undefined || target === "") return given;
  const append = target === "-" ? toStandardError : toFile(target);
  if (given === undefined) return append;
  return (line) => {
    try {
      append(line);
    } finally {
      given(line);
    }
  };
}

function toStandardError(line: string): void {
  // Unlike the stream itself it copes with a reader that is gone.
  console.error("%s", line);
}

/** Opened once in a process: connections come and go, and the file stays. */
function toFile(path: string): TraceListener {
  let file = files.get(path);
  if (file === undefined) files.set(path, file = open(path));
  return (line) => writeFileSync(file, `${line}\n`);
}

function open(path: string): number {
  if (runtime === "deno" && !granted({ name: "write", path })) {
    throw bad(path, "Deno's write permission is not granted (--allow-write)");
  }
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw bad(path, error instanceof Error ? error.message : String(error), error);
  }
}

function bad(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(
    `Cannot write the trace to ${
      JSON.stringify(path)
    }, which PYRO_TRACE names: ${reason}; name a file, or - for standard error`,
    { cause },
  );
}

/** The descriptors of the files that were opened, by path. */
const files: Map<string, number> = new Map();
