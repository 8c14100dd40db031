/** The settings that the server reports. A server reports a few dozen at most; a peer could send any number. */
import { ProtocolError } from "../errors.ts";

/** The settings of one session. */
export class Parameters {
  readonly #values = new Map<string, string>();
  #object: Readonly<Record<string, string>> | undefined = undefined;
  #size = 0;

  /** The current value of each setting, by name. Each change makes a new object. */
  get object(): Readonly<Record<string, string>> {
    return this.#object ??= Object.freeze(Object.fromEntries(this.#values));
  }

  /** The current value of a setting. */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Stores a reported setting. */
  set(name: string, value: string): void {
    const before = this.#values.get(name);
    this.#size += before === undefined ? name.length + value.length : value.length - before.length;
    this.#values.set(name, value);
    this.#object = undefined;
    if (this.#values.size > MAX_COUNT || this.#size > MAX_SIZE) {
      throw new ProtocolError(
        `Cannot keep the settings that the server reports: at most ${MAX_COUNT} of ${MAX_SIZE} characters are allowed`,
      );
    }
  }
}

/**
 * Whether a value of `client_encoding` means UTF8. The server reports `UNICODE` as it was set, and a pooler does so
 * with any spelling.
 */
export function isUtf8(encoding: string): boolean {
  return encoding === "UTF8" || /^(?:utf-?_?8|unicode)$/i.test(encoding);
}

/** PostgreSQL 18 reports 15; extensions may add some. */
const MAX_COUNT = 1000;
/** Characters of all names and values. The longest values are lists of names, such as `search_path`. */
const MAX_SIZE = 0x10_0000;
