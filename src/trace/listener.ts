/**
 * Makes the listener of the wire trace: the one of the options, and the file or stream that the
 * environment variable `PYRO_TRACE` names.
 */
import { builtin } from "../builtin.ts";
import { UsageError } from "../errors.ts";
import type { TraceListener } from "./wire_trace.ts";
import { granted, runtime } from "../runtime/runtime.ts";

/** Both listeners as one; undefined if there is none. */
export function traceListener(
  given: TraceListener | undefined,
  variable: (name: string) => string | undefined,
): TraceListener | undefined {
  const target = variable("PYRO_TRACE");
  // An empty variable counts as unset, as libpq's do.
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
  // Unlike a write to the stream, it does not fail if the reader is gone.
  console.error("%s", line);
}

/** Opens each file once in a process; all connections share it. */
function toFile(path: string): TraceListener {
  let file = files.get(path);
  if (file === undefined) files.set(path, file = open(path));
  return (line) => builtin.fs.writeFileSync(file, `${line}\n`);
}

function open(path: string): number {
  if (runtime === "deno" && !granted({ name: "write", path })) {
    throw bad(path, "Deno's write permission is not granted (--allow-write)");
  }
  try {
    return builtin.fs.openSync(path, "a", 0o600);
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

/** The descriptors of the open files, by path. */
const files: Map<string, number> = new Map();
