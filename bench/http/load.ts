/** Requests from a process of its own, which is the same for all servers. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";

/** That process; it ends with this one. */
export class Load {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#answers = lines[Symbol.asyncIterator]();
  }

  static start(port: number): Load {
    const [program, ...args] = JSON.parse(process.env.PYRO_BENCH_LOAD!) as string[];
    const child = spawn(program!, [...args, String(port)], { stdio: ["pipe", "pipe", "inherit"] });
    return new Load(child, createInterface({ input: child.stdout! }));
  }

  /** Makes so many requests, for rows from `first` on; how many were answered as they should be. */
  async request(count: number, first: number): Promise<number> {
    this.#child.stdin!.write(`${count} ${first}\n`);
    return Number((await this.#answers.next()).value);
  }
}
