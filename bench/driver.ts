/** What is measured, and what each driver has to offer for it. */

/** The server that a driver connects to. */
export interface Target {
  readonly port: number;
  /** The directory of its Unix socket. */
  readonly directory: string;
  readonly transport: Transport;
}

/** How the driver reaches the server. */
export type Transport = "unix" | "tcp";

/** One operation; `i` differs from call to call. Drivers that block return the result itself. */
export type Operation = (i: number) => unknown;

/** A driver's way to do each workload. */
export type Operations = Readonly<Record<WorkloadName, Operation>>;

/** Connects, and says how it does the workloads. The process ends without closing. */
export type Driver = (target: Target) => Promise<Operations>;

/** The names of workloads. */
export type WorkloadName = "ping";

/** What is measured. */
export interface Workload {
  readonly title: string;
  /** Whether the result of an operation is right: that it was done, and that the result was looked at. */
  check(i: number, result: unknown): boolean;
}

/** The workloads by name. */
export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  ping: {
    title: "Round trip of a prepared `select $1::int4`",
    check: (i, result) => result === i,
  },
};

/** Where everybody connects: the launcher's superuser, trusted. */
export const USER = "postgres";

/** The statement of the workload `ping`. */
export const PING = "select $1::int4 as value";
