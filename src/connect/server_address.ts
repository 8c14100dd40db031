/**
 * How to reach a server: found out by the first connection of a pool, and used by later ones.
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

/** How to reach the server, as the connections of a pool have found out. */
export class ServerAddress {
  /** Whether statements have names: they have none behind a pooler that shares the server's connections. */
  readonly naming: StatementNaming = { isEnabled: true };
  #verifiedSocket: VerifiedSocket | undefined = undefined;
  /** Why the upgrade has failed, if it has. */
  #upgradeRefusal: string | undefined = undefined;

  /** Opens a session. */
  *connect(plan: ConnectPlan): Handshake<Connected> {
    const by = timeLimit(plan);
    const socket = this.#verifiedSocket;
    if (socket !== undefined) {
      const connected = yield* connectVerified(socket, plan, by);
      if (typeof connected !== "string") return connected;
      this.#verifiedSocket = undefined;
      if (plan.now() >= by) throw new ConnectionError(`Cannot connect to ${socket.path}: ${connected}`);
    }
    const { local } = plan.upgrade;
    const skipReason = plan.upgrade.skipReason ?? this.#upgradeRefusal;
    const startedAt = plan.now();
    const connected = yield* connect({ ...plan, upgrade: { skipReason, local } }, by);
    this.#verifiedSocket = connected.verifiedSocket;
    const { attempted, upgraded, reason } = connected.upgrade;
    // An upgrade that took too long may succeed next time.
    const duration = plan.now() - startedAt - waitedFor(plan);
    if (attempted && !upgraded && duration < USUAL_DURATION) this.#upgradeRefusal = reason;
    return connected;
  }

  /** Forgets the verified socket, since the server may have been replaced. */
  invalidate(): void {
    this.#verifiedSocket = undefined;
    this.#upgradeRefusal = undefined;
  }
}

/** Opening a connection normally takes fewer milliseconds than this. */
const USUAL_DURATION = 250;
