// Types that users write.
import { Conn, type ConnectOptions, DecodeError, Interval, Opts, Pool, type PoolOptions, type Row, sql } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";
import { instrument } from "@x/pyro/otel";
import { pglite } from "@x/pyro/pglite";
import { transportChecks } from "@x/pyro/testing";
import { webSocket } from "@x/pyro/websocket";
import { workerSockets } from "@x/pyro/workers";

const options: PoolOptions = { poolMaxConcurrency: 4 };
const connectOptions: ConnectOptions = {};
export async function main(): Promise<number> {
  await using conn = await Conn.connect(new Opts("pg://").int8("number"), connectOptions);
  await using pool = new Pool("pg://", options);
  const rows: Row[] = await pool.exec(sql`select ${1}`);
  const typed = await conn.exec<{ n: number }>("select 1 as n");
  for await (const row of conn.stream<{ n: number }>("select 1 as n")) console.log(row.n.toFixed());
  using blocking = new BlockingConn("pg://");
  const first = blocking.execFirst<{ n: string }>("select 'a' as n");
  const interval: Interval = Interval.from("1 day");
  // @ts-expect-error: there is no such option.
  new Opts().nothing();
  return rows.length + (typed[0]?.n ?? 0) + (first?.n.length ?? 0) + interval.days;
}
export const names = [DecodeError, instrument, pglite, transportChecks, webSocket, workerSockets].map(({ name }) =>
  name
);
