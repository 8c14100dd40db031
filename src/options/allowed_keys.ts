/**
 * The keys that a connection string may have: for strings from untrusted hands.
 *
 * One rule: everything that a string sets has a key, and a key that is not listed is refused. So keys that
 * pyro gets later, and those that name files, are refused unless the program has thought of them.
 */
import { UsageError } from "../errors.ts";
import { canonicalName } from "./aliases.ts";
import { isKey } from "./keywords.ts";
import { isSocketHost } from "./option_values.ts";
import type { Settings } from "./settings.ts";

/** Tells whether a string may set a key. */
export class AllowedKeys {
  readonly #keys: ReadonlySet<string>;

  /** Throws for what cannot be a list of keys. */
  constructor(keys: unknown) {
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
      throw new UsageError('Cannot set allow: it must be an array of keys, such as ["host", "dbname"]');
    }
    for (const key of keys) {
      const right = isKey(key) ? undefined : canonicalName(key, "key");
      if (right !== undefined) {
        throw new UsageError(`Cannot set allow: it has ${JSON.stringify(key)}; ${right}`);
      }
    }
    this.#keys = new Set(keys);
  }

  /** Throws unless the key may be set. */
  check(key: string): void {
    if (this.#keys.has(key)) return;
    throw new UsageError(
      `Cannot use ${key} in the connection string: its keys are limited by the option allow, which does not list ${key}`,
    );
  }

  /** Checks what a URL sets outside of its query. */
  checkParts({ user, password, hosts, ports, db }: Settings): void {
    const parts: [key: string, value: unknown][] = [
      ["user", user],
      ["password", password],
      ["host", hosts],
      ["port", ports],
      ["dbname", db],
    ];
    for (const [key, value] of parts) if (value !== undefined) this.check(key);
  }

  /** Checks the password: an empty one would be taken from the program's own password file, for the string's host. */
  checkPassword({ password }: Settings): void {
    if (password !== "") return;
    throw new UsageError(
      "Cannot use an empty password in the connection string: with the option allow, it must be a password, or absent",
    );
  }

  /** Checks hosts: a socket is one of this machine, and its server may trust this process. */
  checkHosts({ hosts = [] }: Settings): void {
    if (hosts.some(isSocketHost) && !this.#keys.has("socket")) {
      throw new UsageError(
        "Cannot use a Unix socket as the host in the connection string: its keys are limited by the option " +
          "allow, which does not list socket",
      );
    }
  }
}
