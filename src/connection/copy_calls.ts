/** The calls of COPY. */
import { type ParsedOptions, parseOptions, quotedName, sqlText } from "./arguments.ts";
import { type CallContext, cleanUpDeadlineOf } from "./call_context.ts";
import type { CallOptions, CopyData, CopyRow } from "./call_options.ts";
import { columnOf, propertyOf } from "../codecs/names.ts";
import { UsageError } from "../errors.ts";
import { copyIn as copyInOp, CopyOutSource, copyRows as copyRowsOp } from "../features/copy.ts";
import { SourceReader } from "../features/source_reader.ts";
import type { Call } from "../protocol/request.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import type { SqlTemplate } from "../sql/template.ts";
import type { OperationSpan } from "../telemetry/observer.ts";

/** A COPY TO STDOUT. */
export interface Copy {
  readonly source: CopyOutSource;
  readonly options: ParsedOptions;
  readonly span: OperationSpan | undefined;
}

/** COPY FROM STDIN. */
export function copyIn(
  context: CallContext,
  sql: string | SqlTemplate,
  source: CopyData | Iterable<CopyData> | AsyncIterable<CopyData>,
  options: CallOptions | undefined,
): Call<number> {
  return context.call(
    "copyIn",
    "copy in",
    options,
    () => {
      const whole = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
      return copyInOp(
        sqlText(sql),
        new SourceReader(whole, context.state.link.awaits, "the data to copy"),
        context.state,
      );
    },
    [],
    sql,
  );
}

/** COPY TO STDOUT, not yet started. Throws at once. */
export function copyOut(context: CallContext, sql: string | SqlTemplate, options: CallOptions | undefined): Copy {
  const action = "copy out";
  context.check(action);
  const parsed = parseOptions(options, context.optionSpec(action));
  return {
    source: new CopyOutSource(sqlText(sql), context.state),
    options: parsed,
    span: context.operationSpan("copyOut", sql),
  };
}

/** The next chunk of a COPY TO STDOUT, undefined at its end. */
export function nextChunk({ source, options: { deadline }, span }: Copy): Call<Uint8Array<ArrayBuffer> | undefined> {
  return { op: source.next(), deadline, span: span?.childSpan("read") };
}

/** Closes a COPY TO STDOUT; the rest of its data is dropped. */
export function closeCopy({ source, options: { deadline }, span }: Copy): Call<void> {
  source.announceClose();
  return {
    op: source.close(),
    deadline: cleanUpDeadlineOf(deadline, "end the copying"),
    span: span?.childSpan("close"),
  };
}

/** COPY FROM STDIN of values. */
export function copyRows(
  context: CallContext,
  table: string | SqlTemplate,
  columns: readonly string[],
  rows: Iterable<CopyRow> | AsyncIterable<CopyRow>,
  options: CallOptions | undefined,
): Call<number> {
  return context.call("copyRows", "copy rows", options, () => {
    if (!Array.isArray(columns) || columns.length === 0) {
      throw new UsageError("Cannot copy rows: give the names of the columns in an array");
    }
    const { names } = context.state.registry;
    const inTable = Array.from(columns, (name) => typeof name === "string" ? columnOf(name, names) : name);
    const quoted = inTable.map((name, i) => quotedIdentifier(name, `use the name of column ${i + 1}`)).join(", ");
    const keys = inTable.map((name) => propertyOf(name, names));
    const rowReader = new SourceReader(rows, context.state.link.awaits, "the rows to copy");
    return copyRowsOp(quotedName(table), keys, quoted, rowReader, context.state);
  });
}
