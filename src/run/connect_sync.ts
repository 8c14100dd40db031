/** Runs a handshake, blocking. */
import { saltedPassword } from "../auth/salted_password.ts";
import type { Handshake, HandshakeStep, Link, UserCall } from "../connect/handshake.ts";
import type { Connected } from "../connect/upgrade.ts";
import type { SyncDialer } from "../transport/transport.ts";
import { now } from "../runtime/clock.ts";
import { connectionError } from "./connection_error.ts";
import { SyncLink } from "./sync_link.ts";

/** Runs a handshake to its end. */
export function connectSync(
  handshake: Handshake<Connected>,
  dialer: SyncDialer,
): Connected & { readonly link: SyncLink } {
  const connected = runHandshake(handshake, dialer);
  return { ...connected, link: ownLink(connected.link) };
}

/** Runs a handshake that leaves no connection behind. */
export function runHandshake<T>(handshake: Handshake<T>, dialer: SyncDialer): T {
  let next = handshake.next();
  while (!next.done) {
    let answer: unknown;
    try {
      answer = perform(next.value, dialer);
    } catch (error) {
      next = handshake.throw(
        connectionError(error, next.value.do === "startTls" ? "the TLS handshake failed" : undefined),
      );
      continue;
    }
    next = handshake.next(answer);
  }
  return next.value;
}

function perform(step: HandshakeStep, dialer: SyncDialer): unknown {
  switch (step.do) {
    case "dial":
      return new SyncLink(dialer.dial(step.endpoint, step.tls, Math.max(0, step.by - now())), step.endpoint);
    case "readByte":
      return ownLink(step.link).readByte(step.by);
    case "startTls":
      return ownLink(step.link).startTls(step.options, step.by);
    case "run":
      return ownLink(step.link).runBy(step.op, step.by);
    case "call":
      return make(step.call);
    case "salt":
      return saltedPassword(step.given);
    case "readToEnd":
      return ownLink(step.link).readToEnd(step.by);
    case "discard":
      return ownLink(step.link).close();
  }
}

/** Makes a call, and reports its outcome. */
function make(call: UserCall): void {
  let value: unknown;
  try {
    value = call.make();
  } catch (error) {
    return call.threw(error);
  }
  call.returned(value);
}

function ownLink(link: Link): SyncLink {
  if (link instanceof SyncLink) return link;
  throw new TypeError("The link is not one of this driver's");
}
