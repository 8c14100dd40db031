/**
 * The three programs of `docs/programs.md`, each with pyro, postgres.js and pg. Their code, and the numbers of their
 * lines, are put into the page; `deno task derive` does that.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS } from "../tests/support/installed/versions.ts";

const ROOT = join(import.meta.dirname!, "..");

/** The programs, by the names of pyro's. */
export const PROGRAMS = ["csv_import", "price_service", "transfer"] as const;

/** What they are written with. */
export const CLIENTS = ["pyro", "postgres_js", "pg"] as const;

const TITLES = {
  pyro: "pyro",
  postgres_js: `postgres.js ${PEERS.postgres}`,
  pg: `pg ${PEERS.pg}`,
} as const;

/** The file of a program, below the project's directory. */
export function pathOf(program: typeof PROGRAMS[number], client: typeof CLIENTS[number]): string {
  return client === "pyro" ? `docs/examples/${program}.ts` : `docs/peers/${program}_${client}.js`;
}

/** How many lines of code a formatted module has: blank ones, and those of comments alone, do not count. */
export function countLines(code: string): number {
  return code.replaceAll(/^\s*\/\*\*[\s\S]*?\*\//gm, "").split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("//")).length;
}

/** The page, where the programs are shown. */
export const PAGE = "docs/programs.md";

/** What the page must be. */
export function pageOfPrograms(): string {
  let text = replacePart(readFileSync(join(ROOT, PAGE), "utf8"), "lines", tableOfLines());
  for (const program of PROGRAMS) text = replacePart(text, program, sideBySide(program));
  return text;
}

function codeOf(program: typeof PROGRAMS[number], client: typeof CLIENTS[number]): string {
  return readFileSync(join(ROOT, pathOf(program, client)), "utf8");
}

function tableOfLines(): string {
  const cells = PROGRAMS.map((program) => [
    `[${program}](#${program.replaceAll("_", "-")})`,
    ...CLIENTS.map((client) => `[${countLines(codeOf(program, client))}](${pathOf(program, client).slice(5)})`),
  ]);
  const rows = [["lines of code", ...CLIENTS.map((client) => TITLES[client])], ...cells];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`);
  return [lines[0], `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...lines.slice(1)].join("\n");
}

function sideBySide(program: typeof PROGRAMS[number]): string {
  const cells = CLIENTS.map((client) =>
    `<td>\n\n**${TITLES[client]}**\n\n\`\`\`${client === "pyro" ? "ts" : "js"} ignore\n${
      codeOf(program, client)
    }\`\`\`\n\n</td>`
  );
  return `<table>\n<tr valign="top">\n${cells.join("\n")}\n</tr>\n</table>`;
}

/** What is between the two marks of that name. */
function replacePart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/programs.md has no marks for ${name}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}
