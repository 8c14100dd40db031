/**
 * How to reach a server: found out by the first connection, used by those that follow.
 *
 * A Unix socket that was proven to lead to the server is dialled at once; that it still does is proven
 * for each connection.
 */
import { connect, type ConnectPlan } from "./connect.ts";
import type { Handshake } from "./handshake.ts";
import type { StatementNaming } from "../statements/cache.ts";
import { type Connected, connectVerified, type VerifiedSocket } from "./upgrade.ts";

/** What the connections of a pool have found out about how to reach the server. */
export class ServerAddress {
  /** Whether statements have names: not behind a pooler that shares the server's connections. */
  readonly naming: StatementNaming = { isEnabled: true };
  #verifiedSocket: VerifiedSocket | undefined = undefined;
  /** Why there is no Unix socket, once that was tried. */
  #upgradeRefusal: string | undefined = undefined;

  /** Opens a session. */
  *connect(plan: ConnectPlan): Handshake<Connected> {
    if (this.#verifiedSocket !== undefined) {
      const connected = yield* connectVerified(this.#verifiedSocket, plan);
      if (connected !== undefined) return connected;
      this.#verifiedSocket = undefined;
    }
    const { local } = plan.upgrade;
    const skipReason = plan.upgrade.skipReason ?? this.#upgradeRefusal;
    const startedAt = plan.now();
    const connected = yield* connect({ ...plan, upgrade: { skipReason, local } });
    this.#verifiedSocket = connected.verifiedSocket;
    const { attempted, upgraded, reason } = connected.upgrade;
    // What failed for lack of time may succeed another time.
    if (attempted && !upgraded && plan.now() - startedAt < USUAL_DURATION) this.#upgradeRefusal = reason;
    return connected;
  }

  /** The server may not be the same any more. */
  invalidate(): void {
    this.#verifiedSocket = undefined;
    this.#upgradeRefusal = undefined;
  }
}

/** Milliseconds within which a connection is opened where nothing is wrong with the time. */
const USUAL_DURATION = 250;
