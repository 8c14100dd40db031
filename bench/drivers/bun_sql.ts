/**
 * Bun.SQL, Bun's own client, one connection: queries as templates, which it prepares and pipelines by
 * itself; its helper for inserting many. It has neither streams, so a cursor of the server's is read in
 * steps, nor COPY.
 */
import { join } from "node:path";
import { type Access, type Driver, type Operation, PASSWORD, SCRAM_USER, type Target, USER } from "../driver.ts";
import { ONE } from "../workloads/connect.ts";
import { selectAtOnce } from "../workloads/in_flight.ts";
import { batches, INSERT } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { person, POINT } from "../workloads/people.ts";
import { inTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { FETCHED, streaming, Tally } from "../workloads/stream.ts";
import { type Rows, tagged } from "./tagged.ts";

/** The part of it that is used here. */
export interface Sql {
  (rows: readonly object[]): unknown;
  // Last, where inference looks.
  (strings: TemplateStringsArray, ...values: unknown[]): PromiseLike<Rows>;
  begin<T>(fn: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects that many times, as needed. */
export function open({ transport, port, directory }: Target, max: number, access: Access = "trust"): Sql {
  const { SQL } = Reflect.get(globalThis, "Bun") as { SQL: new (options: object) => Sql };
  return new SQL({
    adapter: "postgres",
    ...(transport === "unix" ? { path: join(directory, `.s.PGSQL.${port}`) } : { hostname: "127.0.0.1", port }),
    ...(access === "scram" ? { username: SCRAM_USER, password: PASSWORD } : { username: USER }),
    database: "postgres",
    tls: access === "tls" ? { rejectUnauthorized: false } : false,
    max,
  });
}

export const driver: Driver = (target) => {
  const { sizes } = target;
  const sql = open(target, 1);
  const ping = tagged(sql, PING);
  const insert = tagged(sql, INSERT);
  const point = tagged(sql, POINT);
  const rows = tagged(sql, ROWS);
  const mixed = tagged(sql, MIXED);

  function select(rows: number): Operation {
    const selected = tagged(sql, selecting(rows));
    return (i) => selected(after(i));
  }

  function connect(access: Access): Operation {
    return async () => {
      const sql = open(target, 1, access);
      const [row] = await tagged(sql, ONE)();
      await sql.close();
      return row!["value"];
    };
  }

  const pinging: Operation = async (i) => (await ping(i))[0]!["value"];
  return Promise.resolve({
    ping: pinging,
    fresh: () => inTurn(sizes.fresh, pinging),
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: async (i) => (await insert(...person(i))).count,
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(sizes)) {
        const rows = batch.map(([name, age, email, score, description]) => ({ name, age, email, score, description }));
        inserted += (await sql`insert into inserted ${sql(rows)}`).count;
      }
      return inserted;
    },
    in_flight: () => selectAtOnce(sizes.inFlight, async (id) => (await point(id))[0]),
    rows: () => rows(),
    mixed: () => mixed(),
    stream: () =>
      sql.begin(async (sql) => {
        const tally = new Tally();
        await tagged(sql, `declare streamed no scroll cursor for ${streaming(sizes)}`)();
        const fetch = tagged(sql, `fetch ${FETCHED} from streamed`);
        for (let rows = await fetch(); rows.length > 0; rows = await fetch()) {
          for (const row of rows) tally.add(row);
        }
        return tally;
      }),
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  });
};
