/** The validator of bearer tokens in `oauth_validator.c`, compiled where the server's user can read it. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether it can be compiled here. */
export function canCompile(): boolean {
  return spawnSync("cc", ["--version"]).status === 0;
}

/** The library, until it is disposed of. */
export class OauthValidator implements Disposable {
  readonly #directory: string = mkdtempSync(join(tmpdir(), "pyro-validator-"));
  readonly path: string = join(this.#directory, "oauth_validator.so");

  constructor() {
    const source = join(import.meta.dirname!, "oauth_validator.c");
    const { status, stderr } = spawnSync("cc", ["-O1", "-Wall", "-shared", "-fPIC", "-o", this.path, source], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`The validator cannot be compiled: ${stderr}`);
    chmodSync(this.#directory, 0o755);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
