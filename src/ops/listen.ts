/**
 * LISTEN and NOTIFY.
 *
 * Source: PostgreSQL manual, SQL commands LISTEN, UNLISTEN, NOTIFY; "Asynchronous Operations" in the
 * chapter on the protocol.
 */
import { ConnectionError, stackFromHere } from "../errors.ts";
import { checkedIdentifier, quotedIdentifier } from "../identifier.ts";
import { finish, type Op, perform, stillWanted, submit, takeTurn } from "../protocol/exchange.ts";
import { ExecuteUnnamed } from "../protocol/extended_query.ts";
import { lostError } from "../protocol/failure.ts";
import { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { Affected } from "../protocol/sink.ts";
import type { Notification } from "../wire/backend.ts";
import type { Context } from "./context.ts";

/** Notifications that were received and not yet taken by one listener. */
export class NotificationQueue {
  readonly channel: string;
  /** Whether nothing more will come. */
  ended = false;
  /** Called when there is something to take, or nothing more to come. */
  onChange: (() => void) | undefined = undefined;
  #error: ConnectionError | undefined = undefined;
  readonly #waiting: Notification[] = [];

  constructor(channel: string) {
    this.channel = channel;
  }

  /** The next notification; undefined if there is none yet. Throws, after the last one, why no more will come. */
  take(): Notification | undefined {
    const next = this.#waiting.shift();
    if (next === undefined && this.#error !== undefined) {
      stackFromHere(this.#error);
      throw this.#error;
    }
    return next;
  }

  /** A notification has come. */
  add(notification: Notification): void {
    if (this.ended) return;
    this.#waiting.push(notification);
    this.onChange?.();
  }

  /** Nothing more will come, for that reason if there is one. */
  end(error?: ConnectionError): void {
    if (this.ended) return;
    this.ended = true;
    this.#error = error;
    this.onChange?.();
  }
}

/** Who listens to what on one connection. */
export class Listeners {
  readonly #queues = new Map<string, Set<NotificationQueue>>();

  /** Whether nobody listens. */
  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** Hands a notification to all who listen to its channel. */
  deliver(notification: Notification): void {
    for (const queue of this.#queues.get(notification.channel) ?? []) queue.add(notification);
  }

  /** Listens; whether nobody did before. */
  add(queue: NotificationQueue): void {
    const queues = this.#queues.get(queue.channel) ?? new Set();
    queues.add(queue);
    this.#queues.set(queue.channel, queues);
  }

  /** No longer listens; whether nobody does any more. */
  remove(queue: NotificationQueue): boolean {
    const queues = this.#queues.get(queue.channel);
    if (queues === undefined || !queues.delete(queue)) return false;
    if (queues.size > 0) return false;
    this.#queues.delete(queue.channel);
    return true;
  }

  /** Ends all, for that reason if there is one. */
  endAll(reason?: Error): void {
    const error = reason && lostError("listen", reason, true);
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.end(error);
    }
    this.#queues.clear();
  }
}

/** Listens to a channel; done when the server has confirmed it. */
export function* listen(channel: string, listeners: Listeners, context: Context): Op<NotificationQueue> {
  const queue = new NotificationQueue(channel);
  listeners.add(queue);
  let begun = false;
  try {
    yield* perform(new SimpleQuery(`LISTEN ${quotedIdentifier(channel, "listen")}`, new Affected(), context.registry));
    begun = true;
    yield* stillWanted();
    return queue;
  } catch (error) {
    if (begun) yield* unlisten(queue, listeners, context);
    else listeners.remove(queue);
    throw error;
  }
}

/** No longer listens. With the connection, or its transaction, that is so anyway. */
export function* unlisten(queue: NotificationQueue, listeners: Listeners, context: Context): Op<void> {
  const { registry, session } = context;
  queue.end();
  if (!listeners.remove(queue) || session.lost !== undefined || session.transactionStatus === "failed") return;
  // Then the server goes on notifying, and nobody hears it.
  if (context.occupant !== undefined || session.conversation !== undefined) return;
  try {
    yield* takeTurn();
    yield* perform(
      new SimpleQuery(`UNLISTEN ${quotedIdentifier(queue.channel, "stop listening")}`, new Affected(), registry),
    );
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}

/** Notifies those who listen to a channel, when the transaction commits. */
export function* notify(channel: string, payload: string, { registry }: Context): Op<void> {
  const statement = new Prepared("", NOTIFY, [TEXT, TEXT], undefined, registry);
  yield* finish(yield* submit(new ExecuteUnnamed(statement, [channel, payload], new Affected(), registry)));
}

/** A channel's name as it is. */
export function channelName(channel: unknown): string {
  return checkedIdentifier(channel, "use the channel");
}

const NOTIFY = "select pg_catalog.pg_notify($1, $2)";
/** OID of text. */
const TEXT = 25;
