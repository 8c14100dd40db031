/**
 * Runs handshakes against a table of the expected steps, each with its answer, on a clock that only the
 * table moves, without a socket or a driver.
 */
import assert from "node:assert/strict";
import type { CancelEncryption } from "../../../src/connect/cancel.ts";
import type { Handshake, HandshakeStep, Link, UserCall } from "../../../src/connect/handshake.ts";
import type { Op, PendingRequest, Request, Step } from "../../../src/protocol/request.ts";
import { errorOf } from "../../../src/protocol/failure.ts";
import { Session } from "../../../src/protocol/session.ts";
import { type Addresses, type Endpoint, endpointName, type TlsSession } from "../../../src/transport/transport.ts";
import { TLS_SESSION } from "./tls_sessions.ts";
import { concat } from "./backend.ts";
import { feed } from "./feed.ts";

/** The properties of a dialled connection. */
export interface Dialled {
  readonly addresses?: Addresses;
  /** The user that the kernel reports. Default: none. */
  readonly peerUser?: number;
  /** Default: true. */
  readonly canStartTls?: boolean;
}

/** A connection that the table gave, numbered in the order of dialling, from 1. */
export class TabledLink implements Link {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  readonly addresses: Addresses | undefined;
  readonly peerUser: number | undefined;
  /** Handshakes are the same in both worlds. */
  readonly awaits = true;
  readonly canStartTls: boolean;
  readonly number: number;
  tls: TlsSession | undefined = undefined;
  encrypted: CancelEncryption | undefined = undefined;
  /** How many times it was discarded. */
  discarded = 0;
  /** What the client sent on it. */
  sent: Uint8Array = new Uint8Array();

  constructor(number: number, endpoint: Endpoint, { addresses, peerUser, canStartTls = true }: Dialled = {}) {
    this.number = number;
    // The key of the scripted servers.
    this.session.key = { processId: 42, secret: new Uint8Array([1, 2, 3, 4]) };
    this.endpoint = endpoint;
    this.addresses = addresses;
    this.peerUser = peerUser;
    this.canStartTls = canStartTls;
  }

  /** What was sent, as text. */
  get text(): string {
    return new TextDecoder().decode(this.sent);
  }

  send(): void {
    const { outbox } = this.session;
    this.sent = concat(this.sent, outbox.pending());
    outbox.sent(outbox.size);
  }
}

/**
 * The outcome of a step. For a dial: the connection. For an ask: the character. For an op: the server's
 * bytes, or `lose` for the end of the connection. For any step: an error. For others: nothing.
 */
export type Answer = Dialled | Uint8Array | string | Error | { readonly lose: Error } | undefined;

/** A step as {@linkcode play} writes it, its answer, and the milliseconds that it takes. */
export type Line = readonly [step: string, answer?: Answer, milliseconds?: number];

/** The outcome of a handshake. */
export interface Played<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  /**
   * The number of the resulting connection. Compare this, since a failing comparison of connections
   * takes very long.
   */
  readonly taken: number | undefined;
  readonly links: readonly TabledLink[];
  /** The time limit of every step that has one. */
  readonly limits: readonly number[];
}

/** A clock that stands still between steps. */
export class TableClock {
  time = 1000;
  readonly now = (): number => this.time;
}

/**
 * Runs a handshake along a table and checks that it asks for exactly these steps: `dial HOST:PORT` (`… for TLS`, and
 * `… without ADDRESS` for an address of the name that was tried),
 * `ask #1`, `startTls #1 NAME`, `readToEnd #1`, `open #1`, `call #1` (of the function for the password, behind which
 * `finish #1` ends `open`), `identify #1`, `discard #1`. Also checks that no
 * connection is used after it was discarded, and that all except the one returned were discarded exactly once.
 * `given` are connections that existed before.
 */
export function play<T extends { readonly link: Link }>(
  handshake: Handshake<T>,
  table: readonly Line[],
  clock: TableClock = new TableClock(),
  given: readonly TabledLink[] = [],
): Played<T> {
  const links = [...given];
  const limits: number[] = [];
  const left = [...table];
  let value: T | undefined;
  let error: unknown;
  let answer: () => unknown = () => undefined;
  try {
    for (;;) {
      const next = resume(handshake, answer);
      if (next.done) {
        value = next.value;
        break;
      }
      const step = next.value;
      const op = step.do === "run" ? step.op.next() : undefined;
      const said = nameOf(step, op);
      const line = left.shift();
      if (said !== line?.[0]) {
        throw new WrongStep(`step ${table.length - left.length} is "${said}", not "${line?.[0]}"`);
      }
      if (step.do !== "discard") limits.push(step.by);
      clock.time += line[2] ?? 0;
      answer = answerTo(step, op, line[1], links);
    }
  } catch (caught) {
    if (caught instanceof WrongStep) assert.fail(caught.message);
    error = caught;
  }
  assert.deepEqual(left.map(([step]) => step), [], "steps that were not asked for");
  for (const link of links) {
    assert.equal(link.discarded, link === value?.link ? 0 : 1, `how often #${link.number} was given up`);
  }
  const taken = value === undefined ? undefined : (value.link as TabledLink).number;
  return { value, error, taken, links, limits };
}

/** A step that the table does not have: a bug of the handshake or of the test. */
class WrongStep extends Error {}

function resume<T>(handshake: Handshake<T>, answer: () => unknown): IteratorResult<HandshakeStep, T> {
  let value: unknown;
  try {
    value = answer();
  } catch (error) {
    if (error instanceof WrongStep) throw error;
    return handshake.throw(error);
  }
  return handshake.next(value);
}

function nameOf(step: HandshakeStep, op: IteratorResult<Step, unknown> | undefined): string {
  if (step.do === "dial") {
    const { endpoint } = step;
    const tried = endpoint.kind === "tcp" && endpoint.tried !== undefined ? ` without ${endpoint.tried}` : "";
    return `dial ${endpointName(endpoint)}${tried}${step.tls ? " for TLS" : ""}`;
  }
  const link = step.link as TabledLink;
  if (link.discarded > 0 && step.do !== "discard") throw new WrongStep(`#${link.number} is used after it was given up`);
  switch (step.do) {
    case "readByte":
      return `ask #${link.number}`;
    case "startTls":
      return `startTls #${link.number} ${step.options.serverName ?? "without a name"}`;
    case "run":
      if ((op?.value as Step).do === "finish") return `finish #${link.number}`;
      return `${VERBS[exchangeOf(op).action] ?? exchangeOf(op).action} #${link.number}`;
    case "call":
      return `call #${link.number}`;
    case "salt":
      return `salt #${link.number}`;
    case "readToEnd":
      return `readToEnd #${link.number}`;
    case "discard":
      return `discard #${link.number}`;
  }
}

function answerTo(
  step: HandshakeStep,
  op: IteratorResult<Step, unknown> | undefined,
  answer: Answer,
  links: TabledLink[],
): () => unknown {
  return () => {
    if (step.do === "dial") {
      if (answer instanceof Error) throw answer;
      const link = new TabledLink(links.length + 1, step.endpoint, answer as Dialled);
      links.push(link);
      return link;
    }
    const link = step.link as TabledLink;
    if (step.do === "discard") {
      link.discarded++;
      return undefined;
    }
    if (step.do === "run") return runOn(link, step.op, op!, answer);
    if (step.do === "call" && !(answer instanceof Error)) return call(link, step.call, answer);
    link.send();
    if (answer instanceof Error) throw answer;
    if (step.do === "readByte") return (answer as string).charCodeAt(0);
    if (step.do === "startTls") return link.tls = TLS_SESSION;
    return undefined;
  };
}

/** Makes a call as the blocking driver does; or loses the connection before the call has an outcome. */
function call(link: TabledLink, call: UserCall, answer: Answer): void {
  if (answer !== undefined) return link.session.lose((answer as { lose: Error }).lose);
  let value: unknown;
  try {
    value = call.make();
  } catch (error) {
    return call.threw(error);
  }
  call.returned(value);
}

/** Runs an op against these bytes. An error in their place is the driver's, such as a timeout. */
function runOn(link: TabledLink, op: Op<unknown>, first: IteratorResult<Step, unknown>, answer: Answer): unknown {
  let next = first;
  while (!next.done) {
    const step = next.value;
    if (step.do === "submit") {
      let pending: PendingRequest<unknown>;
      try {
        pending = link.session.submit(step.request);
      } catch (error) {
        next = op.throw(error);
        continue;
      }
      link.send();
      next = op.next(pending);
      continue;
    }
    if (step.do !== "settle" && step.do !== "finish" && step.do !== "await") {
      throw new WrongStep(`a handshake's ops have no ${step.do}`);
    }
    if (answer instanceof Error) throw answer;
    if (answer instanceof Uint8Array) feed(link.session, answer);
    else if (!step.pending.settled) link.session.lose((answer as { lose: Error }).lose);
    link.send();
    const { pending } = step;
    if (step.do === "await" && (pending.settled || step.condition.isMet)) {
      answer = new Uint8Array();
      next = op.next();
      continue;
    }
    if (!pending.settled) throw new WrongStep("the answer does not end the op");
    const { failure } = pending;
    next = failure === undefined ? op.next(pending.value) : op.throw(errorOf(failure, pending.request));
  }
  return next.value;
}

function exchangeOf(op: IteratorResult<Step, unknown> | undefined): Request<unknown> {
  const step = op?.value as Step;
  if (step.do !== "submit") throw new WrongStep("the op does not begin with a request");
  return step.request;
}

const VERBS: Readonly<Record<string, string>> = { "open a session": "open", "run the query": "identify" };
