/** What libpq made of the cases, as `recorded.json` has it. */
import { readFileSync } from "node:fs";
import type { ConnectionCase } from "./connection_case.ts";

/** What libpq does with a case: it refuses it, or connects. */
export type Outcome = { readonly refused: string } | Connected;

/** What libpq connected to, and what it sent. `{osuser}` stands for the operating system's user. */
export interface Connected {
  /**
   * The addresses in the order of the attempts: `tcp host port`, `unix path`, or `default port` for a host
   * that is not given.
   */
  readonly addresses: readonly string[];
  /** The password that was sent to each of them; null for none. libpq stops at the first without one. */
  readonly passwords: readonly (string | null)[];
  readonly user: string;
  readonly dbname: string;
  readonly sslmode: string;
  readonly application_name?: string;
  readonly options?: string;
  /** As it was given. */
  readonly connect_timeout?: string;
  /** The other settings for the session's start, by their names in small letters. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The texts of the options in `other_options.ts`, but for defaults of libpq's. */
  readonly others?: Readonly<Record<string, string>>;
}

/** A case, and what libpq 18 makes of it; what libpq 15 does is there if it differs. */
export type Recorded = ConnectionCase & { readonly libpq18: Outcome; readonly libpq15?: Outcome };

export function readRecorded(): Recorded[] {
  return JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8"));
}
