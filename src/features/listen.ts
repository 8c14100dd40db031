/**
 * LISTEN and NOTIFY.
 *
 * Source: PostgreSQL manual, SQL commands LISTEN, UNLISTEN, NOTIFY; "Asynchronous Operations" in the
 * chapter on the protocol.
 */
import { Backlog, MAX_WAITING_NOTIFICATIONS } from "../backlog.ts";
import { ConnectionError, stackFromHere } from "../errors.ts";
import { checkedIdentifier, quotedIdentifier } from "../sql/identifier.ts";
import { cancellationPoint, continueSubmitting, finish, type Op, perform, submit } from "../protocol/request.ts";
import { ExecuteStatement } from "../protocol/extended_query.ts";
import { lostError } from "../protocol/failure.ts";
import { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { ownCodecs } from "../codecs/registry.ts";
import type { Notification } from "../wire/backend.ts";
import type { Context } from "../statements/context.ts";

/** Notifications that were received and not yet taken by one listener. */
export class NotificationQueue {
  readonly channel: string;
  /** Whether nothing more will come. */
  ended = false;
  /** Called when there is something to take, or nothing more to come. */
  onChange: (() => void) | undefined = undefined;
  #error: ConnectionError | undefined = undefined;
  readonly #waiting = new Backlog<Notification>(MAX_WAITING_NOTIFICATIONS);

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
    const { channel, payload } = notification;
    if (!this.#waiting.push(notification, channel.length + payload.length)) return this.endForOverflow();
    this.onChange?.();
  }

  /** A notification has come that there is no room for, so those behind it would be out of order. */
  endForOverflow(): void {
    const waiting = this.#waiting.length;
    this.end(
      new ConnectionError(
        `Cannot listen to ${JSON.stringify(this.channel)}: ${waiting} notifications wait, and there is no room for ` +
          "more; they must be taken as they come",
        { connectionLost: false },
      ),
    );
  }

  /** Nothing more will come, for that reason if there is one. */
  end(error?: ConnectionError): void {
    if (this.ended) return;
    this.ended = true;
    this.#error = error;
    this.onChange?.();
  }
}

/** The listeners of one connection, by channel. */
export class Listeners {
  readonly #queues = new Map<string, Set<NotificationQueue>>();
  /** Channels without a listener, for which the session may still be registered. */
  readonly #channelsToUnlisten = new Set<string>();

  /** Whether there is no listener, and the session is registered for no channel. */
  get isEmpty(): boolean {
    return this.#queues.size === 0 && this.#channelsToUnlisten.size === 0;
  }

  /** Takes the channels to which the session is to listen no longer: their UNLISTEN is about to be sent. */
  takeChannelsToUnlisten(): readonly string[] {
    const channels = [...this.#channelsToUnlisten];
    this.#channelsToUnlisten.clear();
    return channels;
  }

  /** The session may listen to them after all. */
  unlistenLater(channels: readonly string[]): void {
    for (const channel of channels) if (!this.#queues.has(channel)) this.#channelsToUnlisten.add(channel);
  }

  /** Hands a notification to all who listen to its channel. */
  deliver(notification: Notification): void {
    for (const queue of this.#queues.get(notification.channel) ?? []) queue.add(notification);
  }

  /** Notifications were dropped for lack of room, on unknown channels. */
  endAllForOverflow(): void {
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.endForOverflow();
    }
  }

  /** Listens. */
  add(queue: NotificationQueue): void {
    this.#channelsToUnlisten.delete(queue.channel);
    const queues = this.#queues.get(queue.channel) ?? new Set();
    queues.add(queue);
    this.#queues.set(queue.channel, queues);
  }

  /** Removes a listener; true if it was the last of its channel. */
  remove(queue: NotificationQueue): boolean {
    const queues = this.#queues.get(queue.channel);
    if (queues === undefined || !queues.delete(queue)) return false;
    if (queues.size > 0) return false;
    this.#queues.delete(queue.channel);
    this.#channelsToUnlisten.add(queue.channel);
    return true;
  }

  /** Ends all, for that reason if there is one. */
  endAll(reason?: Error): void {
    const error = reason && lostError("listen", reason, true);
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.end(error);
    }
    this.#queues.clear();
    this.#channelsToUnlisten.clear();
  }
}

/** Listens to a channel; done when the server has confirmed it. */
export function* listen(channel: string, listeners: Listeners, context: Context): Op<NotificationQueue> {
  const queue = new NotificationQueue(channel);
  listeners.add(queue);
  let begun = false;
  try {
    yield* perform(
      new SimpleQuery(`LISTEN ${quotedIdentifier(channel, "listen")}`, new AffectedRows(), context.registry),
    );
    begun = true;
    yield* cancellationPoint();
    return queue;
  } catch (error) {
    if (begun) yield* unlisten(queue, listeners, context);
    else listeners.remove(queue);
    throw error;
  }
}

/**
 * No longer listens. Where UNLISTEN cannot be sent now (an exclusive operation is open, the
 * transaction has failed), or a rollback may undo it, the channel stays among those left over: the next
 * UNLISTEN is for them too, and so is the connection's return to its pool.
 */
export function* unlisten(queue: NotificationQueue, listeners: Listeners, context: Context): Op<void> {
  const { registry, session } = context;
  queue.end();
  if (!listeners.remove(queue) || session.lost !== undefined || session.transactionStatus === "failed") return;
  if (session.admission.open !== undefined) return;
  yield* continueSubmitting();
  const channels = listeners.takeChannelsToUnlisten();
  if (channels.length === 0) return;
  try {
    const names = channels.map((channel) => quotedIdentifier(channel, "stop listening"));
    const sql = names.map((name) => `UNLISTEN ${name}`).join("; ");
    yield* perform(new SimpleQuery(sql, new AffectedRows(), registry));
    if (session.transactionStatus !== "idle") listeners.unlistenLater(channels);
  } catch (error) {
    listeners.unlistenLater(channels);
    if (!(error instanceof ConnectionError)) throw error;
  }
}

/** Notifies those who listen to a channel, when the transaction commits. */
export function* notify(channel: string, payload: string): Op<void> {
  const statement = new Prepared("", NOTIFY, [TEXT, TEXT], undefined, ownCodecs);
  yield* finish(yield* submit(new ExecuteStatement(statement, [channel, payload], new AffectedRows(), ownCodecs)));
}

/** A channel's name as it is. */
export function channelName(channel: unknown): string {
  return checkedIdentifier(channel, "use the channel");
}

const NOTIFY = "select pg_catalog.pg_notify($1, $2)";
/** OID of text. */
const TEXT = 25;
