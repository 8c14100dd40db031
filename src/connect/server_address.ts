/**
 * How to reach a server: found out by the first connection, and used by later ones.
 *
 * A verified Unix socket is dialled directly. Each connection verifies again that it leads to the
 * server.
 */
import { ConnectionError } from "../errors.ts";
import { connect, type ConnectPlan, timeLimit } from "./connect.ts";
import type { Handshake } from "./handshake.ts";
import type { StatementNaming } from "../statements/cache.ts";
import { waitedFor } from "./secret_function.ts";
import { type Connected, connectVerified, type VerifiedSocket } from "./upgrade.ts";

/** Unix sockets that have led to their servers, by what was asked for; the oldest first. */
export type VerifiedSockets = Map<string, VerifiedSocket>;

/** Those of this process. */
export const verifiedSockets: VerifiedSockets = new Map();

/** How to reach the server, as a pool's connections and others to the same server have found out. */
export class ServerAddress {
  /** Whether statements have names: they have none behind a pooler that shares the server's connections. */
  readonly naming: StatementNaming = { isEnabled: true };
  readonly #sockets: VerifiedSockets;
  #key = "";
  /** Why the upgrade has failed, if it has. */
  #upgradeRefusal: string | undefined = undefined;

  /** `sockets` are shared with other connections. */
  constructor(sockets: VerifiedSockets = new Map()) {
    this.#sockets = sockets;
  }

  /** Opens a session. */
  *connect(plan: ConnectPlan): Handshake<Connected> {
    const by = timeLimit(plan);
    this.#key = keyOf(plan);
    const socket = plan.upgrade.skipReason === undefined ? this.#sockets.get(this.#key) : undefined;
    if (socket !== undefined) {
      const connected = yield* connectVerified(socket, plan, by);
      if (typeof connected !== "string") return connected;
      this.#sockets.delete(this.#key);
      if (plan.now() >= by) throw new ConnectionError(`Cannot connect to ${socket.path}: ${connected}`);
    }
    const { local } = plan.upgrade;
    const skipReason = plan.upgrade.skipReason ?? this.#upgradeRefusal;
    const startedAt = plan.now();
    const connected = yield* connect({ ...plan, upgrade: { skipReason, local } }, by);
    if (connected.verifiedSocket !== undefined) this.#keep(connected.verifiedSocket);
    const { attempted, upgraded, reason } = connected.upgrade;
    // An upgrade that took too long may succeed next time.
    const duration = plan.now() - startedAt - waitedFor(plan);
    if (attempted && !upgraded && duration < USUAL_DURATION) this.#upgradeRefusal = reason;
    return connected;
  }

  /** Forgets the verified socket, since the server may have been replaced. */
  invalidate(): void {
    this.#sockets.delete(this.#key);
    this.#upgradeRefusal = undefined;
  }

  #keep(socket: VerifiedSocket): void {
    this.#sockets.set(this.#key, socket);
    const [oldest] = this.#sockets.keys();
    if (this.#sockets.size > MAX_SOCKETS) this.#sockets.delete(oldest!);
  }
}

/** What decides to which server a connection leads, and what that server asks for over TCP. */
function keyOf({ endpoints, sslMode, user, parameters }: ConnectPlan): string {
  return JSON.stringify([endpoints, sslMode, user, parameters.find(([name]) => name === "database")?.[1]]);
}

/** A program with more servers negotiates anew. */
const MAX_SOCKETS = 64;

/** Opening a connection normally takes fewer milliseconds than this. */
const USUAL_DURATION = 250;
