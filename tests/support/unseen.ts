/** SQL whose words do not show what it does: as when somebody else, or a function, does it. */

/** A block that runs the statement. */
export function unseen(sql: string): string {
  const text = sql.replaceAll("'", "''").replaceAll(
    /\b(?:create|alter|drop)\b/g,
    (word) => `${word[0]}' || '${word.slice(1)}`,
  );
  return `do $$ begin execute '${text}'; end $$`;
}
