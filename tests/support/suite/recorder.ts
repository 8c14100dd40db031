/** Records what one connection publishes and logs; others may run in the same process. */
import { tracingChannel } from "node:diagnostics_channel";
import type { LogFields, Logger, LogLevel, QueryEvent } from "../../../mod.ts";

/** How an event was published: on which channels, and its last content. */
export interface Watched {
  readonly event: QueryEvent;
  readonly kinds: string[];
}

/** The events of one connection's calls, in the order of their beginnings. */
export class Watch implements Disposable {
  readonly all: Watched[] = [];
  readonly #listeners: readonly (readonly [kind: Kind, listener: (event: unknown) => void])[];

  /** `id`: the connection's. */
  constructor(id: number) {
    this.#listeners = KINDS.map((kind) => [kind, (event) => this.#hear(kind, event as QueryEvent, id)]);
    for (const [kind, listener] of this.#listeners) CHANNEL[kind].subscribe(listener);
  }

  /** Returns the operations so far, and clears them. */
  take(): Watched[] {
    return this.all.splice(0);
  }

  [Symbol.dispose](): void {
    for (const [kind, listener] of this.#listeners) CHANNEL[kind].unsubscribe(listener);
  }

  #hear(kind: Kind, event: QueryEvent, id: number): void {
    if (event.connection.id !== id) return;
    const known = this.all.find((watched) => watched.event === event);
    if (known === undefined) this.all.push({ event, kinds: [kind] });
    else known.kinds.push(kind);
  }
}

/** A line of a log. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that records its lines. */
export class Lines implements Logger {
  readonly all: Line[] = [];

  debug(message: string, fields: LogFields): void {
    this.all.push({ level: "debug", message, fields });
  }

  info(message: string, fields: LogFields): void {
    this.all.push({ level: "info", message, fields });
  }

  warn(message: string, fields: LogFields): void {
    this.all.push({ level: "warn", message, fields });
  }

  error(message: string, fields: LogFields): void {
    this.all.push({ level: "error", message, fields });
  }
}

const CHANNEL = tracingChannel<unknown, QueryEvent>("pyro:query");
const KINDS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;
type Kind = typeof KINDS[number];
