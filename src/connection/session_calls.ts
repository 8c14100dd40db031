/** The calls about the session: ping, LISTEN and NOTIFY, reset, and those that a pool makes. */
import { parseOptions } from "./arguments.ts";
import { type CallContext, cleanUpDeadline, closingDeadline } from "./call_context.ts";
import type { CallOptions } from "./call_options.ts";
import type { ConnectionState } from "./connection_state.ts";
import { UsageError } from "../errors.ts";
import {
  channelName,
  listen as listenOp,
  type NotificationQueue,
  notify as notifyOp,
  unlisten as unlistenOp,
} from "../features/listen.ts";
import { positionRequest, visibilityRequest } from "../features/position.ts";
import { release as releaseOp } from "../features/release.ts";
import { reset as resetOp } from "../features/reset.ts";
import { Ping } from "../protocol/ping.ts";
import { type Call, type Op, perform, type Span } from "../protocol/request.ts";

/** A round trip. */
export function ping(context: CallContext, options: CallOptions | undefined): Call<void> {
  return context.call("ping", "ping", options, () => perform(new Ping()));
}

/** LISTEN. `make` makes the iterator for the caller. */
export function listen<T>(
  context: CallContext,
  channel: string,
  options: CallOptions | undefined,
  make: (queue: NotificationQueue, timeout: number) => T,
): Call<T> {
  return context.attempt("listen", () => {
    const { deadline } = parseOptions(options, { ...context.optionSpec("listen"), timeout: 0 });
    // For a blocking connection, the timeout also limits each wait for notifications; a pool has used a part of it.
    const timeout = context.state.link.awaits ? 0 : deadline?.callerTimeout ?? deadline?.timeout ?? 0;
    const op = listening(channelName(channel), context.state, (queue) => make(queue, timeout));
    return { op, deadline, span: context.callSpan("listen") };
  });
}

/** UNLISTEN; with a deadline if listening has a timeout. */
export function unlisten(context: CallContext, queue: NotificationQueue, timeout: number = 0): Call<void> {
  const span = queue.ended ? undefined : context.callSpan("unlisten");
  const deadline = timeout === 0 ? undefined : cleanUpDeadline("end listening");
  return { op: unlistenOp(queue, context.state.listeners, context.state), deadline, span };
}

/** NOTIFY. */
export function notify(
  context: CallContext,
  channel: string,
  payload: string | undefined,
  options: CallOptions | undefined,
): Call<void> {
  return context.call("notify", "notify", options, () => {
    if (payload !== undefined && typeof payload !== "string") {
      throw new UsageError("Cannot notify: the payload must be a string");
    }
    return notifyOp(channelName(channel), payload ?? "");
  });
}

/** Invalidates the known types. Fails after release. Throws at once. */
export function reloadTypes(context: CallContext): void {
  context.lease?.check("reload types");
  context.state.registry.invalidateTypes();
}

/** DISCARD ALL. */
export function reset(context: CallContext, options: CallOptions | undefined): Call<void> {
  return context.call("reset", "reset the session", options, () => resetOp(context.state, context.state.listeners));
}

/** Makes the connection ready for its next user; closes it if that takes too long. */
export function release(context: CallContext, timeout: number): Call<void> {
  const deadline = closingDeadline("give the connection back", timeout);
  return { op: releaseOp(context.state, context.state.listeners), deadline };
}

/** A round trip; a connection that does not answer in time is closed. */
export function check(timeout: number): Call<void> {
  return { op: perform(new Ping()), deadline: closingDeadline("check the connection", timeout) };
}

/** The position of the last commit that is visible: on a primary of those that were written, on a standby of those replayed. */
export function position(context: CallContext, options: CallOptions | undefined): Call<string> {
  return context.call("position", "ask for the position", options, function* (): Op<string> {
    const [position] = (yield* perform(positionRequest())) as readonly [string | null];
    if (position === null) throw new UsageError("Cannot ask for the position: the server has none");
    return position;
  });
}

/** Whether everything up to a position is visible. A server that does not answer in time is disconnected. */
export function isVisible(position: string, timeout: number): Call<boolean> {
  const op = function* (): Op<boolean> {
    const [isVisible] = (yield* perform(visibilityRequest(position))) as readonly [boolean];
    return isVisible;
  };
  return { op: op(), deadline: closingDeadline("ask for the position", timeout) };
}

/** The span of a cancel request; undefined if nothing runs or there is no subscriber. */
export function cancellation(context: CallContext): Span | undefined {
  return context.state.session.idle ? undefined : context.callSpan("cancel");
}

function* listening<T>(channel: string, connection: ConnectionState, make: (queue: NotificationQueue) => T): Op<T> {
  return make(yield* listenOp(channel, connection.listeners, connection));
}
