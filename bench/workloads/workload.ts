/** What a workload is. */
import type { Access, Transport } from "../driver.ts";
import type { Sizes } from "../sizes.ts";

/** What is measured. */
export interface Workload {
  title(sizes: Sizes): string;
  /** How many of what is counted one operation is. Default: 1. */
  units?(sizes: Sizes): number;
  /** Whether client and server share a core, so that what waking another one costs does not hide the rest: for latency. */
  readonly pinned: boolean;
  /** The name of the contestant that the others are compared with. */
  readonly base: string;
  /** The ways to reach the server that are measured, each by itself. */
  readonly transports: readonly Transport[];
  /** How the server lets everybody in. Default: it trusts them. */
  readonly access?: Access;
  /** SQL that makes ready what it needs; what several workloads need is made once. */
  setup?(sizes: Sizes): string;
  /** SQL before each measurement. */
  readonly before?: string;
  /** The statement, for contestants that are not written in TypeScript. */
  statement?(sizes: Sizes): string;
  /** Whether an operation is so long that it is measured once, without one to warm up. */
  readonly once?: boolean;
  /** Whether connecting counts too, in a process that has done nothing before. */
  readonly cold?: boolean;
  /** How many times as long as it is measured it is warmed up. Default: 1. */
  readonly warmUp?: number;
  /** Whether the result of an operation is right: that it was done, and that the result was looked at. */
  check(i: number, result: unknown, sizes: Sizes): boolean;
}
