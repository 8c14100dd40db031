/**
 * The upgrade of a local TCP connection to the server's Unix socket, which saves a quarter of every
 * round trip.
 *
 * One rule stands above all others: nothing between, same server, or no upgrade. The server must see
 * the very TCP connection that we see (so no pooler, forwarder or NAT is in between), and the socket
 * must lead to a server that was started at the same microsecond. Whatever goes wrong, the TCP
 * connection is kept, and nobody is asked for anything that TCP did not ask for.
 *
 * Source: PostgreSQL manual, "Session Information Functions" for the ports, which are null where the
 * server is reached through a Unix socket; "Connections and Authentication" for
 * `unix_socket_directories`.
 */
import { ConnectionError } from "../errors.ts";
import { type Op, perform } from "../protocol/exchange.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { FirstRow } from "../protocol/sink.ts";
import type { Endpoint, Ends } from "../transport/transport.ts";
import { ownCodecs } from "../types/registry.ts";
import { utf8Length } from "../wire/bytes.ts";
import { discard, type Handshake, type Link, run } from "./handshake.ts";
import { open, type OpenPlan } from "./open.ts";

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
  readonly proof?: Proof;
}

/** A Unix socket that leads to the server. */
export interface Proof {
  readonly path: string;
  /** When that server was started. */
  readonly started: string;
  /** What it asked for, one of `Secret`: no more than that is given away. */
  readonly secret: number;
}

/** What the upgrade needs to know beyond how sessions are opened. */
export interface UpgradePlan {
  /** Why it is not wanted here, undefined if it is. */
  readonly unwanted: string | undefined;
  /** Why an endpoint cannot be dialled without asking the user for a permission, undefined if it can. */
  obstacle(endpoint: Endpoint): string | undefined;
}

/** What a server says of itself and of the connection that the question came through. */
interface Identity {
  /** Our port, as the server sees it; null through a Unix socket. */
  readonly clientPort: string | null;
  /** The port on which the server accepted the connection; null through a Unix socket. */
  readonly serverPort: string | null;
  /** The process that serves us. */
  readonly backendPid: string;
  /** When the server started, in seconds since 1970. */
  readonly started: string;
  /** `unix_socket_directories`, null where this role may not read it. */
  readonly directories: string | null;
}

/** Trades `link`, whose server asked for `secret`, for a Unix socket of the same server, or keeps it. */
export function* upgrade(
  link: Link,
  secret: number,
  session: OpenPlan,
  plan: UpgradePlan,
  by: number,
): Handshake<Connected> {
  const kept = (reason: string, attempted: boolean, tried: Upgrade["tried"] = []): Connected => {
    return { link, upgrade: { attempted, upgraded: false, reason, tried } };
  };
  const { endpoint, ends } = link;
  if (endpoint.kind === "unix" || ends === undefined) return kept("the connection is a Unix socket already", false);
  if (plan.unwanted !== undefined) return kept(plan.unwanted, false);
  if (!isLocal(ends)) return kept("the server is on another machine", false);

  const until = session.now() + Math.min(MAX_DURATION, (by - session.now()) / 2);
  let server: Identity;
  try {
    server = yield* run(link, identify(), until);
  } catch (error) {
    if (link.session.lost !== undefined) {
      yield* discard(link);
      throw error;
    }
    return kept(`the server does not say who it is: ${reasonOf(error)}`, true);
  }
  // The port that was dialled, not the one that the socket reports: that of a redirected connection can be either.
  const direct = server.clientPort === String(ends.local.port) && server.serverPort === String(endpoint.port);
  if (!direct || !isServedBy(link, server)) {
    return kept("something stands between, such as a pooler or a forwarded port", true);
  }

  const directories = server.directories === null ? USUAL_DIRECTORIES : listOf(server.directories);
  const tried: { path: string; reason: string }[] = [];
  for (const directory of directories) {
    if (!directory.startsWith("/")) continue;
    const path = `${directory}/.s.PGSQL.${endpoint.port}`;
    const proof: Proof = { path, started: server.started, secret };
    const result = yield* tryPath(proof, session, plan, until);
    if (typeof result !== "string") {
      yield* discard(link);
      return { link: result, upgrade: { attempted: true, upgraded: true, reason: undefined, tried }, proof };
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
export function* followProof(proof: Proof, session: OpenPlan & { readonly upgrade: UpgradePlan }): Handshake<
  Connected | undefined
> {
  const result = yield* tryPath(proof, session, session.upgrade, session.now() + MAX_DURATION);
  if (typeof result === "string") return undefined;
  return { link: result, upgrade: { attempted: true, upgraded: true, reason: undefined, tried: [] }, proof };
}

/** The directories in the value of `unix_socket_directories`: separated by commas, quoted where need be. */
export function listOf(setting: string): string[] {
  const entries = setting.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(?:,|$)/g);
  return Array.from(entries, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!).filter((entry) =>
    entry !== ""
  );
}

/** Whether both ends of a TCP connection are on this machine. */
export function isLocal({ local, remote }: Ends): boolean {
  const host = remote.host.replace(/^::ffff:/i, "");
  return host.startsWith("127.") || host === "::1" || remote.host === local.host;
}

/** A connection through that socket, or the reason why there is none. */
function* tryPath(
  { path, started, secret }: Proof,
  session: OpenPlan,
  plan: UpgradePlan,
  until: number,
): Handshake<Link | string> {
  if (utf8Length(path) > MAX_PATH_LENGTH) return `the path is longer than ${MAX_PATH_LENGTH} bytes`;
  const endpoint: Endpoint = { kind: "unix", path };
  const obstacle = plan.obstacle(endpoint);
  if (obstacle !== undefined) return obstacle;
  try {
    const { link } = yield* open(endpoint, session, "disable", secret, until);
    let problem: string | undefined;
    try {
      const other = yield* run(link, identify(), until);
      if (other.started !== started) problem = "another server is behind it";
      else if (other.clientPort !== null || !isServedBy(link, other)) {
        problem = "something stands between, such as a pooler";
      }
    } catch (error) {
      problem = reasonOf(error);
    }
    if (problem === undefined) return link;
    yield* discard(link);
    return problem;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Whether the process that answers is the one that opened the session. */
function isServedBy(link: Link, { backendPid }: Identity): boolean {
  return backendPid === String(link.session.key?.processId);
}

function* identify(): Op<Identity> {
  const row = yield* perform(new SimpleQuery(IDENTITY, new FirstRow("object", true), ownCodecs));
  return row as Identity;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One statement that no role is refused, as the server logs every refusal. */
const IDENTITY = `select pg_catalog.inet_client_port()::pg_catalog.text as "clientPort",
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
