/** pyro, blocking; `PYRO_BENCH_BLOCKING` says through what. */
import process from "node:process";
import { Conn, type PreparedStatement, type Ticket } from "../../sync.ts";
import type { Access, Driver, Operation } from "../driver.ts";
import { ONE } from "../workloads/connect.ts";
import { blocks, COPY_IN, copyingOut } from "../workloads/copy.ts";
import { keyOf } from "../workloads/in_flight.ts";
import { BATCH, batches, INSERT } from "../workloads/insert.ts";
import { MIXED } from "../workloads/mixed.ts";
import { isPerson, person, POINT } from "../workloads/people.ts";
import { blockingInTurn } from "../workloads/fresh.ts";
import { PING } from "../workloads/ping.ts";
import { ROWS } from "../workloads/rows.ts";
import { after, selecting } from "../workloads/select.ts";
import { streaming, Tally } from "../workloads/stream.ts";
import { optsOf } from "./pyro_opts.ts";

const THROUGH = process.env.PYRO_BENCH_BLOCKING as "ffi" | "worker";

export const driver: Driver = (target) => {
  const { sizes } = target;
  const conn = new Conn(optsOf(target).blockingTransport(THROUGH));

  function select(rows: number): Operation {
    const sql = selecting(rows);
    return (i) => conn.exec(sql, [after(i)]);
  }

  function connect(access: Access): Operation {
    const opts = optsOf(target, access).blockingTransport(THROUGH);
    return () => {
      using conn = new Conn(opts);
      return conn.queryFirst(ONE)?.["value"];
    };
  }

  let point: PreparedStatement | undefined;

  function inFlight(): number {
    // Not before: where something else is measured, its table may not be there.
    point ??= conn.prepare(POINT);
    using pipeline = conn.pipeline();
    const requests: Ticket[] = [];
    for (let k = 0; k < sizes.inFlight; k++) requests.push(pipeline.exec(point, [keyOf(k)]));
    pipeline.sync();
    return requests.filter((ticket, k) => isPerson(pipeline.claimOne(ticket), keyOf(k))).length;
  }

  const ping: Operation = (i) => conn.exec(PING, [i])[0]!["value"];
  return Promise.resolve({
    ping,
    fresh: () => blockingInTurn(sizes.fresh, ping),
    select_1: select(1),
    select_10: select(10),
    select_100: select(100),
    select_1000: select(1000),
    insert: (i) => conn.execDrop(INSERT, person(i)),
    insert_batch: () => conn.execBatch(INSERT, [...batches(sizes)].flat(), { chunk: BATCH }),
    in_flight: inFlight,
    rows: () => conn.exec(ROWS),
    mixed: () => conn.exec(MIXED),
    stream: () => {
      const tally = new Tally();
      for (const row of conn.stream(streaming(sizes))) tally.add(row);
      return tally;
    },
    copy_in: () => conn.copyIn(COPY_IN, blocks(sizes)),
    copy_out: () => {
      let bytes = 0;
      for (const chunk of conn.copyOut(copyingOut(sizes))) bytes += chunk.length;
      return bytes;
    },
    connect_default: connect("default"),
    connect_trust: connect("trust"),
    connect_scram: connect("scram"),
    connect_tls: connect("tls"),
  });
};
