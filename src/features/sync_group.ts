/** The statements of a pipeline, in groups that end with a Sync. */
import { Fifo } from "../backlog.ts";
import type { PyroError } from "../errors.ts";
import type { PipelinedExecution } from "../protocol/pipelined.ts";
import type { RawReply } from "../protocol/raw_reply.ts";
import type { PendingRequest } from "../protocol/request.ts";
import type { StatementCache } from "../statements/cache.ts";
import { isMissing, type StatementSource } from "../statements/statement_source.ts";

/** A statement in a pipeline. */
export class PipelineItem {
  readonly execution: PipelinedExecution;
  readonly source: StatementSource;
  /** The number of its change, as `Invalidation` gave it. */
  readonly change: number;
  /** Set when it was submitted. */
  pending: PendingRequest<void> | undefined = undefined;
  /** Its reply, if that was read before it was claimed. */
  raw: RawReply | undefined = undefined;
  claimed = false;
  /** Its position among all statements of the pipeline. */
  readonly position: number;

  constructor(execution: PipelinedExecution, source: StatementSource, change: number, position: number) {
    this.execution = execution;
    this.source = source;
    this.change = change;
    this.position = position;
  }
}

/** Statements up to a Sync. If one fails, the server skips the rest. */
export class SyncGroup {
  /** Its position among all groups of the pipeline. */
  readonly position: number;
  /** Items that are not claimed yet. */
  readonly items: Fifo<PipelineItem> = new Fifo();
  /** Items that are not submitted yet. */
  readonly unsubmitted: Fifo<PipelineItem> = new Fifo();
  /** The position of the last statement with a Flush after it. */
  flushedTo = -1;
  /** Statements that are parsed in it for the first time, by their text. */
  readonly parsed: Map<string, PipelinedExecution> = new Map();
  /** Whether no more statements can be added. */
  ended = false;
  /** The number of the last change in it, as `Invalidation` gave it. */
  change = 0;
  /** The Sync; undefined if the group failed before it had one. */
  sync: PendingRequest<void> | undefined = undefined;
  /** The error of the first that failed. */
  error: PyroError | undefined = undefined;

  constructor(position: number) {
    this.position = position;
  }

  /** Has statements parsed anew that calls made before the pipeline have outdated, dropped or closed meanwhile. */
  parseMissing(statements: StatementCache): void {
    for (const { execution, source } of this.unsubmitted) {
      const { statement } = execution;
      if (statement !== undefined && isMissing(statement, source, statements)) execution.parseAnew();
    }
  }
}
