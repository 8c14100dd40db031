/**
 * The SQL commands for savepoints.
 *
 * Source: PostgreSQL manual, SQL commands SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO SAVEPOINT.
 */

/** Sets a savepoint. */
export function setSavepoint(name: string): string {
  return `SAVEPOINT ${name}`;
}

/** Keeps the work since the savepoint, and releases it. */
export function releaseSavepoint(name: string): string {
  return `RELEASE SAVEPOINT ${name}`;
}

/** Undoes the work since the savepoint, and releases it, since a rollback alone does not. */
export function rollBackToSavepoint(name: string): string {
  return `ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`;
}
