/** The server that suites and programs use: its superuser is theirs, and each file that runs finds it as it was. */
import { Conn } from "../../mod.ts";
import { PostgresServer } from "../../tests/support/installed/postgres.ts";

/** A server, and how a process finds it. */
export interface CompatServer extends AsyncDisposable {
  readonly port: number;
  /** Variables for what connects as node-postgres' own tests do. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes the databases anew. */
  reset(): Promise<void>;
}

/** Starts it, with the roles that the suites name. */
export async function startCompatServer(): Promise<CompatServer> {
  const server = await PostgresServer.start({
    major: 18,
    tls: true,
    hba: ["local all postgres trust", "host all all all scram-sha-256"],
    settings: { max_connections: "200" },
  });
  const url = `pg://postgres@localhost/postgres?socket=${server.socketDirectories[0]}/.s.PGSQL.${server.port}`;
  await using conn = await Conn.connect(url);
  await conn.queryDrop(`
    alter role postgres password 'postgres';
    create role scram_test login password '${SCRAM_PASSWORD}';
    create role scram_unicode_test login password '${UNICODE_PASSWORD}';
    create role kysely login superuser password 'kysely';
  `);
  return {
    port: server.port,
    env: {
      PGHOST: "127.0.0.1",
      PGPORT: String(server.port),
      PGUSER: "postgres",
      PGPASSWORD: "postgres",
      PGDATABASE: "compat",
      USER: "postgres",
      SCRAM_TEST_PGUSER: "scram_test",
      SCRAM_TEST_PGPASSWORD: SCRAM_PASSWORD,
      SCRAM_TEST_PGUSER_UNICODE: "scram_unicode_test",
      SCRAM_TEST_PGPASSWORD_UNICODE: UNICODE_PASSWORD,
      PG_CONNECTION_STRING: `postgres://postgres:postgres@127.0.0.1:${server.port}/compat`,
      DATABASE_URL: `postgres://postgres:postgres@127.0.0.1:${server.port}/compat`,
    },
    async reset() {
      // Tests end the sessions of others.
      await using conn = await Conn.connect(url);
      for (const database of ["compat", "kysely_test"]) {
        await conn.queryDrop(`drop database if exists ${database} with (force)`);
        await conn.queryDrop(`create database ${database}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}

const SCRAM_PASSWORD = "test4scram";
/** SASLprep changes its second character. */
const UNICODE_PASSWORD = "IX-\u2168";
