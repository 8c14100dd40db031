/**
 * A primary and two standbys that stream from it, each behind a proxy that can cut its network. Commits wait for a
 * standby, so that a failover loses nothing that was acknowledged.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Conn } from "../../../mod.ts";
import { FaultProxy } from "../../../src/testing/mod.ts";
import { type Major, PostgresServer } from "./postgres.ts";

/** A server of the cluster. */
export interface ClusterNode {
  /** Its name as a standby. */
  readonly name: string;
  server: PostgresServer;
  readonly proxy: FaultProxy;
}

/** How a cluster is made. */
export interface ClusterOptions {
  readonly major: Major;
  /** How many milliseconds the last standby lags behind in what it shows. */
  readonly delay?: number;
  /** Whether commits wait for a standby. Default: true. */
  readonly isSynchronous?: boolean;
}

/** A running cluster. */
export class Cluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  readonly #options: ClusterOptions;

  private constructor(nodes: readonly ClusterNode[], options: ClusterOptions) {
    this.nodes = nodes;
    this.#options = options;
  }

  /** Starts one; node 0 is the primary. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { major, delay = 0 } = options;
    const primary = await PostgresServer.start({ major, settings: SETTINGS });
    const started = [primary];
    for (const i of [1, 2]) {
      const settings = {
        ...SETTINGS,
        primary_conninfo: conninfo(primary.port, `n${i}`),
        ...(i === 2 && delay > 0 ? { recovery_min_apply_delay: `${delay}ms` } : {}),
      };
      // All of them begin with the same copy of an empty database, so they are one cluster.
      started.push(await PostgresServer.start({ major, settings, files: { "standby.signal": "" } }));
    }
    const nodes: ClusterNode[] = [];
    for (const [i, server] of started.entries()) {
      nodes.push({ name: `n${i}`, server, proxy: await FaultProxy.start(server.port) });
    }
    const cluster = new Cluster(nodes, options);
    await cluster.synchronize(0);
    return cluster;
  }

  /** The hosts, for a connection string: the ports of the proxies. */
  get hosts(): string {
    return this.nodes.map(({ proxy }) => `127.0.0.1:${proxy.port}`).join(",");
  }

  /** The host of a node, as a pool names it. */
  host(index: number): string {
    return `127.0.0.1:${this.nodes[index]!.proxy.port}`;
  }

  /** Executes statements on a node, past its proxy. */
  async ask(index: number, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
    const { server } = this.nodes[index]!;
    const socket = `${server.socketDirectories[0]}/.s.PGSQL.${server.port}`;
    await using conn = await Conn.connect(`pg://postgres@localhost/postgres?socket=${socket}`);
    let rows: Record<string, unknown>[] = [];
    for (const sql of statements) rows = await conn.query(sql);
    return rows;
  }

  /** Has commits on a primary wait for a standby, once one streams from it. */
  async synchronize(primary: number): Promise<void> {
    await this.#until(async () => {
      const [row] = await this.ask(
        primary,
        "select count(*)::int4 as n from pg_stat_replication where state = 'streaming'",
      );
      return Number(row?.n) > 0;
    });
    if (this.#options.isSynchronous ?? true) await this.#setNames(primary, "FIRST 1 (n0, n1, n2)");
  }

  /** The standby that has received most, so that nothing is lost if it becomes the primary. */
  async mostAdvanced(): Promise<number> {
    let best: { readonly index: number; readonly position: bigint } | undefined;
    for (const [index, { server }] of this.nodes.entries()) {
      if (server.pid === undefined || !await this.#isStandby(index)) continue;
      const sql = "select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::int8 as position";
      const [row] = await this.ask(index, sql);
      const position = BigInt(row?.position as bigint | null ?? 0);
      if (best === undefined || position > best.position) best = { index, position };
    }
    if (best === undefined) throw new Error("No standby is left");
    return best.index;
  }

  /** Makes a standby a primary, and has the others that run follow it. */
  async promote(index: number): Promise<void> {
    // Until a standby streams from it, it would commit nothing.
    await this.#setNames(index, "");
    await this.ask(index, "select pg_promote(true, 60)");
    for (const [other, { server }] of this.nodes.entries()) {
      if (other !== index && server.pid !== undefined && await this.#isStandby(other)) await this.follow(other, index);
    }
    await this.synchronize(index);
  }

  /** Has a standby receive nothing any more. */
  async stopStreaming(index: number): Promise<void> {
    await this.ask(index, "alter system set primary_conninfo = ''", "select pg_reload_conf()");
    await this.#until(async () => {
      const [row] = await this.ask(index, "select count(*)::int4 as n from pg_stat_wal_receiver");
      return Number(row?.n) === 0;
    });
  }

  /** Has a standby stream from another server. */
  async follow(index: number, primary: number): Promise<void> {
    const text = conninfo(this.nodes[primary]!.server.port, this.nodes[index]!.name);
    await this.ask(index, `alter system set primary_conninfo = '${text}'`, "select pg_reload_conf()");
  }

  /** Starts a server that was stopped in an orderly way as a standby. */
  async rejoin(index: number, primary: number): Promise<void> {
    const { server } = this.nodes[index]!;
    server.writeFile("standby.signal", "");
    await server.resume();
    await this.follow(index, primary);
  }

  /** Replaces a server that has crashed by a standby that begins with a copy of the primary. */
  async replace(index: number, primary: number): Promise<void> {
    const node = this.nodes[index]!;
    const { major } = this.#options;
    const source = this.nodes[primary]!.server;
    const socket = `${source.socketDirectories[0]}/.s.PGSQL.${source.port}`;
    const { port } = node.server;
    await node.server[Symbol.asyncDispose]();
    await using conn = await Conn.connect(`pg://postgres@localhost/postgres?socket=${socket}`);
    const [start, stop] = major < 15 ? ["pg_start_backup('copy', true, false)", "pg_stop_backup(false)"] : [
      "pg_backup_start('copy', true)",
      "pg_backup_stop(false)",
    ];
    await conn.query(`select ${start}`);
    const options = { major, port, settings: { ...SETTINGS, primary_conninfo: conninfo(source.port, node.name) } };
    node.server = await PostgresServer.start({
      ...options,
      copyOf: source.data,
      files: { "standby.signal": "" },
      finish: async () => {
        const [row] = await conn.query<{ labelfile: string }>(`select labelfile from ${stop}`);
        return { backup_label: row!.labelfile };
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { proxy, server } of this.nodes) {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    }
  }

  async #setNames(index: number, names: string): Promise<void> {
    await this.ask(index, `alter system set synchronous_standby_names = '${names}'`, "select pg_reload_conf()");
  }

  async #isStandby(index: number): Promise<boolean> {
    const [row] = await this.ask(index, "select pg_is_in_recovery() as standby");
    return row?.standby === true;
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; !(await condition()); attempt++) {
      if (attempt === 600) {
        throw new Error(`The cluster does not get there:\n${this.nodes.map(({ server }) => server.log)}`);
      }
      await pause(50);
    }
  }
}

function conninfo(port: number, name: string): string {
  return `host=127.0.0.1 port=${port} user=postgres application_name=${name}`;
}

const SETTINGS: Readonly<Record<string, string>> = {
  wal_keep_size: "512MB",
  wal_retrieve_retry_interval: "100ms",
  hot_standby_feedback: "on",
};
