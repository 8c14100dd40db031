/** Makes the result collectors of connections' methods. The type of rows is the caller's assertion. */
import {
  AffectedRows,
  AllResults,
  AllRows,
  FirstRow,
  FirstValue,
  OnlyResult,
  type Result,
  type ResultCollector,
} from "./collectors.ts";
import type { RowShape } from "./row.ts";

/** The factories of result collectors. */
export const collectors = {
  allRows: <R>(shape: RowShape): ResultCollector<R[]> => new AllRows(shape) as ResultCollector<R[]>,
  firstRow: <R>(shape: RowShape): ResultCollector<R | null> => new FirstRow(shape) as ResultCollector<R | null>,
  onlyRow: <R>(shape: RowShape): ResultCollector<R> => new FirstRow(shape, true) as ResultCollector<R>,
  firstValue: <V>(): ResultCollector<V | null> => new FirstValue() as ResultCollector<V | null>,
  affected: (): ResultCollector<number> => new AffectedRows(),
  allResults: <R>(shape: RowShape): ResultCollector<Result<R>[]> =>
    new AllResults(shape) as ResultCollector<Result<R>[]>,
  onlyResult: <R>(shape: RowShape): ResultCollector<Result<R>> => new OnlyResult(shape) as ResultCollector<Result<R>>,
};
