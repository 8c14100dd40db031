/** The settings that the server reports: a few dozen, though a peer can send any number. */
import { ProtocolError } from "../errors.ts";

/** The settings of one session. */
export class Parameters {
  readonly #values = new Map<string, string>();
  #object: Readonly<Record<string, string>> | undefined = undefined;
  #size = 0;

  /** The last value of each, by name; another object after each change. */
  get object(): Readonly<Record<string, string>> {
    return this.#object ??= Object.freeze(Object.fromEntries(this.#values));
  }

  /** A setting is reported. */
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

/** Whether a value of `client_encoding` means UTF8: the server spells it as it was given if it was `UNICODE`, and poolers do with any. */
export function isUtf8(encoding: string): boolean {
  return /^(?:utf-?_?8|unicode)$/i.test(encoding);
}

/** PostgreSQL 18 reports 15; extensions may add some. */
const MAX_COUNT = 1000;
/** The longest are lists of names, as of `search_path`. */
const MAX_SIZE = 0x10_0000;
