/** The method `query` of clients and pools, with the types of its forms. */
import { EventEmitter } from "node:events";
import type {
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from "./interfaces.ts";
import type { Query } from "./query.ts";

/** Executes queries, and emits events. */
export abstract class Queryable<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  /** Executes a query: a text with values, a configuration, or a query object, which is returned. */
  query<T extends Query | Submittable>(query: T): T;
  /** The same for rows as arrays. */
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends any[] = any[], I = any[]>(
    config: QueryArrayConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  /** The same for a text, or an object with one. */
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryResult<R>>;
  /** The same with a callback, for rows as arrays. */
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends any[] = any[], I = any[]>(
    config: QueryArrayConfig<I>,
    callback: (error: Error, result: QueryArrayResult<R>) => void,
  ): void;
  /** The same with a callback. */
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    callback: (error: Error, result: QueryResult<R>) => void,
  ): void;
  /** The same with values and a callback. */
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    // deno-lint-ignore no-explicit-any -- as in pg
    values: any[] | undefined,
    callback: (error: Error, result: QueryResult<R>) => void,
  ): void;
  // deno-lint-ignore no-explicit-any -- the overloads say which results belong to which arguments
  query(config: any, values?: any, callback?: any): any {
    return this._query(config, values, callback);
  }

  /** Internal, as is everything in pg that begins with `_`. */
  protected abstract _query(config: unknown, values: unknown, callback: unknown): unknown;
}
