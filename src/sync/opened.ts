/** Opens connections that block, for `Conn` and `Pool`. */
import { ConnectionState, doubtsRole } from "../connection/connection_state.ts";
import { now } from "../runtime/clock.ts";
import { connectSync, runHandshake } from "../run/connect_sync.ts";
import { blockingHashing } from "../run/hashing.ts";
import type { SyncLink } from "../run/sync_link.ts";
import { tracedSync } from "../trace/traced_transport.ts";
import { cancel, cancelKeyOf, cancelTargetOf, cancelTimeout } from "../connect/cancel.ts";
import { catalogOf } from "../connect/catalogs.ts";
import { planOf } from "../connect/plan.ts";
import { ServerAddress, verifiedSockets } from "../connect/server_address.ts";
import { settingsOf } from "../options/opts.ts";
import { type Target, targetOpts } from "../options/target.ts";
import type { Settings } from "../options/settings.ts";
import type { Lease } from "../pool/lease.ts";
import { connectEvent, logged, observerOf } from "../telemetry/connecting.ts";
import { Log } from "../telemetry/log.ts";
import { connects, publishSpanBlocking } from "../telemetry/channels.ts";
import { configurationWarner } from "../telemetry/configuration.ts";
import { traceListener } from "../trace/listener.ts";
import { nativeDialer } from "../transport/native_sync.ts";
import { checkRuntime, uniqueText, variable } from "../runtime/runtime.ts";
import { surroundings } from "../runtime/surroundings.ts";

/** An open connection, for the `Conn` that uses it. */
export class OpenedConnection {
  readonly state: ConnectionState;
  readonly link: SyncLink;
  /** The right to use it, if a pool owns it. */
  readonly lease: Lease | undefined;
  /** As that of connections that await. */
  onRoleDoubt: ((isRefusal: boolean) => void) | undefined = undefined;

  constructor(state: ConnectionState, link: SyncLink, lease?: Lease) {
    this.state = state;
    this.link = link;
    this.lease = lease;
  }

  /** This object, typed as the argument of `Conn`'s constructor: callers pass a target, pools an open connection. */
  get target(): Target {
    return this as unknown as Target;
  }

  /** The open connection for `Conn`'s constructor; opens one if the argument is a target. */
  static of(target: Target | undefined): OpenedConnection {
    const given: unknown = target;
    return given instanceof OpenedConnection ? given : open(settingsOf(targetOpts(target, variable)));
  }
}

/** Opens a connection until `by`. `address` has what earlier connections have found out about the server. */
export function open(
  settings: Settings,
  address: ServerAddress = new ServerAddress(verifiedSockets),
  by: number = Infinity,
): OpenedConnection {
  checkRuntime();
  const environment = surroundings();
  const listener = traceListener(settings.trace, environment.variable);
  const dialer = tracedSync(nativeDialer(settings.blockingTransport ?? "auto", settings.dial), listener);
  const log = Log.of(settings);
  const warn = configurationWarner(log);
  const plan = { ...planOf(settings, { ...environment, hashing: blockingHashing, warn, local: dialer.local }), by };
  const { link, upgrade, verifiedSocket, observer } = publishSpanBlocking(
    connects,
    () => connectEvent(plan),
    (event) => {
      const connected = connectSync(logged(address.connect(plan), log), dialer);
      return { ...connected, observer: observerOf(connected, plan, log, event) };
    },
  );
  const cancelTarget = verifiedSocket?.cancelTarget ?? cancelTargetOf(link);
  link.canceller = (milliseconds) => {
    const key = cancelKeyOf(link.session, cancelTarget);
    const limit = Math.min(milliseconds, cancelTimeout(plan.timeout));
    if (key !== undefined) runHandshake(cancel(key, now() + limit), dialer);
  };
  const catalog = catalogOf(link, plan);
  const state = new ConnectionState(
    link,
    upgrade,
    settings,
    uniqueText(),
    catalog,
    address.naming,
    observer,
    cancelTarget,
  );
  const opened = new OpenedConnection(state, link);
  link.onEvent = (event) => {
    state.deliver(event);
    if (doubtsRole(event)) opened.onRoleDoubt?.(event.kind === "readOnly");
  };
  return opened;
}
