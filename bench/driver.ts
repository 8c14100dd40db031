/** What is measured, and what each driver has to offer for it. */

/** The server that a driver connects to. */
export interface Target {
  readonly port: number;
  /** The directory of its Unix socket. */
  readonly directory: string;
  readonly transport: Transport;
}

/** How the driver reaches the server; `none` where there is none to reach. */
export type Transport = "unix" | "tcp" | "none";

/** One operation; `i` differs from call to call. Drivers that block return the result itself. */
export type Operation = (i: number) => unknown;

/** A driver's way to do workloads; those that it has none for are left out. */
export type Operations = Readonly<Partial<Record<WorkloadName, Operation>>>;

/** Connects, and says how it does the workloads. The process ends without closing. */
export type Driver = (target: Target) => Promise<Operations>;

/** The names of workloads. */
export type WorkloadName = "ping" | "mixed" | "decode" | "pool";

/** What is measured. */
export interface Workload {
  readonly title: string;
  /** How many of what is counted one operation is. */
  readonly units: number;
  /** Whether client and server share a core, so that what waking another one costs does not hide the rest: for latency. */
  readonly pinned: boolean;
  /** The name of the contestant that the others are compared with. */
  readonly base: string;
  /** The ways to reach the server that are measured, each by itself. */
  readonly transports: readonly Transport[];
  /** SQL that makes ready what it needs. */
  readonly setup?: string;
  /** Whether the result of an operation is right: that it was done, and that the result was looked at. */
  check(i: number, result: unknown): boolean;
}

/** Rows of an operation of `mixed`. */
const MIXED_ROWS = 10_000;

/** Rows of an operation of `decode`. */
export const DECODED_ROWS = 1000;

/** Callers of a pool, its connections, and how many rows each caller selects in an operation of `pool`. */
export const CALLERS = 64;
export const POOL_SIZE = 10;
export const SELECTS_PER_CALLER = 10;

/** How many rows there are to select, by keys from 1. */
const POINTS = 10_000;

/** The workloads by name. */
export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  ping: {
    title: "Round trip of a prepared `select $1::int4`",
    units: 1,
    pinned: true,
    base: "libpq",
    transports: ["unix", "tcp"],
    check: (i, result) => result === i,
  },
  mixed: {
    title:
      `A row of 12 mixed types (of ${MIXED_ROWS}): int8, float8, numeric, timestamptz, date, jsonb, text[], int4[], uuid, bytea, bool, null`,
    units: MIXED_ROWS,
    pinned: false,
    base: "libpq",
    transports: ["unix"],
    setup: `
      create table mixed as select n::int8 as id, n / 7::float8 as score, (n * 1.01)::numeric(12, 2) as price,
        timestamptz '2024-01-01 00:00:00.123456+00' + n * interval '1 minute' as at, date '2024-01-01' + n % 1000 as day,
        jsonb_build_object('name', 'item ' || n, 'tags', array[n, n + 1]) as data, array['tag ' || n, 'b'] as tags,
        array[n, n + 1, n + 2] as numbers, md5(n::text)::uuid as uuid, decode(md5(n::text), 'hex') as bytes, n % 2 = 0 as flag,
        null::text as nothing
      from generate_series(1, ${MIXED_ROWS}) n; vacuum analyze mixed`,
    check: (_, rows) => Array.isArray(rows) && rows.length === MIXED_ROWS && rows.at(-1).flag === true,
  },
  pool: {
    title: `A row of 6 columns by its key, for ${CALLERS} callers on a pool of ${POOL_SIZE}`,
    units: CALLERS * SELECTS_PER_CALLER,
    pinned: false,
    base: "**pyro**",
    transports: ["unix", "tcp"],
    setup: `
      create table point (id int4 primary key, name text, age int4, email text, score float8, description text);
      insert into point select n, 'name ' || n, n % 100, 'user' || n || '@example.com', n / 7::float8, repeat('d', 60)
      from generate_series(1, ${POINTS}) n; vacuum analyze point`,
    check: (_, sum) => sum === CALLERS * SELECTS_PER_CALLER,
  },
  decode: {
    title: "Decoding a row of 6 columns: int4, 3 text, int4, float8",
    units: DECODED_ROWS,
    pinned: true,
    base: "a decoder of that very row, by hand",
    transports: ["none"],
    check: (_, row) => (row as { score: number }).score === 0.5 * DECODED_ROWS,
  },
};

/** Where everybody connects: the launcher's superuser, trusted. */
export const USER = "postgres";

/** The statement of the workload `ping`. */
export const PING = "select $1::int4 as value";

/** The statement of the workload `pool`. */
export const POINT = "select id, name, age, email, score, description from point where id = $1";

/** Has all callers select at once, each one row after the other; how many came back as they should. */
export async function selectAll(select: (id: number) => PromiseLike<unknown>): Promise<number> {
  const counts = await Promise.all(Array.from({ length: CALLERS }, async (_, caller) => {
    let right = 0;
    for (let k = 0; k < SELECTS_PER_CALLER; k++) {
      const id = 1 + (caller * 151 + k * 17) % POINTS;
      const row = await select(id) as { id: number; email: string } | undefined;
      if (row?.id === id && row.email === `user${id}@example.com`) right++;
    }
    return right;
  }));
  return counts.reduce((a, b) => a + b);
}

/** The statement of the workload `mixed`. */
export const MIXED = "select * from mixed";
