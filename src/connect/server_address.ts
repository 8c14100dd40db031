/**
 * How to reach a server: found out by the first connection, and used by later ones.
 *
 * A verified Unix socket is dialled directly. Each connection verifies again that it leads to the
 * server.
 */
import { Buffer } from "node:buffer";
import { ConnectionError } from "../errors.ts";
import { connect, type ConnectPlan, hasAttributes, isOver, timeLimit } from "./connect.ts";
import { discard, type Handshake } from "./handshake.ts";
import type { HostChoice } from "./host_choice.ts";
import { hostName, type HostRoles } from "./host_roles.ts";
import { mismatch } from "./session_role.ts";
import type { StatementNaming } from "../statements/cache.ts";
import { SecretFunction, waitedFor } from "./secret_function.ts";
import { type Connected, connectVerified, type VerifiedSocket } from "./upgrade.ts";

/** Unix sockets that have led to their servers, by {@linkcode keyOf}; the oldest first. */
export type VerifiedSockets = Map<string, VerifiedSocket>;

/** Those of this process. */
export const verifiedSockets: VerifiedSockets = new Map();

/** How to reach the server, as a pool's connections and others to the same server have found out. */
export class ServerAddress {
  /** Whether statements have names: they have none behind a pooler that shares the server's connections. */
  readonly naming: StatementNaming = { isEnabled: true };
  readonly #shared: VerifiedSockets;
  readonly #choice: HostChoice | undefined;
  /** Those that were found with a secret that nobody else is known to have. */
  readonly #own: VerifiedSockets = new Map();
  #key = "";
  /** Why the upgrade has failed, if it has. */
  #upgradeRefusal: string | undefined = undefined;

  /** `sockets` are shared with other connections. `choice` is a pool's. */
  constructor(sockets: VerifiedSockets = new Map(), choice?: HostChoice) {
    this.#shared = sockets;
    this.#choice = choice;
  }

  /** Opens a session. */
  *connect(given: ConnectPlan): Handshake<Connected> {
    const plan = this.#choice?.apply(given) ?? given;
    const by = timeLimit(plan);
    const isPossible = plan.upgrade.skipReason === undefined && plan.endpoints[0]?.kind === "tcp";
    const sockets = plan.password instanceof SecretFunction || plan.token !== undefined ? this.#own : this.#shared;
    const server = isPossible ? serverOf(plan) : "";
    // A key needs the password, for which a file may have to be read; so only if a socket of the server is known.
    this.#key = isPossible && knows(sockets, server) ? keyOf(server, plan) : "";
    const socket = sockets.get(this.#key);
    if (socket !== undefined) {
      const connected = yield* connectVerified(socket, plan, by);
      if (typeof connected !== "string") return yield* checked(connected, socket, plan, by);
      sockets.delete(this.#key);
      if (plan.now() >= by) throw new ConnectionError(`Cannot connect to ${socket.path}: ${connected}`);
    }
    const startedAt = plan.now();
    const connected = yield* connect(this.#withoutUpgrade(plan), by);
    if (connected.verifiedSocket !== undefined) {
      this.#key = keyOf(server, plan);
      keep(sockets, this.#key, connected.verifiedSocket);
    }
    const { attempted, upgraded, reason } = connected.upgrade;
    // An upgrade that took too long may succeed next time.
    const duration = plan.now() - startedAt - waitedFor(plan);
    if (attempted && !upgraded && duration < USUAL_DURATION && !isOver(plan)) this.#upgradeRefusal = reason;
    return connected;
  }

  /** The plan; without the upgrade if that has failed before. */
  #withoutUpgrade(plan: ConnectPlan): ConnectPlan {
    const skipReason = this.#upgradeRefusal;
    if (skipReason === undefined || plan.upgrade.skipReason !== undefined) return plan;
    return { ...plan, upgrade: { skipReason, local: plan.upgrade.local } };
  }

  /** Forgets the verified socket, since the server may have been replaced. */
  invalidate(): void {
    this.#own.delete(this.#key);
    this.#shared.delete(this.#key);
    this.#upgradeRefusal = undefined;
  }
}

/** The session through a known socket, if it has the attributes that are asked for. */
function* checked(connected: Connected, { path }: VerifiedSocket, plan: ConnectPlan, by: number): Handshake<Connected> {
  const { attrs = "any" } = plan;
  const { link } = connected;
  if ((yield* hasAttributes(link, plan, attrs, by)) || attrs.startsWith("prefer-")) return connected;
  yield* discard(link);
  throw new ConnectionError(`Cannot connect to ${path}: ${mismatch(attrs)}`, { safeToRetry: true });
}

/** One host of a list, of which a connection is to find out whether it answers. */
export class ProbedAddress extends ServerAddress {
  readonly #host: string;
  readonly #roles: HostRoles;

  constructor(host: string, roles: HostRoles) {
    super();
    this.#host = host;
    this.#roles = roles;
  }

  override *connect(plan: ConnectPlan): Handshake<Connected> {
    const { endpoints, passwords, password, upgrade: { local } } = plan;
    const index = Math.max(0, endpoints.findIndex((endpoint) => hostName(endpoint) === this.#host));
    return yield* connect({
      ...plan,
      endpoints: [endpoints[index]!],
      password: passwords === undefined ? password : passwords[index],
      ...(passwords === undefined ? {} : { passwords: [passwords[index]] }),
      attrs: "any",
      onRole: (_, role, timedOut) => this.#roles.found(this.#host, role, plan.now(), timedOut),
      upgrade: { skipReason: "it only looks whether the server answers", local },
    });
  }
}

function keep(sockets: VerifiedSockets, key: string, socket: VerifiedSocket): void {
  sockets.set(key, socket);
  const [oldest] = sockets.keys();
  if (sockets.size > MAX_SOCKETS) sockets.delete(oldest!);
}

/** Names the server, at the beginning of its keys. */
function serverOf({ endpoints, sslMode, user, database }: ConnectPlan): string {
  return JSON.stringify([endpoints, sslMode, user, database]);
}

function knows(sockets: VerifiedSockets, server: string): boolean {
  return [...sockets.keys()].some((key) => key.startsWith(server));
}

/**
 * Names the server, and what this process proves to it over TCP, as a hash. The socket may ask for less, and must not
 * let in whom TCP would refuse.
 */
function keyOf(server: string, { password, clientCertificate, hashing }: ConnectPlan): string {
  const given = typeof password === "function" ? password() : password;
  // What a function gives is not known before it is asked.
  const text = given instanceof SecretFunction ? undefined : given;
  if (text === undefined && clientCertificate === undefined) return server;
  const secrets = JSON.stringify([text, clientCertificate]);
  return server + Buffer.from(hashing.sha256(Buffer.from(secrets))).toString("base64");
}

/** A program with more servers negotiates anew. */
const MAX_SOCKETS = 64;

/** Opening a connection normally takes fewer milliseconds than this. */
const USUAL_DURATION = 250;
