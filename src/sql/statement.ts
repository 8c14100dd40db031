/**
 * Classifies statements by their first words: a COPY, a change of what names mean, the end of a
 * transaction. Literals, comments and names have no influence.
 *
 * Of SQL that runs other SQL, only the code of `DO` is searched for suspicious words. `CALL`, `EXECUTE` and
 * functions are presumed harmless, since each call would otherwise invalidate all prepared statements; if
 * one is not, the server refuses the stale statement.
 *
 * Source: PostgreSQL manual, "SQL Commands".
 */
import { Lexer, TokenKind } from "./lexer.ts";

/** The effects of a statement, besides returning rows: any number of these bits. */
export const Effect = {
  None: 0,
  /** COPY: nothing may be pipelined behind it, since the server would read it as COPY's data. */
  Copies: 1,
  /** SQL text may mean something else afterwards: tables, functions, the search path or the role may change. */
  Redefines: 2,
  /** Types may change. */
  AltersTypes: 4,
  /** All prepared statements are dropped. */
  DropsStatements: 8,
  /** Changes since the beginning of the transaction or of a savepoint may be undone. */
  Ends: 16,
  /**
   * Its columns are those of a cursor, or of a statement prepared in SQL: the next time they may be others, which the
   * server does not notice.
   */
  Varies: 32,
} as const;

/** The effects of the only statement of a string, as in the extended query protocol. */
export function effectsOfStatement(sql: string): number {
  if (PLAIN.test(sql) && !MAY_REDEFINE.test(sql)) return Effect.None;
  const statements = new Statements(sql);
  return statements.begin() ? effectsOf(statements) : Effect.None;
}

/** The effects of all statements of a string together; `backslashes` as for the {@linkcode Lexer}. */
export function effectsOfStatements(sql: string, backslashes: boolean = false): number {
  if (!sql.includes(";")) return effectsOfStatement(sql);
  const statements = new Statements(sql, backslashes);
  let effects = 0;
  while (statements.begin()) effects |= effectsOf(statements);
  return effects;
}

/** How many statements a string has, and how many of them are a COPY FROM STDIN, as far as their text shows. */
export function countCopiesIn(sql: string): { readonly statements: number; readonly copies: number } {
  const found = new Statements(sql);
  let statements = 0;
  let copies = 0;
  for (; found.begin(); statements++) if (found.keyword === "COPY" && readsStdin(found)) copies++;
  return { statements, copies };
}

/** A statement of a string: its first words, in capitals, and where it begins and ends, without the semicolon. */
export interface StatementPart {
  readonly words: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** The statements of a string that are not empty; at most `count` words of each. */
export function statementsOf(sql: string, count: number): StatementPart[] {
  const statements = new Statements(sql);
  const parts: StatementPart[] = [];
  while (statements.begin()) {
    const { start } = statements;
    const words: string[] = [];
    let end = start;
    do {
      if (words.length < count) words.push(statements.keyword);
      ({ end } = statements);
    } while (statements.next());
    parts.push({ words, start, end });
  }
  return parts;
}

/** The first word of the only statement of a string, in capitals; undefined if there are several, or none. */
export function commandOf(sql: string): string | undefined {
  const statements = new Statements(sql);
  if (!statements.begin()) return undefined;
  // A select may be in parentheses.
  while (statements.isSymbol("(") && statements.next());
  const command = statements.keyword;
  return command === "" || statements.begin() ? undefined : command;
}

/** Whether a statement only reads, and neither locks nor waits, as far as its text shows. */
export function isPlainRead(sql: string): boolean {
  const statements = new Statements(sql);
  if (!statements.begin() || !READING.includes(statements.keyword)) return false;
  let before = "";
  // Whether the previous token is a name that suggests waiting.
  let isSuspect = false;
  while (statements.next()) {
    const word = statements.keyword;
    if (word === "INTO" || (isSuspect && statements.isSymbol("("))) return false;
    if (before === "FOR" && LOCKING.includes(word)) return false;
    isSuspect = statements.isName && WAITING.test(statements.token);
    before = word;
  }
  return true;
}

/** The highest parameter number; that of `$3` is 3. */
export function highestParameter(sql: string): number {
  const lexer = new Lexer(sql);
  let highest = 0;
  while (lexer.next()) {
    if (lexer.kind === TokenKind.Parameter) highest = Math.max(highest, Number(sql.slice(lexer.start + 1, lexer.end)));
  }
  return highest;
}

/** A parameter that the server does not see, and why, for errors; undefined if there is none. */
export function hiddenParameter(sql: string): string | undefined {
  const lexer = new Lexer(sql);
  while (lexer.next()) {
    const place = HIDING.get(lexer.kind);
    const [found] = place === undefined ? [] : /\$\d+/.exec(sql.slice(lexer.start, lexer.end)) ?? [];
    if (found !== undefined) return `${found} is ${place}`;
  }
  return undefined;
}

/** Whether the COPY whose first token is the current one is FROM STDIN. */
function readsStdin(statement: Statements): boolean {
  let depth = 0;
  while (statement.next()) {
    if (statement.isSymbol("(")) depth++;
    else if (statement.isSymbol(")")) depth--;
    else if (depth === 0 && statement.keyword === "TO") return false;
    else if (depth === 0 && statement.keyword === "FROM") return statement.nextKeyword() === "STDIN";
  }
  return false;
}

/** The effects of the statement whose first token is the current one. */
function effectsOf(statement: Statements): number {
  switch (statement.keyword) {
    case "COPY":
      return Effect.Copies;
    case "CREATE":
      return effectsOfCreate(statement.nextKeyword());
    case "ALTER":
      return Effect.Redefines | Effect.AltersTypes;
    case "DO":
      return effectsOfCode(statement);
    case "DROP":
      return DROPPING_TYPES.includes(statement.nextKeyword())
        ? Effect.Redefines | Effect.AltersTypes
        : Effect.Redefines;
    case "IMPORT":
      return Effect.Redefines;
    case "SET":
      return effectsOfSet(statement);
    case "RESET":
      return redefinesMeaning(
        ["ALL", "SESSION"].includes(statement.nextKeyword()) || isMeaningSetting(statement.token),
      );
    case "DISCARD":
      return effectsOfDiscard(statement.nextKeyword());
    case "DEALLOCATE": {
      const word = statement.nextKeyword();
      const isAll = (word === "PREPARE" ? statement.nextKeyword() : word) === "ALL";
      return isAll ? Effect.DropsStatements : Effect.None;
    }
    case "COMMIT":
      return statement.nextKeyword() === "PREPARED" ? Effect.Redefines | Effect.AltersTypes : Effect.Ends;
    case "ROLLBACK":
      return statement.nextKeyword() === "PREPARED" ? Effect.None : Effect.Ends;
    case "ABORT":
    case "END":
      return Effect.Ends;
    case "PREPARE":
      return statement.nextKeyword() === "TRANSACTION" ? Effect.Ends : Effect.None;
    case "EXPLAIN":
      return effectsOfExplained(statement);
    case "EXECUTE":
    case "FETCH":
      return Effect.Varies;
    default:
      return effectsOfQuery(statement);
  }
}

function redefinesMeaning(does: boolean): number {
  return does ? Effect.Redefines : Effect.None;
}

/** `create or replace view` adds columns, `create type` completes a shell. */
function effectsOfCreate(word: string): number {
  return word === "OR" || word === "TYPE" ? Effect.Redefines | Effect.AltersTypes : Effect.Redefines;
}

function effectsOfDiscard(word: string): number {
  if (word === "ALL") return Effect.DropsStatements | Effect.Redefines;
  return redefinesMeaning(word === "TEMP" || word === "TEMPORARY");
}

function effectsOfSet(statement: Statements): number {
  let word = statement.nextKeyword();
  const isSession = word === "SESSION";
  if (isSession || word === "LOCAL") word = statement.nextKeyword();
  return redefinesMeaning(
    (isSession && word === "AUTHORIZATION") || word === "SCHEMA" ||
      isMeaningSetting(statement.token),
  );
}

/** EXPLAIN may execute its statement too. */
function effectsOfExplained(statement: Statements): number {
  if (!statement.next()) return Effect.None;
  if (statement.isSymbol("(") && statement.nextKeyword() !== "SELECT") {
    for (let depth = 1; depth > 0;) {
      if (statement.isSymbol("(")) depth++;
      else if (statement.isSymbol(")")) depth--;
      if (!statement.next()) return Effect.None;
    }
  }
  while (OPTIONS_OF_EXPLAIN.includes(statement.keyword)) if (!statement.next()) return Effect.None;
  return effectsOf(statement);
}

/** `select … into` creates a table; `set_config` may change what names mean. */
function effectsOfQuery(statement: Statements): number {
  if (!MAY_REDEFINE.test(statement.text)) return Effect.None;
  let before = "";
  let isSetting = false;
  do {
    const word = statement.keyword;
    if (word === "INTO" && !BEFORE_INTO.includes(before)) return Effect.Redefines;
    if (word === "SET_CONFIG") isSetting = true;
    if (isSetting && statement.isString && SETS_MEANING.test(statement.token)) return Effect.Redefines;
    before = word;
  } while (statement.next());
  return Effect.None;
}

/** Code may build statements from pieces: suspicious words count wherever they stand. */
function effectsOfCode(statement: Statements): number {
  let effects: number = Effect.None;
  while (statement.next()) {
    if (!statement.isString) continue;
    if (REDEFINING_CODE.test(statement.token)) effects |= Effect.Redefines | Effect.AltersTypes;
    if (DROPPING_CODE.test(statement.token)) effects |= Effect.DropsStatements;
  }
  return effects;
}

/** Whether a token is the name of a setting that changes what text means. */
function isMeaningSetting(token: string): boolean {
  return MEANING.test(token);
}

/**
 * The statements of a string, token by token. Semicolons in parentheses and in the body of a function
 * do not end one.
 */
class Statements {
  readonly #lexer: Lexer;
  #isOpen = false;
  #parentheses = 0;
  /** The number of ENDs that are missing in the body of a function. */
  #blocks = 0;
  #creates = false;
  #before = "";

  constructor(sql: string, backslashes: boolean = false) {
    this.#lexer = new Lexer(sql, backslashes);
  }

  /** The whole string. */
  get text(): string {
    return this.#lexer.text;
  }

  /** Where the current token begins. */
  get start(): number {
    return this.#lexer.start;
  }

  /** Where it ends. */
  get end(): number {
    return this.#lexer.end;
  }

  /** The current token. */
  get token(): string {
    return this.#isOpen ? this.text.slice(this.#lexer.start, this.#lexer.end) : "";
  }

  /** The current token in capitals if it can be a keyword, "" otherwise. */
  get keyword(): string {
    return this.#isOpen ? this.#lexer.keyword : "";
  }

  /** Whether the current token can be a name. */
  get isName(): boolean {
    const { kind } = this.#lexer;
    return kind === TokenKind.Word || kind === TokenKind.QuotedName;
  }

  /** Whether the current token is a string. */
  get isString(): boolean {
    return this.#lexer.kind === TokenKind.String;
  }

  /** Whether the current token is this character. */
  isSymbol(character: string): boolean {
    return this.#isOpen && this.#lexer.isSymbol(character);
  }

  /** Goes to the first token of the next statement that is not empty; false if there is none. */
  begin(): boolean {
    while (this.next());
    this.#parentheses = this.#blocks = 0;
    while (this.#lexer.nextSolid()) {
      if (this.#lexer.isSymbol(";")) continue;
      this.#isOpen = true;
      this.#before = this.#lexer.keyword;
      this.#creates = this.#before === "CREATE";
      this.#countParentheses();
      return true;
    }
    return false;
  }

  /** Goes to the next token of the statement; false at its end. */
  next(): boolean {
    if (!this.#isOpen) return false;
    const lexer = this.#lexer;
    this.#isOpen = lexer.nextSolid() && (this.#parentheses > 0 || this.#blocks > 0 || !lexer.isSymbol(";"));
    if (!this.#isOpen) return false;
    if (lexer.kind === TokenKind.Symbol) this.#countParentheses();
    else if (this.#creates) this.#countBlocks();
    return true;
  }

  /** Goes to the next token; in capitals if it can be a keyword, "" otherwise. */
  nextKeyword(): string {
    return this.next() ? this.#lexer.keyword : "";
  }

  #countParentheses(): void {
    if (this.#lexer.isSymbol("(")) this.#parentheses++;
    else if (this.#lexer.isSymbol(")") && this.#parentheses > 0) this.#parentheses--;
  }

  /** BEGIN ATOMIC … END, with CASE … END inside. */
  #countBlocks(): void {
    const word = this.#lexer.keyword;
    if (this.#blocks === 0) {
      if (word === "ATOMIC" && this.#before === "BEGIN") this.#blocks = 1;
    } else if (word === "CASE") this.#blocks++;
    else if (word === "END") this.#blocks--;
    this.#before = word;
  }
}

/**
 * The settings that decide what names mean, and what literals do when they are parsed. Of those that concern times only,
 * the server reports each change.
 */
const SETTINGS = "search_path|role|session_authorization|standard_conforming_strings|" +
  "timezone_abbreviations|lc_monetary|array_nulls|transform_null_equals|xmloption";
const READING: readonly string[] = ["SELECT", "TABLE", "VALUES"];
const LOCKING: readonly string[] = ["UPDATE", "SHARE", "NO", "KEY"];
/** Parts of the names of functions that lock or wait. */
const WAITING = /lock|sleep/i;
/** Dropping these may drop parts of other types. */
const DROPPING_TYPES: readonly string[] = ["TYPE", "DOMAIN", "EXTENSION", "SCHEMA", "OWNED"];
const OPTIONS_OF_EXPLAIN: readonly string[] = ["ANALYZE", "ANALYSE", "VERBOSE"];
/** INTO behind one of these is not a clause of a select, since a column can have any name. */
const BEFORE_INTO: readonly string[] = ["INSERT", "MERGE", "AS"];
const REDEFINING_CODE = new RegExp(`\\b(?:create|alter|drop|import|${SETTINGS})\\b`, "i");
const DROPPING_CODE = /\bdeallocate\s+(?:prepare\s+)?all\b/i;
/** The beginning of a statement whose effects {@linkcode effectsOfQuery} finds. This costs less than a {@linkcode Lexer}. */
const PLAIN = /^\s*(?:select|with|values|table|update|delete)\b/i;
const MAY_REDEFINE = /into|set_config/i;
const MEANING = new RegExp(`^"?(?:${SETTINGS})"?$`, "i");
const SETS_MEANING = new RegExp(`^[^'$]{0,2}['$](?:\\w*\\$)?(?:${SETTINGS})['$]`, "i");

/** The tokens in which `$1` is no parameter. */
const HIDING: ReadonlyMap<TokenKind, string> = new Map<TokenKind, string>([
  [
    TokenKind.String,
    "inside of a string, where it is text: write it without quotes, and the % of a pattern in the value",
  ],
  [TokenKind.QuotedName, "inside of a quoted name: names cannot be parameters, sql.id quotes them"],
  [TokenKind.Comment, "inside of a comment"],
]);
