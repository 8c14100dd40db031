/** libpq 18, of npm's PostgreSQL, called through Deno's FFI: what it does in the same situation as pyro. */
import { join } from "node:path";
import { install } from "./postgres.ts";

/** What has come of a connection. */
export interface LibpqOutcome {
  /** libpq's reason for a refusal; empty if it has connected. */
  readonly refusal: string;
  readonly isEncrypted: boolean;
}

/** The library. On runtimes other than Deno it cannot be opened. */
export class Libpq implements Disposable {
  readonly #library = Deno.dlopen(join(install(18), "lib", "libpq.so.5"), {
    PQconnectdb: { parameters: ["buffer"], result: "pointer", nonblocking: true },
    PQstatus: { parameters: ["pointer"], result: "i32" },
    PQsslInUse: { parameters: ["pointer"], result: "i32" },
    PQerrorMessage: { parameters: ["pointer"], result: "pointer" },
    PQfinish: { parameters: ["pointer"], result: "void" },
  });

  /** Connects with a keyword/value string, to which nothing of the caller's is added, and closes the connection. */
  async connect(text: string): Promise<LibpqOutcome> {
    const { PQconnectdb, PQstatus, PQsslInUse, PQerrorMessage, PQfinish } = this.#library.symbols;
    const conn = await PQconnectdb(new TextEncoder().encode(`${text} gssencmode=disable passfile=/nonexistent\0`));
    try {
      if (PQstatus(conn) === CONNECTION_OK) return { refusal: "", isEncrypted: PQsslInUse(conn) !== 0 };
      const message = new Deno.UnsafePointerView(PQerrorMessage(conn)!).getCString().trim();
      return { refusal: message.replaceAll(/^connection to server .*? failed: /gm, ""), isEncrypted: false };
    } finally {
      PQfinish(conn);
    }
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** `CONNECTION_OK` in libpq-fe.h. */
const CONNECTION_OK = 0;
