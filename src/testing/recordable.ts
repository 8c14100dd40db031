/** Removes from messages, before they are recorded, secrets and whatever differs each time. */
import { Lexer, TokenKind } from "../sql/lexer.ts";
import type { Field, NamedMessage } from "./message_text.ts";

/** Makes the client's messages of one connection comparable. */
export class Comparable {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();

  /** The message with names that are numbered in their order, and without passwords. */
  of({ name, fields }: NamedMessage): NamedMessage {
    const [first, second, ...others] = fields;
    const statement = (given: Field | undefined): string => numbered(this.#statements, "s", given as string);
    const portal = (given: Field | undefined): string => numbered(this.#portals, "p", given as string);
    if (typeof first !== "string") return { name, fields };
    switch (name) {
      case "Query":
        return { name, fields: [withoutPasswords(first)] };
      case "Parse":
        return { name, fields: [statement(first), withoutPasswords(second as string), ...others] };
      case "Bind":
        return { name, fields: [portal(first), statement(second), ...others] };
      case "Execute":
        return { name, fields: [portal(first), second!] };
      case "Describe":
      case "Close":
        return { name, fields: [first, first === "S" ? statement(second) : portal(second)] };
      default:
        return { name, fields };
    }
  }
}

function numbered(known: Map<string, string>, prefix: string, name: string): string {
  if (name === "") return "";
  const number = known.get(name) ?? `${prefix}${known.size + 1}`;
  known.set(name, number);
  return number;
}

/** The SQL text with `'***'` for each string behind PASSWORD. */
export function withoutPasswords(sql: string): string {
  if (!/password/i.test(sql)) return sql;
  const lexer = new Lexer(sql);
  let text = "";
  let kept = 0;
  let isSecret = false;
  while (lexer.nextSolid()) {
    if (isSecret && lexer.kind === TokenKind.String) {
      text += `${sql.slice(kept, lexer.start)}'***'`;
      kept = lexer.end;
    }
    isSecret = lexer.keyword === "PASSWORD";
  }
  return text + sql.slice(kept);
}
