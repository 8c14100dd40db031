/**
 * Connection strings that are made for other programs, as providers and their documentation print them:
 * what must be written instead. The sentences name only the kind of a string, since any part of it may be a
 * secret.
 *
 * Sources: the manuals of JDBC, SQLAlchemy, Prisma, node-postgres, and of the providers in `docs/connecting.md`.
 */
import { UsageError } from "../errors.ts";

/** What is wrong with a string that is made for another program; undefined if it is not known to be. */
export function foreignString(text: string): string | undefined {
  return FORMS.find(([form]) => form.test(text))?.[1];
}

/** Throws if the password of a string is the placeholder that a provider prints in its place. */
export function refusePlaceholder(password: string): void {
  if (!PLACEHOLDER.test(password)) return;
  throw new UsageError(
    `Cannot use the password ${password}: it is a placeholder, and the password must be written in its place`,
  );
}

/** A variable of the environment, whose name no keyword of libpq's has, and a URL. */
const ASSIGNMENT = /^(?:export\s+)?[A-Z][A-Z0-9_]*\s*=\s*["'`]?(?:pg|postgres|postgresql|prisma|jdbc)[\w+:]*:\/\//;

/** The first form that a string has decides. */
const FORMS: readonly (readonly [form: RegExp, problem: string])[] = [
  [/^(?:undefined|null)?$/, "it is what is left of a variable that is not set; pg:// is the default server"],
  [/^jdbc:/i, "it is JDBC's; it must begin with postgresql://, without jdbc:, and have libpq's keys"],
  [
    /^prisma(?:\+postgres(?:ql)?)?:/i,
    "it is for Prisma's own protocol; give the direct one, which begins with postgres://",
  ],
  [/^postgres(?:ql)?\+\w+:\/\//i, "it is SQLAlchemy's; leave out the driver, which is between + and ://"],
  [/^["'`]/, "it is in quotes, which must be left out"],
  [/^psql\s/i, "it is a command; give what is behind psql, without quotes"],
  // Without this, a URL with its password would be the value of a server setting.
  [ASSIGNMENT, "it is an assignment; give what is behind =, without quotes"],
  [/^(?:socket:|\/[^/])/i, "it is node-postgres's form for Unix sockets; write host=/directory dbname=name"],
];

/** Supabase's, Azure's and CockroachDB's among them. */
const PLACEHOLDER = /^(?:\[(?:YOUR[-_ ])?PASSWORD\]|\{(?:your[-_ ])?password\}|<(?:[a-z]+[-_ ])*password>)$/i;
