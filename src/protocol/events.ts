/**
 * The messages that the server sends unasked, kept until the driver delivers it. While no driver takes events yet,
 * and in a flood between two deliveries, a limited amount is kept.
 */
import { Backlog } from "../backlog.ts";
import type { ServerFields } from "../errors.ts";
import type { Notification } from "../wire/backend.ts";

/** A message that the server sends unasked. */
export type SessionEvent =
  | { readonly kind: "notice"; readonly notice: ServerFields }
  | { readonly kind: "notification"; readonly notification: Notification }
  /** Notifications came that there was no room for. */
  | { readonly kind: "missed" }
  | { readonly kind: "parameter"; readonly name: string }
  /** The connection was lost; no event comes after this. */
  | { readonly kind: "lost" };

/** The events of one session. */
export class Events {
  readonly #waiting = new Backlog<SessionEvent>(MAX_BEFORE_DELIVERY);
  /** Settings whose change waits for delivery: once is enough. */
  readonly #changed = new Set<string>();
  /** Whether a "missed" waits. */
  #missed = false;

  /** A notice has come, of so many bytes. One that there is no room for is dropped. */
  notice(notice: ServerFields, size: number): void {
    this.#waiting.push({ kind: "notice", notice }, size);
  }

  /** A notification has come, of so many bytes. If there is no room for it, a "missed" event takes its place. */
  notification(notification: Notification, size: number): void {
    if (this.#missed) return;
    if (this.#waiting.push({ kind: "notification", notification }, size)) return;
    this.#missed = true;
    this.#waiting.force({ kind: "missed" });
  }

  /** A setting has changed. */
  parameter(name: string): void {
    if (this.#changed.has(name)) return;
    this.#changed.add(name);
    this.#waiting.force({ kind: "parameter", name });
  }

  /** The connection was lost. */
  lost(): void {
    this.#waiting.force({ kind: "lost" });
  }

  /** The first event that waits. A driver that takes one must take all. */
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
 * How many bytes of events are kept while a call runs that does not deliver them, such as a blocking
 * copyIn: more than a socket's buffer holds of the smallest notifications.
 */
const MAX_BETWEEN_DELIVERIES = 0x200_0000;
