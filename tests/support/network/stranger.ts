/**
 * A process of another user of this machine, which listens on a Unix socket and records the bytes it
 * receives. Only root can start it, so these tests need root.
 */
import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The stranger's user number, which needs no account. */
export const STRANGER = 4711;

/** What the stranger requests of clients. "relay" passes all bytes on to the server's own socket. */
export type Demand = "cleartext" | "md5" | "scram" | "relay";

/** A listening stranger. */
export interface Stranger extends AsyncDisposable {
  /** Ends it, and returns all bytes that it has received, a character for each. */
  heard(): Promise<string>;
}

/** Listens on a path as another user; `server` is the target of "relay". */
export async function startStranger(path: string, access: Demand, server: string = ""): Promise<Stranger> {
  const directory = mkdtempSync(join(tmpdir(), "pyro-stranger-"));
  chmodSync(directory, 0o755);
  chownSync(directory, STRANGER, STRANGER);
  const socket = join(directory, "s");
  // Uses Node, which every user may run: the tests' runtime may be accessible to root only.
  const child = spawn("node", ["-e", `(${listen})()`, socket, access, server], {
    cwd: tmpdir(),
    uid: STRANGER,
    gid: STRANGER,
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env.PATH },
  });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on("data", (chunk) => {
      output += chunk;
      resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the stranger ended with ${code}`)));
  });
  renameSync(socket, path);
  let result: Promise<string> | undefined;
  const heard = async (): Promise<string> => {
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.stdin!.end();
    await closed;
    rmSync(path, { force: true });
    rmSync(directory, { recursive: true });
    return output.slice("listening\n".length);
  };
  return {
    heard: () => result ??= heard(),
    async [Symbol.asyncDispose]() {
      await (result ??= heard());
    },
  };
}

/** Runs in the stranger's process, so it must not refer to anything outside. */
function listen(): void {
  const { connect, createServer } = process.getBuiltinModule("node:net");
  const { Buffer } = process.getBuiltinModule("node:buffer");
  const [path, demand, server] = process.argv.slice(1);
  let heard = "";
  const ask = (method: number, rest: Uint8Array | string = ""): Uint8Array => {
    const body = Buffer.from(rest as string, "latin1");
    const head = Buffer.alloc(9);
    head.write("R");
    head.writeInt32BE(body.length + 8, 1);
    head.writeInt32BE(method, 5);
    return Buffer.concat([head, body]);
  };
  createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => heard += chunk.toString("latin1"));
    if (demand === "relay") {
      const target = connect(server!);
      target.on("error", () => socket.destroy());
      target.pipe(socket).pipe(target);
      return;
    }
    const questions: ((said: string) => Uint8Array)[] = {
      cleartext: [() => ask(3)],
      md5: [() => ask(5, "salt")],
      scram: [
        () => ask(10, "SCRAM-SHA-256\0\0"),
        (said: string) => ask(11, `r=${/r=([^,]+)/.exec(said)![1]}more,s=c2FsdA==,i=1`),
      ],
    }[demand!]!;
    socket.on("data", (chunk) => {
      const next = questions.shift();
      if (next === undefined) socket.end();
      else socket.write(next(chunk.toString("latin1")));
    });
  }).listen(path, () => process.stdout.write("listening\n"));
  process.stdin.on("end", () => process.stdout.write(heard, () => process.exit())).resume();
}
