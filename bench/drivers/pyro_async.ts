/** pyro with promises. */
import { Conn } from "../../mod.ts";
import type { Access, Driver, Operation } from "../driver.ts";
import { ONE } from "../workloads/connect.ts";
import { blocks, COPY_IN, copyingOut } from "../workloads/copy.ts";
import { selectAtOnce } from "../workloads/in_flight.ts";
import { BATCH, batches, INSERT } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { person, POINT } from "../workloads/people.ts";
import { inTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { streaming, Tally } from "../workloads/stream.ts";
import { optsOf } from "./pyro_opts.ts";

export const driver: Driver = async (target) => {
  const { sizes } = target;
  const conn = await Conn.connect(optsOf(target));

  function select(rows: number): Operation {
    const sql = selecting(rows);
    return (i) => conn.exec(sql, [after(i)]);
  }

  function connect(access: Access): Operation {
    const opts = optsOf(target, access);
    return async () => {
      const conn = await Conn.connect(opts);
      const row = await conn.queryFirst(ONE);
      await conn.close();
      return row?.["value"];
    };
  }

  const ping: Operation = async (i) => (await conn.exec(PING, [i]))[0]!["value"];
  return {
    ping,
    fresh: () => inTurn(sizes.fresh, ping),
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: (i) => conn.execDrop(INSERT, person(i)),
    insert_batch: () => conn.execBatch(INSERT, [...batches(sizes)].flat(), { chunk: BATCH }),
    in_flight: () => selectAtOnce(sizes.inFlight, (id) => conn.execFirst(POINT, [id])),
    rows: () => conn.exec(ROWS),
    mixed: () => conn.exec(MIXED),
    stream: async () => {
      const tally = new Tally();
      for await (const row of conn.stream(streaming(sizes))) tally.add(row);
      return tally;
    },
    copy_in: () => conn.copyIn(COPY_IN, blocks(sizes)),
    copy_out: async () => {
      let bytes = 0;
      for await (const chunk of conn.copyOut(copyingOut(sizes))) bytes += chunk.length;
      return bytes;
    },
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  };
};
