/**
 * pg-native, from npm: libpq below, blocking. Prepared statements; arrays that the server unnests for
 * inserting many; a cursor of the server's, since it has no streams. Its COPY does not block.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { type Access, type Driver, type Operation, PASSWORD, SCRAM_USER, USER } from "../driver.ts";
import { ONE } from "../workloads/connect.ts";
import { batches, columnsOf, INSERT, INSERT_ARRAYS } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { person } from "../workloads/people.ts";
import { blockingInTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { FETCHED, streaming, Tally } from "../workloads/stream.ts";

/** The part of it that is used here. */
interface Client {
  connectSync(conninfo: string): void;
  prepareSync(name: string, text: string, count: number): void;
  executeSync(name: string, values: readonly unknown[]): Record<string, unknown>[];
  querySync(text: string): Record<string, unknown>[];
  end(): void;
  readonly pq: { cmdTuples(): string };
}

export const driver: Driver = ({ transport, port, directory, sizes }) => {
  const Client = createRequire(process.env.PYRO_BENCH_PG_NATIVE!)("pg-native") as new () => Client;
  const host = transport === "unix" ? directory : "127.0.0.1";

  function open(access: Access): Client {
    const who = access === "scram" ? `user=${SCRAM_USER} password=${PASSWORD}` : `user=${USER}`;
    const client = new Client();
    client.connectSync(
      `host=${host} port=${port} dbname=postgres ${who} sslmode=${access === "tls" ? "require" : "disable"}`,
    );
    return client;
  }

  const client = open("trust");
  let statements = 0;

  /** Prepares when it is first needed: others' tables may not be there. */
  function prepared(sql: string): (values?: readonly unknown[]) => Record<string, unknown>[] {
    const count = new Set(sql.match(/\$\d+/g)).size;
    const name = `s${++statements}`;
    let known = false;
    return (values = []) => {
      if (!known) client.prepareSync(name, sql, count);
      known = true;
      return client.executeSync(name, values);
    };
  }

  function affected(execute: (values: readonly unknown[]) => unknown, values: readonly unknown[]): number {
    execute(values);
    return Number(client.pq.cmdTuples());
  }

  function select(rows: number): Operation {
    const selected = prepared(selecting(rows));
    return (i) => selected([after(i)]);
  }

  function connect(access: Access): Operation {
    return () => {
      const client = open(access);
      const [row] = client.querySync(ONE);
      client.end();
      return row!["value"];
    };
  }

  const ping = prepared(PING);
  const insert = prepared(INSERT);
  const insertArrays = prepared(INSERT_ARRAYS);
  const rows = prepared(ROWS);
  const mixed = prepared(MIXED);
  const pinging: Operation = (i) => ping([i])[0]!["value"];
  return Promise.resolve({
    ping: pinging,
    fresh: () => blockingInTurn(sizes.fresh, pinging),
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: (i) => affected(insert, person(i)),
    insert_batch: () => {
      let inserted = 0;
      for (const batch of batches(sizes)) {
        // It sends text only; nothing that is inserted here has to be quoted in an array.
        inserted += affected(insertArrays, columnsOf(batch).map((column) => `{${column.join(",")}}`));
      }
      return inserted;
    },
    rows: () => rows(),
    mixed: () => mixed(),
    stream: () => {
      const tally = new Tally();
      client.querySync("begin");
      client.querySync(`declare streamed no scroll cursor for ${streaming(sizes)}`);
      const fetch = prepared(`fetch ${FETCHED} from streamed`);
      for (let rows = fetch(); rows.length > 0; rows = fetch()) {
        for (const row of rows) tally.add(row);
      }
      client.querySync("commit");
      return tally;
    },
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  });
};
