/**
 * Positions in the write-ahead log.
 *
 * Source: PostgreSQL manual, "Backup Control Functions" and "Recovery Information Functions".
 */
import { question, type SimpleQuery } from "../protocol/simple_query.ts";

/** The request for the position up to which everything is visible; its row has null if the server has none. */
export function positionRequest(): SimpleQuery<unknown> {
  return question(`select (${CURRENT})::pg_catalog.text`);
}

/** The request for whether everything up to a position is visible. */
export function visibilityRequest(position: string): SimpleQuery<unknown> {
  return question(`select coalesce(${CURRENT} >= '${position}'::pg_catalog.pg_lsn, false)`);
}

/** The position up to which a standby has replayed, or a primary has written (inserted, if commits do not wait). */
const CURRENT = `case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
  when pg_catalog.current_setting('synchronous_commit') = 'off' then pg_catalog.pg_current_wal_insert_lsn()
  else pg_catalog.pg_current_wal_lsn() end`;
