/**
 * Watches calls: that each is over in time, and ends as it may. What was wrong is listed, not thrown, so
 * that a soak shows all of it.
 */
import { performance } from "node:perf_hooks";
import { ConnectionError, PyroError, ServerError, SqlState, TimeoutError } from "../../mod.ts";
import { Counts, Latencies } from "./figures.ts";

/** How a call ended. Undone: nothing of it stays, by what its error says. */
export type Fate = "done" | "undone" | "unknown";

/** A call under way. */
interface Call {
  readonly kind: string;
  readonly begun: number;
  readonly by: number;
  isReported: boolean;
}

/** What calls were made, and what became of them. */
export class Watch {
  readonly latencies: Latencies = new Latencies();
  /** By kind of call, how many were done. */
  readonly done: Counts = new Counts();
  /** By kind of failure, how many failed. */
  readonly failed: Counts = new Counts();
  readonly problems: string[] = [];
  /** Milliseconds by which a call was over after its deadline, at most. */
  latest = 0;
  readonly #calls = new Set<Call>();
  /** The timer goes off late when the machine is busy; calls are excused to the same extent. */
  #lag = 0;
  #ticked = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK);

  /** Makes a call that has so many milliseconds; `reason` is what its signal may abort with. */
  async call(kind: string, limit: number, reason: unknown, make: () => Promise<unknown>): Promise<Fate> {
    const begun = performance.now();
    const call: Call = { kind, begun, by: begun + limit, isReported: false };
    this.#calls.add(call);
    try {
      await make();
      this.done.add(kind);
      return "done";
    } catch (error) {
      const name = reason !== undefined && error === reason ? "aborted" : failureOf(error);
      if (name === undefined) {
        this.wrong(`${kind}: ${error instanceof Error ? error.stack : String(error)}${causeOf(error)}`);
      }
      this.failed.add(name ?? "wrong");
      return isUndone(error) ? "undone" : "unknown";
    } finally {
      this.#calls.delete(call);
      const end = performance.now();
      this.latencies.note(end - begun);
      this.latest = Math.max(this.latest, end - call.by);
      this.#check(call, end);
    }
  }

  /** Calls that are not over. */
  get pending(): string[] {
    const now = performance.now();
    return [...this.#calls].map(({ kind, begun }) => `${kind} for ${Math.round(now - begun)} ms`);
  }

  /** Something that must not be. */
  wrong(problem: string): void {
    if (this.problems.length < MANY) this.problems.push(problem);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    // A moment of it excuses for as long as calls may take.
    this.#lag = Math.max(this.#lag * 0.99, now - this.#ticked - TICK);
    this.#ticked = now;
    for (const call of this.#calls) this.#check(call, now);
  }

  #check(call: Call, now: number): void {
    const late = now - call.by - PATIENCE - SLACK - this.#lag;
    if (late < 0 || call.isReported) return;
    call.isReported = true;
    this.wrong(
      `${call.kind}: not over ${Math.round(now - call.begun)} ms after its beginning, ${
        Math.round(now - call.by)
      } after its deadline`,
    );
  }
}

/** By what name a failure is counted; undefined for one that nothing explains. */
function failureOf(error: unknown): string | undefined {
  if (error instanceof TimeoutError) return `timed out (${error.outcome}${error.connectionLost ? ", lost" : ""})`;
  if (error instanceof ConnectionError && error.connectionLost) return error.safeToRetry ? "lost, not sent" : "lost";
  if (error instanceof ServerError && AWAY.includes(error.code)) return `server ${error.code}`;
  return undefined;
}

function isUndone(error: unknown): boolean {
  return error instanceof TimeoutError ? error.outcome !== "unknown" : error instanceof PyroError && error.safeToRetry;
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? `\n  cause: ${String(error.cause)}` : "";
}

/** What servers say that start, stop, or end a session. */
const AWAY: readonly string[] = [
  SqlState.AdminShutdown,
  SqlState.CrashShutdown,
  SqlState.CannotConnectNow,
  SqlState.TooManyConnections,
];
/** What docs/cancel.md promises. */
const PATIENCE = 2000;
/** Timers, and a machine that has other things to do. */
const SLACK = 750;
const TICK = 50;
const MANY = 30;
