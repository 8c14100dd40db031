/**
 * Connection strings as providers and other programs print them, each with what pyro makes of it. Names, hosts
 * and passwords are examples.
 */
import type { Settings } from "../../src/options/settings.ts";

/** The password in all of the strings: what must not show in an error. */
export const SECRET = "tr0ub4dor";

/** A string, and its settings, or the sentence with which it is refused. */
export interface ProviderString {
  readonly from: string;
  readonly text: string;
  readonly gives: Settings | string;
}

const account = { user: "ada", password: SECRET };
const supabase = { user: "postgres.abcdefghijkl", password: SECRET, db: "postgres" };

/** Strings that connect as their provider means it. */
export const CONNECTING: readonly ProviderString[] = [
  {
    from: "Neon",
    text:
      `postgresql://ada:${SECRET}@ep-cool-1234.us-east-2.aws.neon.tech/neondb?sslmode=require&channel_binding=require`,
    gives: {
      ...account,
      hosts: ["ep-cool-1234.us-east-2.aws.neon.tech"],
      db: "neondb",
      sslMode: "require",
      channelBinding: "require",
    },
  },
  {
    from: "AWS RDS, with the bundle of its authorities",
    text:
      `host=db1.abcdefgh.eu-west-1.rds.amazonaws.com port=5432 dbname=library user=ada password=${SECRET} sslmode=verify-full sslrootcert=/certs/global-bundle.pem`,
    gives: {
      ...account,
      hosts: ["db1.abcdefgh.eu-west-1.rds.amazonaws.com"],
      ports: [5432],
      db: "library",
      sslMode: "verify-full",
      sslRootCert: "/certs/global-bundle.pem",
    },
  },
  {
    from: "Azure, verified by the system's authorities",
    text:
      `postgresql://ada:${SECRET}@lib.postgres.database.azure.com:5432/library?sslmode=verify-full&sslrootcert=system`,
    gives: {
      ...account,
      hosts: ["lib.postgres.database.azure.com"],
      ports: [5432],
      db: "library",
      sslMode: "verify-full",
      sslRootCert: "system",
    },
  },
  {
    from: "Google Cloud SQL, certificates of its own",
    text:
      `sslmode=verify-ca sslrootcert=server-ca.pem sslcert=client-cert.pem sslkey=client-key.pem hostaddr=203.0.113.7 port=5432 user=ada password=${SECRET} dbname=library`,
    gives: {
      ...account,
      sslMode: "verify-ca",
      sslRootCert: "server-ca.pem",
      sslCert: "client-cert.pem",
      sslKey: "client-key.pem",
      hostAddrs: ["203.0.113.7"],
      ports: [5432],
      db: "library",
    },
  },
  {
    from: "CockroachDB Cloud",
    text: `postgresql://ada:${SECRET}@lib-1234.aws-eu-west-1.cockroachlabs.cloud:26257/defaultdb?sslmode=verify-full`,
    gives: {
      ...account,
      hosts: ["lib-1234.aws-eu-west-1.cockroachlabs.cloud"],
      ports: [26_257],
      db: "defaultdb",
      sslMode: "verify-full",
    },
  },
  {
    from: "CockroachDB, certificates of the cluster",
    text:
      "postgresql://ada@localhost:26257/bank?ssl=true&sslmode=require&sslrootcert=certs/ca.crt&sslkey=certs/client.ada.key&sslcert=certs/client.ada.crt",
    gives: {
      user: "ada",
      hosts: ["localhost"],
      ports: [26_257],
      db: "bank",
      sslMode: "require",
      sslRootCert: "certs/ca.crt",
      sslKey: "certs/client.ada.key",
      sslCert: "certs/client.ada.crt",
    },
  },
  {
    from: "YugabyteDB Aeon",
    text:
      `postgresql://admin:${SECRET}@eu-west-1.abcdefgh.aws.yugabyte.cloud:5433/yugabyte?ssl=true&sslmode=verify-full&sslrootcert=/certs/root.crt`,
    gives: {
      user: "admin",
      password: SECRET,
      hosts: ["eu-west-1.abcdefgh.aws.yugabyte.cloud"],
      ports: [5433],
      db: "yugabyte",
      sslMode: "verify-full",
      sslRootCert: "/certs/root.crt",
    },
  },
  {
    from: "Aiven, verified",
    text:
      `postgres://avnadmin:${SECRET}@pg-lib-proj.aivencloud.com:12691/defaultdb?sslmode=verify-ca&sslrootcert=ca.pem`,
    gives: {
      user: "avnadmin",
      password: SECRET,
      hosts: ["pg-lib-proj.aivencloud.com"],
      ports: [12_691],
      db: "defaultdb",
      sslMode: "verify-ca",
      sslRootCert: "ca.pem",
    },
  },
  {
    from: "Neon, options instead of SNI",
    text: `postgresql://ada:${SECRET}@ep-cool-1234.us-east-2.aws.neon.tech/neondb?options=endpoint%3Dep-cool-1234`,
    gives: {
      ...account,
      hosts: ["ep-cool-1234.us-east-2.aws.neon.tech"],
      db: "neondb",
      param: { options: "endpoint=ep-cool-1234" },
    },
  },
  {
    from: "Neon, sslmode alone",
    text: `postgresql://ada:${SECRET}@ep-cool-1234-pooler.us-east-2.aws.neon.tech/neondb?sslmode=require`,
    gives: { ...account, hosts: ["ep-cool-1234-pooler.us-east-2.aws.neon.tech"], db: "neondb", sslMode: "require" },
  },
  {
    from: "Supabase, direct",
    text: `postgresql://postgres:${SECRET}@db.abcdefghijkl.supabase.co:5432/postgres`,
    gives: {
      user: "postgres",
      password: SECRET,
      hosts: ["db.abcdefghijkl.supabase.co"],
      ports: [5432],
      db: "postgres",
    },
  },
  {
    from: "Supabase, session pooler",
    text: `postgres://postgres.abcdefghijkl:${SECRET}@aws-0-eu-central-1.pooler.supabase.com:5432/postgres`,
    gives: { ...supabase, hosts: ["aws-0-eu-central-1.pooler.supabase.com"], ports: [5432] },
  },
  {
    from: "Supabase, transaction pooler",
    text:
      `postgres://postgres.abcdefghijkl:${SECRET}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true`,
    gives: { ...supabase, hosts: ["aws-0-eu-central-1.pooler.supabase.com"], ports: [6543], pgbouncer: true },
  },
  {
    from: "Supabase, older pooler",
    text:
      `postgres://postgres:${SECRET}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?options=reference%3Dabcdefghijkl`,
    gives: {
      ...supabase,
      user: "postgres",
      hosts: ["aws-0-eu-central-1.pooler.supabase.com"],
      ports: [6543],
      param: { options: "reference=abcdefghijkl" },
    },
  },
  {
    from: "AWS RDS",
    text: `postgresql://ada:${SECRET}@db1.abcdefgh.eu-west-1.rds.amazonaws.com:5432/library?sslmode=require`,
    gives: {
      ...account,
      hosts: ["db1.abcdefgh.eu-west-1.rds.amazonaws.com"],
      ports: [5432],
      db: "library",
      sslMode: "require",
    },
  },
  {
    from: "AWS RDS, psql's string",
    text:
      `host=db1.abcdefgh.eu-west-1.rds.amazonaws.com port=5432 dbname=library user=ada password=${SECRET} sslmode=require`,
    gives: {
      ...account,
      hosts: ["db1.abcdefgh.eu-west-1.rds.amazonaws.com"],
      ports: [5432],
      db: "library",
      sslMode: "require",
    },
  },
  {
    from: "Azure, psql's string",
    text: `host=lib.postgres.database.azure.com port=5432 dbname=library user=ada password=${SECRET} sslmode=require`,
    gives: {
      ...account,
      hosts: ["lib.postgres.database.azure.com"],
      ports: [5432],
      db: "library",
      sslMode: "require",
    },
  },
  {
    from: "Azure, single server, with the server in the user",
    text: `postgres://ada%40lib:${SECRET}@lib.postgres.database.azure.com/library?sslmode=require`,
    gives: {
      user: "ada@lib",
      password: SECRET,
      hosts: ["lib.postgres.database.azure.com"],
      db: "library",
      sslMode: "require",
    },
  },
  {
    from: "Azure, PgBouncer",
    text: `postgresql://ada:${SECRET}@lib.postgres.database.azure.com:6432/library?sslmode=require&pgbouncer=true`,
    gives: {
      ...account,
      hosts: ["lib.postgres.database.azure.com"],
      ports: [6432],
      db: "library",
      sslMode: "require",
      pgbouncer: true,
    },
  },
  {
    from: "Google Cloud SQL, socket in the query",
    text: `postgresql://ada:${SECRET}@/library?host=/cloudsql/proj:europe-west1:lib`,
    gives: { ...account, db: "library", hosts: ["/cloudsql/proj:europe-west1:lib"] },
  },
  {
    from: "Google Cloud SQL, socket in the query beside a host (Prisma)",
    text: `postgresql://ada:${SECRET}@localhost/library?host=/cloudsql/proj:europe-west1:lib`,
    gives: { ...account, db: "library", hosts: ["/cloudsql/proj:europe-west1:lib"] },
  },
  {
    from: "Google Cloud SQL, socket as the host",
    text: `postgresql://ada:${SECRET}@%2Fcloudsql%2Fproj%3Aeurope-west1%3Alib/library`,
    gives: { ...account, db: "library", hosts: ["/cloudsql/proj:europe-west1:lib"] },
  },
  {
    from: "Google Cloud SQL, keyword/value",
    text: `user=ada password=${SECRET} dbname=library host=/cloudsql/proj:europe-west1:lib`,
    gives: { ...account, db: "library", hosts: ["/cloudsql/proj:europe-west1:lib"] },
  },
  {
    from: "Heroku",
    text: `postgres://ada:${SECRET}@ec2-34-1-2-3.compute-1.amazonaws.com:5432/d4fgh`,
    gives: { ...account, hosts: ["ec2-34-1-2-3.compute-1.amazonaws.com"], ports: [5432], db: "d4fgh" },
  },
  {
    from: "Railway, public",
    text: `postgresql://ada:${SECRET}@roundhouse.proxy.rlwy.net:12345/railway`,
    gives: { ...account, hosts: ["roundhouse.proxy.rlwy.net"], ports: [12_345], db: "railway" },
  },
  {
    from: "Railway, private",
    text: `postgresql://ada:${SECRET}@postgres.railway.internal:5432/railway`,
    gives: { ...account, hosts: ["postgres.railway.internal"], ports: [5432], db: "railway" },
  },
  {
    from: "Render, internal",
    text: `postgresql://ada:${SECRET}@dpg-abcdefghijkl-a/library`,
    gives: { ...account, hosts: ["dpg-abcdefghijkl-a"], db: "library" },
  },
  {
    from: "Render, external",
    text: `postgresql://ada:${SECRET}@dpg-abcdefghijkl-a.oregon-postgres.render.com/library`,
    gives: { ...account, hosts: ["dpg-abcdefghijkl-a.oregon-postgres.render.com"], db: "library" },
  },
  {
    from: "Fly, unmanaged",
    text: `postgres://ada:${SECRET}@lib-db.flycast:5432/library?sslmode=disable`,
    gives: { ...account, hosts: ["lib-db.flycast"], ports: [5432], db: "library", sslMode: "disable" },
  },
  {
    from: "Fly, managed, pooled",
    text: `postgresql://fly-user:${SECRET}@pgbouncer.abcdefgh.flympg.net/fly-db`,
    gives: { user: "fly-user", password: SECRET, hosts: ["pgbouncer.abcdefgh.flympg.net"], db: "fly-db" },
  },
  {
    from: "Timescale",
    text: `postgres://tsdbadmin:${SECRET}@abcdefgh.ijklmnop.tsdb.cloud.timescale.com:31111/tsdb?sslmode=require`,
    gives: {
      user: "tsdbadmin",
      password: SECRET,
      hosts: ["abcdefgh.ijklmnop.tsdb.cloud.timescale.com"],
      ports: [31_111],
      db: "tsdb",
      sslMode: "require",
    },
  },
  {
    from: "Aiven",
    text: `postgres://avnadmin:${SECRET}@pg-lib-proj.aivencloud.com:12691/defaultdb?sslmode=require`,
    gives: {
      user: "avnadmin",
      password: SECRET,
      hosts: ["pg-lib-proj.aivencloud.com"],
      ports: [12_691],
      db: "defaultdb",
      sslMode: "require",
    },
  },
  {
    from: "DigitalOcean",
    text: `postgresql://doadmin:${SECRET}@db-lib-do-user-1-0.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require`,
    gives: {
      user: "doadmin",
      password: SECRET,
      hosts: ["db-lib-do-user-1-0.b.db.ondigitalocean.com"],
      ports: [25_060],
      db: "defaultdb",
      sslMode: "require",
    },
  },
  {
    from: "CockroachDB, insecure cluster",
    text: "postgresql://root@localhost:26257/bank?sslmode=disable",
    gives: { user: "root", hosts: ["localhost"], ports: [26_257], db: "bank", sslMode: "disable" },
  },
  {
    from: "CockroachDB, socket directory",
    text: `postgres://ada:${SECRET}@?host=/tmp&port=26257`,
    gives: { ...account, hosts: ["/tmp"], ports: [26_257] },
  },
  {
    from: "CockroachDB, cluster in options",
    text:
      `postgresql://ada:${SECRET}@free-tier.gcp-us-central1.cockroachlabs.cloud:26257/bank?sslmode=require&options=--cluster%3Dgrim-hyena-123`,
    gives: {
      ...account,
      hosts: ["free-tier.gcp-us-central1.cockroachlabs.cloud"],
      ports: [26_257],
      db: "bank",
      sslMode: "require",
      param: { options: "--cluster=grim-hyena-123" },
    },
  },
  {
    from: "YugabyteDB, local",
    text: "postgresql://yugabyte@localhost:5433/yugabyte",
    gives: { user: "yugabyte", hosts: ["localhost"], ports: [5433], db: "yugabyte" },
  },
  {
    from: "Prisma Postgres, direct",
    text: `postgres://ada:${SECRET}@db.prisma.io:5432/postgres?sslmode=require`,
    gives: { ...account, hosts: ["db.prisma.io"], ports: [5432], db: "postgres", sslMode: "require" },
  },
  {
    from: "Vercel, for Prisma",
    text:
      `postgres://default:${SECRET}@ep-cool-1-pooler.us-east-1.postgres.vercel-storage.com:5432/verceldb?pgbouncer=true&connect_timeout=15&sslmode=require`,
    gives: {
      user: "default",
      password: SECRET,
      hosts: ["ep-cool-1-pooler.us-east-1.postgres.vercel-storage.com"],
      ports: [5432],
      db: "verceldb",
      pgbouncer: true,
      connectTimeout: 15_000,
      sslMode: "require",
    },
  },
  {
    from: "node-postgres, ssl=true",
    text: `postgres://ada:${SECRET}@db.example.com/library?ssl=true`,
    gives: { ...account, hosts: ["db.example.com"], db: "library", sslMode: "require" },
  },
  {
    from: "Django and others, keepalives",
    text:
      `postgres://ada:${SECRET}@db.example.com/library?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5`,
    gives: {
      ...account,
      hosts: ["db.example.com"],
      db: "library",
      keepAlive: true,
      keepAlivesIdle: 30_000,
      keepAlivesInterval: 10_000,
      keepAlivesCount: 5,
    },
  },
  {
    from: "asyncpg and Prisma, no statement cache",
    text: `postgresql://ada:${SECRET}@db.example.com/library?statement_cache_size=0`,
    gives: { ...account, hosts: ["db.example.com"], db: "library", statementCacheSize: 0 },
  },
];

const at = `postgresql://ada:${SECRET}@db.example.com:5432/library`;
const require = "which encrypts and does not verify the certificate";

/** Strings that are refused, in one sentence that says what to write instead. */
export const REFUSED: readonly ProviderString[] = [
  // Prisma.
  ...keys("Prisma", {
    "schema=public": 'Cannot use key "schema": use search_path instead',
    "connection_limit=1": 'Cannot use key "connection_limit": use pool_max_concurrency instead',
    "pool_timeout=20": 'Cannot use key "pool_timeout": use pool_acquire_timeout instead, in seconds',
    "socket_timeout=20": 'Cannot use key "socket_timeout": use statement_timeout instead',
    "sslaccept=strict": 'Cannot use key "sslaccept": use sslmode=verify-full instead',
    "sslaccept=accept_invalid_certs": `Cannot use key "sslaccept": use sslmode=require instead, ${require}`,
    "sslidentity=client.p12": 'Cannot use key "sslidentity": use sslcert instead',
  }),
  {
    from: "Prisma Accelerate",
    text: `prisma://accelerate.prisma-data.net/?api_key=${SECRET}`,
    gives:
      "Cannot read the connection string: it is for Prisma's own protocol; give the direct one, which begins with " +
      "postgres://",
  },
  {
    from: "Prisma Postgres, local",
    text: `prisma+postgres://localhost:51213/?api_key=${SECRET}`,
    gives:
      "Cannot read the connection string: it is for Prisma's own protocol; give the direct one, which begins with " +
      "postgres://",
  },
  // node-postgres.
  ...keys("node-postgres", {
    "sslmode=no-verify": `Cannot set sslmode to "no-verify": use require instead, ${require}`,
    "ssl=no-verify": `Cannot set ssl to "no-verify": use sslmode=require instead, ${require}`,
    "ssl=require": `Cannot set ssl to "require": use sslmode=require instead, ${require}`,
    "uselibpqcompat=true&sslmode=require":
      'Cannot use key "uselibpqcompat": leave it out: sslmode has libpq\'s meaning already',
    "encoding=utf8": 'Cannot use key "encoding": leave it out: pyro reads and writes UTF8 only',
    "max=20": 'Cannot use key "max": use pool_max_concurrency instead',
    "idleTimeoutMillis=1000": 'Cannot use key "idleTimeoutMillis": use pool_idle_timeout instead, in seconds',
    "maxUses=7500": 'Cannot use key "maxUses": use pool_max_uses instead',
  }),
  {
    from: "node-postgres, Unix socket",
    text: `socket:/tmp?db=library&password=${SECRET}`,
    gives: "Cannot read the connection string: it is node-postgres's form for Unix sockets; write host=/directory " +
      "dbname=name",
  },
  {
    from: "node-postgres, Unix socket and database",
    text: "/cloudsql/proj:europe-west1:lib library",
    gives: "Cannot read the connection string: it is node-postgres's form for Unix sockets; write host=/directory " +
      "dbname=name",
  },
  // postgres.js and Bun.
  ...keys("postgres.js", {
    "idle_timeout=20": 'Cannot use key "idle_timeout": use pool_idle_timeout instead, in seconds',
    "max_lifetime=1800": 'Cannot use key "max_lifetime": use pool_max_lifetime instead, in seconds',
    "prepare=false": 'Cannot use key "prepare": use statement_cache_size instead',
    "fetch_types=false": 'Cannot use key "fetch_types": leave it out: types are looked up when they are needed',
  }),
  ...keys("Bun", {
    "tls=true": `Cannot use key "tls": use sslmode=require instead, ${require}`,
    "connectionTimeout=30": 'Cannot use key "connectionTimeout": use connect_timeout instead, in seconds',
    "adapter=postgres": 'Cannot use key "adapter": leave it out: the scheme postgresql:// says the same',
  }),
  // Vercel's and Supabase's marks.
  ...keys("Vercel and Supabase", {
    "sslmode=require&supa=base-pooler.x":
      'Cannot use key "supa": leave it out: it tells only where the string comes from',
    "workaround=supabase-pooler.vercel":
      'Cannot use key "workaround": leave it out: it tells only where the string comes from',
  }),
  {
    from: "Supabase, with the placeholder",
    text: "postgresql://postgres:[YOUR-PASSWORD]@db.abcdefghijkl.supabase.co:5432/postgres",
    gives:
      "Cannot use the password [YOUR-PASSWORD]: it is a placeholder, and the password must be written in its place",
  },
  {
    from: "Azure, with the placeholder",
    text: "host=lib.postgres.database.azure.com dbname=library user=ada password={your_password} sslmode=require",
    gives:
      "Cannot use the password {your_password}: it is a placeholder, and the password must be written in its place",
  },
  {
    from: "CockroachDB, with the placeholder",
    text: "postgresql://ada:<ENTER-SQL-USER-PASSWORD>@lib-1.aws-eu-west-1.cockroachlabs.cloud:26257/defaultdb",
    gives:
      "Cannot use the password <ENTER-SQL-USER-PASSWORD>: it is a placeholder, and the password must be written in " +
      "its place",
  },
  {
    from: "CockroachDB, a raw = in options",
    text: `${at}?options=--cluster=grim-hyena-123`,
    gives: 'Cannot read the connection URL: the value of options in its query contains "="; percent-encode it (%3D)',
  },
  ...keys("CockroachDB", {
    "cluster=grim-hyena-123":
      'Cannot use key "cluster": use options=--cluster%3D… instead, with the name of the cluster',
  }),
  // YugabyteDB's smart drivers.
  ...keys(
    "YugabyteDB",
    Object.fromEntries(
      [
        "load_balance=true",
        "loadBalance=any",
        "load-balance=true",
        "topology_keys=cloud.region.zone",
        "topologyKeys=cloud.region.zone",
        "yb_servers_refresh_interval=300",
        "yb-servers-refresh-interval=300",
        "fallback_to_topology_keys_only=true",
        "failed_host_reconnect_delay_secs=5",
      ].map((pair) => [
        pair,
        `Cannot use key "${
          pair.split("=")[0]
        }": leave it out, and list the nodes as hosts: pyro does not ask a cluster ` +
        "for its nodes",
      ]),
    ),
  ),
  // Azure's and Npgsql's ADO.NET.
  {
    from: "Azure, ADO.NET",
    text:
      `Server=lib.postgres.database.azure.com;Database=library;Port=5432;User Id=ada;Password=${SECRET};Ssl Mode=Require;`,
    gives:
      'Cannot read the connection string: pairs must be separated by spaces, not ";", with libpq\'s keys: host for ' +
      '"Server", dbname for "Database", port for "Port", user for "User Id", password for "Password", sslmode for ' +
      '"Ssl Mode"; values with spaces or semicolons go in single quotes, and quotes and backslashes are escaped with a ' +
      "backslash",
  },
  {
    from: "Npgsql",
    text: `Host=db.example.com;Username=ada;Password=${SECRET};SSL Mode=VerifyFull`,
    gives:
      'Cannot read the connection string: pairs must be separated by spaces, not ";", with libpq\'s keys: host for ' +
      '"Host", user for "Username", password for "Password", sslmode for "SSL Mode"; values with spaces or semicolons go ' +
      "in single quotes, and quotes and backslashes are escaped with a backslash",
  },
  ...keys("Npgsql, in a URL", {
    "SSL%20Mode=VerifyFull": 'Cannot use key "SSL Mode": use sslmode=verify-full instead',
    "Trust%20Server%20Certificate=true":
      `Cannot use key "Trust Server Certificate": use sslmode=require instead, ${require}`,
    "Maximum%20Pool%20Size=20": 'Cannot use key "Maximum Pool Size": use pool_max_concurrency instead',
    "Write%20Buffer%20Size=8192": 'Cannot use key "Write Buffer Size": leave it out: there is no such choice',
  }),
  // JDBC.
  {
    from: "Azure, JDBC",
    text: `jdbc:postgresql://lib.postgres.database.azure.com:5432/library?user=ada&password=${SECRET}&sslmode=require`,
    gives:
      "Cannot read the connection string: it is JDBC's; it must begin with postgresql://, without jdbc:, and have " +
      "libpq's keys",
  },
  {
    from: "YugabyteDB, JDBC",
    text: "jdbc:yugabytedb://127.0.0.1:5433/yugabyte?load-balance=true",
    gives:
      "Cannot read the connection string: it is JDBC's; it must begin with postgresql://, without jdbc:, and have " +
      "libpq's keys",
  },
  ...keys("JDBC", {
    "currentSchema=app": 'Cannot use key "currentSchema": use search_path instead',
    "sslfactory=org.postgresql.ssl.NonValidatingFactory": 'Cannot use key "sslfactory": use sslmode instead',
    "prepareThreshold=0": 'Cannot use key "prepareThreshold": use statement_cache_size instead',
    "tcpKeepAlive=true": 'Cannot use key "tcpKeepAlive": use keepalives instead',
    "reWriteBatchedInserts=true":
      'Cannot use key "reWriteBatchedInserts": leave it out: execBatch sends its sets together',
    "socketFactory=com.google.cloud.sql.postgres.SocketFactory":
      'Cannot use key "socketFactory": leave it out, and give the server\'s address, or that of a proxy in front of it, ' +
      "as host",
    "stringtype=unspecified": 'Cannot use key "stringtype": leave it out: there is no such choice',
  }),
  // SQLAlchemy, Django, Rails, Ecto, pgx.
  {
    from: "SQLAlchemy",
    text: `postgresql+asyncpg://ada:${SECRET}@db.example.com/library`,
    gives: "Cannot read the connection string: it is SQLAlchemy's; leave out the driver, which is between + and ://",
  },
  ...keys("SQLAlchemy", {
    "prepared_statement_cache_size=0":
      'Cannot use key "prepared_statement_cache_size": use statement_cache_size instead',
    "pool_pre_ping=true": 'Cannot use key "pool_pre_ping": leave it out: a pool checks its connections by itself',
  }),
  ...keys("Django", {
    "conn_max_age=600": 'Cannot use key "conn_max_age": use pool_max_lifetime instead, in seconds',
    "ssl_require=true": `Cannot use key "ssl_require": use sslmode=require instead, ${require}`,
  }),
  ...keys("Rails", {
    "pool=5": 'Cannot use key "pool": use pool_max_concurrency instead',
    "prepared_statements=false": 'Cannot use key "prepared_statements": use statement_cache_size instead',
    "checkout_timeout=5": 'Cannot use key "checkout_timeout": use pool_acquire_timeout instead, in seconds',
    "schema_search_path=app": 'Cannot use key "schema_search_path": use search_path instead',
    "min_messages=warning": 'Cannot use key "min_messages": use client_min_messages instead',
  }),
  ...keys("pgx", {
    "pool_max_conns=10": 'Cannot use key "pool_max_conns": use pool_max_concurrency instead',
    "default_query_exec_mode=simple_protocol":
      'Cannot use key "default_query_exec_mode": use statement_cache_size instead',
  }),
  // What is copied with more than the string.
  {
    from: "Neon, psql's command",
    text: `psql 'postgresql://ada:${SECRET}@ep-cool-1234.us-east-2.aws.neon.tech/neondb?sslmode=require'`,
    gives: "Cannot read the connection string: it is a command; give what is behind psql, without quotes",
  },
  {
    from: "Timescale, psql's command",
    text: `psql -d "postgres://tsdbadmin:${SECRET}@abc.def.tsdb.cloud.timescale.com:31111/tsdb?sslmode=require"`,
    gives: "Cannot read the connection string: it is a command; give what is behind psql, without quotes",
  },
  {
    from: ".env, with quotes",
    text: `"postgresql://ada:${SECRET}@db.example.com/library"`,
    gives: "Cannot read the connection string: it is in quotes, which must be left out",
  },
  {
    from: ".env, with the name",
    text: `POSTGRES_PRISMA_URL="postgres://ada:${SECRET}@db.example.com/library"`,
    gives: "Cannot read the connection string: it is an assignment; give what is behind =, without quotes",
  },
  {
    from: "a shell, with the name",
    text: `export DATABASE_URL=postgres://ada:${SECRET}@db.example.com/library`,
    gives: "Cannot read the connection string: it is an assignment; give what is behind =, without quotes",
  },
];

/** URLs with pairs that another client takes. */
function keys(from: string, pairs: Readonly<Record<string, string>>): ProviderString[] {
  return Object.entries(pairs).map(([pair, gives]) => ({ from: `${from}, ${pair}`, text: `${at}?${pair}`, gives }));
}
