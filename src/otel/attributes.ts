/**
 * The attributes of calls and connections.
 *
 * Source: OpenTelemetry semantic conventions, "Database client spans" and "PostgreSQL", the stable part.
 */
import { ServerError } from "../errors.ts";
import type { ConnectEvent, ConnectionInfo, QueryEvent } from "../telemetry/events.ts";
import { commandOf } from "../sql/statement.ts";
import { redactedSql } from "../sql/redaction.ts";
import type { Attributes } from "./interfaces.ts";

/** How SQL text is shown; see {@linkcode Instruments.queryText}. */
export type QueryText = "redacted" | "raw" | "none";

/** The attributes of a connection. */
export function connectionAttributes(connection: ConnectionInfo): Attributes {
  const { database, serverAddress, serverPort, peerAddress, peerPort } = connection;
  return {
    ...serverAttributes(database, serverAddress, serverPort),
    ...(peerAddress === undefined ? {} : { "network.peer.address": peerAddress }),
    ...(peerPort === undefined ? {} : { "network.peer.port": peerPort }),
  };
}

/** The attributes of a new connection or, until there is one, of the first server. */
export function connectAttributes({ connection, database, endpoints: [first] }: ConnectEvent): Attributes {
  if (connection !== undefined) return connectionAttributes(connection);
  if (first?.kind === "tcp") return serverAttributes(database, first.host, first.port);
  return serverAttributes(database, first?.path ?? "", undefined);
}

/** The name of a call's operation, one of few; undefined if the call executes several statements. */
export function operationName({ operation, sql, batchSize = 0 }: QueryEvent): string | undefined {
  const name = OPERATIONS.get(operation) ?? (sql === undefined ? operation : commandOf(sql));
  if (batchSize < 2) return name;
  return operation === "execBatch" && name !== undefined ? `BATCH ${name}` : "BATCH";
}

/** The number of statements or sets of parameters, if there are several. */
export function batchAttributes({ batchSize = 0 }: QueryEvent): Attributes {
  return batchSize < 2 ? {} : { "db.operation.batch.size": batchSize };
}

/**
 * The SQL text. Text with parameters is shown as it is, since its values are usually parameters; in
 * other text, literals are replaced.
 */
export function textAttributes({ sql, parameterCount = 0 }: QueryEvent, choice: QueryText): Attributes {
  if (sql === undefined || choice === "none") return {};
  return { "db.query.text": choice === "raw" || parameterCount > 0 ? sql : redactedSql(sql) };
}

/** The attributes of a failure. */
export function errorAttributes(error: unknown): Attributes {
  if (error instanceof ServerError) return { "db.response.status_code": error.code, "error.type": error.code };
  return { "error.type": error instanceof Error ? error.name : "_OTHER" };
}

function serverAttributes(database: string, address: string, port: number | undefined): Attributes {
  return {
    "db.system.name": "postgresql",
    "db.namespace": database,
    "server.address": address,
    ...(port === undefined || port === DEFAULT_PORT ? {} : { "server.port": port }),
  };
}

const DEFAULT_PORT = 5432;

/** The operations of methods that have no SQL text, or that do not simply execute it. */
const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["begin", "BEGIN"],
  ["cancel", "CANCEL"],
  ["closePortal", "CLOSE"],
  ["closeStatement", "DEALLOCATE"],
  ["commit", "COMMIT"],
  ["copyRows", "COPY"],
  ["fetch", "FETCH"],
  ["listen", "LISTEN"],
  ["notify", "NOTIFY"],
  ["ping", "PING"],
  ["prepare", "PREPARE"],
  ["prepareBatch", "PREPARE"],
  ["reset", "DISCARD"],
  ["rollback", "ROLLBACK"],
  ["tx", "TRANSACTION"],
  ["unlisten", "UNLISTEN"],
]);
