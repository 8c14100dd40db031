/** A proxy that makes what goes wrong in networks. */
import { Worker } from "node:worker_threads";
import { UsageError } from "../errors.ts";
import { type Opts, settingsOf } from "../options/opts.ts";
import { type Target, targetOpts } from "../options/target.ts";
import { variable } from "../runtime/runtime.ts";
import { Cell, THEN } from "./fault_proxy_cells.ts";
import { FAULT_PROXY_CODE } from "./fault_proxy_code.ts";

/** A fault of a connection. */
export interface Fault {
  /** Towards the server (`up`), or towards the client (`down`). */
  readonly direction: "up" | "down";
  /** How many bytes pass in that direction before the fault, from {@linkcode FaultProxy.arm} on. */
  readonly after: number;
  /** An orderly end, a reset, or nothing more in that direction until {@linkcode FaultProxy.release}. */
  readonly then: "end" | "reset" | "hold";
  /** Which connection gets the fault: the last one that was opened, or the next one. Default: `"last"`. */
  readonly connection?: "last" | "next" | undefined;
}

/**
 * A TCP proxy in front of a server, which cuts, resets, holds, delays and refuses connections. It runs in a thread of its
 * own, so blocking connections can go through it too, and is controlled through shared memory: what is set before a byte
 * is sent applies to that byte. It does not keep the process alive.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { FaultProxy } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * await using proxy = await FaultProxy.start(Number(Deno.env.get("PGPORT") ?? 5432));
 * await using pool = new Pool(proxy.opts("pg://"));
 * await pool.ping();
 * // The connection is reset when 20 bytes of the reply have arrived.
 * proxy.arm({ direction: "down", after: 20, then: "reset" });
 * await assert.rejects(pool.exec("select pg_sleep(0)"), { connectionLost: true });
 * assert.ok(proxy.struck);
 * assert.equal(await pool.execValue("select 1"), 1, "the pool has another connection");
 * ```
 */
export class FaultProxy implements AsyncDisposable {
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
  readonly #worker: Worker;
  readonly #cells: Int32Array;

  private constructor(worker: Worker, cells: Int32Array, port: number) {
    this.#worker = worker;
    this.#cells = cells;
    this.port = port;
  }

  /**
   * Starts one, on a free port of 127.0.0.1.
   *
   * @param port The server's port.
   * @param host The server's host. Default: 127.0.0.1.
   */
  static async start(port: number, host: string = "127.0.0.1"): Promise<FaultProxy> {
    const memory = new SharedArrayBuffer(4 * Cell.Count);
    const source = `data:text/javascript,${encodeURIComponent(`${FAULT_PROXY_CODE}start();`)}`;
    const worker = new Worker(new URL(source), { workerData: { memory, host, port } });
    const listening = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    worker.unref();
    return new FaultProxy(worker, new Int32Array(memory), listening);
  }

  /**
   * The options of a target, for connections through the proxy.
   *
   * @param target As for `Conn.connect`; its host and port are replaced.
   * @throws {UsageError} If the target is malformed, or has a Unix socket.
   */
  opts(target?: Target): Opts {
    const opts = targetOpts(target, variable);
    if (settingsOf(opts).socket !== undefined) {
      throw new UsageError("Cannot go through a proxy: the target has a Unix socket, and must have a host");
    }
    return opts.host("127.0.0.1").port(this.port).upgradeToUnixSocket(false);
  }

  /** How many clients have a socket open. */
  get open(): number {
    return Atomics.load(this.#cells, Cell.Open);
  }

  /** Bytes to the server and to the client since {@linkcode arm}, of the connection that it concerns. */
  get passed(): { readonly up: number; readonly down: number } {
    return { up: Atomics.load(this.#cells, Cell.Passed), down: Atomics.load(this.#cells, Cell.Passed + 1) };
  }

  /** Whether the fault has happened. */
  get struck(): boolean {
    return Atomics.load(this.#cells, Cell.Struck) === 1;
  }

  /** Sets the fault of one connection, in place of the one before; counts its bytes from now on. Without a fault, it only counts. */
  arm(fault?: Fault): void {
    const values = [
      [Cell.Passed, 0],
      [Cell.Passed + 1, 0],
      [Cell.Struck, 0],
      [Cell.Released, 0],
      [Cell.Direction, fault?.direction === "down" ? 1 : 0],
      [Cell.After, fault?.after ?? 0],
      [Cell.Then, fault === undefined ? 0 : THEN.indexOf(fault.then) + 1],
      [Cell.Armed, Atomics.load(this.#cells, Cell.Accepted) + (fault?.connection === "next" ? 1 : 0)],
    ] as const;
    for (const [cell, value] of values) Atomics.store(this.#cells, cell, value);
  }

  /** Passes the held bytes on. */
  release(): void {
    Atomics.store(this.#cells, Cell.Released, 1);
  }

  /** Stops or resumes all connections in both directions. Bytes sent meanwhile arrive afterwards. */
  stall(stalled: boolean): void {
    Atomics.store(this.#cells, Cell.Stalled, stalled ? 1 : 0);
  }

  /**
   * Delays all bytes in both directions by `milliseconds`; 0 ends that. While bytes are delayed, the proxy reads no more
   * in their direction: what is sent in several parts waits once for each.
   */
  delay(milliseconds: number): void {
    Atomics.store(this.#cells, Cell.Delay, milliseconds);
  }

  /** Resets new connections at once, or accepts them again. Those that are open stay so. */
  refuse(refusing: boolean): void {
    Atomics.store(this.#cells, Cell.Refusing, refusing ? 1 : 0);
  }

  /** Closes all connections, and stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
