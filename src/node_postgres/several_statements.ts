/** Which SQL text node-postgres sends as a simple query, because it may be several statements. */

/** Whether a text may be several statements. If it has a semicolon inside of a string, it counts too. */
export function hasSeveralStatements(sql: string): boolean {
  const semicolon = sql.indexOf(";");
  return semicolon >= 0 && sql.slice(semicolon + 1).trim() !== "";
}
