/** The calls of COPY. */
import { type ParsedOptions, parseOptions, quotedName, sqlText } from "./arguments.ts";
import { type CallContext, cleanUpDeadlineOf } from "./call_context.ts";
import { type CopyData, type CopyOptions, type CopyRow, optionNames } from "./call_options.ts";
import { columnOf, propertyOf } from "../names.ts";
import { UsageError } from "../errors.ts";
import { copyIn as copyInOp, CopyOutSource, copyRows as copyRowsOp, type OnProgress } from "../features/copy.ts";
import { SourceReader } from "../features/source_reader.ts";
import { bad } from "../options/option_values.ts";
import type { Call, Op } from "../protocol/request.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import type { SqlTemplate } from "../sql/template.ts";
import type { OperationSpan } from "../telemetry/observer.ts";

/** A COPY TO STDOUT. */
export interface Copy {
  readonly context: CallContext;
  readonly source: CopyOutSource;
  readonly options: ParsedOptions;
  readonly span: OperationSpan | undefined;
  readonly onProgress: OnProgress | undefined;
  /** How many bytes have arrived. */
  bytes: number;
}

/** COPY FROM STDIN. */
export function copyIn(
  context: CallContext,
  sql: string | SqlTemplate,
  source: CopyData | Iterable<CopyData> | AsyncIterable<CopyData>,
  options: CopyOptions | undefined,
): Call<number> {
  return context.call(
    "copyIn",
    "copy in",
    options,
    ({ extraOptions }) => {
      const onProgress = progressFrom(extraOptions);
      const whole = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
      return copyInOp(
        sqlText(sql),
        new SourceReader(whole, context.state.link.awaits, "the data to copy"),
        context.state,
        onProgress,
      );
    },
    PROGRESS,
    sql,
  );
}

/** COPY TO STDOUT, not yet started. Throws at once. */
export function copyOut(context: CallContext, sql: string | SqlTemplate, options: CopyOptions | undefined): Copy {
  const action = "copy out";
  context.checkOpening(action);
  const parsed = parseOptions(options, context.optionSpec(action, PROGRESS));
  return {
    context,
    source: new CopyOutSource(sqlText(sql), context.state),
    options: parsed,
    span: context.operationSpan("copyOut", sql),
    onProgress: progressFrom(parsed.extraOptions),
    bytes: 0,
  };
}

/**
 * The next chunk of a COPY TO STDOUT, undefined at its end. The first one starts the COPY: the transaction, or the lease,
 * may be over by then.
 */
export function nextChunk(copy: Copy): Call<Uint8Array<ArrayBuffer> | undefined> {
  const { context, source, options: { deadline }, span, onProgress } = copy;
  const make = (): Call<Uint8Array<ArrayBuffer> | undefined> => {
    const op = onProgress === undefined ? source.next() : nextCounted(copy, onProgress);
    return { op, deadline, span: span?.childSpan("read") };
  };
  return source.isNew ? context.attempt("copy out", make) : make();
}

function* nextCounted(copy: Copy, onProgress: OnProgress): Op<Uint8Array<ArrayBuffer> | undefined> {
  const chunk = yield* copy.source.next();
  if (chunk !== undefined) onProgress({ bytes: copy.bytes += chunk.length, rows: undefined });
  return chunk;
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
  options: CopyOptions | undefined,
): Call<number> {
  return context.call("copyRows", "copy rows", options, ({ extraOptions }) => {
    const onProgress = progressFrom(extraOptions);
    if (!Array.isArray(columns) || columns.length === 0) {
      throw new UsageError("Cannot copy rows: give the names of the columns in an array");
    }
    const { names } = context.state.registry;
    const inTable = Array.from(columns, (name) => typeof name === "string" ? columnOf(name, names) : name);
    const quoted = inTable.map((name, i) => quotedIdentifier(name, `use the name of column ${i + 1}`)).join(", ");
    const keys = inTable.map((name) => propertyOf(name, names));
    const rowReader = new SourceReader(rows, context.state.link.awaits, "the rows to copy");
    return copyRowsOp(quotedName(table), keys, quoted, rowReader, context.state, onProgress);
  }, PROGRESS);
}

/** The function of the option `onProgress`. */
export function progressFrom({ onProgress }: Readonly<Record<string, unknown>>): OnProgress | undefined {
  if (onProgress === undefined || typeof onProgress === "function") return onProgress as OnProgress | undefined;
  throw bad("onProgress", onProgress, "it must be a function");
}

const PROGRESS = optionNames<CopyOptions>({ onProgress: true });
