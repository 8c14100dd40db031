/**
 * Execute, and the rows that it returns.
 *
 * A server that waits for COPY data ignores a Sync; a server on which the COPY failed earlier does not. The client
 * cannot know which of the two happened, so it sends the Sync of a COPY only when the COPY has ended.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Extended Query" and "COPY
 * Operations".
 */
import { Backend } from "../wire/codes.ts";
import { execute, flush, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Request } from "./request.ts";
import { misplacedCopyOut, refuseCopyIn } from "./misplaced_copy.ts";
import type { ResultCollector } from "../rows/collectors.ts";

/** The row limit of an Execute without a limit. */
export const ALL_ROWS = 0;

/** The sync mode of an execution: that of a COPY is deferred. */
export function syncModeOf(isCopy: boolean): "explicit" | "deferred" {
  return isCopy ? "deferred" : "explicit";
}

/** Encodes Execute of a bound portal for at most `maxRows` rows, and the Sync or Flush that makes the server answer. */
export function encodeExecution(
  out: Outbox,
  portal: string,
  maxRows: number,
  syncMode: "explicit" | "deferred",
): void {
  execute(out, portal, maxRows);
  if (syncMode === "explicit") sync(out);
  else flush(out);
}

/** The parts of a request that the reader of its reply uses and changes. */
interface ExecutingRequest extends Pick<Request<unknown>, "action"> {
  syncMode: "explicit" | "deferred";
}

/**
 * Reads the reply to {@linkcode encodeExecution}, up to the ReadyForQuery. If the request had no Sync, it is sent
 * when the statement has completed, unless `leavesSyncDeferred`.
 *
 * This is not a generator like other reply readers, because its loop reads the long results.
 */
export class ExecutionReply {
  /** Whether the server stopped at the row limit; undefined until it has stopped. */
  hasMore: boolean | undefined = undefined;
  readonly #request: ExecutingRequest;
  readonly #collector: ResultCollector<unknown>;
  readonly #maxRows: number;
  readonly #leavesSyncDeferred: boolean;
  /** How many rows may still come; negative if there is no limit. */
  #rowsLeft: number;
  /** The state of a COPY that the statement started. After "refused", only the server's error may follow. */
  #copy: "none" | "refused" | "data" | "end" = "none";

  constructor(
    request: ExecutingRequest,
    collector: ResultCollector<unknown>,
    maxRows: number,
    leavesSyncDeferred: boolean = false,
  ) {
    this.#request = request;
    this.#collector = collector;
    this.#maxRows = maxRows;
    this.#rowsLeft = maxRows === ALL_ROWS ? -1 : maxRows;
    this.#leavesSyncDeferred = leavesSyncDeferred;
  }

  /** Reads the received messages; true at the end of the reply. */
  read(inbox: Inbox, out: Outbox): boolean {
    while (this.hasMore === undefined) {
      if (!inbox.next()) return false;
      if (inbox.code === Backend.DataRow) {
        if (this.#rowsLeft-- === 0) throw inbox.unexpected(this.#request.action);
        this.#collector.row(inbox);
      } else this.#other(inbox, out);
    }
    if (this.#leavesSyncDeferred) return true;
    if (!inbox.next()) return false;
    inbox.expect(Backend.ReadyForQuery, this.#request.action);
    return true;
  }

  #other(inbox: Inbox, out: Outbox): void {
    if (this.#copy !== "none") return this.#copied(inbox, out);
    switch (inbox.code) {
      case Backend.CommandComplete:
        this.#collector.complete(inbox);
        return this.#end(false, out);
      case Backend.EmptyQueryResponse:
        this.#collector.empty();
        return this.#end(false, out);
      case Backend.PortalSuspended:
        // The server may send it only when the row limit is reached.
        if (this.#maxRows === ALL_ROWS || this.#rowsLeft !== 0) break;
        return this.#end(true, out);
      case Backend.CopyInResponse:
        this.#copy = "refused";
        return refuseCopyIn(out);
      case Backend.CopyOutResponse:
        this.#copy = "data";
        return this.#collector.fail(misplacedCopyOut());
    }
    throw inbox.unexpected(this.#request.action);
  }

  #copied(inbox: Inbox, out: Outbox): void {
    if (this.#copy === "data" && inbox.code === Backend.CopyData) return;
    if (this.#copy === "data" && inbox.code === Backend.CopyDone) {
      this.#copy = "end";
      return;
    }
    if (this.#copy !== "end" || inbox.code !== Backend.CommandComplete) throw inbox.unexpected(this.#request.action);
    this.#collector.complete(inbox);
    this.#end(false, out);
  }

  #end(hasMore: boolean, out: Outbox): void {
    this.hasMore = hasMore;
    if (this.#request.syncMode !== "deferred" || this.#leavesSyncDeferred) return;
    sync(out);
    this.#request.syncMode = "explicit";
  }
}
