// Types of pg's that users write.
import pg, { type ClientConfig, type PoolClient, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import { Client, DatabaseError, Pool, types } from "pg";

interface Person extends QueryResultRow {
  name: string;
}
const config: ClientConfig = { host: "localhost", port: 5432, ssl: { rejectUnauthorized: false } };
export async function main(pool: pg.Pool): Promise<number> {
  types.setTypeParser(types.builtins.INT8, (text) => Number(text));
  const client: PoolClient = await pool.connect();
  client.on("notice", (notice) => console.log(notice.message));
  const query: QueryConfig = { text: "select $1::text as name", values: ["Ada"] };
  const result: QueryResult<Person> = await client.query<Person>(query);
  const arrays = await client.query<[number, string]>({ text: "select 1, 'a'", rowMode: "array" });
  client.query("select 1 as n", [], (error, { rows }) => console.log(error, rows[0].n));
  client.release(true);
  const other = new Client(config);
  other.on("notification", ({ channel, payload }) => console.log(channel, payload));
  await other.end();
  // @ts-expect-error: there is no such option.
  new Client({ hots: "localhost" });
  return (result.rowCount ?? 0) + arrays.rows[0]![0] + new Pool({ max: 1 }).totalCount;
}
export const names = [DatabaseError, pg.Query].map(({ name }) => name);
