/** What can be read of a connection without asking the server: the same in both worlds. */
import type { ConnectionState } from "../connection/connection_state.ts";
import type { ServerFields } from "../errors.ts";
import type { Lease } from "../pool/lease.ts";
import { type CancelKey, cancelKeyOf } from "../connect/cancel.ts";
import type { Upgrade } from "../connect/upgrade.ts";
import type { TransactionStatus } from "../protocol/session.ts";

/** The state of a connection, as of the last message from the server. */
export abstract class ConnState {
  readonly #state: ConnectionState;
  readonly #lease: Lease | undefined;

  /** Not for callers: the connections of both worlds build on it. */
  constructor(state: ConnectionState, lease: Lease | undefined) {
    this.#state = state;
    this.#lease = lease;
  }

  /** Process ID of the server process that serves this connection (`pg_backend_pid()`), 0 if the server did not tell. */
  get id(): number {
    return this.#state.link.session.key?.processId ?? 0;
  }

  /** The server's version as it reports it, such as `18.4` or `15.18 (Debian 15.18-1)`; "" if it does not. */
  get serverVersion(): string {
    return this.serverParams.server_version ?? "";
  }

  /** The settings that the server reports by itself, by name: `TimeZone`, `DateStyle`, `server_version`, …. */
  get serverParams(): Readonly<Record<string, string>> {
    return this.#state.link.session.parameters;
  }

  /** Whether a transaction is open (`"active"`), or open and failed (`"failed"`), as of the last reply. */
  get transactionStatus(): TransactionStatus {
    return this.#state.link.session.transactionStatus;
  }

  /** What carries the connection. */
  get transport(): "tcp" | "unix" {
    return this.#state.link.endpoint.kind;
  }

  /** Whether the connection is encrypted. */
  get tls(): boolean {
    return this.#state.link.tls;
  }

  /** Whether the connection was closed or lost: calls fail from then on. */
  get closed(): boolean {
    return this.#state.closed;
  }

  /** What `cancel(key)` needs to stop what runs on this connection, from another thread too; undefined if the server gave none. */
  get cancelKey(): CancelKey | undefined {
    return cancelKeyOf(this.#state.session, this.#state.cancelTarget);
  }

  /** What became of the upgrade from local TCP to the server's Unix socket. */
  get upgrade(): Upgrade {
    return this.#state.upgrade;
  }

  /** Called with each notice of the server's, such as those of `raise notice`. What it throws is ignored. */
  get onNotice(): ((notice: ServerFields) => void) | undefined {
    return this.#lease?.onNotice ?? this.#state.onNotice;
  }

  set onNotice(listener: ((notice: ServerFields) => void) | undefined) {
    this.#state.onNotice = this.#lease === undefined ? listener : this.#lease.listen(listener);
  }
}
