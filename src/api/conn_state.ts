/** The state of a connection that can be read without a round trip; blocking and awaiting connections share it. */
import type { ConnectionState } from "../connection/connection_state.ts";
import type { Handlers } from "../connection/handlers.ts";
import type { ConnectionError, ServerFields } from "../errors.ts";
import { printMembers } from "../inspection.ts";
import { bad } from "../options/option_values.ts";
import type { Lease } from "../pool/lease.ts";
import { type CancelKey, cancelKeyOf } from "../connect/cancel.ts";
import type { Upgrade } from "../connect/upgrade.ts";
import type { Notification } from "../wire/backend.ts";
import { type TlsInfo, tlsInfoOf } from "./tls_info.ts";
import type { TransactionStatus } from "../protocol/session.ts";

/** The state of a connection, as of the last message from the server. */
export abstract class ConnState {
  readonly #state: ConnectionState;
  readonly #lease: Lease | undefined;

  /** Internal: both kinds of connections extend it. */
  constructor(state: ConnectionState, lease: Lease | undefined) {
    this.#state = state;
    this.#lease = lease;
  }

  /** The process ID of the server process (`pg_backend_pid()`), 0 if it is unknown. */
  get id(): number {
    return this.#state.link.session.key?.processId ?? 0;
  }

  /** The version that the server reports, such as `18.4` or `15.18 (Debian 15.18-1)`; "" if it reports none. */
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

  /**
   * `"tcp"` or `"unix"`; if {@linkcode Opts.dial} has opened the connection, the name that its function returned, or
   * `"dial"`.
   */
  get transport(): string {
    const { name, endpoint } = this.#state.link;
    return name ?? endpoint.kind;
  }

  /** Whether the connection is encrypted. */
  get tls(): boolean {
    return this.#state.link.tls !== undefined;
  }

  /** The version of TLS, the cipher suite and the server's certificate; undefined if the connection is not encrypted. */
  get tlsInfo(): TlsInfo | undefined {
    const { tls } = this.#state.link;
    return tls && tlsInfoOf(tls);
  }

  /** Whether the connection was closed or lost; all calls then fail. */
  get closed(): boolean {
    return this.#state.closed;
  }

  /**
   * The key with which `cancel(key)` stops the running statement, from another thread too; undefined if the server
   * gave none, or if {@linkcode Opts.dial} has opened the connection, since only its function can reach the server.
   */
  get cancelKey(): CancelKey | undefined {
    const { session, cancelTarget, link } = this.#state;
    return link.name === undefined ? cancelKeyOf(session, cancelTarget) : undefined;
  }

  /** The result of the upgrade from local TCP to the server's Unix socket. */
  get upgrade(): Upgrade {
    return this.#state.upgrade;
  }

  /** Called with each notice of the server, such as those of `raise notice`. Errors that it throws are ignored. */
  get onNotice(): ((notice: ServerFields) => void) | undefined {
    return this.#handler("onNotice");
  }

  set onNotice(listener: ((notice: ServerFields) => void) | undefined) {
    this.#setHandler("onNotice", listener);
  }

  /**
   * Called with each notification that the session receives, also for a LISTEN that was executed as SQL. A blocking
   * connection reads notifications during its calls. Errors that it throws are ignored. On a pool's connection it
   * lasts until the release.
   */
  get onNotification(): ((notification: Notification) => void) | undefined {
    return this.#handler("onNotification");
  }

  set onNotification(listener: ((notification: Notification) => void) | undefined) {
    this.#setHandler("onNotification", listener);
  }

  /**
   * Called once, when the connection is closed, or with the error when it is lost, even while no call runs. A blocking
   * connection notices the loss at its next call. Errors that it throws are ignored. On a pool's connection it lasts
   * until the release; `PoolOptions.onClose` is called for all.
   */
  get onClose(): ((error?: ConnectionError) => void) | undefined {
    return this.#handler("onClose");
  }

  set onClose(listener: ((error?: ConnectionError) => void) | undefined) {
    this.#setHandler("onClose", listener);
  }

  #handler<K extends keyof Handlers>(name: K): Handlers[K] {
    const { handlers } = this.#state;
    const leased = this.#lease && handlers.leased(this.#lease);
    return leased?.[name] ?? handlers.own[name];
  }

  #setHandler<K extends keyof Handlers>(name: K, listener: Handlers[K]): void {
    const { handlers } = this.#state;
    this.#lease?.check(`set ${name}`);
    if (listener !== undefined && typeof listener !== "function") {
      throw bad(name, listener, "it must be a function, or undefined for none");
    }
    const settable = this.#lease === undefined ? handlers.own : handlers.settable(this.#lease);
    settable[name] = listener;
  }

  static {
    printMembers<ConnState>(this.prototype, (conn) => conn.#shown());
  }

  #shown(): object {
    const { serverAddress, serverPort, database, user } = this.#state.observer.info;
    const { transport, tls, id, closed, transactionStatus } = this;
    const server = serverPort === undefined ? serverAddress : `${serverAddress}:${serverPort}`;
    return { server, database, user, transport, tls, status: closed ? "closed" : transactionStatus, id };
  }
}
