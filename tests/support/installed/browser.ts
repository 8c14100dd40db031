/**
 * A headless Chromium for tests: the one that is installed, or Debian's, unpacked into the cache, so that no rights are
 * needed. It is driven by the DevTools protocol over a WebSocket.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { cached } from "./cache.ts";
import { ended } from "../processes/process_end.ts";

/** A running browser. */
export class Browser implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #pages = new Map<string, Page>();
  readonly #calls = new Map<number, PromiseWithResolvers<Answer>>();

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data)));
    socket.addEventListener("close", () => {
      for (const call of this.#calls.values()) call.reject(new Error("The browser has ended"));
    });
  }

  /** Starts one, with a profile of its own. */
  static async start(): Promise<Browser> {
    const { program, env } = chromium();
    const profile = mkdtempSync(join(tmpdir(), "pyro-chromium-"));
    const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], {
      env: { PATH: process.env.PATH ?? "", HOME: profile, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const address = await new Promise<string>((resolve, reject) => {
      let log = "";
      child.stderr!.on("data", (chunk) => {
        log += chunk;
        const match = /^DevTools listening on (ws:.*)$/m.exec(log);
        if (match !== null) resolve(match[1]!);
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`chromium ended with ${code}:\n${log}`)));
    });
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return new Browser(child, profile, socket);
  }

  /** Opens a page in a tab of its own. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.call<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.#pages.set(sessionId, page);
    for (const domain of ["Page", "Runtime", "Log"]) await this.call(`${domain}.enable`, {}, sessionId);
    await this.call("Page.navigate", { url }, sessionId);
    return page;
  }

  /** Calls a method of the DevTools protocol. */
  async call<T>(method: string, params: object, sessionId?: string): Promise<T> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error("The browser has ended");
    const id = ++lastCall;
    const call = Promise.withResolvers<Answer>();
    this.#calls.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    const { result, error } = await call.promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It then ends its other processes, which could still write files.
    await this.call("Browser.close", {}).catch(() => {});
    await ended(this.#process);
    this.#socket.close();
    for (let attempt = 1; existsSync(this.#profile); attempt++) {
      try {
        rmSync(this.#profile, { recursive: true, force: true });
      } catch (error) {
        if (attempt === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  #hear(message: Answer & { id?: number; method?: string; params?: Event; sessionId?: string }): void {
    if (message.id !== undefined) {
      this.#calls.get(message.id)?.resolve(message);
      this.#calls.delete(message.id);
    } else {
      const problem = problemOf(message.method, message.params);
      if (problem !== undefined) this.#pages.get(message.sessionId ?? "")?.problems.push(problem);
    }
  }
}

/** A page in a browser. */
export class Page {
  /** Uncaught exceptions, and violations of the page's policies. */
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;
  readonly #target: string;

  constructor(browser: Browser, session: string, target: string) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
  }

  /** The result of JavaScript in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#call<Evaluated>("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? "It threw");
    return result.value;
  }

  /** Waits until an expression is true, with a limit. It may throw before: the page may still be loading. */
  async until(expression: string): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const result = await this.evaluate(expression).catch((error: Error) => error.message);
      if (result === true) return;
      if (attempt === 400) {
        throw new Error(`It does not come true: ${expression} (${result}); the page says:
${await this.evaluate("document.body?.innerText")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sets its width in pixels. */
  async resize(width: number): Promise<void> {
    await this.#call("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: true });
  }

  /** Closes it. */
  async close(): Promise<void> {
    await this.#browser.call("Target.closeTarget", { targetId: this.#target });
  }

  #call<T>(method: string, params: object): Promise<T> {
    return this.#browser.call<T>(method, params, this.#session);
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Event {
  readonly exceptionDetails?: Details;
  readonly entry?: { readonly source: string; readonly text: string };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: Details;
}

interface Details {
  readonly exception?: { readonly description?: string };
}

function problemOf(method: string | undefined, params: Event | undefined): string | undefined {
  if (method === "Runtime.exceptionThrown") return params!.exceptionDetails?.exception?.description ?? "exception";
  if (method === "Log.entryAdded" && params!.entry?.source === "security") return params!.entry.text;
  return undefined;
}

/** The program, and the environment that it needs. */
function chromium(): { program: string; env: Record<string, string> } {
  const installed = spawnSync("chromium", ["--version"]).status === 0;
  if (installed) return { program: "chromium", env: {} };
  const root = cached("chromium", (staging) => {
    unpackChromium(staging);
    return join(staging, "root");
  });
  return { program: join(root, PROGRAM), env: { LD_LIBRARY_PATH: libraries(root) } };
}

/** Downloads it with those libraries that are not installed, and unpacks them. */
function unpackChromium(staging: string): void {
  const run = (program: string, args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: staging, encoding: "utf8" });
    if (status !== 0) {
      throw new Error(`${program} ${args.join(" ")} fails: run \`apt-get update\` as root first\n${stderr}`);
    }
    return stdout;
  };
  const plan = run("apt-get", ["--simulate", "--no-install-recommends", "install", PACKAGE]);
  const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  run("apt-get", ["download", ...packages]);
  for (const file of readdirSync(staging).filter((name) => name.endsWith(".deb"))) {
    run("dpkg", ["-x", file, "root"]);
  }
  const root = join(staging, "root");
  const version = spawnSync(join(root, PROGRAM), ["--version"], {
    env: { LD_LIBRARY_PATH: libraries(root) },
    encoding: "utf8",
  });
  if (version.status !== 0) throw new Error(`chromium does not run here: ${version.stderr ?? version.error}`);
}

/** Also those of PulseAudio, which are a folder deeper. */
function libraries(root: string): string {
  const base = join(root, "usr/lib");
  return readdirSync(base).flatMap((name) => [join(base, name), join(base, name, "pulseaudio")]).filter(existsSync)
    .join(":");
}

let lastCall = 0;
const PACKAGE = "chromium-headless-shell";
const PROGRAM = "usr/lib/chromium/chromium-headless-shell";
const FLAGS = [
  "--headless",
  // It refuses to run as root otherwise.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];
