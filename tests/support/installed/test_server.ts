/** The server that most tests share: a role for every way to authenticate, TLS, and several sockets. */
import { Conn } from "../../../mod.ts";
import { osUser } from "../../../src/runtime/runtime.ts";
import { type Major, PostgresServer } from "./postgres.ts";

/** Starts a server. */
export async function startTestServer(major: Major): Promise<PostgresServer> {
  const server = await PostgresServer.start({
    major,
    tls: true,
    hba: HBA,
    ident: [`tests ${osUser()} auth_peer`],
    // One in a usual directory, as on Debian, since ordinary roles may not query the directories.
    socketDirectories: ["s", "/tmp"],
    settings: { max_connections: "200" },
  });
  const url = `pg://postgres@localhost/postgres?socket=${server.socketDirectories[0]}/.s.PGSQL.${server.port}`;
  await using conn = await Conn.connect(url);
  await conn.queryDrop(`
    create role test login password '1234';
    create role auth_tokens;
    ${ROLES.map((role) => `create role ${role} login password 'secret';`).join("\n")}
    set password_encryption = 'md5';
    create role auth_md5 login password 'secret';
  `);
  await conn.queryDrop("create database test_db owner test");
  return server;
}

const ROLES = [
  "auth_trust",
  "auth_password",
  "auth_scram",
  "auth_peer",
  "auth_stronger",
  "auth_weaker",
  "auth_tls",
  "auth_plain",
  "auth_reject",
];

const HBA = [
  "local   all postgres      trust",
  "local   all test          trust",
  "local   all auth_trust    trust",
  "local   all auth_password password",
  "local   all auth_md5      md5",
  "local   all auth_scram    scram-sha-256",
  "local   all auth_peer     peer map=tests",
  "local   all auth_stronger password",
  "local   all auth_weaker   trust",
  "host      all postgres      all trust",
  "host      all test          all scram-sha-256",
  "host      all auth_trust    all trust",
  "host      all auth_password all password",
  "host      all auth_md5      all md5",
  "host      all auth_scram    all scram-sha-256",
  "host      all auth_peer     all scram-sha-256",
  "host      all auth_stronger all scram-sha-256",
  "host      all auth_weaker   all scram-sha-256",
  "host      all +auth_tokens  all scram-sha-256",
  "hostssl   all auth_tls      all scram-sha-256",
  "hostnossl all auth_plain    all scram-sha-256",
  "host      all auth_reject   all reject",
];
