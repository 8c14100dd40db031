/**
 * The servers that tests run against: those that the test task has started and describes in
 * `PYRO_TEST_SERVERS`, or new ones if a test file is run by itself.
 */
import process from "node:process";
import { atExit } from "../processes/at_exit.ts";
import type { PostgresServer, ServerInfo } from "../installed/postgres.ts";
import { setting } from "./skips.ts";
import { POSTGRES } from "../installed/versions.ts";

/** A server, and the addresses to reach it by. */
export interface TestServer extends ServerInfo {
  /** A URL for that role, over TCP to 127.0.0.1; the query may change that. */
  url(options?: { user?: string; password?: string; db?: string; query?: string }): string;
  /** The path of its Unix socket. */
  readonly socket: string;
  /** A URL for the ordinary role `test`, by the shortest way. */
  readonly fast: string;
  /** A URL for the superuser, by the shortest way. */
  readonly admin: string;
}

/** All of them, one per major version. */
export const servers: readonly TestServer[] = (await infos()).map(asTestServer);

/** The newest server, for tests that need only one. */
export const newest: TestServer = servers.at(-1)!;

/** A running server with its addresses. */
export function asTestServer(info: ServerInfo): TestServer {
  const { major, port, socketDirectories } = info;
  const socket = `${socketDirectories[0]}/.s.PGSQL.${port}`;
  return {
    major,
    port,
    socketDirectories,
    socket,
    url({ user = "test", password = "1234", db = "test_db", query = "" } = {}) {
      const secret = password === "" ? "" : `:${encodeURIComponent(password)}`;
      return `pg://${user}${secret}@127.0.0.1:${port}/${db}${query === "" ? "" : `?${query}`}`;
    },
    fast: fastest("test:1234", "test_db", socket, port),
    admin: fastest("postgres", "postgres", socket, port),
  };
}

/** A URL for the Unix socket, or for TCP if Deno does not permit that. */
function fastest(account: string, db: string, socket: string, port: number): string {
  return setting === "deno-net"
    ? `pg://${account}@127.0.0.1:${port}/${db}?sslmode=disable&upgrade_to_unix_socket=no`
    : `pg://${account}@localhost/${db}?socket=${encodeURIComponent(socket)}`;
}

async function infos(): Promise<ServerInfo[]> {
  const given = process.env.PYRO_TEST_SERVERS;
  if (given !== undefined) return JSON.parse(given);
  const { startTestServer } = await import("../installed/test_server.ts");
  const started: PostgresServer[] = [];
  for (const major of Object.keys(POSTGRES)) {
    started.push(await startTestServer(Number(major) as keyof typeof POSTGRES));
  }
  atExit(() => {
    for (const server of started) server.abandon();
  });
  return started;
}
