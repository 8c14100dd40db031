/**
 * The upgrade of a local TCP connection to the server's Unix socket, which saves a quarter of every
 * round trip.
 *
 * One rule stands above all others: nothing between, same server, or no upgrade. The server must see
 * the very TCP connection that we see (so no pooler, forwarder or NAT is in between), and the socket
 * must lead to a server that was started at the same microsecond. Whatever goes wrong, the TCP
 * connection is kept. Nothing is given away that TCP did not ask for, and nothing to anybody else than
 * the server (`trust.ts`): who relays to the server what he is asked passes every question.
 *
 * Source: PostgreSQL manual, "Session Information Functions" for the ports, which are null where the
 * server is reached through a Unix socket; "Connections and Authentication" for
 * `unix_socket_directories`.
 */
import { ConnectionError } from "../errors.ts";
import { type Op, perform } from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { FirstRow } from "../rows/collectors.ts";
import type { AuthMethod } from "../protocol/startup.ts";
import { type Addresses, canonicalHost, type LocalSockets, type SocketOwner } from "../transport/transport.ts";
import { ownCodecs } from "../codecs/registry.ts";
import { utf8Length } from "../wire/bytes.ts";
import { type CancelTarget, cancelTargetOf } from "./cancel.ts";
import { parseDirectories } from "./directories.ts";
import { dial, discard, type Handshake, type Link, run } from "./handshake.ts";
import { type OpenPlan, start } from "./open.ts";
import { assessTrust, authLimitOf } from "./trust.ts";

/** What became of the upgrade to a Unix socket. */
export interface Upgrade {
  /** Whether it was begun: the server was asked for its socket directories. */
  readonly attempted: boolean;
  /** Whether the connection is now a Unix socket because of it. */
  readonly upgraded: boolean;
  /** Why not, for people; undefined when it succeeded. */
  readonly reason: string | undefined;
  /** The sockets that were tried without success, and why each failed. */
  readonly tried: readonly { readonly path: string; readonly reason: string }[];
}

/** An open session, and how its socket came to be. */
export interface Connected {
  readonly link: Link;
  readonly upgrade: Upgrade;
  /** Of an upgrade that succeeded. */
  readonly verifiedSocket?: VerifiedSocket;
}

/** A Unix socket that leads to the server. */
export interface VerifiedSocket {
  readonly path: string;
  /** When that server was started. */
  readonly started: string;
  /** What it asked for over TCP: no more than that is given away. */
  readonly authMethod: AuthMethod;
  /** Whose server it is: nobody who takes the path later on is trusted instead. */
  readonly owner: SocketOwner;
  /** Where cancel requests go: the key is a secret, and nobody proves for one request who listens on the path by then. */
  readonly cancelTarget: CancelTarget;
}

/** What the upgrade needs to know beyond how sessions are opened. */
export interface UpgradePlan {
  /** Why it is not wanted here, undefined if it is. */
  readonly skipReason: string | undefined;
  readonly local: LocalSockets;
}

/** What TCP told of the server, with which a socket's is compared. */
interface TcpConnection extends Pick<VerifiedSocket, "started" | "authMethod" | "cancelTarget"> {
  owner(): SocketOwner;
}

/** What a server says of itself and of the connection that the question came through. */
interface Identity {
  /** Our port, as the server sees it; null through a Unix socket. */
  readonly clientPort: string | null;
  /** The address and the port on which the server accepted the connection; null through a Unix socket. */
  readonly serverHost: string | null;
  readonly serverPort: string | null;
  /** The process that serves us. */
  readonly backendPid: string;
  /** When the server started, in seconds since 1970. */
  readonly started: string;
  /** `unix_socket_directories`, null where this role may not read it. */
  readonly directories: string | null;
}

/** Trades `link`, whose server asked for that, for a Unix socket of the same server, or keeps it. */
export function* upgrade(
  link: Link,
  authMethod: AuthMethod,
  session: OpenPlan,
  plan: UpgradePlan,
  by: number,
): Handshake<Connected> {
  const kept = (reason: string, attempted: boolean, tried: Upgrade["tried"] = []): Connected => {
    return { link, upgrade: { attempted, upgraded: false, reason, tried } };
  };
  const { endpoint, addresses } = link;
  if (endpoint.kind === "unix" || addresses === undefined) {
    return kept("the connection is a Unix socket already", false);
  }
  if (plan.skipReason !== undefined) return kept(plan.skipReason, false);
  if (!isLocal(addresses)) return kept("the server is on another machine", false);

  const until = session.now() + Math.min(MAX_DURATION, (by - session.now()) / 2);
  let server: Identity;
  try {
    server = yield* run(link, queryIdentity(), until);
  } catch (error) {
    if (link.session.lost !== undefined) {
      yield* discard(link);
      throw error;
    }
    return kept(`the server does not say who it is: ${reasonOf(error)}`, true);
  }
  // The port that was dialled, not the one that the socket reports: that of a redirected connection can be either.
  const direct = server.clientPort === String(addresses.local.port) && server.serverPort === String(endpoint.port) &&
    canonicalHost(server.serverHost ?? "") === canonicalHost(addresses.remote.host);
  if (!direct || !isServedBy(link, server)) {
    return kept("something stands between, such as a pooler or a forwarded port", true);
  }

  const directories = server.directories === null ? USUAL_DIRECTORIES : parseDirectories(server.directories);
  const listener = { host: addresses.remote.host, port: endpoint.port };
  let user: SocketOwner | undefined;
  const tcp: TcpConnection = {
    started: server.started,
    authMethod,
    cancelTarget: cancelTargetOf(link),
    owner: () => user ??= plan.local.listener(listener),
  };
  const tried: { path: string; reason: string }[] = [];
  for (const directory of directories) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory}/.s.PGSQL.${endpoint.port}`;
    // Paths that cannot be dialled take time too.
    if (session.now() >= until) {
      tried.push({ path, reason: "there is no time left" });
      break;
    }
    const result = yield* tryPath(path, tcp, session, plan, until);
    if (typeof result !== "string") {
      yield* discard(link);
      return { ...result, upgrade: { attempted: true, upgraded: true, reason: undefined, tried } };
    }
    tried.push({ path, reason: result });
  }
  // Only a connection that still works can be kept.
  if (link.session.lost !== undefined) {
    yield* discard(link);
    throw new ConnectionError(reasonOf(link.session.lost), { cause: link.session.lost });
  }
  return kept(tried.length === 0 ? "the server has no Unix socket" : "no socket led to the server", true, tried);
}

/** A session through a socket that has led to the server before, unless it does no longer. */
export function* connectVerified(
  verifiedSocket: VerifiedSocket,
  session: OpenPlan & { readonly upgrade: UpgradePlan },
): Handshake<
  Connected | undefined
> {
  const { path, owner } = verifiedSocket;
  const original = { ...verifiedSocket, owner: () => owner };
  const result = yield* tryPath(path, original, session, session.upgrade, session.now() + MAX_DURATION);
  if (typeof result === "string") return undefined;
  return {
    link: result.link,
    upgrade: { attempted: true, upgraded: true, reason: undefined, tried: [] },
    verifiedSocket,
  };
}

/** Whether both ends of a TCP connection are on this machine. */
export function isLocal({ local, remote }: Addresses): boolean {
  const host = remote.host.replace(/^::ffff:/i, "");
  return host.startsWith("127.") || host === "::1" || remote.host === local.host;
}

/** A session through that socket and its proof, or the reason why there is none. */
function* tryPath(
  path: string,
  tcp: TcpConnection,
  session: OpenPlan,
  plan: UpgradePlan,
  until: number,
): Handshake<{ link: Link; verifiedSocket: VerifiedSocket } | string> {
  if (utf8Length(path) > MAX_PATH_LENGTH) return `the path is longer than ${MAX_PATH_LENGTH} bytes`;
  const { started, authMethod, cancelTarget, owner } = tcp;
  const preflight = plan.local.preflight(path);
  if (preflight.refusal !== undefined) return preflight.refusal;
  let link: Link | undefined;
  try {
    link = yield* dial({ kind: "unix", path }, false, until);
    const trust = assessTrust(preflight.owner(link.peerUser), owner, plan.local.ownUser);
    if (trust.level === "none") throw new ConnectionError(trust.reason);
    yield* start(link, session, authLimitOf(trust, authMethod), until);
    const other = yield* run(link, queryIdentity(), until);
    if (other.started !== started) throw new ConnectionError("another server is behind it");
    if (other.clientPort !== null || !isServedBy(link, other)) {
      throw new ConnectionError("something stands between, such as a pooler");
    }
    return {
      link,
      verifiedSocket: {
        path,
        started,
        authMethod,
        cancelTarget,
        owner: trust.level === "full" ? trust.owner : owner(),
      },
    };
  } catch (error) {
    if (link !== undefined) yield* discard(link);
    return reasonOf(error);
  }
}

/** Whether the process that answers is the one that opened the session. */
function isServedBy(link: Link, { backendPid }: Identity): boolean {
  return backendPid === String(link.session.key?.processId);
}

function* queryIdentity(): Op<Identity> {
  const row = yield* perform(new SimpleQuery(IDENTITY, new FirstRow("object", true), ownCodecs));
  return row as Identity;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One statement that no role is refused, as the server logs every refusal. */
const IDENTITY = `select pg_catalog.inet_client_port()::pg_catalog.text as "clientPort",
  pg_catalog.host(pg_catalog.inet_server_addr()) as "serverHost",
  pg_catalog.inet_server_port()::pg_catalog.text as "serverPort",
  pg_catalog.pg_backend_pid()::pg_catalog.text as "backendPid",
  extract(epoch from pg_catalog.pg_postmaster_start_time())::pg_catalog.text as "started",
  case when pg_catalog.pg_has_role('pg_read_all_settings', 'usage')
    then pg_catalog.current_setting('unix_socket_directories') end as "directories"`;

/** Where distributions, and PostgreSQL itself, put sockets. */
const USUAL_DIRECTORIES = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/** Milliseconds that a user may lose to an upgrade that fails. */
const MAX_DURATION = 500;

/** Room in a socket's address (`sun_path` on Linux, without the zero byte). */
const MAX_PATH_LENGTH = 107;
