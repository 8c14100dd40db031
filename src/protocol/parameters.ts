/** The settings that the server reports. A server reports a few dozen at most; a peer could send any number. */
import { ProtocolError } from "../errors.ts";
import { parameterStatus } from "../wire/backend.ts";
import { copyOf } from "../wire/bytes.ts";
import type { Inbox } from "../wire/inbox.ts";

/** The settings of one session. */
export class Parameters {
  /** The reports at the start of the session, as long as no setting has changed. */
  #start: Start = NOTHING;
  /** The settings, once they are not those of the start. */
  #values: Map<string, string> | undefined = undefined;
  #object: Readonly<Record<string, string>> | undefined = undefined;
  #size = 0;

  /** The current value of each setting, by name. Each change makes a new object. */
  get object(): Readonly<Record<string, string>> {
    if (this.#values === undefined) return this.#start.object;
    return this.#object ??= Object.freeze(Object.fromEntries(this.#values));
  }

  /** The current value of a setting. */
  get(name: string): string | undefined {
    return (this.#values ?? this.#start.values).get(name);
  }

  /** Reads and stores a reported setting. */
  read(inbox: Inbox): ReportedSetting {
    if (this.#values === undefined) return this.#readAtStart(inbox);
    return this.#change(this.#values, parameterStatus(inbox));
  }

  #readAtStart(inbox: Inbox): ReportedSetting {
    const start = this.#start;
    const known = start.next;
    if (known !== undefined && inbox.skip(known.bytes)) {
      this.#start = known.start;
      return known.setting;
    }
    const { pos, limit } = inbox;
    const setting = parameterStatus(inbox);
    if (start.canAdd(setting, limit - pos)) {
      this.#start = start.add(setting, copyOf(inbox.bytes, pos, limit));
      return setting;
    }
    this.#size = start.size;
    return this.#change(this.#values = new Map(start.values), setting);
  }

  #change(values: Map<string, string>, setting: ReportedSetting): ReportedSetting {
    const { name, value } = setting;
    const before = values.get(name);
    this.#size += before === undefined ? name.length + value.length : value.length - before.length;
    values.set(name, value);
    this.#object = undefined;
    if (values.size > MAX_COUNT || this.#size > MAX_SIZE) {
      throw new ProtocolError(
        `Cannot keep the settings that the server reports: at most ${MAX_COUNT} of ${MAX_SIZE} characters are allowed`,
      );
    }
    return setting;
  }
}

/** A setting and its value. */
export interface ReportedSetting {
  readonly name: string;
  readonly value: string;
}

/**
 * The settings that a session has reported so far, while it starts. Nearly all sessions of a process begin with the same
 * reports, so they share these objects: comparing the bytes of a report takes a fraction of the time of reading and
 * storing it, and all of them were a twentieth of connecting.
 */
class Start {
  readonly values: ReadonlyMap<string, string>;
  /** Characters of the names and values. */
  readonly size: number;
  /** The next report of the last session that had these settings. */
  next: { readonly bytes: Uint8Array; readonly setting: ReportedSetting; readonly start: Start } | undefined =
    undefined;
  #object: Readonly<Record<string, string>> | undefined = undefined;

  constructor(values: ReadonlyMap<string, string>, size: number) {
    this.values = values;
    this.size = size;
  }

  /** The settings as an object. */
  get object(): Readonly<Record<string, string>> {
    return this.#object ??= Object.freeze(Object.fromEntries(this.values));
  }

  /** Whether a report of that many bytes can be kept: it is short, and of another setting. */
  canAdd({ name }: ReportedSetting, length: number): boolean {
    return length <= MAX_LENGTH_AT_START && this.values.size < MAX_COUNT_AT_START && !this.values.has(name);
  }

  /** Keeps a report, the body of whose message is `bytes`. */
  add(setting: ReportedSetting, bytes: Uint8Array): Start {
    const { name, value } = setting;
    const start = new Start(new Map(this.values).set(name, value), this.size + name.length + value.length);
    this.next = { bytes, setting, start };
    return start;
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
/** How many reports of a start are kept for later sessions, and how many bytes of each at most. */
const MAX_COUNT_AT_START = 32;
const MAX_LENGTH_AT_START = 256;

const NOTHING = new Start(new Map(), 0);
