/** Reads facts about the process. */
import { Buffer } from "node:buffer";
import { UsageError } from "../errors.ts";
import { builtin } from "../builtin.ts";
import { runtime } from "./name.ts";

export { runtime };

/** Throws `UsageError` if this runtime is too old. */
export function checkRuntime(): void {
  const missing = NEEDED.find(({ isThere }) => !isThere());
  if (missing === undefined) return;
  throw new UsageError(
    `Cannot connect: this runtime has no ${missing.name}; pyro needs Node 22.15, Bun 1.4 or Deno 2.9, or a later release`,
  );
}

/** Features that older runtimes lack. */
const NEEDED: readonly { readonly name: string; readonly isThere: () => boolean }[] = [
  { name: "Promise.withResolvers", isThere: () => "withResolvers" in Promise },
  { name: "process.getBuiltinModule", isThere: () => runtime === "deno" || "getBuiltinModule" in process },
];

/** An environment variable; on Deno only if it may be read without asking. */
export function variable(name: string): string | undefined {
  if (runtime !== "deno") return process.env[name];
  return granted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
}

/** As {@linkcode variable}, for many of them: on Deno, the question for each takes longer than to read it. */
export function variableReader(): (name: string) => string | undefined {
  if (runtime !== "deno") return variable;
  const { state, partial } = Deno.permissions.querySync({ name: "env" });
  return state === "granted" && !partial ? (name) => Deno.env.get(name) : variable;
}

/** The name of the operating system's user; undefined if it cannot be found out without asking. */
export function osUser(): string | undefined {
  return accountName() ?? variable("USER") ?? variable("LOGNAME") ?? variable("USERNAME");
}

/** The user's home directory; undefined if it cannot be found out without asking. */
export function homeDirectory(): string | undefined {
  const home = variable("HOME");
  if (home) return home;
  if (runtime === "deno" && !granted({ name: "sys", kind: "homedir" })) return undefined;
  try {
    return builtin.os.homedir();
  } catch {
    return undefined;
  }
}

function accountName(): string | undefined {
  try {
    switch (runtime) {
      case "deno":
        return USER_INFO_ASKS.every((kind) => granted({ name: "sys", kind }))
          ? builtin.os.userInfo().username
          : undefined;
      case "bun": {
        // Bun's userInfo returns $USER, not the user of the process.
        const entries = builtin.fs.readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
        return entries.find(([, , uid]) => Number(uid) === process.geteuid?.())?.[0];
      }
      case "node":
        return builtin.os.userInfo().username;
    }
  } catch {
    return undefined;
  }
}

/** Fresh randomness, 24 characters of letters, digits, `-` and `_`. */
export function randomText(): string {
  const bytes = runtime === "node" ? builtin.crypto.randomBytes(18) : crypto.getRandomValues(Buffer.alloc(18));
  return bytes.toString("base64url");
}

/** A text of letters and digits that no other call gives, in this process or another. It can be guessed. */
export function uniqueText(): string {
  prefix ??= `${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  return `${prefix}${(count++).toString(36)}`;
}
let prefix: string | undefined;
let count = 0;

/** Warns of a mistake in the program, as the runtime's own warnings do. */
export function warn(message: string, type: string, detail: string): void {
  process.emitWarning(message, { type, detail });
}

/** Whether Deno grants a permission already. */
export function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** Whether a file may be read without asking, which only Deno does. */
export function mayRead(path: string): boolean {
  return runtime !== "deno" || granted({ name: "read", path });
}

/** The permissions that `userInfo` needs on Deno. */
const USER_INFO_ASKS = ["uid", "gid", "username"] as const;
