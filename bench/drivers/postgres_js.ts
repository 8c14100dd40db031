/**
 * postgres.js, from npm, one connection: queries as templates, which it prepares and pipelines by itself;
 * its helper for inserting many; forEach for streams; its streams for COPY.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Access, Driver, Operation } from "../driver.ts";
import { importPeer } from "../peers.ts";
import { ONE } from "../workloads/connect.ts";
import { blocks, COPY_IN, copyingOut } from "../workloads/copy.ts";
import { selectAtOnce } from "../workloads/in_flight.ts";
import { batches, INSERT } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { COLUMNS, person, POINT } from "../workloads/people.ts";
import { inTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { streaming, Tally } from "../workloads/stream.ts";
import { placeOf } from "./place.ts";
import { type Rows, tagged } from "./tagged.ts";

/** The part of it that is used here. */
interface Sql {
  (rows: readonly object[], ...columns: readonly string[]): unknown;
  // Last, where inference looks.
  (strings: TemplateStringsArray, ...values: unknown[]): Query;
  end(): Promise<void>;
}

interface Query extends PromiseLike<Rows> {
  forEach(fn: (row: unknown) => void): Promise<unknown>;
  readable(): Promise<Readable>;
  writable(): Promise<Writable>;
}

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const { default: postgres } = await importPeer<{ default: (options: object) => Sql }>("postgres");
  const sql = postgres({ ...placeOf(target), max: 1 });
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
    // Without the question for array types, which nobody else asks here.
    const options = { ...placeOf(target, access), max: 1, fetch_types: false };
    return async () => {
      const sql = postgres(options);
      const [row] = await tagged(sql, ONE)();
      await sql.end();
      return row!["value"];
    };
  }

  const pinging: Operation = async (i) => (await ping(i))[0]!["value"];
  return {
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
        inserted += (await sql`insert into inserted ${sql(rows, ...COLUMNS)}`).count;
      }
      return inserted;
    },
    in_flight: () => selectAtOnce(sizes.inFlight, async (id) => (await point(id))[0]),
    rows: () => rows(),
    mixed: () => mixed(),
    stream: async () => {
      const tally = new Tally();
      await tagged(sql, streaming(sizes))().forEach((row) => tally.add(row));
      return tally;
    },
    copy_in: async () => {
      const writable = await tagged(sql, COPY_IN)().writable();
      for (const block of blocks(sizes)) {
        if (!writable.write(block)) await once(writable, "drain");
      }
      writable.end();
      await once(writable, "finish");
      return Number((await sql`select count(*)::int4 as count from copied`)[0]!["count"]);
    },
    copy_out: async () => {
      let bytes = 0;
      for await (const chunk of await tagged(sql, copyingOut(sizes))().readable()) bytes += chunk.length;
      return bytes;
    },
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  };
};
