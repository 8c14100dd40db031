/**
 * pg (node-postgres), from npm: named statements, arrays that the server unnests for inserting many,
 * pg-cursor for streams, pg-copy-streams for COPY.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Access, Driver, Operation } from "../driver.ts";
import { importPeer } from "../peers.ts";
import { ONE } from "../workloads/connect.ts";
import { blocks, COPY_IN, copyingOut } from "../workloads/copy.ts";
import { selectAtOnce } from "../workloads/in_flight.ts";
import { batches, columnsOf, INSERT, INSERT_ARRAYS } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { person, POINT } from "../workloads/people.ts";
import { inTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { FETCHED, streaming, Tally } from "../workloads/stream.ts";
import { placeOf } from "./place.ts";

/** The part of it that is used here. */
export interface Client {
  connect(): Promise<void>;
  query(query: { name?: string; text: string; values?: readonly unknown[] }): Promise<Result>;
  query<T extends Submittable>(query: T): T;
  end(): Promise<void>;
}

interface Result {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number;
}

/** What other packages make for a client. */
type Submittable = Readable | Writable | Cursor;

interface Cursor {
  read(count: number): Promise<unknown[]>;
  close(): Promise<void>;
}

/** The module. */
export interface Pg {
  readonly default: { readonly Client: new (options: object) => Client };
}

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const { default: pg } = await importPeer<Pg>("pg");
  const { default: Cursor } = await importPeer<{ default: new (text: string) => Cursor }>("pg-cursor");
  const { from, to } = await importPeer<{ from(text: string): Writable; to(text: string): Readable }>(
    "pg-copy-streams",
  );
  const client = new pg.Client(placeOf(target));
  await client.connect();
  const ping = { name: "ping", text: PING };
  const insert = { name: "insert", text: INSERT };
  const insertArrays = { name: "insert arrays", text: INSERT_ARRAYS };
  const point = { name: "point", text: POINT };

  function select(rows: number): Operation {
    const selected = { name: `select ${rows}`, text: selecting(rows) };
    return async (i) => (await client.query({ ...selected, values: [after(i)] })).rows;
  }

  function connect(access: Access): Operation {
    const place = placeOf(target, access);
    return async () => {
      const client = new pg.Client(place);
      await client.connect();
      const { rows: [row] } = await client.query({ text: ONE });
      await client.end();
      return row!["value"];
    };
  }

  const pinging: Operation = async (i) => (await client.query({ ...ping, values: [i] })).rows[0]!["value"];
  return {
    ping: pinging,
    fresh: () => inTurn(sizes.fresh, pinging),
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: async (i) => (await client.query({ ...insert, values: person(i) })).rowCount,
    insert_batch: async () => {
      let inserted = 0;
      for (const batch of batches(sizes)) {
        inserted += (await client.query({ ...insertArrays, values: columnsOf(batch) })).rowCount;
      }
      return inserted;
    },
    in_flight: () =>
      selectAtOnce(sizes.inFlight, async (id) => (await client.query({ ...point, values: [id] })).rows[0]),
    rows: async () => (await client.query({ name: "rows", text: ROWS })).rows,
    mixed: async () => (await client.query({ name: "mixed", text: MIXED })).rows,
    stream: async () => {
      const tally = new Tally();
      const cursor = client.query(new Cursor(streaming(sizes)));
      for (let rows = await cursor.read(FETCHED); rows.length > 0; rows = await cursor.read(FETCHED)) {
        for (const row of rows) tally.add(row);
      }
      await cursor.close();
      return tally;
    },
    copy_in: async () => {
      const writable = client.query(from(COPY_IN));
      for (const block of blocks(sizes)) {
        if (!writable.write(block)) await once(writable, "drain");
      }
      writable.end();
      await once(writable, "finish");
      return (writable as Writable & { rowCount: number }).rowCount;
    },
    copy_out: async () => {
      let bytes = 0;
      for await (const chunk of client.query(to(copyingOut(sizes)))) bytes += chunk.length;
      return bytes;
    },
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  };
};
