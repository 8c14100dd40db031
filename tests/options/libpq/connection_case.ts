/** A connection string, an environment and files; and what makes some of them. */

/** The string, variables and files that a process has. Paths begin with `{dir}`; `{dir}/home` is the home directory. */
export interface ConnectionCase {
  readonly text: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Files by their paths, with mode 0600, or another one before a colon: `0644:text`. */
  readonly files: Readonly<Record<string, string>>;
}

/** The mode and the text of a file. */
export function fileOf(spec: string): { mode: number; text: string } {
  const [, mode = "0600", text] = /^(?:(0[0-7]{3}):)?(.*)$/s.exec(spec)!;
  return { mode: parseInt(mode, 8), text: text! };
}

/** A case. */
export function given(
  text: string,
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): ConnectionCase {
  return { text, variables, files };
}

/** A string with a password, so that libpq gets as far as sending it. */
export const strings = (...texts: readonly string[]): ConnectionCase[] => texts.map((text) => given(text));

/** One string in several environments. */
export const environments = (text: string, ...all: readonly Readonly<Record<string, string>>[]): ConnectionCase[] =>
  all.map((variables) => given(text, variables));

/** A string for a connection that sends a password. */
export const BASE = "host=h user=u password=p";

/** The password file in the home directory. */
export const HOME_FILE = "{dir}/home/.pgpass";
