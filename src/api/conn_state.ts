/** What can be read of a connection without asking the server: the same in both worlds. */
import type { ConnectionState } from "../connection/state.ts";
import type { ServerFields } from "../errors.ts";
import type { Lease } from "../pool/lease.ts";
import { type CancelKey, cancelKeyOf } from "../connect/cancel.ts";
import type { Upgrade } from "../connect/upgrade.ts";
import type { TransactionStatus } from "../protocol/session.ts";

/** The state of a connection, as of the last message from the server. */
export abstract class ConnState {
  readonly #core: ConnectionState;
  readonly #lease: Lease | undefined;

  /** Not for callers: the connections of both worlds build on it. */
  constructor(core: ConnectionState, lease: Lease | undefined) {
    this.#core = core;
    this.#lease = lease;
  }

  /** Process ID of the server process that serves this connection (`pg_backend_pid()`), 0 if the server did not tell. */
  get id(): number {
    return this.#core.link.session.key?.processId ?? 0;
  }

  /** The server's version as it reports it, such as `18.4` or `15.18 (Debian 15.18-1)`; "" if it does not. */
  get serverVersion(): string {
    return this.serverParams.server_version ?? "";
  }

  /** The settings that the server reports by itself, by name: `TimeZone`, `DateStyle`, `server_version`, …. */
  get serverParams(): Readonly<Record<string, string>> {
    return this.#core.link.session.parameters;
  }

  /** Whether a transaction is open (`"active"`), or open and failed (`"failed"`), as of the last reply. */
  get transactionStatus(): TransactionStatus {
    return this.#core.link.session.transactionStatus;
  }

  /** What carries the connection. */
  get transport(): "tcp" | "unix" {
    return this.#core.link.endpoint.kind;
  }

  /** Whether the connection is encrypted. */
  get tls(): boolean {
    return this.#core.link.tls;
  }

  /** Whether the connection was closed or lost: calls fail from then on. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** What `cancel(key)` needs to stop what runs on this connection, from another thread too; undefined if the server gave none. */
  get cancelKey(): CancelKey | undefined {
    return cancelKeyOf(this.#core.session, this.#core.cancelTarget);
  }

  /** What became of the upgrade from local TCP to the server's Unix socket. */
  get upgrade(): Upgrade {
    return this.#core.upgrade;
  }

  /** Called with each notice of the server's, such as those of `raise notice`. What it throws is ignored. */
  get onNotice(): ((notice: ServerFields) => void) | undefined {
    return this.#lease?.onNotice ?? this.#core.onNotice;
  }

  set onNotice(listener: ((notice: ServerFields) => void) | undefined) {
    this.#core.onNotice = this.#lease === undefined ? listener : this.#lease.listen(listener);
  }
}
