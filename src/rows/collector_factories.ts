/** Makes the result collectors of connections' methods. The type of rows is the caller's assertion. */
import {
  AffectedRows,
  AllResults,
  AllRows,
  ColumnValues,
  FirstRow,
  FirstValue,
  OnlyResult,
  type Result,
  type ResultCollector,
  RowsByKey,
} from "./collectors.ts";
import type { RowLayout } from "./row.ts";

/** Makes the result collector of rows by the values of a column. */
export function rowsByKey<K, R>(layout: RowLayout, key: string): ResultCollector<Map<K, R>> {
  return new RowsByKey(layout, key) as ResultCollector<unknown> as ResultCollector<Map<K, R>>;
}

/** The factories of result collectors. */
export const collectors = {
  allRows: <R>(shape: RowLayout): ResultCollector<R[]> => new AllRows(shape) as ResultCollector<R[]>,
  firstRow: <R>(shape: RowLayout): ResultCollector<R | null> => new FirstRow(shape) as ResultCollector<R | null>,
  onlyRow: <R>(shape: RowLayout): ResultCollector<R> => new FirstRow(shape, true) as ResultCollector<R>,
  columnValues: <V>(): ResultCollector<V[]> => new ColumnValues() as ResultCollector<unknown[]> as ResultCollector<V[]>,
  firstValue: <V>(): ResultCollector<V | null> => new FirstValue() as ResultCollector<V | null>,
  affected: (): ResultCollector<number> => new AffectedRows(),
  allResults: <R>(shape: RowLayout): ResultCollector<Result<R>[]> =>
    new AllResults(shape) as ResultCollector<Result<R>[]>,
  onlyResult: <R>(shape: RowLayout): ResultCollector<Result<R>> => new OnlyResult(shape) as ResultCollector<Result<R>>,
};
