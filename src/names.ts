/** Names of columns and attributes, as JavaScript's programs spell them. */

/** How the names of columns and attributes are spelled in rows and objects: as in the database, or in camel case. */
export type NamesChoice = "database" | "camel";

/** The name in an object: `user_id` is `userId`. An underscore before anything but a lower-case letter stays. */
export function propertyOf(name: string, names: NamesChoice): string {
  if (names === "database") return name;
  return name.replace(/(?<=[^_])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The name in the database: `userId` is `user_id`. The inverse of {@linkcode propertyOf}. */
export function columnOf(key: string, names: NamesChoice): string {
  if (names === "database") return key;
  return key.replace(/(?!^)[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
