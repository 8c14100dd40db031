/**
 * The layers of `src`: what each folder is for, and what it may import. The lint rule enforces this table,
 * ARCHITECTURE.md shows it, and `layers_test.ts` sees that both agree, that no layer reaches itself through
 * others, and that what is pure imports nothing that is not.
 */

/** A folder of `src`, or a file right inside of it. */
export interface Layer {
  readonly knows: string;
  readonly doesNotKnow: string;
  /** True for layers that know no promise, no timer, no clock and no runtime. */
  readonly pure: boolean;
  /** The layers that it may import, and single files of others. */
  readonly imports: readonly string[];
  /** The packages that it may import: only entry points of their own have some. */
  readonly packages?: readonly string[];
}

/** Leaves that every layer may import. */
export const LEAVES: readonly string[] = [
  "errors.ts",
  "printed.ts",
  "printed_error.ts",
  "inspection.ts",
  "excerpt.ts",
  "stack.ts",
  "unheeded.ts",
  "text_width.ts",
  "sqlstate.ts",
  "backlog.ts",
  "abort.ts",
  "builtin.ts",
  "timers.ts",
  "copies.ts",
  "revoked.ts",
  "lazy.ts",
  "names.ts",
];

/** What pure layers see of sockets: an interface without code that does anything. */
const TRANSPORT = "transport/transport.ts";

/** All layers, from the bottom to the top. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  runtime: {
    knows: "which runtime this is, its clock, environment, files and randomness",
    doesNotKnow: "what they are used for",
    pure: false,
    imports: [],
  },
  tls: {
    knows: "certificates: whether a server's can be trusted; a client's keys",
    doesNotKnow: "sockets, files, time",
    pure: true,
    imports: [],
  },
  options: {
    knows: "`Opts`, connection strings, the environment's variables, libpq's files",
    doesNotKnow: "what is done with them",
    pure: true,
    imports: ["tls"],
  },
  sql: {
    knows: "SQL text: tokens, templates, identifiers, what a statement is",
    doesNotKnow: "how it is executed",
    pure: true,
    imports: [],
  },
  wire: {
    knows: "the protocol's encoding: bytes to messages and back",
    doesNotKnow: "which message follows which",
    pure: true,
    imports: [],
  },
  codecs: {
    knows: "values of one type to bytes and back, a few kindred types a file; the registry and the catalog",
    doesNotKnow: "rows, statements",
    pure: true,
    imports: ["options", "wire"],
  },
  node_postgres: {
    knows: "which values node-postgres gives and takes",
    doesNotKnow: "connections",
    pure: true,
    imports: ["codecs"],
  },
  rows: {
    knows: "row readers and result collectors, Bind, COPY's formats",
    doesNotKnow: "requests",
    pure: true,
    imports: ["codecs", "sql", "wire"],
  },
  auth: { knows: "SCRAM, MD5, OAUTHBEARER, SASLprep", doesNotKnow: "messages", pure: true, imports: [] },
  protocol: {
    knows: "requests and the readers of their replies; the session; admission",
    doesNotKnow: "sockets, time",
    pure: true,
    imports: ["auth", "codecs", "rows", "sql", "wire"],
  },
  statements: {
    knows: "preparing and executing through the statement cache, looking types up",
    doesNotKnow: "how a driver waits",
    pure: true,
    imports: ["codecs", "protocol", "rows", "sql", "wire"],
  },
  features: {
    knows: "batches, COPY, pipelines, portals, transactions, LISTEN",
    doesNotKnow: "how a driver waits",
    pure: true,
    imports: ["codecs", "protocol", "rows", "sql", "statements", "wire"],
  },
  connect: {
    knows: "handshake, encryption, host lists, the upgrade to a Unix socket, cancel requests",
    doesNotKnow: "sockets, time",
    pure: true,
    imports: ["codecs", "options", "protocol", "rows", "statements", "tls", "wire", TRANSPORT],
  },
  transport: {
    knows: "sockets, a runtime a file",
    doesNotKnow: "PostgreSQL",
    pure: false,
    imports: ["options", "runtime"],
  },
  trace: {
    knows: "the wire trace: messages as lines",
    doesNotKnow: "where the lines go",
    pure: false,
    imports: ["runtime", "wire", TRANSPORT],
  },
  pool: {
    knows: "which connections and waiting callers a pool has, and what it must do when",
    doesNotKnow: "connections, time",
    pure: true,
    imports: ["options", "sql"],
  },
  telemetry: {
    knows: "tracing channels and the log",
    doesNotKnow: "the subscribers",
    pure: false,
    imports: ["connect", "options", "pool", "protocol", "rows", "runtime", "sql", TRANSPORT],
  },
  otel: {
    knows: "OpenTelemetry's conventions; an entry point of its own",
    doesNotKnow: "connections",
    pure: false,
    imports: ["sql", "telemetry"],
  },
  pglite: {
    knows: "PGlite's one session as a server; an entry point of its own",
    doesNotKnow: "connections",
    pure: false,
    imports: ["options", "protocol", "sql", "wire"],
  },
  websocket: {
    knows: "WebSockets as transports; an entry point of its own",
    doesNotKnow: "connections",
    pure: false,
    imports: ["options"],
  },
  workers: {
    knows: "the sockets of Cloudflare Workers as transports; an entry point of its own",
    doesNotKnow: "connections",
    pure: false,
    imports: ["options"],
  },
  testing: {
    knows:
      "what users' tests need: connections that undo their work, servers and networks that fail; an entry point of its own",
    doesNotKnow: "how connections work",
    pure: false,
    imports: [
      ...["options", "runtime", "sql", "wire", TRANSPORT],
      ...["transport/native_async.ts", "transport/native_sync.ts"],
    ],
  },
  connection: {
    knows: "what both kinds of `Conn` share: state, an op for each call, argument checks",
    doesNotKnow: "whether calls block or give promises",
    pure: false,
    imports: ["codecs", "connect", "features", "options", "pool", "protocol", "rows", "sql", "statements", "telemetry"],
  },
  run: {
    knows: "how to wait: the two drivers",
    doesNotKnow: "what the ops do",
    pure: false,
    imports: ["auth", "connect", "protocol", "runtime", "telemetry", "trace", "wire", TRANSPORT, "transport/reason.ts"],
  },
  api: {
    knows: "what both entry points share",
    doesNotKnow: "whether calls block or give promises",
    pure: false,
    imports: [
      ...["codecs", "connect", "connection", "features", "options", "pool", "protocol", "rows", "sql", "statements"],
      ...["telemetry", "wire", TRANSPORT],
    ],
  },
  async: {
    knows: "`Conn` and its kin with promises",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: facade("transport/native_async.ts"),
  },
  sync: {
    knows: "`Conn` and its kin that block; most of it derived from `async`",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: facade("transport/native_sync.ts"),
  },
  "pool/async": {
    knows: "`Pool` with promises, and the manager that waits for it",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: [...facade("transport/native_async.ts"), "async", "pool"],
  },
  "pool/sync": {
    knows: "`Pool` that blocks, and its manager",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: [...facade("transport/native_sync.ts"), "sync", "pool"],
  },
  pg: {
    knows: "pg's interface, for programs that use it; an entry point of its own",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: ["async", "codecs", "options", "protocol", "rows", "runtime", "sql", "statements", "wire"],
    packages: ["pg-connection-string", "pg-types"],
  },
  kysely: {
    knows: "Kysely's dialects and drivers; an entry point of its own",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: ["async", "codecs", "node_postgres", "pool/async", "rows"],
    packages: ["kysely"],
  },
  drizzle: {
    knows: "Drizzle's drivers and sessions; an entry point of its own",
    doesNotKnow: "how messages travel",
    pure: false,
    imports: ["async", "codecs", "connection", "node_postgres", "options", "pool/async", "rows"],
    packages: ["drizzle-orm"],
  },
};

function facade(dialer: string): string[] {
  return [
    ...["api", "connect", "connection", "features", "options", "pool", "protocol", "rows", "run", "runtime", "sql"],
    ...["statements", "telemetry", "trace", "wire", dialer],
  ];
}

/** The layer of a file, given its path inside `src`: the folder, or the file itself. */
export function layerOf(file: string): string {
  const folders = file.split("/").slice(0, -1);
  const inner = folders.slice(0, 2).join("/");
  return inner in LAYERS ? inner : folders[0] ?? file;
}

/** Why a file must not import another, both given by their paths inside `src`; undefined if it may. */
export function problemOf(file: string, target: string): string | undefined {
  const layer = layerOf(file);
  if (LEAVES.includes(file)) {
    return LEAVES.includes(target) ? undefined : `${file} is a leaf, which may import leaves only`;
  }
  const known = LAYERS[layer];
  if (known === undefined) return `${layer} is not a layer that tools/layers.ts lists: say there what it may import`;
  const allowed = [layer, ...LEAVES, ...known.imports];
  if (allowed.includes(layerOf(target)) || allowed.includes(target)) return undefined;
  return `${layer} may not import ${target}: it may import ${
    known.imports.join(", ") || "leaves only"
  } (tools/layers.ts)`;
}

/** Whether a file may import this module of a package. */
export function mayImportPackage(file: string, specifier: string): boolean {
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return LAYERS[layerOf(file)]?.packages?.includes(name) ?? false;
}

/** The table for ARCHITECTURE.md. */
export function layerTable(): string {
  const rows = Object.entries(LAYERS).map(([name, { knows, doesNotKnow, pure, imports }]) =>
    [`\`${name}\``, knows, doesNotKnow, pure ? "yes" : "", imports.join(", ")].join(" | ")
  );
  return ["folder | knows | does not know | pure | may import", "--- | --- | --- | --- | ---", ...rows]
    .map((row) => `| ${row} |`).join("\n");
}
