/**
 * Settings that hold until the end of a transaction, in a test whose transactions are savepoints: a savepoint that is
 * kept keeps them too, so they are set back. What a statement sets is known by its text.
 *
 * Source: PostgreSQL manual, SQL command SET, and function set_config.
 */

/** The settings of the client's transaction. */
export class LocalSettings {
  /** Each setting, and the number under which its old value is kept. */
  readonly #numbers = new Map<string, number>();
  /** What was set in this transaction. */
  readonly #changed = new Set<string>();
  /** What prepared statements set. */
  readonly #prepared = new Map<string, readonly string[]>();

  /** Remembers what a prepared statement sets. */
  prepare(statement: string, sql: string): void {
    this.#prepared.set(statement, namesIn(sql));
  }

  /** SQL that keeps the values of what this text, or this prepared statement, is about to set; undefined if nothing is. */
  keep(from: { readonly sql: string } | { readonly statement: string }): string | undefined {
    const names = "sql" in from ? namesIn(from.sql) : this.#prepared.get(from.statement) ?? [];
    const added = names.filter((name) => !this.#changed.has(name));
    if (added.length === 0) return undefined;
    const calls = added.map((name) => {
      this.#changed.add(name);
      // A setting that does not exist has no value: NULL, which becomes an empty text.
      return setConfig(this.#kept(name), `'=' || pg_catalog.current_setting('${name}', true)`);
    });
    return `SELECT ${calls.join(", ")}`;
  }

  /** SQL that sets everything back, which a transaction that is kept has set; undefined if it has set nothing. */
  restore(): string | undefined {
    // The role first, since it may not be allowed to set the others.
    const names = [...this.#changed].sort((a, b) => Number(b === "role") - Number(a === "role"));
    this.forget();
    if (names.length === 0) return undefined;
    return names.map((name) => {
      const kept = `pg_catalog.current_setting('${this.#kept(name)}', true)`;
      const set = `SELECT ${setConfig(name, `pg_catalog.substr(${kept}, 2)`)}`;
      // One of the program's own begins to exist when it is set.
      return name.includes(".") ? set : `${set} WHERE ${kept} <> ''`;
    }).join("; ");
  }

  /** The transaction was rolled back, and the settings with it. */
  forget(): void {
    this.#changed.clear();
  }

  /** The setting that keeps the old value of another. */
  #kept(name: string): string {
    const number = this.#numbers.get(name) ?? this.#numbers.size + 1;
    this.#numbers.set(name, number);
    return `pyro_kept.s${number}`;
  }
}

/** The names of what a text sets until the end of a transaction. */
function namesIn(sql: string): string[] {
  const found = [...sql.matchAll(SET_LOCAL), ...sql.matchAll(SET_CONFIG)].map(([, name]) => name!.toLowerCase());
  const names = found.map((name) => name === "time" ? "timezone" : name);
  return [...new Set(names)].filter((name) => !FIXED.test(name));
}

function setConfig(name: string, value: string): string {
  return `pg_catalog.set_config('${name}', ${value}, true)`;
}

const SET_LOCAL = /\bset\s+local\s+"?([\w.]+)/gi;
const SET_CONFIG = /\bset_config\s*\(\s*'([\w.]+)'\s*,(?:(?!set_config)[\s\S])*?,\s*'?(?:true|t|on|1)'?\s*\)/gi;
/** Settings of the whole transaction, which cannot be set back. */
const FIXED = /^(?:transaction|session$)/;
