/** What befalls a pool: backends are killed, the server restarts, the network stalls. */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { Conn } from "../../mod.ts";
import type { PostgresServer } from "../support/installed/postgres.ts";
import type { FaultProxy } from "../../src/testing/mod.ts";
import type { Random } from "../support/suite/random.ts";

/** Makes trouble. */
export class Trouble {
  kills = 0;
  restarts = 0;
  stalls = 0;
  readonly #server: PostgresServer;
  /** Undefined where sockets lead straight to the server: then it is its processes that stall. */
  readonly #proxy: FaultProxy | undefined;
  readonly #admin: string;
  readonly #random: Random;

  constructor(server: PostgresServer, proxy: FaultProxy | undefined, admin: string, random: Random) {
    this.#server = server;
    this.#proxy = proxy;
    this.#admin = admin;
    this.#random = random;
  }

  /** Two restarts and several stalls within that many milliseconds, of which the last sixth is quiet; kills all the time. */
  async round(milliseconds: number): Promise<void> {
    const over = AbortSignal.timeout(Math.round(milliseconds * 5 / 6));
    await Promise.all([this.#killing(over), this.#breaking(milliseconds / 12)]);
    await pause(milliseconds / 6);
  }

  async #breaking(unit: number): Promise<void> {
    await pause(unit);
    await this.#stall(Math.min(unit, 600));
    await pause(unit);
    await this.#restart("fast", this.#random.below(1000));
    await pause(2 * unit);
    // Longer than anybody waits for a cancel request.
    await this.#stall(Math.max(2600, 2.4 * unit));
    await pause(unit);
    await this.#restart("immediate", this.#random.below(Math.min(2 * unit, 4000)));
    await pause(unit);
    await this.#stall(this.#random.below(Math.min(unit, 4000)));
  }

  async #killing(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await pause(50 + this.#random.below(500));
      const pids = await this.#backends().catch(() => []);
      if (pids.length === 0) continue;
      const killed = await this.#ask(`select pg_terminate_backend(${this.#random.pick(pids)}) as a`).catch(() => []);
      this.kills += killed.length;
    }
  }

  async #restart(mode: "fast" | "immediate", away: number): Promise<void> {
    await this.#server.stop(mode);
    await pause(away);
    await this.#server.resume();
    this.restarts++;
  }

  async #stall(milliseconds: number): Promise<void> {
    const pids = this.#proxy === undefined ? await this.#backends() : [];
    this.#proxy?.stall(true);
    for (const pid of pids) signal(pid, "SIGSTOP");
    await pause(milliseconds);
    for (const pid of pids) signal(pid, "SIGCONT");
    this.#proxy?.stall(false);
    this.stalls++;
  }

  /** The server's processes that work for the pool. */
  async #backends(): Promise<number[]> {
    const rows = await this.#ask("select pid from pg_stat_activity where application_name = 'soak'");
    return rows.map(({ pid }) => Number(pid));
  }

  async #ask(sql: string): Promise<Record<string, unknown>[]> {
    await using conn = await Conn.connect(this.#admin);
    return await conn.query(sql);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
