/** SQL whose text does not show its effects, as those of another session or of a function. */

/** A block that runs the statement. */
export function unseen(sql: string): string {
  const text = sql.replaceAll("'", "''").replaceAll(
    /\b(?:create|alter|drop)\b/g,
    (word) => `${word[0]}' || '${word.slice(1)}`,
  );
  return `do $$ begin execute '${text}'; end $$`;
}
