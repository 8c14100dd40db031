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
  /** Whether no more notifications will be added. */
  ended = false;
  /** Called when a notification is added, and at the end. */
  onChange: (() => void) | undefined = undefined;
  #error: ConnectionError | undefined = undefined;
  readonly #waiting = new Backlog<Notification>(MAX_WAITING_NOTIFICATIONS);

  constructor(channel: string) {
    this.channel = channel;
  }

  /**
   * The next notification; undefined if there is none yet. After the last one, throws the reason for the end, if any.
   */
  take(): Notification | undefined {
    const next = this.#waiting.shift();
    if (next === undefined && this.#error !== undefined) {
      stackFromHere(this.#error);
      throw this.#error;
    }
    return next;
  }

  /** Adds a notification. */
  add(notification: Notification): void {
    if (this.ended) return;
    const { channel, payload } = notification;
    if (!this.#waiting.push(notification, channel.length + payload.length)) return this.endForOverflow();
    this.onChange?.();
  }

  /** Ends the queue, because it is full: dropping a notification would leave a gap. */
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

  /** Ends the queue, with an error if there is one. */
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

  /** Takes the channels to UNLISTEN. The caller must send the UNLISTEN. */
  takeChannelsToUnlisten(): readonly string[] {
    const channels = [...this.#channelsToUnlisten];
    this.#channelsToUnlisten.clear();
    return channels;
  }

  /** Puts channels back, because the session may still listen to them. */
  unlistenLater(channels: readonly string[]): void {
    for (const channel of channels) if (!this.#queues.has(channel)) this.#channelsToUnlisten.add(channel);
  }

  /** Adds a notification to all queues of its channel. */
  deliver(notification: Notification): void {
    for (const queue of this.#queues.get(notification.channel) ?? []) queue.add(notification);
  }

  /** Ends all queues, because notifications of unknown channels were dropped. */
  endAllForOverflow(): void {
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.endForOverflow();
    }
  }

  /** Adds a listener. */
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

  /** Ends all listeners, with an error if there is a reason. */
  endAll(reason?: Error): void {
    // An error captures its stack, which takes long: none is made if nobody gets it.
    const error = reason === undefined || this.#queues.size === 0 ? undefined : lostError("listen", reason, true);
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.end(error);
    }
    this.#queues.clear();
    this.#channelsToUnlisten.clear();
  }
}

/** Listens to a channel. Returns when the server has confirmed it. */
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
 * Ends a listener. If UNLISTEN cannot be sent now (an exclusive operation is open, or the transaction has failed), or
 * if a rollback may undo it, the channel is remembered: the next UNLISTEN includes it, and so does the clean-up when
 * the connection returns to its pool.
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

/** Notifies the listeners of a channel, when the transaction commits. */
export function* notify(channel: string, payload: string): Op<void> {
  const statement = new Prepared("", NOTIFY, [TEXT, TEXT], undefined, ownCodecs);
  yield* finish(yield* submit(new ExecuteStatement(statement, [channel, payload], new AffectedRows(), ownCodecs)));
}

/** The name of a channel, checked. */
export function channelName(channel: unknown): string {
  return checkedIdentifier(channel, "use the channel");
}

const NOTIFY = "select pg_catalog.pg_notify($1, $2)";
/** OID of text. */
const TEXT = 25;
