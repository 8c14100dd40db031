/** Publishes and logs the opening of connections. */
import { now } from "../runtime/clock.ts";
import type { ConnectPlan } from "../connect/connect.ts";
import type { Handshake, HandshakeStep, Link } from "../connect/handshake.ts";
import type { Connected, Upgrade } from "../connect/upgrade.ts";
import { endpointName } from "../transport/transport.ts";
import type { ConnectEvent, Writable } from "./events.ts";
import { errorFields, type Log } from "./log.ts";
import { Observer, type SessionNames } from "./observer.ts";

/** The event of connecting by a plan. */
export function connectEvent(plan: ConnectPlan): Writable<ConnectEvent> {
  return {
    endpoints: plan.endpoints,
    ...sessionNamesOf(plan),
    connection: undefined,
    upgrade: undefined,
    duration: undefined,
    error: undefined,
  };
}

/** The observer of a connection that has been opened; logs the opening. */
export function observerOf(
  { link, upgrade }: Connected,
  plan: ConnectPlan,
  log: Log | undefined,
  event: Writable<ConnectEvent> | undefined,
): Observer {
  const observer = new Observer(link, sessionNamesOf(plan), log);
  if (event !== undefined) {
    event.connection = observer.info;
    event.upgrade = upgrade;
  }
  log?.info("connected", connectedFields(observer, upgrade));
  return observer;
}

/** The handshake, with each step written to the log, if that has level debug. */
export function logged<T>(handshake: Handshake<T>, log: Log | undefined): Handshake<T> {
  return log?.debugs ? loggedSteps(handshake, log) : handshake;
}

function* loggedSteps<T>(handshake: Handshake<T>, log: Log): Handshake<T> {
  let next = handshake.next();
  while (!next.done) {
    const step = next.value;
    const fields = { step: STEP_NAMES[step.do], address: addressOf(step) };
    const began = now();
    let answer: unknown;
    try {
      answer = yield step;
    } catch (error) {
      log.debug("connecting: a step failed", { ...fields, duration: now() - began, ...errorFields(error) });
      next = handshake.throw(error);
      continue;
    }
    log.debug("connecting", { ...fields, duration: now() - began });
    next = handshake.next(answer);
  }
  return next.value;
}

function connectedFields({ info }: Observer, { upgraded, reason }: Upgrade): Record<string, unknown> {
  const { id, transport, serverAddress, serverPort, database, user, tls } = info;
  return {
    connection: id,
    transport,
    address: serverAddress,
    ...(serverPort === undefined ? {} : { port: serverPort }),
    database,
    user,
    tls,
    upgraded,
    ...(reason === undefined ? {} : { notUpgraded: reason }),
  };
}

function addressOf(step: HandshakeStep): string {
  const { endpoint }: Pick<Link, "endpoint"> = step.do === "dial" ? step : step.link;
  return endpointName(endpoint);
}

/** The names that the startup message will contain. */
function sessionNamesOf({ database, user }: ConnectPlan): SessionNames {
  return { database, user };
}

const STEP_NAMES: Readonly<Record<HandshakeStep["do"], string>> = {
  dial: "dial",
  readByte: "ask for TLS",
  startTls: "start TLS",
  run: "ask the server",
  call: "ask for the secret",
  salt: "salt the password",
  readToEnd: "wait for the end",
  discard: "close",
};
