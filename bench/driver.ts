/** What a driver has to offer to be measured, and where it finds the server. */
import type { Sizes } from "./sizes.ts";

/** The server that a driver connects to. */
export interface Target {
  readonly port: number;
  /** The directory of its Unix socket. */
  readonly directory: string;
  readonly transport: Transport;
  readonly sizes: Sizes;
}

/** How the driver reaches the server; `none` where there is none to reach. */
export type Transport = "unix" | "tcp" | "none";

/**
 * How the server is to let it in; `default` is `trust`, and how pyro connects by default: from TCP to the Unix socket.
 */
export type Access = "default" | "trust" | "scram" | "tls";

/** One operation; `i` differs from call to call. Drivers that block return the result itself. */
export type Operation = (i: number) => unknown;

/** A driver's way to do workloads; those that it has none for are left out. */
export type Operations = Readonly<Partial<Record<WorkloadName, Operation>>>;

/** Connects, and says how it does the workloads. The process ends without closing. */
export type Driver = (target: Target) => Promise<Operations>;

/** The names of workloads. */
export type WorkloadName =
  | "ping"
  | "select_1"
  | "select_10"
  | "select_100"
  | "select_1000"
  | "insert"
  | "insert_batch"
  | "in_flight"
  | "rows"
  | "mixed"
  | "stream"
  | "copy_in"
  | "copy_out"
  | "connect_default"
  | "connect_trust"
  | "connect_scram"
  | "connect_tls"
  | "fresh"
  | "pool"
  | "http"
  | "import"
  | "script"
  | "decode";

/** Where everybody connects: the launcher's superuser, trusted. */
export const USER = "postgres";

/** Who has to prove it over TCP. It is a server for the time of a benchmark, so this is no secret. */
export const SCRAM_USER = "scram";
export const PASSWORD = "bench";

/** The lines of pg_hba.conf that make it so. */
export const HBA: readonly string[] = [
  "local all all trust",
  `host all ${SCRAM_USER} 127.0.0.1/32 scram-sha-256`,
  "host all all 127.0.0.1/32 trust",
];
