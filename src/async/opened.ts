/** Opening connections that await: what `Conn` and `Pool` have in common. */
import { Core } from "../connection/state.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { now } from "../runtime/clock.ts";
import { connectAsync, shakeHands } from "../run/connect_async.ts";
import { tracedAsync } from "../trace/traced_transport.ts";
import { cancel, cancelKeyOf, cancelTimeout, cancelWayOf } from "../connect/cancel.ts";
import { catalogOf } from "../connect/catalogs.ts";
import { planOf } from "../connect/plan.ts";
import { Route } from "../connect/route.ts";
import type { Settings } from "../options/settings.ts";
import type { Lease } from "../pool/lease.ts";
import { connectEvent, logged, observerOf } from "../telemetry/connecting.ts";
import { Log } from "../telemetry/log.ts";
import { connects, traced } from "../telemetry/trace.ts";
import { traceListener } from "../trace/listener.ts";
import { nativeDialer } from "../transport/native_async.ts";
import { osUser, randomText, variable } from "../runtime/runtime.ts";

/** An open connection, for the one who uses it. */
export class Opened {
  readonly core: Core;
  readonly link: AsyncLink;
  /** For how long, where it is a pool's. */
  readonly lease: Lease | undefined;
  /** Called when the connection is gone. */
  onLost: (() => void) | undefined = undefined;

  constructor(core: Core, link: AsyncLink, lease?: Lease) {
    this.core = core;
    this.link = link;
    this.lease = lease;
  }
}

/** Opens a connection, on the way that others have found. */
export async function open(
  settings: Settings,
  signal: AbortSignal | undefined,
  route: Route = new Route(),
): Promise<Opened> {
  const dialer = tracedAsync(await nativeDialer(), traceListener(settings.trace));
  const plan = planOf(settings, { variable, osUser, now, nonce: randomText, local: dialer.local });
  const log = Log.of(settings);
  const { link, upgrade, proof, observer } = await traced(connects, () => connectEvent(plan), async (event) => {
    const connected = await connectAsync(logged(route.connect(plan), log), dialer, signal);
    return { ...connected, observer: observerOf(connected, plan, log, event) };
  });
  const cancelWay = proof?.cancelWay ?? cancelWayOf(link);
  link.canceller = async () => {
    const key = cancelKeyOf(link.session, cancelWay);
    if (key !== undefined) {
      await shakeHands(cancel(key, now() + cancelTimeout(plan.timeout)), dialer, undefined);
    }
  };
  const catalog = catalogOf(link, plan);
  const core = new Core(link, upgrade, settings, randomText(), catalog, route.names, observer, cancelWay);
  const opened = new Opened(core, link);
  link.onEvent = (event) => {
    core.deliver(event);
    if (event.kind === "lost") opened.onLost?.();
  };
  return opened;
}
