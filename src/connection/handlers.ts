/** What the user of a connection has set to be called with what the server sends unasked. */
import type { ConnectionError, ServerFields } from "../errors.ts";
import type { Lease } from "../pool/lease.ts";
import type { SessionEvent } from "../protocol/session.ts";
import { callUnheeded } from "../unheeded.ts";

/** A notification of the server. */
type Notification = Extract<SessionEvent, { kind: "notification" }>["notification"];

/** The functions that a user has set. */
export class Handlers {
  onNotice: ((notice: ServerFields) => void) | undefined = undefined;
  onNotification: ((notification: Notification) => void) | undefined = undefined;
  onClose: ((error?: ConnectionError) => void) | undefined = undefined;
}

/** The handlers of a connection, and those of the lease under which it is used, which replace them. */
export class ConnectionHandlers {
  readonly own: Handlers = new Handlers();
  /** Those of the pool, which are called besides the others. */
  readonly pool: Handlers = new Handlers();
  /** Weak, since the connection outlives the lease, and must not keep it from being garbage-collected. */
  #leased: WeakRef<Handlers> | undefined = undefined;

  /** Whether there is a handler of that name. */
  has(name: keyof Handlers): boolean {
    return this.#all(name).some((handler) => handler !== undefined);
  }

  /** Calls the handlers of that name. */
  call<K extends keyof Handlers>(name: K, ...args: Parameters<NonNullable<Handlers[K]>>): void {
    for (const handler of this.#all(name)) {
      if (handler !== undefined) callUnheeded(() => (handler as (...args: unknown[]) => unknown)(...args));
    }
  }

  #all<K extends keyof Handlers>(name: K): Handlers[K][] {
    return [this.pool[name], this.#leased?.deref()?.[name] ?? this.own[name]];
  }

  /** The handlers of a lease. */
  leased(lease: Lease): Handlers | undefined {
    return lease.isEnded ? undefined : HANDLERS.get(lease);
  }

  /** The handlers of a lease, to set one. */
  settable(lease: Lease): Handlers {
    let handlers = HANDLERS.get(lease);
    if (handlers === undefined) {
      HANDLERS.set(lease, handlers = new Handlers());
      this.#leased = new WeakRef(handlers);
    }
    return handlers;
  }

  /** The lease has ended. */
  endLease(): void {
    this.#leased = undefined;
  }
}

/** The handlers of leases. They refer to their lease, and a WeakMap lets both be garbage-collected together. */
const HANDLERS = new WeakMap<Lease, Handlers>();
