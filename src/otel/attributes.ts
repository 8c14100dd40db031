/**
 * How calls and connections are described.
 *
 * Source: OpenTelemetry semantic conventions, "Database client spans" and "PostgreSQL", the stable part.
 */
import { ServerError } from "../errors.ts";
import type { ConnectEvent, ConnectionInfo, QueryEvent } from "../telemetry/events.ts";
import { commandOf } from "../sql/statement.ts";
import { redactedSql } from "../sql/redaction.ts";
import type { Attributes } from "./interfaces.ts";

/** What becomes of SQL text. */
export type QueryText = "redacted" | "raw" | "none";

/** A connection. */
export function connectionAttributes(connection: ConnectionInfo): Attributes {
  const { database, serverAddress, serverPort, peerAddress, peerPort } = connection;
  return {
    ...serverAttributes(database, serverAddress, serverPort),
    ...(peerAddress === undefined ? {} : { "network.peer.address": peerAddress }),
    ...(peerPort === undefined ? {} : { "network.peer.port": peerPort }),
  };
}

/** A connection, or the first server that is to be asked for one. */
export function connectAttributes({ connection, database, endpoints: [first] }: ConnectEvent): Attributes {
  if (connection !== undefined) return connectionAttributes(connection);
  if (first?.kind === "tcp") return serverAttributes(database, first.host, first.port);
  return serverAttributes(database, first?.path ?? "", undefined);
}

/** What a call does, in few different words; undefined where that is several things. */
export function operationName({ operation, sql, batchSize = 0 }: QueryEvent): string | undefined {
  const name = OPERATIONS.get(operation) ?? (sql === undefined ? operation : commandOf(sql));
  if (batchSize < 2) return name;
  return operation === "execBatch" && name !== undefined ? `BATCH ${name}` : "BATCH";
}

/** How many statements, or sets of parameters; of one alone that is not said. */
export function batchAttributes({ batchSize = 0 }: QueryEvent): Attributes {
  return batchSize < 2 ? {} : { "db.operation.batch.size": batchSize };
}

/** The SQL text. With parameters it has no values of its own, unless somebody writes them; without, they are replaced. */
export function textAttributes({ sql, parameterCount = 0 }: QueryEvent, choice: QueryText): Attributes {
  if (sql === undefined || choice === "none") return {};
  return { "db.query.text": choice === "raw" || parameterCount > 0 ? sql : redactedSql(sql) };
}

/** Why something failed. */
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

/** What methods do that have no SQL text, or do something else than to execute it. */
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
