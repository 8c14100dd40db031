/**
 * For errors whose message has control characters, as a server's that moves the cursor or recolours the
 * terminal: `message` keeps them, and runtimes print them escaped.
 *
 * Runtimes print the stack, whose first lines are the message. Deno and Bun print the message itself
 * for uncaught errors, and Bun also in its console. So `message` is an accessor here, which returns the
 * escaped text unless a script reads it.
 */

/** The text with control characters as `\x1b`; lines and tabs stay. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Whether printing the text only shows it. */
export function isPrintable(text: string): boolean {
  return text.search(CONTROLS) === -1;
}

/** Gives the error a message that is printed in its escaped form. */
export function printEscaped(error: Error, message: string): void {
  const escaped = printable(message);
  Object.defineProperty(error, "message", { value: escaped, configurable: true });
  // The stack's text is made when it is first read.
  void error.stack;
  Object.defineProperty(error, "message", {
    get: function read(): string {
      return isReadByRuntime(read) ? escaped : message;
    },
    configurable: true,
  });
}

/** Whether the accessor was called by the runtime itself, or by a native function that prints. */
function isReadByRuntime(accessor: () => string): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, accessor);
    const sites = holder.stack;
    if (!Array.isArray(sites)) return false;
    const [caller] = sites as CallSite[];
    return caller === undefined || (caller.isNative() && PRINTERS.has(caller.getFunctionName() ?? ""));
  } catch {
    // A program may have frozen Error, or replaced its members.
    return false;
  } finally {
    Reflect.set(Error, "prepareStackTrace", prepareStackTrace);
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** The members of V8's call sites, which Bun has too, that are used here. */
interface CallSite {
  isNative(): boolean;
  getFunctionName(): string | null;
}

/** Bun's console is native code. */
const PRINTERS: ReadonlySet<string> = new Set([
  "assert",
  "debug",
  "dir",
  "error",
  "info",
  "inspect",
  "log",
  "table",
  "trace",
  "warn",
]);

// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
