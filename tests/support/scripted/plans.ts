/** Connection plans for tabled handshakes, and the servers' answers. */
import assert from "node:assert/strict";
import type { PyroError } from "../../../src/errors.ts";
import { nodeHashing } from "../../../src/auth/hashing.ts";
import { connect, type ConnectPlan } from "../../../src/connect/connect.ts";
import type { Connected } from "../../../src/connect/upgrade.ts";
import { PROTOCOL_3_0 } from "../../../src/wire/codes.ts";
import type { Addresses, Endpoint } from "../../../src/transport/transport.ts";
import {
  authentication,
  backendKeyData,
  commandComplete,
  concat,
  dataRow,
  readyForQuery,
  rowDescription,
} from "./backend.ts";
import { localSockets } from "./local_sockets.ts";
import { type Line, play, type Played, TableClock } from "./handshakes.ts";

/** Connects by a plan, along the table. */
export function connectWith(given: Partial<ConnectPlan>, table: readonly Line[]): Played<Connected> {
  const clock = new TableClock();
  return play(connect(planWith(clock, given)), table, clock);
}

/** Checks that a handshake has failed with an error of a class, and returns the error. */
export function failure<E extends PyroError>(
  { error, taken }: Played<Connected>,
  kind: new (...args: never[]) => E,
  words: RegExp = /./,
): E {
  assert.equal(taken, undefined);
  assert.ok(error instanceof kind, `a ${kind.name}, not ${error}`);
  assert.match(error.message, words);
  return error;
}

/** A plan. By default, it has no password, no TLS and no upgrade. */
export function planWith(clock: TableClock, given: Partial<ConnectPlan> = {}): ConnectPlan {
  return {
    endpoints: [tcp("a")],
    sslMode: "disable",
    tls: {
      mode: given.sslMode ?? "disable",
      isDirect: false,
      serverName: undefined,
      prepare: () => ({ options: {}, verification: undefined }),
      date: Date.now,
    },
    user: "ada",
    database: "db",
    password: undefined,
    versions: { min: PROTOCOL_3_0, max: PROTOCOL_3_0 },
    parameters: [["user", "ada"], ["database", "db"]],
    timeout: 0,
    upgrade: { skipReason: "it is switched off", local: localSockets() },
    now: clock.now,
    nonce: () => "nonce",
    hashing: nodeHashing,
    ...given,
  };
}

export function tcp(host: string, port: number = 5432): Endpoint {
  return { kind: "tcp", host, port, keepAlive: true };
}

export function unix(path: string): Endpoint {
  return { kind: "unix", path };
}

/** The two ends of a connection from a local port. */
export function endsOf(local: string, port: number, remote: string = local, remotePort: number = 5432): Addresses {
  return { local: { host: local, port }, remote: { host: remote, port: remotePort } };
}

/** The reply of a server that requests no authentication. */
export const WELCOME: Uint8Array = concat(authentication(0), backendKeyData(), readyForQuery());

/** A server's answer to the query of its identity. */
export interface IdentityAnswer {
  readonly clientPort?: string | null;
  readonly serverPort?: string | null;
  /** Default: 127.0.0.1 if there is a port. */
  readonly serverHost?: string | null;
  /** Default: that of {@linkcode WELCOME}. */
  readonly backendPid?: string;
  readonly started?: string;
  readonly directories?: string | null;
}

/** The answer, encoded; by default that of a server on a Unix socket. */
export function identity(given: IdentityAnswer = {}): Uint8Array {
  const { clientPort = null, serverPort = null, backendPid = "42", started = "1700000000.123456" } = given;
  const { serverHost = serverPort === null ? null : "127.0.0.1", directories = null } = given;
  return concat(
    rowDescription({ clientPort: 25, serverHost: 25, serverPort: 25, backendPid: 25, started: 25, directories: 25 }),
    dataRow(clientPort, serverHost, serverPort, backendPid, started, directories),
    commandComplete("SELECT 1"),
    readyForQuery(),
  );
}
