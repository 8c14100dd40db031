/** The only list of skipped tests: which, where, and why. Any other skipped test fails the run. */
import process from "node:process";
import { runtime } from "./runtime.ts";

/** Where tests run: a runtime, or Deno with only the permission net. */
export type Setting = "deno" | "deno-net" | "bun" | "node";

/** A test that cannot run somewhere. */
export interface Skip {
  /** The whole name of the test. */
  readonly test: string;
  readonly setting: Setting;
  readonly reason: string;
}

/** The setting of this process. */
export const setting: Setting = runtime === "deno" && Deno.permissions.querySync({ name: "read" }).state !== "granted"
  ? "deno-net"
  : runtime;

/** All skipped tests. */
const SKIPS: readonly Skip[] = [
  ...["async", "sync worker"].map((world) => ({
    test: `cancel: another thread stops what a blocking connection runs (${world}, PostgreSQL 18)`,
    setting: "deno-net" as const,
    reason: "the thread's code is a file, which Deno lets only those load who may read",
  })),
  ...[
    "connect: auth_trust over a Unix socket",
    "connect: auth_password over a Unix socket",
    "connect: auth_md5 over a Unix socket",
    "connect: auth_scram over a Unix socket",
    "connect: a socket directory, and a socket that is not there",
  ].flatMap((name) =>
    ["async", "sync worker"].map((world) => ({
      test: `${name} (${world}, PostgreSQL 18)`,
      setting: "deno-net" as const,
      reason: "Deno allows Unix sockets only to those who may read and write",
    }))
  ),
  ...[
    "a span per call, by the conventions",
    "spans have the caller's as parent, also those of calls that run at once",
    "a transaction is the caller's own work",
    "streams and pipelines are one span each",
    "blocking calls, and a socket instead of a port",
    "SQL text as it is, or not at all",
    "durations of calls, but not of functions of the caller's",
    "a pool's connections, and waiting for them",
    "once it is disposed of, nobody listens",
  ].flatMap((name) =>
    (["bun", "node"] as const).map((setting) => ({
      test: `otel: ${name}`,
      setting,
      reason: "OpenTelemetry's packages would have to be installed",
    }))
  ),
  ...(["bun", "node"] as const).map((setting) => ({
    test: "server example: in a browser, everybody sees a note as soon as anybody adds one",
    setting,
    reason: "the page is the same, and a browser takes its time: Deno's server is enough",
  })),
  ...(mayBeOthers() ? [] : (["deno", "bun", "node"] as const)).flatMap((setting) =>
    [
      "upgrade: a stranger's socket is told nothing",
      "upgrade: a stranger in place of a pool's socket is told nothing",
      "upgrade: a stranger in place of the socket is told no cancel key",
      "upgrade: a stranger's socket that a user names is told what it asks for",
    ].flatMap((name) =>
      ["async", "sync ffi", "sync worker"].map((world) => ({
        test: `${name} (${world})`,
        setting,
        reason: "only root can listen as another user; tests/run/upgrade_trust_test.ts does it without sockets",
      }))
    )
  ),
];

/** Why a test is skipped here; undefined if it is not. */
export function skipReason(name: string): string | undefined {
  return SKIPS.find((skip) => skip.setting === setting && skip.test === name)?.reason;
}

/** The number of tests that are skipped in a setting. */
export function skipCount(setting: Setting): number {
  return SKIPS.filter((skip) => skip.setting === setting).length;
}

/** Whether this process may start processes as other users. With only the permission net it may start none. */
function mayBeOthers(): boolean {
  return setting !== "deno-net" && process.getuid?.() === 0;
}
