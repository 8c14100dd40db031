/**
 * The upgrade of a local TCP connection to the server's Unix socket, which saves a tenth to a fifth of the
 * time of every round trip.
 *
 * The main rule: there is no upgrade unless there is nothing in between and the server is the same. The
 * server must see the same TCP connection as the client (so there is no pooler, forwarder or NAT), and
 * the socket must lead to a server that was started at the same microsecond. Whatever fails, the TCP
 * connection is kept. No secret is sent that was not requested over TCP, and none to anybody but the
 * server (`trust.ts`), since a relay could pass every question on to the server.
 *
 * Source: PostgreSQL manual, "Session Information Functions" for the ports, which are null on a Unix
 * socket; "Connections and Authentication" for `unix_socket_directories`.
 */
import { ConnectionError } from "../errors.ts";
import { type Op, perform } from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { FirstRow } from "../rows/collectors.ts";
import type { AuthMethod } from "../protocol/authentication.ts";
import { type Addresses, canonicalHost, type LocalSockets, type SocketOwner } from "../transport/transport.ts";
import { ownCodecs } from "../codecs/registry.ts";
import { utf8Length } from "../wire/bytes.ts";
import { type CancelTarget, cancelTargetOf } from "./cancel.ts";
import { parseDirectories } from "./directories.ts";
import { dial, discard, type Handshake, type Link, run } from "./handshake.ts";
import { type OpenPlan, start } from "./open.ts";
import { checkPeer } from "./required_peer.ts";
import { waitedFor } from "./secret_function.ts";
import { assessTrust, authLimitOf } from "./trust.ts";

/** The result of the upgrade to a Unix socket. */
export interface Upgrade {
  /** Whether it was attempted: the server was queried for its socket directories. */
  readonly attempted: boolean;
  /** Whether the connection now uses the Unix socket. */
  readonly upgraded: boolean;
  /** Why it was not upgraded, in words; undefined if it was. */
  readonly reason: string | undefined;
  /** The sockets that were tried without success, and why each failed. */
  readonly tried: readonly { readonly path: string; readonly reason: string }[];
}

/** An open session, and the result of the upgrade. */
export interface Connected {
  readonly link: Link;
  readonly upgrade: Upgrade;
  /** Set after a successful upgrade. */
  readonly verifiedSocket?: VerifiedSocket;
}

/** A Unix socket that leads to the server. */
export interface VerifiedSocket {
  readonly path: string;
  /** When the server was started. */
  readonly started: string;
  /** The authentication method requested over TCP, the most that is answered. */
  readonly authMethod: AuthMethod;
  /** The user that listens on it. Another user that takes the path later is not trusted. */
  readonly owner: SocketOwner;
  /**
   * The target of cancel requests. They are not sent to the path: the key is a secret, and a cancel
   * request does not verify who listens there.
   */
  readonly cancelTarget: CancelTarget;
}

/** The means to upgrade, beyond those to open a session. */
export interface UpgradePlan {
  /** Why the upgrade is skipped; undefined if it is not. */
  readonly skipReason: string | undefined;
  readonly local: LocalSockets;
}

/** The facts about the server found out over TCP, with which those of a socket are compared. */
interface TcpConnection extends Pick<VerifiedSocket, "started" | "authMethod" | "cancelTarget"> {
  owner(): SocketOwner;
}

/** A server's answer about itself and about the connection of the query. */
interface Identity {
  /** The client's port, as the server sees it; null on a Unix socket. */
  readonly clientPort: string | null;
  /** The address and the port on which the server accepted the connection; null on a Unix socket. */
  readonly serverHost: string | null;
  readonly serverPort: string | null;
  /** The process ID of the server process. */
  readonly backendPid: string;
  /** When the server started, in seconds since 1970. */
  readonly started: string;
  /** `unix_socket_directories`; null if this role may not read it. */
  readonly directories: string | null;
}

/** Replaces `link` by a Unix socket of the same server, or keeps it. */
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
  if (endpoint.kind === "unix") return kept("the connection is a Unix socket already", false);
  if (plan.skipReason !== undefined) return kept(plan.skipReason, false);
  if (addresses === undefined) return kept("the addresses of the connection are unknown", false);
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
  if (!isDirect(addresses, endpoint.port, server) || !isServedBy(link, server)) {
    return kept(
      "the connection is not direct: there is something in between, such as a pooler or a forwarded port",
      true,
    );
  }

  const listener = { host: addresses.remote.host, port: endpoint.port };
  let user: SocketOwner | undefined;
  const tcp: TcpConnection = {
    started: server.started,
    authMethod,
    cancelTarget: cancelTargetOf(link),
    owner: () => user ??= plan.local.listener(listener),
  };
  const { result, tried } = yield* tryPaths(socketPaths(server, endpoint.port), tcp, session, plan, until);
  if (result !== undefined) {
    yield* discard(link);
    return { ...result, upgrade: { attempted: true, upgraded: true, reason: undefined, tried } };
  }
  // The TCP connection may have been lost meanwhile.
  if (link.session.lost !== undefined) {
    yield* discard(link);
    throw new ConnectionError(reasonOf(link.session.lost), { cause: link.session.lost });
  }
  return kept(tried.length === 0 ? "the server has no Unix socket" : "no socket led to the server", true, tried);
}

/**
 * A session through a socket that led to the server before, if it still does, or the reason why there is none. All of
 * it, with a function for the password, has time until `by`.
 */
export function* connectVerified(
  verifiedSocket: VerifiedSocket,
  session: OpenPlan & { readonly upgrade: UpgradePlan },
  by: number,
): Handshake<Connected | string> {
  const { path, owner } = verifiedSocket;
  const original = { ...verifiedSocket, owner: () => owner };
  const until = Math.min(session.now() + MAX_DURATION, by);
  const result = yield* tryPath(path, original, session, session.upgrade, until, by);
  if (typeof result === "string") return result;
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

/** Whether the server sees the connection as the client does, so that there is nothing in between. */
function isDirect({ local, remote }: Addresses, port: number, server: Identity): boolean {
  // Compares the dialled port, not the one that the socket reports, which may be either one if the connection is
  // redirected.
  return server.clientPort === String(local.port) && server.serverPort === String(port) &&
    canonicalHost(server.serverHost ?? "") === canonicalHost(remote.host);
}

/** The paths that the server's sockets may have. */
function socketPaths({ directories }: Identity, port: number): string[] {
  return (directories === null ? USUAL_DIRECTORIES : parseDirectories(directories))
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => `${directory}/.s.PGSQL.${port}`);
}

/** A verified session through the first socket that leads to the server, if one does, and why the others do not. */
function* tryPaths(
  paths: readonly string[],
  tcp: TcpConnection,
  session: OpenPlan,
  plan: UpgradePlan,
  until: number,
): Handshake<{ result: VerifiedLink | undefined; tried: Upgrade["tried"] }> {
  const tried: { path: string; reason: string }[] = [];
  for (const path of paths) {
    // Failed attempts take time too.
    if (session.now() >= until) {
      tried.push({ path, reason: "there is no time left" });
      break;
    }
    const result = yield* tryPath(path, tcp, session, plan, until);
    if (typeof result !== "string") return { result, tried };
    tried.push({ path, reason: result });
  }
  return { result: undefined, tried };
}

/** A session through a socket that leads to the server. */
type VerifiedLink = Required<Pick<Connected, "link" | "verifiedSocket">>;

/** A verified session through a socket, or the reason why there is none. */
function* tryPath(
  path: string,
  tcp: TcpConnection,
  session: OpenPlan,
  plan: UpgradePlan,
  until: number,
  askBy: number = until,
): Handshake<VerifiedLink | string> {
  if (utf8Length(path) > MAX_PATH_LENGTH) return `the path is longer than ${MAX_PATH_LENGTH} bytes`;
  const { started, authMethod, cancelTarget, owner } = tcp;
  const preflight = plan.local.preflight(path);
  if (preflight.refusal !== undefined) return preflight.refusal;
  let link: Link | undefined;
  try {
    link = yield* dial({ kind: "unix", path }, false, until);
    const peer = preflight.owner(link.peerUser);
    if (session.requiredPeer !== undefined) checkPeer(session.requiredPeer, peer);
    const trust = assessTrust(peer, owner, plan.local.ownUser);
    if (trust.level === "none") throw new ConnectionError(trust.reason);
    const waited = waitedFor(session);
    yield* start(link, session, authLimitOf(trust, authMethod), until, askBy);
    const other = yield* run(link, queryIdentity(), until + waitedFor(session) - waited);
    if (other.started !== started) throw new ConnectionError("the socket leads to another server");
    if (other.clientPort !== null || !isServedBy(link, other)) {
      throw new ConnectionError("the connection is not direct: there is something in between, such as a pooler");
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

/** Whether the answering server process is the one that opened the session. */
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

/** A single statement that every role may execute, since the server logs every refusal. */
const IDENTITY = `select pg_catalog.inet_client_port()::pg_catalog.text as "clientPort",
  pg_catalog.host(pg_catalog.inet_server_addr()) as "serverHost",
  pg_catalog.inet_server_port()::pg_catalog.text as "serverPort",
  pg_catalog.pg_backend_pid()::pg_catalog.text as "backendPid",
  extract(epoch from pg_catalog.pg_postmaster_start_time())::pg_catalog.text as "started",
  case when pg_catalog.pg_has_role('pg_read_all_settings', 'usage')
    then pg_catalog.current_setting('unix_socket_directories') end as "directories"`;

/** The socket directories of distributions, and of PostgreSQL itself. */
const USUAL_DIRECTORIES = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/** The maximum number of milliseconds that a failed upgrade may take. */
const MAX_DURATION = 500;

/** The room for a path in a socket's address (`sun_path` on Linux, without the zero byte). */
const MAX_PATH_LENGTH = 107;
