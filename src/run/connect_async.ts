/** Runs a handshake, awaiting. */
import { Abort, type Abortable } from "../abort.ts";
import { ConnectionError } from "../errors.ts";
import type { Handshake, HandshakeStep, Link, UserCall } from "../connect/handshake.ts";
import type { Connected } from "../connect/upgrade.ts";
import type { AsyncDialer } from "../transport/transport.ts";
import { AsyncLink } from "./async_link.ts";
import { now } from "../runtime/clock.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
import { connectionError } from "./connection_error.ts";
import { saltPassword } from "./hashing.ts";
import { unlessSettled } from "./waiting.ts";

/**
 * Runs a handshake to its end. When `signal` aborts, all connections that it has opened are closed, and the promise
 * rejects with the signal's reason.
 */
export async function connectAsync(
  handshake: Handshake<Connected>,
  dialer: AsyncDialer,
  signal: Abortable | undefined,
): Promise<Connected & { readonly link: AsyncLink }> {
  const connected = await runHandshake(handshake, dialer, signal);
  return { ...connected, link: ownLink(connected.link) };
}

/** Runs a handshake that leaves no connection behind. */
export async function runHandshake<T>(
  handshake: Handshake<T>,
  dialer: AsyncDialer,
  signal: Abortable | undefined,
): Promise<T> {
  const links = new Set<AsyncLink>();
  const limits = new StepLimits(signal);
  try {
    let next = handshake.next();
    while (!next.done) {
      let answer: unknown;
      let failure: { readonly error: unknown } | undefined;
      try {
        answer = await perform(next.value, dialer, links, limits);
      } catch (error) {
        failure = { error };
      }
      if (signal?.aborted) {
        for (const link of links) link.destroy(new ConnectionError("connecting was aborted"));
        throw signal.reason;
      }
      next = failure === undefined ? handshake.next(answer) : handshake.throw(failure.error);
    }
    return next.value;
  } finally {
    limits.end();
  }
}

async function perform(
  step: HandshakeStep,
  dialer: AsyncDialer,
  links: Set<AsyncLink>,
  limits: StepLimits,
): Promise<unknown> {
  if (step.do === "discard") {
    links.delete(ownLink(step.link));
    return await ownLink(step.link).close();
  }
  const limit = limits.until(step.by);
  try {
    if (step.do === "call") {
      const made = step.call.pending ??= make(step.call);
      return await limit.race(unlessSettled(step.request, made));
    }
    if (step.do === "salt") return await limit.race(unlessSettled(step.request, saltPassword(step.given)));
    if (step.do === "dial") {
      const dialled = dialer.dial(step.endpoint, limit, Math.max(0, step.by - now()));
      const transport = await limit.race(dialled, (late) => late.close());
      const link = new AsyncLink(transport, step.endpoint);
      links.add(link);
      return link;
    }
    const link = ownLink(step.link);
    if (step.do === "readByte") return await limit.race(link.readByte());
    if (step.do === "startTls") return await limit.race(link.startTls(step.options));
    if (step.do === "readToEnd") return await limit.race(link.readToEnd());
    return await limit.race(link.runStep(step.op));
  } catch (error) {
    throw connectionError(error, step.do === "startTls" ? "the TLS handshake failed" : undefined);
  }
}

/** Makes a call, and reports its outcome. Whatever the function does is an outcome. */
async function make(call: UserCall): Promise<void> {
  try {
    call.returned(await call.make());
  } catch (error) {
    call.threw(error);
  }
}

/** The limits of a handshake's steps. Those that end at the same time share one, since timers are expensive. */
class StepLimits {
  readonly #outer: Abortable | undefined;
  #last: StepLimit | undefined = undefined;

  constructor(outer: Abortable | undefined) {
    this.#outer = outer;
  }

  until(by: number): StepLimit {
    if (this.#last?.by !== by) {
      this.end();
      this.#last = new StepLimit(by, this.#outer);
    }
    return this.#last!;
  }

  end(): void {
    this.#last?.end();
    this.#last = undefined;
  }
}

/** Ends a step at the latest at `by`, or when the caller's signal aborts. */
class StepLimit extends Abort {
  readonly by: number;
  readonly #outer: Abortable | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(by: number, outer: Abortable | undefined) {
    super();
    this.by = by;
    this.#outer = outer;
    if (by !== Infinity) this.#timer = setTimeout(this.#expire, Math.max(0, by - now()));
    outer?.addEventListener("abort", this.#follow);
    if (outer?.aborted) this.#follow();
  }

  /** The work's outcome, unless the limit is reached first. A late result is passed to `dispose`. */
  race<T>(work: Promise<T>, dispose?: (late: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        reject(this.reason);
        work.then(dispose, () => {});
      };
      if (this.aborted) return giveUp();
      this.addEventListener("abort", giveUp);
      const end = (): void => this.removeEventListener("abort", giveUp);
      work.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#follow);
  }

  readonly #expire = (): void => this.abort(new ConnectionError("timed out", { code: "ETIMEDOUT" }));
  readonly #follow = (): void => this.abort(this.#outer!.reason);
}

function ownLink(link: Link): AsyncLink {
  if (link instanceof AsyncLink) return link;
  throw new TypeError("The link is not one of this driver's");
}
