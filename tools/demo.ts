/**
 * `deno task demo`: pyro at work on a PostgreSQL server of its own, which it downloads, starts and
 * stops.
 */
import process from "node:process";
import { Conn, table } from "../mod.ts";
import { Conn as BlockingConn } from "../sync.ts";
import { PostgresServer } from "../tests/support/installed/postgres.ts";
import { NEWEST } from "../tests/support/installed/versions.ts";

console.log(`Starting a PostgreSQL ${NEWEST} server …`);
await using server = await PostgresServer.start({ major: NEWEST });
const url = `pg://postgres@localhost:${server.port}/postgres`;
console.log(`It listens on TCP port ${server.port}. Connecting to ${url}\n`);

await using conn = await Conn.connect(url);
console.log(`Promises: connected to PostgreSQL ${conn.serverVersion}, over ${nameOf(conn.transport)}${how(conn)}`);
await conn.queryDrop("create table planet (name text primary key, moons int not null, discovered date)");
const planets: readonly [name: string, moons: number, discovered: string | null][] = [
  ["Earth", 1, null],
  ["Mars", 2, null],
  ["Uranus", 28, "1781-03-13"],
  ["Neptune", 16, "1846-09-23"],
];
// Not awaited one by one: all of them leave together.
await Promise.all(planets.map((planet) => conn.execDrop("insert into planet values ($1, $2, $3)", planet)));
const rows = await conn.exec("select name, moons, discovered from planet where moons > $1 order by moons", [1]);
console.log(table(rows));

using blocking = new BlockingConn(url);
console.log(`Blocking: connected to the same server, over ${nameOf(blocking.transport)}${how(blocking)}`);
blocking.execDrop("update planet set moons = moons + 1 where name = $1", ["Mars"]);
console.log(table(blocking.query("select count(*) as planets, sum(moons) as moons from planet")));

console.log("Stopping the server.");
process.exitCode = 0;

function nameOf(transport: string): string {
  return transport === "unix" ? "its Unix socket" : "TCP";
}

function how(
  { upgrade }: { readonly upgrade: { readonly upgraded: boolean; readonly reason: string | undefined } },
): string {
  return upgrade.upgraded ? " (upgraded from TCP)" : ` (${upgrade.reason})`;
}
