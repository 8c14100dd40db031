/**
 * The programs of the workload `script`, in JavaScript, and a directory in which they find their drivers: pyro as the
 * package that the build makes, and the others as npm installs them.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { installPeers } from "./peers.ts";

/** The name of a program. */
export type ProgramName =
  | "pyro"
  | "pyro_without_upgrade"
  | "pyro_sources"
  | "pyro_blocking"
  | "postgres_js"
  | "pg"
  | "bun_sql";

/** Programs by name. Each gets the URL in the environment, and prints the last value. */
export const PROGRAMS: Readonly<Record<ProgramName, string>> = {
  pyro: pyro("@x/pyro", "process.env.URL"),
  pyro_without_upgrade: pyro("@x/pyro", 'process.env.URL + "&upgrade_to_unix_socket=no"'),
  pyro_sources: pyro(new URL("../mod.ts", import.meta.url).href, "process.env.URL"),
  pyro_blocking: `
    import { Conn } from "@x/pyro/sync";
    const conn = new Conn(process.env.URL);
    for (let i = 0; i < 9; i++) conn.exec("select $1::int4 as n", [i]);
    console.log(conn.exec("select $1::int4 as n", [9])[0].n);
    conn.close();
  `,
  postgres_js: `
    import postgres from "postgres";
    const sql = postgres(process.env.URL, { max: 1 });
    for (let i = 0; i < 9; i++) await sql\`select \${i}::int4 as n\`;
    console.log((await sql\`select \${9}::int4 as n\`)[0].n);
    await sql.end();
  `,
  pg: `
    import pg from "pg";
    const client = new pg.Client(process.env.URL);
    await client.connect();
    for (let i = 0; i < 9; i++) await client.query("select $1::int4 as n", [i]);
    console.log((await client.query("select $1::int4 as n", [9])).rows[0].n);
    await client.end();
  `,
  bun_sql: `
    const sql = new Bun.SQL(process.env.URL, { max: 1 });
    for (let i = 0; i < 9; i++) await sql\`select \${i}::int4 as n\`;
    console.log((await sql\`select \${9}::int4 as n\`)[0].n);
    await sql.close();
  `,
};

function pyro(module: string, url: string): string {
  return `
    import { Conn } from "${module}";
    const conn = await Conn.connect(${url});
    for (let i = 0; i < 9; i++) await conn.exec("select $1::int4 as n", [i]);
    console.log((await conn.exec("select $1::int4 as n", [9]))[0].n);
    await conn.close();
  `;
}

/** Makes the directory. */
export function makePrograms(directory: string): void {
  const modules = join(directory, "node_modules");
  mkdirSync(join(modules, "@x"), { recursive: true });
  const installed = join(installPeers(), "node_modules");
  for (const name of readdirSync(installed)) {
    if (!name.startsWith(".")) symlinkSync(join(installed, name), join(modules, name));
  }
  const build = join(import.meta.dirname!, "..", "tools", "build.ts");
  const { status, stderr } = spawnSync(process.execPath, ["run", "-A", build, join(modules, "@x", "pyro")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The package cannot be built:\n${stderr}`);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(directory, `${name}.js`), text);
}
