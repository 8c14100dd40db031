/**
 * Other clients' words for `sslmode`, for errors that say what to write instead.
 *
 * Sources: the manuals of node-postgres, Npgsql, JDBC, Prisma and MySQL's clients.
 */
import { lazy } from "../lazy.ts";

/** The `sslmode` that another client's word for it means; undefined if the word is not known. */
export function sslModeOf(word: string): string | undefined {
  return modes().get(fold(word));
}

/** The `sslmode` that another client's option means with a value; undefined if that is not known. */
export function sslModeOfOption(name: string, value: string): string | undefined {
  const word = fold(value);
  switch (fold(name)) {
    case "trustservercertificate":
      return word === "true" ? "require" : word === "false" ? "verify-full" : undefined;
    case "rejectunauthorized":
    case "sslrejectunauthorized":
      return word === "false" || word === "0" ? "require" : word === "true" || word === "1" ? "verify-full" : undefined;
    default:
      return modes().get(word);
  }
}

/** A note on a mode whose name surprises. */
export function sslModeNote(mode: string): string {
  return mode === "require" ? ", which encrypts and does not verify the certificate" : "";
}

function fold(text: string): string {
  return text.toLowerCase().replace(/[\s_-]+/g, "");
}

const modes = lazy((): ReadonlyMap<string, string> =>
  new Map(
    [
      ["disable", "disable disabled false off no 0 none"],
      ["allow", "allow allowed"],
      ["prefer", "prefer preferred"],
      ["require", "require required noverify acceptinvalidcerts true on yes 1"],
      ["verify-ca", "verifyca"],
      ["verify-full", "verifyfull verifyidentity strict"],
    ].flatMap(([mode, words]) => words!.split(" ").map((word): [string, string] => [word, mode!])),
  )
);
