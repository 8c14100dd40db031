/**
 * The worker that owns the sockets of blocking connections.
 *
 * `tools/derive_worker.ts` makes one text of this file and of those that it imports: `worker_code.ts`. The
 * worker gets it in a `data:` URL, so it needs no file, and on Deno no permission beyond net.
 *
 * When a connection is closed, its channel waits for the next one for a while, and the worker with it: starting a thread
 * takes longer than all the rest of connecting, and a runtime frees the memory of an ended thread only in its event loop,
 * which does not run while a script blocks.
 */
import { builtin } from "../builtin.ts";
import { WorkerConnection } from "./worker_connection.ts";
import {
  COMMANDS,
  CONTROL_WORDS,
  type DialRequest,
  GONE,
  LAYOUT,
  STATES,
  WORDS,
  type WorkerData,
  type WorkerReport,
} from "./worker_memory.ts";

/** What the code of the worker uses, for one channel. */
export interface WorkerContext {
  readonly memory: SharedArrayBuffer;
  readonly control: Int32Array<ArrayBufferLike>;
  /** Rings the bell of the main thread, so that it checks what has changed. */
  ring(): void;
  /** Rings the worker's own bell. */
  wakeUp(): void;
  /** The argument of the last command. */
  requested(): unknown;
  /** Sets the state, unless the connection has ended already. */
  report(state: number, what: WorkerReport): void;
  /** Reports an error. */
  fail(error: unknown): void;
  /** Handles an error outside of any operation. */
  breakDown: (error: unknown) => void;
  /**
   * Called when a reply was delivered. A blocking program often sends its next query some microseconds later, sooner
   * than a waiting thread is woken. So this watches the bell for a moment before the thread waits.
   */
  poll: () => void;
  /** The channel is not used any more. */
  left(): void;
}

/**
 * Runs `main` for each channel. Every failure is reported in shared memory, since the main thread gets no events while
 * it waits.
 */
export function start(main: (context: WorkerContext) => void = serve): void {
  const { workerData, parentPort } = builtin.workerThreads;
  const { count: counter, memory } = workerData as WorkerData;
  const count = new Int32Array(counter);
  const contexts = new Set<WorkerContext>();
  const end = (): void => {
    Atomics.store(count, 0, GONE);
    for (const { control, ring } of contexts) {
      Atomics.store(control, WORDS.state, STATES.gone);
      ring();
    }
  };
  process.on("exit", end);
  const breakDown = (error: unknown): void => {
    for (const context of [...contexts]) context.breakDown(error);
  };
  process.on("uncaughtException", breakDown);
  process.on("unhandledRejection", breakDown);
  const open = (memory: SharedArrayBuffer): void => {
    const context = contextOf(memory, () => {
      contexts.delete(context);
      // Without channels the worker ends, unless another one is on its way.
      if (Atomics.sub(count, 0, 1) === 1 && Atomics.compareExchange(count, 0, 0, GONE) === 0) parentPort!.close();
    });
    contexts.add(context);
    try {
      main(context);
    } catch (error) {
      context.fail(error);
    }
  };
  parentPort!.on("message", open);
  open(memory);
}

function contextOf(memory: SharedArrayBuffer, left: () => void): WorkerContext {
  const control = new Int32Array(memory, 0, CONTROL_WORDS);
  const ring = (): void => {
    Atomics.add(control, WORDS.mainBell, 1);
    Atomics.notify(control, WORDS.mainBell);
  };
  const wakeUp = (): void => {
    Atomics.add(control, WORDS.workerBell, 1);
    Atomics.notify(control, WORDS.workerBell);
  };
  const requested = (): unknown => {
    const length = Atomics.load(control, WORDS.requestLength);
    return JSON.parse(new TextDecoder().decode(new Uint8Array(memory, LAYOUT.request, length).slice()));
  };
  const report = (state: number, what: WorkerReport): void => {
    const now = Atomics.load(control, WORDS.state);
    if (now === STATES.failed || now === STATES.ended || now === STATES.gone) return;
    const text = new TextEncoder().encode(JSON.stringify(what));
    if (text.length > LAYOUT.received - LAYOUT.report) {
      return report(STATES.failed, { error: "the server's certificates are too long" });
    }
    new Uint8Array(memory, LAYOUT.report).set(text);
    Atomics.store(control, WORDS.reportLength, text.length);
    Atomics.store(control, WORDS.state, state);
    ring();
  };
  const fail = (error: unknown): void => {
    // Deno tries several addresses of a name, and reports their errors in one without a message.
    const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
    if (!(first instanceof Error)) return report(STATES.failed, { error: String(first) });
    report(STATES.failed, { error: first.message || first.name, code: (first as { code?: string }).code });
  };
  return { memory, control, ring, wakeUp, requested, report, fail, breakDown: fail, poll: () => {}, left };
}

/** Serves one connection of a channel after the other. */
function serve(context: WorkerContext): void {
  const { control, ring, wakeUp, fail } = context;
  let connection: WorkerConnection | undefined;
  // A paused socket and a pending wait do not keep a worker alive; a timer does.
  let lifeline: ReturnType<typeof setInterval>;
  const leave = (): void => {
    if (Atomics.compareExchange(control, WORDS.state, STATES.idle, STATES.gone) === STATES.idle) wakeUp();
  };
  /** Waits for the next connection, for a while. */
  const rest = (): void => {
    clearInterval(lifeline);
    lifeline = setInterval(leave, IDLE_TIMEOUT);
    Atomics.store(control, WORDS.state, STATES.idle);
    ring();
  };
  context.breakDown = (error) => {
    if (connection !== undefined) fail(error);
    else leave();
  };

  const execute = (): void => {
    const command = Atomics.exchange(control, WORDS.command, COMMANDS.none);
    if (command === COMMANDS.dial) {
      clearInterval(lifeline);
      lifeline = setInterval(() => {}, 0x7fff_ffff);
      connection = new WorkerConnection(context, context.requested() as DialRequest, () => {
        connection = undefined;
        rest();
      });
    }
    if (command === COMMANDS.startTls) connection?.startTls();
    if (command === COMMANDS.close) {
      // The command to dial was not seen, or has failed.
      if (connection === undefined) rest();
      else connection.close();
    }
    connection?.attend();
  };
  const attend = (seen: number): void => {
    Atomics.store(control, WORDS.heard, seen);
    try {
      execute();
    } catch (error) {
      fail(error);
    }
  };
  context.poll = pollOf(control, attend);
  const loop = async (): Promise<void> => {
    while (Atomics.load(control, WORDS.state) !== STATES.gone) {
      const seen = Atomics.load(control, WORDS.workerBell);
      attend(seen);
      const wait = Atomics.waitAsync(control, WORDS.workerBell, seen);
      if (wait.async) await wait.value;
    }
    clearInterval(lifeline);
    context.left();
  };
  rest();
  loop();
}

/** Watches the bell for a moment, and attends to it if it rings. */
function pollOf(control: Int32Array<ArrayBufferLike>, attend: (seen: number) => void): () => void {
  let toSkip = 0;
  return () => {
    if (toSkip > 0) return void toSkip--;
    const heard = Atomics.load(control, WORDS.heard);
    const until = performance.now() + POLL_TIME;
    do {
      // Reading the clock takes longer.
      for (let i = 0; i < 50; i++) {
        const seen = Atomics.load(control, WORDS.workerBell);
        if (seen !== heard) return attend(seen);
      }
    } while (performance.now() < until);
    toSkip = POLLS_TO_SKIP;
  };
}

/** Milliseconds that a poll takes at most. */
const POLL_TIME = 0.06;
/** How many polls are skipped after one without success: the program does other work, or this core is the only one. */
const POLLS_TO_SKIP = 64;
/** Milliseconds that a channel waits for its next connection. */
const IDLE_TIMEOUT = 10_000;
