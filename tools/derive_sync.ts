/**
 * Makes the facades of the blocking world from those of the promise world.
 *
 * The two differ by `await` and little else, so only the files in `src/async` are written by hand. What
 * differs beyond {@linkcode deriveSync}'s rules is in {@linkcode EDITS}, word for word; an edit that no
 * longer applies is an error.
 */

/** A text of the promise world, and what the blocking world has in its place. */
export type Edit = readonly [from: string, to: string];

/** The files that are derived, with what differs in each beyond the rules. */
export const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  "async/executor.ts": [
    ["import { copyStream }", "import { CopyStream }"],
    [": ReadableStream<Uint8Array<ArrayBuffer>> {", ": CopyStream {"],
    ["return copyStream(", "return new CopyStream("],
    ["as a stream that can be iterated over.", "chunk by chunk."],
    [
      `const text = await new Response(conn.copyOut("copy (values (1, 2), (3, 4)) to stdout (format csv)")).text();`,
      `let text = "";
   * const decoder = new TextDecoder();
   * for (const chunk of conn.copyOut("copy (values (1, 2), (3, 4)) to stdout (format csv)")) {
   *   text += decoder.decode(chunk, { stream: true });
   * }`,
    ],
  ],
  "async/pipeline.ts": [],
  "pool/async/pooled_conn.ts": [
    ["super(opened);", "super(opened.target);"],
    [
      ` Calls already made may take five seconds to finish; after that the
   * connection is closed, and the pool opens another one when it needs one.`,
      "",
    ],
  ],
  "pool/async/pool_executor.ts": [],
  "pool/async/pool_views.ts": [
    ["of a pool:", "of a pool that blocks:"],
    [
      "await Promise.all(this.#all.map((manager) => manager.drain()));",
      "for (const manager of this.#all) manager.drain();",
    ],
    ["close(timeout: number)", "close()"],
    [
      "await Promise.all(this.#all.map((manager) => manager.close(timeout)));",
      "for (const manager of this.#all) manager.close();",
    ],
  ],
  "async/portal.ts": [],
  "async/prepared_statement.ts": [],
  "async/statement_executor.ts": [],
  "async/transaction.ts": [
    ["await assert.rejects(tx.tx(", "assert.throws(() => tx.tx("],
  ],
};

/** The text of a file of the blocking world. */
export function deriveSync(text: string, edits: readonly Edit[], source: string): string {
  for (const [from, to] of edits) {
    if (!text.includes(from)) throw new Error(`${source} no longer contains what an edit replaces: ${from}`);
    text = text.replace(from, () => to);
  }
  // A union with what only the promise world takes, then the promises themselves.
  text = withoutGeneric(text, /\s\|\s(?:AsyncIterable|Promise)</, () => "");
  text = withoutGeneric(text, /\bPromise</, (inside) => inside);
  for (const [pattern, replacement] of RULES) text = text.replace(pattern, replacement);
  return `// Derived from ${source} by tools/derive_sync.ts. Change that file, then run: deno task derive\n${
    mergeImports(text)
  }`;
}

const RULES: readonly (readonly [RegExp, string])[] = [
  [/\bthat await\b/g, "that block"],
  [/\bawait /g, ""],
  [/\basync (?=[(\w[])/g, ""],
  [/\bAsyncLink\b/g, "SyncLink"],
  [/\bAsync(?=Disposable\b|Iterable\b|Iterator\b)/g, ""],
  [/\basync_link\b/g, "sync_link"],
  [/\bSymbol\.asyncDispose\b/g, "Symbol.dispose"],
  [/"@x\/pyro"/g, `"@x/pyro/sync"`],
  [/\bConn\.connect\(/g, "new Conn("],
  // The options of blocking calls are those that both worlds have.
  [/"\.\/options\.ts"/g, `"../connection/call_options.ts"`],
  [/"((?:\.\.\/)+)async\/options\.ts"/g, `"$1connection/call_options.ts"`],
  [/"((?:\.\.\/)*)async\//g, `"$1sync/`],
];

/** Replaces each generic type whose beginning matches, up to the bracket that closes it, by what `replace` makes of its argument. */
function withoutGeneric(text: string, beginning: RegExp, replace: (inside: string) => string): string {
  for (let match = beginning.exec(text); match !== null; match = beginning.exec(text)) {
    const start = match.index + match[0].length;
    let end = start;
    for (let depth = 1; depth > 0; end++) {
      if (text[end] === "<") depth++;
      // Not the end of an arrow.
      else if (text[end] === ">" && text[end - 1] !== "=") depth--;
    }
    text = text.slice(0, match.index) + replace(text.slice(start, end - 1)) + text.slice(end);
  }
  return text;
}

/** Makes one import of those that import types from the same module. */
function mergeImports(text: string): string {
  const names = new Map<string, string[]>();
  const pattern = /^import type \{([^}]*)\} from ("[^"]*");\n/gm;
  for (const [, list, module] of text.matchAll(pattern)) {
    const all = names.get(module!) ?? [];
    all.push(...list!.split(",").map((name) => name.trim()).filter((name) => name !== ""));
    names.set(module!, all);
  }
  return text.replace(pattern, (_, __, module) => {
    const all = names.get(module);
    names.delete(module);
    return all === undefined ? "" : `import type { ${all.sort().join(", ")} } from ${module};\n`;
  });
}
