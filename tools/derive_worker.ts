/**
 * Makes one text of the code that runs in the worker of blocking connections: `src/transport/worker_main.ts` and
 * what it imports.
 *
 * The text is a file of the repository, so that it is the same however a program that contains pyro was
 * transpiled, bundled or minified: helper functions that such tools put into code do not exist in the worker.
 */
import { build } from "npm:esbuild@0.28.2";
import { join } from "node:path";

/** The file that is written. */
export const WORKER_CODE = "src/transport/worker_code.ts";

/** The content of that file, not yet formatted. */
export async function workerCode(root: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { start } from "./worker_main.ts";`,
      resolveDir: join(root, "src/transport"),
      loader: "ts",
    },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    charset: "utf8",
    logLevel: "error",
  });
  const lines = outputFiles[0]!.text.replace(/^\/\/ .*\n/gm, "").replace(/export \{[^}]*\};\n$/, "").split(/(?<=\n)/);
  return `// Derived from src/transport/worker_main.ts by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the worker: the function \`start\` of \`worker_main.ts\`, and all that it uses. */
export const WORKER_CODE: string = ${lines.map((line) => JSON.stringify(line)).join(" +\n  ")};
`;
}
