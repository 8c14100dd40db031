/** SQL whose words do not show what it does: as when somebody else, or a function, does it. */

/** A block that runs the statement. */
export function unseen(sql: string): string {
  const [word, ...rest] = sql.split(" ");
  return `do $$ begin execute '${word!.slice(0, 2)}' || '${word!.slice(2)} ${
    rest.join(" ").replaceAll("'", "''")
  }'; end $$`;
}
