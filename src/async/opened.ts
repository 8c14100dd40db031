/** Opens connections that await, for `Conn` and `Pool`. */
import type { Abortable } from "../abort.ts";
import { ConnectionState, doubtsRole } from "../connection/connection_state.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { now } from "../runtime/clock.ts";
import { connectAsync, runHandshake } from "../run/connect_async.ts";
import { awaitingHashing } from "../run/hashing.ts";
import { tracedAsync } from "../trace/traced_transport.ts";
import { cancel, cancelKeyOf, cancelTargetOf, cancelTimeout } from "../connect/cancel.ts";
import { catalogOf } from "../connect/catalogs.ts";
import { planOf } from "../connect/plan.ts";
import { ServerAddress, verifiedSockets } from "../connect/server_address.ts";
import type { Settings } from "../options/settings.ts";
import type { Lease } from "../pool/lease.ts";
import { connectEvent, logged, observerOf } from "../telemetry/connecting.ts";
import { Log } from "../telemetry/log.ts";
import { connects, publishSpan } from "../telemetry/channels.ts";
import { configurationWarner } from "../telemetry/configuration.ts";
import { traceListener } from "../trace/listener.ts";
import { nativeDialer } from "../transport/native_async.ts";
import { checkRuntime, uniqueText } from "../runtime/runtime.ts";
import { surroundings } from "../runtime/surroundings.ts";

/** An open connection, for the `Conn` that uses it. */
export class OpenedConnection {
  readonly state: ConnectionState;
  readonly link: AsyncLink;
  /** The right to use it, if a pool owns it. */
  readonly lease: Lease | undefined;
  /** Called when the connection is lost. */
  onLost: (() => void) | undefined = undefined;
  /**
   * Called when the server may no longer be what it was: it has refused to write (true), or reports that it has become a
   * standby or ceased to be one.
   */
  onRoleDoubt: ((isRefusal: boolean) => void) | undefined = undefined;

  constructor(state: ConnectionState, link: AsyncLink, lease?: Lease) {
    this.state = state;
    this.link = link;
    this.lease = lease;
  }
}

/** Opens a connection. `address` has what earlier connections have found out about the server. */
export async function open(
  settings: Settings,
  signal: Abortable | undefined,
  address: ServerAddress = new ServerAddress(verifiedSockets),
): Promise<OpenedConnection> {
  checkRuntime();
  const environment = surroundings();
  const listener = traceListener(settings.trace, environment.variable);
  const dialer = tracedAsync(await nativeDialer(settings.dial), listener);
  const log = Log.of(settings);
  const plan = planOf(settings, {
    ...environment,
    hashing: awaitingHashing,
    warn: configurationWarner(log),
    local: dialer.local,
  });
  const { link, upgrade, verifiedSocket, observer } = await publishSpan(
    connects,
    () => connectEvent(plan),
    async (event) => {
      const connected = await connectAsync(logged(address.connect(plan), log), dialer, signal);
      return { ...connected, observer: observerOf(connected, plan, log, event) };
    },
  );
  const cancelTarget = verifiedSocket?.cancelTarget ?? cancelTargetOf(link);
  link.canceller = async () => {
    const key = cancelKeyOf(link.session, cancelTarget);
    if (key !== undefined) {
      await runHandshake(cancel(key, now() + cancelTimeout(plan.timeout)), dialer, undefined);
    }
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
    if (event.kind === "lost") opened.onLost?.();
    else if (doubtsRole(event)) opened.onRoleDoubt?.(event.kind === "readOnly");
  };
  return opened;
}
