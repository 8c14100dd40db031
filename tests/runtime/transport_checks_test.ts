/** The checks that users run against their transports, over pyro's own and over dialled ones. */
import { Conn as AsyncConn, Opts } from "../../mod.ts";
import { transportChecks } from "../../src/testing/mod.ts";
import { Conn as SyncConn } from "../../sync.ts";
import { dialling } from "../support/network/dialled.ts";
import { newest } from "../support/suite/servers.ts";
import { test, testInTurn } from "../support/suite/test.ts";

const url = new Opts(newest.url()).upgradeToUnixSocket(false).sslMode("disable");

const TRANSPORTS: readonly (readonly [name: string, checks: ReturnType<typeof transportChecks>])[] = [
  ["pyro's own, awaiting", transportChecks(() => AsyncConn.connect(url))],
  ["pyro's own, blocking", transportChecks(() => new SyncConn(url))],
  ["Web streams", transportChecks(() => AsyncConn.connect(url.dial(dialling())))],
  ["blocking functions", transportChecks(() => new SyncConn(url.dial(dialling())))],
  ["blocking functions that cannot wait", transportChecks(() => new SyncConn(url.dial(dialling({ waits: false }))))],
];

for (const [transport, checks] of TRANSPORTS) {
  // Web streams are each runtime's own.
  const register = transport === "Web streams" ? test : testInTurn;
  for (const { name, run } of checks) register(`${name} (${transport})`, run);
}
