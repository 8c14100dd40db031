/** The part of prepared statements that both drivers share. */
import { UsageError } from "../errors.ts";
import { printMembers } from "../inspection.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { StatementReference } from "./statement_source.ts";
import type { Column } from "../wire/backend.ts";

/** A parameter of a prepared statement. */
export interface Parameter {
  /** The OID of its type, as in `pg_type.oid`. */
  readonly typeOid: number;
}

/** The reference of a statement. Throws if `owner` has not prepared it. */
export let referenceOf: (statement: StatementHandle, owner: object) => StatementReference;

/** Marks a statement as closed; returns undefined if it was closed already. */
export let closeReference: (statement: StatementHandle) => Prepared | undefined;

/** The base class of prepared statements. Its subclasses add `close`. */
export abstract class StatementHandle {
  readonly #owner: object;
  readonly #reference: StatementReference;
  #closed = false;

  /** Internal: `Conn.prepare` makes prepared statements. */
  constructor(owner: object, prepared: Prepared) {
    this.#owner = owner;
    this.#reference = { prepared, isStale: false };
  }

  /** Its parameters, in the order of `$1`, `$2`, …. */
  get params(): readonly Parameter[] {
    return this.#reference.prepared.parameterTypes.map((typeOid) => ({ typeOid }));
  }

  /** The columns of its rows; empty for a statement that returns no rows. */
  get columns(): readonly Column[] {
    return this.#reference.prepared.description?.columns ?? [];
  }

  static {
    referenceOf = (statement, owner) => {
      if (statement.#closed) throw new UsageError("Cannot use the prepared statement: it is closed");
      if (statement.#owner !== owner) {
        throw new UsageError("Cannot use the prepared statement: it belongs to another connection");
      }
      return statement.#reference;
    };
    closeReference = (statement) => {
      if (statement.#closed) return undefined;
      statement.#closed = true;
      return statement.#reference.prepared;
    };
    printMembers<StatementHandle>(this.prototype, (statement) => ({
      sql: statement.#reference.prepared.sql,
      params: statement.params.map(({ typeOid }) => typeOid),
      columns: statement.columns.map(({ name }) => name),
      closed: statement.#closed,
    }));
  }
}
