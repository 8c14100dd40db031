// Derived from src/testing/fault_proxy_main.ts by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the thread: the function `start` of `fault_proxy_main.ts`, and all that it uses. */
export const FAULT_PROXY_CODE: string = "var Cell = {\n" +
  "  /** How many clients have a socket open. */\n" +
  "  Open: 0,\n" +
  "  /** How many were accepted so far. */\n" +
  "  Accepted: 1,\n" +
  "  /** The number of the connection whose bytes are counted, and which has the fault. */\n" +
  "  Armed: 2,\n" +
  "  /** 0 towards the server, 1 towards the client. */\n" +
  "  Direction: 3,\n" +
  "  /** How many bytes pass before the fault. */\n" +
  "  After: 4,\n" +
  "  /** What happens then: an index of {@linkcode THEN}, and 1 more; 0 for no fault. */\n" +
  "  Then: 5,\n" +
  "  /** Whether it has happened. */\n" +
  "  Struck: 6,\n" +
  "  /** Whether bytes that are held may go on. */\n" +
  "  Released: 7,\n" +
  "  /** How many bytes have passed towards the server; in the next one, towards the client. */\n" +
  "  Passed: 8,\n" +
  "  /** Whether all connections stand still. */\n" +
  "  Stalled: 10,\n" +
  "  /** How many milliseconds bytes are delayed. */\n" +
  "  Delay: 11,\n" +
  "  /** Whether new connections are refused. */\n" +
  "  Refusing: 12,\n" +
  "  /** The number of cells. */\n" +
  "  Count: 13\n" +
  "};\n" +
  'var THEN = ["end", "reset", "hold"];\n' +
  "\n" +
  'var { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");\n' +
  'var { connect, createServer } = process.getBuiltinModule("node:net");\n' +
  "function start() {\n" +
  "  const { memory, host, port } = workerData;\n" +
  "  const cells = new Int32Array(memory);\n" +
  "  const server = createServer({ allowHalfOpen: true }, (client) => {\n" +
  '    client.on("error", () => {\n' +
  "    });\n" +
  "    if (Atomics.load(cells, Cell.Refusing) === 1) return void client.resetAndDestroy();\n" +
  "    const upstream = connect({ port, host, noDelay: true, allowHalfOpen: true });\n" +
  "    client.setNoDelay(true);\n" +
  "    const connection = new Connection(cells, client, upstream);\n" +
  '    client.on("data", (chunk) => connection.received(0, chunk));\n' +
  '    upstream.on("data", (chunk) => connection.received(1, chunk));\n' +
  '    upstream.on("error", () => client.destroy());\n' +
  '    client.on("end", () => {\n' +
  "      upstream.end();\n" +
  "      client.end();\n" +
  "    });\n" +
  '    upstream.on("end", () => client.end());\n' +
  '    client.on("close", () => {\n' +
  "      Atomics.sub(cells, Cell.Open, 1);\n" +
  "      upstream.destroy();\n" +
  "    });\n" +
  "  });\n" +
  '  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));\n' +
  "}\n" +
  "var Connection = class {\n" +
  "  #cells;\n" +
  "  #number;\n" +
  "  #client;\n" +
  "  #server;\n" +
  "  #isCut = false;\n" +
  "  constructor(cells, client, server) {\n" +
  "    this.#cells = cells;\n" +
  "    this.#client = client;\n" +
  "    this.#server = server;\n" +
  "    this.#number = Atomics.add(cells, Cell.Accepted, 1) + 1;\n" +
  "    Atomics.add(cells, Cell.Open, 1);\n" +
  "  }\n" +
  "  /** Bytes in a direction: they pass now, or later. */\n" +
  "  received(direction, chunk) {\n" +
  "    const delay = this.#load(Cell.Delay);\n" +
  "    if (this.#load(Cell.Stalled) === 0 && delay === 0) return this.#pass(direction, chunk);\n" +
  "    const since = performance.now();\n" +
  "    const mayPass = () => this.#load(Cell.Stalled) === 0 && performance.now() - since >= delay;\n" +
  "    this.#hold(direction, mayPass, () => this.#pass(direction, chunk));\n" +
  "  }\n" +
  "  #load(cell) {\n" +
  "    return Atomics.load(this.#cells, cell);\n" +
  "  }\n" +
  "  /** Stops reading until it may go on. */\n" +
  "  #hold(direction, mayPass, pass) {\n" +
  "    const from = direction === 0 ? this.#client : this.#server;\n" +
  "    const to = direction === 0 ? this.#server : this.#client;\n" +
  "    from.pause();\n" +
  "    const timer = setInterval(() => {\n" +
  "      if (!to.destroyed && !mayPass()) return;\n" +
  "      clearInterval(timer);\n" +
  "      if (to.destroyed) return;\n" +
  "      pass();\n" +
  "      from.resume();\n" +
  "    }, 1);\n" +
  "  }\n" +
  "  #pass(direction, chunk) {\n" +
  "    if (this.#isCut) return;\n" +
  "    const to = direction === 0 ? this.#server : this.#client;\n" +
  "    if (this.#load(Cell.Armed) !== this.#number) return void to.write(chunk);\n" +
  "    const left = this.#load(Cell.After) - this.#load(Cell.Passed + direction);\n" +
  "    const then = THEN[this.#load(Cell.Then) - 1];\n" +
  "    const strikes = then !== void 0 && this.#load(Cell.Struck) === 0 && this.#load(Cell.Direction) === direction && chunk.length > left;\n" +
  "    const now = strikes ? chunk.subarray(0, left) : chunk;\n" +
  "    Atomics.add(this.#cells, Cell.Passed + direction, now.length);\n" +
  "    if (!strikes) return void to.write(now);\n" +
  '    if (then !== "hold") return void (now.length === 0 ? this.#cut(then) : to.write(now, () => this.#cut(then)));\n' +
  "    to.write(now);\n" +
  "    Atomics.store(this.#cells, Cell.Struck, 1);\n" +
  "    this.#hold(direction, () => this.#load(Cell.Released) === 1, () => this.#pass(direction, chunk.subarray(left)));\n" +
  "  }\n" +
  "  /** The connection to the server is closed at once; the client must notice it and close. */\n" +
  "  #cut(then) {\n" +
  "    this.#isCut = true;\n" +
  "    Atomics.store(this.#cells, Cell.Struck, 1);\n" +
  '    if (then === "end") this.#client.end();\n' +
  "    else this.#client.resetAndDestroy();\n" +
  "    this.#server.destroy();\n" +
  "  }\n" +
  "};\n";
