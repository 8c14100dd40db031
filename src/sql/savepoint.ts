/**
 * Savepoints, as SQL.
 *
 * Source: PostgreSQL manual, SQL commands SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO SAVEPOINT.
 */

/** What sets a savepoint. */
export function setSavepoint(name: string): string {
  return `SAVEPOINT ${name}`;
}

/** What keeps the work since the savepoint, and forgets it. */
export function releaseSavepoint(name: string): string {
  return `RELEASE SAVEPOINT ${name}`;
}

/** What undoes the work since the savepoint, and forgets it: a rollback alone leaves it set. */
export function rollBackToSavepoint(name: string): string {
  return `ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`;
}
