/**
 * The messages that the server sends unasked, kept until the driver delivers them. The amount is limited, both before
 * the first delivery and between two deliveries.
 */
import { Backlog } from "../backlog.ts";
import { isUnreplicated, type ServerFields } from "../errors.ts";
import { SqlState } from "../sqlstate.ts";
import type { Notification } from "../wire/backend.ts";
import type { Failure } from "./request.ts";

/** A message that the server sends unasked. */
export type SessionEvent =
  | { readonly kind: "notice"; readonly notice: ServerFields }
  | { readonly kind: "notification"; readonly notification: Notification }
  /** Notifications were dropped, because there was no room for them. */
  | { readonly kind: "missed" }
  | { readonly kind: "parameter"; readonly name: string }
  /** The server has refused to write, since the session or the server is read-only (25006). */
  | { readonly kind: "readOnly" }
  /** The connection was lost; no event comes after this. */
  | { readonly kind: "lost" };

/** The events of one session. */
export class Events {
  readonly #waiting = new Backlog<SessionEvent>(MAX_BEFORE_DELIVERY);
  /** Settings with an undelivered change. One event for each is enough. */
  readonly #changed = new Set<string>();
  /** Whether a "missed" event waits for delivery. */
  #missed = false;
  /** The warning that what the current request has committed may not be on the synchronous standby. */
  #unreplicated: ServerFields | undefined = undefined;

  /** Adds a notice of `size` bytes. If there is no room for it, it is dropped. */
  notice(notice: ServerFields, size: number): void {
    if (isUnreplicated(notice)) this.#unreplicated = notice;
    this.#waiting.push({ kind: "notice", notice }, size);
  }

  /** Adds a notification of `size` bytes. If there is no room for it, a "missed" event takes its place. */
  notification(notification: Notification, size: number): void {
    if (this.#missed) return;
    if (this.#waiting.push({ kind: "notification", notification }, size)) return;
    this.#missed = true;
    this.#waiting.force({ kind: "missed" });
  }

  /** Adds the change of a setting. */
  parameter(name: string): void {
    if (this.#changed.has(name)) return;
    this.#changed.add(name);
    this.#waiting.force({ kind: "parameter", name });
  }

  /** Takes the failure of a request whose commit may not be on the synchronous standby. */
  takeUnreplicated(): Failure | undefined {
    const fields = this.#unreplicated;
    this.#unreplicated = undefined;
    return fields && { kind: "server", fields };
  }

  /** Adds what follows from a refusal: that the server does not write. */
  refusal({ code }: ServerFields): void {
    const isNews = code === SqlState.ReadOnlySqlTransaction && this.#waiting.last?.kind !== "readOnly";
    if (isNews) this.#waiting.force({ kind: "readOnly" });
  }

  lost(): void {
    this.#waiting.force({ kind: "lost" });
  }

  /** Takes the first event. A driver that takes one must take them all. */
  take(): SessionEvent | undefined {
    this.#waiting.limit = MAX_BETWEEN_DELIVERIES;
    const event = this.#waiting.shift();
    if (event?.kind === "parameter") this.#changed.delete(event.name);
    else if (event?.kind === "missed") this.#missed = false;
    return event;
  }
}

/** How many bytes of events are kept before the first delivery: while connecting. */
const MAX_BEFORE_DELIVERY = 0x10_0000;
/**
 * How many bytes of events are kept while a call runs that delivers none, such as a blocking copyIn. A socket's
 * buffer full of the smallest notifications takes less.
 */
const MAX_BETWEEN_DELIVERIES = 0x200_0000;
