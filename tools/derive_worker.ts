/**
 * Makes one text of code that runs in a thread of its own, with what it imports: of `src/transport/worker_main.ts`, for
 * blocking connections, and of `src/testing/fault_proxy_main.ts`.
 *
 * The text is a file of the repository, so that it is the same however a program that contains pyro was
 * transpiled, bundled or minified: helper functions that such tools put into code do not exist in the thread.
 */
import { build } from "npm:esbuild@0.28.2";
import { basename, dirname, join } from "node:path";

/** The files that are written, with those that they are made from, and the names of the texts. */
export const THREADS: readonly (readonly [file: string, source: string, name: string])[] = [
  ["src/transport/worker_code.ts", "src/transport/worker_main.ts", "WORKER_CODE"],
  ["src/testing/fault_proxy_code.ts", "src/testing/fault_proxy_main.ts", "FAULT_PROXY_CODE"],
];

/** The content of such a file, not yet formatted. */
export async function threadCode(root: string, source: string, name: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { start } from "./${basename(source)}";`,
      resolveDir: join(root, dirname(source)),
      loader: "ts",
    },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    charset: "utf8",
    logLevel: "error",
    // Each thread reads the text anew. Names stay, since errors show them.
    minifyWhitespace: true,
    lineLimit: 100,
  });
  const lines = outputFiles[0]!.text.replace(/export\s*\{[^}]*\};\n$/, "").split(/(?<=\n)/);
  return `// Derived from ${source} by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the thread: the function \`start\` of \`${basename(source)}\`, and all that it uses. */
export const ${name}: string = ${lines.map((line) => JSON.stringify(line)).join(" +\n  ")};
`;
}
