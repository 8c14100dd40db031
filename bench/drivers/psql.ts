/** psql's \copy, between the server and a file, including psql's start. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Driver, USER } from "../driver.ts";
import { blocks, COPY_IN, copyingOut } from "../workloads/copy.ts";

export const driver: Driver = ({ transport, port, directory, sizes }) => {
  const files = mkdtempSync(join(tmpdir(), "pyro-psql-"));
  const input = join(files, "in");
  const output = join(files, "out");
  writeFileSync(input, Array.from(blocks(sizes), (block) => new TextDecoder().decode(block)).join(""));
  process.on("exit", () => rmSync(files, { recursive: true, force: true }));

  function psql(command: string): number {
    const host = transport === "unix" ? directory : "127.0.0.1";
    const args = ["-X", "-h", host, "-p", String(port), "-U", USER, "-d", "postgres", "-c", command];
    const { status, stdout, stderr } = spawnSync("psql", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`psql failed: ${stderr}`);
    return Number(/^COPY (\d+)$/m.exec(stdout)?.[1]);
  }

  return Promise.resolve({
    copy_in: () => psql(`\\${COPY_IN.replace("stdin", `'${input}'`)}`),
    copy_out: () => {
      psql(`\\${copyingOut(sizes).replace("stdout", `'${output}'`)}`);
      return statSync(output).size;
    },
  });
};
