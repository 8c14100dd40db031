/**
 * Execute, and the rows that it gives.
 *
 * A server that waits for COPY data skips a Sync, one that fails before it does not, and nobody can
 * tell which of the two happened. So behind what may be a COPY no Sync is sent before that is over.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Extended Query" and "COPY
 * Operations".
 */
import { Description } from "../types/description.ts";
import type { Registry } from "../types/registry.ts";
import { rowDescription } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { execute, flush, sync } from "../wire/frontend.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Script } from "./exchange.ts";
import { misplacedCopyOut, refuseCopyIn } from "./misplaced_copy.ts";
import type { Sink } from "./sink.ts";

/** As the number of rows that Execute asks for. */
export const ALL_ROWS = 0;

/** Whether the request of an execution ends with Sync. */
export function endOf(couldCopy: boolean): "sync" | "open" {
  return couldCopy ? "open" : "sync";
}

/** Execute of a bound portal for at most so many rows, and what makes the server answer. */
export function requestExecution(out: Outbox, portal: string, maxRows: number, ends: "sync" | "open"): void {
  execute(out, portal, maxRows);
  if (ends === "sync") sync(out);
  else flush(out);
}

/**
 * The reply to Describe of a portal: its rows, undefined if it gives none. Where they are as they were
 * learned, that is what comes back, as the readers that were made for it serve on.
 */
export function* readDescription(
  inbox: Inbox,
  learned: Description | undefined,
  registry: Registry,
  action: string,
): Script<Description | undefined> {
  while (!inbox.next()) yield "read";
  if (inbox.code === Backend.RowDescription) {
    const { columns, formats } = rowDescription(inbox);
    return learned?.describes(columns, formats) ? learned : new Description(columns, formats, registry);
  }
  inbox.expect(Backend.NoData, action);
  return undefined;
}

/**
 * The reply to {@linkcode requestExecution}, up to the ReadyForQuery; where the request had no Sync it
 * is sent now, unless `keepsOpen`. The value is whether the server has stopped at the number of rows.
 */
export function* readExecution(
  inbox: Inbox,
  out: Outbox,
  sink: Sink<unknown>,
  maxRows: number,
  ends: "sync" | "open",
  action: string,
  keepsOpen: boolean = false,
): Script<boolean> {
  let copying = false;
  let hasMore: boolean | undefined;
  while (hasMore === undefined) {
    while (!inbox.next()) yield "read";
    switch (inbox.code) {
      case Backend.DataRow:
        sink.row(inbox);
        break;
      case Backend.CommandComplete:
        sink.complete(inbox);
        hasMore = false;
        break;
      case Backend.EmptyQueryResponse:
        sink.empty();
        hasMore = false;
        break;
      case Backend.PortalSuspended:
        if (maxRows === ALL_ROWS) throw inbox.unexpected(action);
        hasMore = true;
        break;
      case Backend.CopyInResponse:
        refuseCopyIn(out);
        break;
      case Backend.CopyOutResponse:
        sink.fail(misplacedCopyOut());
        copying = true;
        break;
      case Backend.CopyData:
      case Backend.CopyDone:
        if (!copying) throw inbox.unexpected(action);
        break;
      default:
        throw inbox.unexpected(action);
    }
  }
  if (keepsOpen) return hasMore;
  if (ends === "open") sync(out);
  while (!inbox.next()) yield "read";
  inbox.expect(Backend.ReadyForQuery, action);
  return hasMore;
}
