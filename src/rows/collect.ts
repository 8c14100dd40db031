/** What the methods of connections do with rows. That rows are of the caller's type is the caller's claim. */
import {
  Affected,
  AllResults,
  AllRows,
  FirstRow,
  FirstValue,
  OnlyResult,
  type Result,
  type Sink,
} from "./collectors.ts";
import type { RowShape } from "./row.ts";

/** A sink for each. */
export const sinks = {
  allRows: <R>(shape: RowShape): Sink<R[]> => new AllRows(shape) as Sink<R[]>,
  firstRow: <R>(shape: RowShape): Sink<R | null> => new FirstRow(shape) as Sink<R | null>,
  onlyRow: <R>(shape: RowShape): Sink<R> => new FirstRow(shape, true) as Sink<R>,
  firstValue: <V>(): Sink<V | null> => new FirstValue() as Sink<V | null>,
  affected: (): Sink<number> => new Affected(),
  allResults: <R>(shape: RowShape): Sink<Result<R>[]> => new AllResults(shape) as Sink<Result<R>[]>,
  onlyResult: <R>(shape: RowShape): Sink<Result<R>> => new OnlyResult(shape) as Sink<Result<R>>,
};
