// Derived from src/transport/worker_main.ts by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the thread: the function `start` of `worker_main.ts`, and all that it uses. */
export const WORKER_CODE: string = "var builtin = {\n" +
  "  get asyncHooks() {\n" +
  '    return process.getBuiltinModule("node:async_hooks");\n' +
  "  },\n" +
  "  get crypto() {\n" +
  '    return process.getBuiltinModule("node:crypto");\n' +
  "  },\n" +
  "  get dns() {\n" +
  '    return process.getBuiltinModule("node:dns");\n' +
  "  },\n" +
  "  get fs() {\n" +
  '    return process.getBuiltinModule("node:fs");\n' +
  "  },\n" +
  "  get net() {\n" +
  '    return process.getBuiltinModule("node:net");\n' +
  "  },\n" +
  "  get os() {\n" +
  '    return process.getBuiltinModule("node:os");\n' +
  "  },\n" +
  "  get stream() {\n" +
  '    return process.getBuiltinModule("node:stream");\n' +
  "  },\n" +
  "  get tls() {\n" +
  '    return process.getBuiltinModule("node:tls");\n' +
  "  },\n" +
  "  get workerThreads() {\n" +
  '    return process.getBuiltinModule("node:worker_threads");\n' +
  "  }\n" +
  "};\n" +
  "\n" +
  "function isAddress(text) {\n" +
  '  if (text.includes(":")) return URL.canParse(`http://[${text.replace(/%[\\w.~-]+$/, "")}]`) && !/[[\\]/]/.test(text);\n' +
  '  const parts = text.split(".");\n' +
  "  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\\d{0,2})$/.test(part) && Number(part) <= 255);\n" +
  "}\n" +
  "\n" +
  'var runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";\n' +
  "\n" +
  "function startTlsOn(socket, options) {\n" +
  "  const encrypted = builtin.tls.connect({\n" +
  "    socket,\n" +
  "    ...tlsConnectionOptions(options),\n" +
  "    secureContext: contextOf(options)\n" +
  "  });\n" +
  '  if (runtime === "deno") encrypted.prependOnceListener("error", nameWrongSignature);\n' +
  "  return encrypted;\n" +
  "}\n" +
  "function nameWrongSignature(error) {\n" +
  '  if (error.code !== "UNABLE_TO_VERIFY_LEAF_SIGNATURE" && error.code !== "DEPTH_ZERO_SELF_SIGNED_CERT") return;\n' +
  "  delete error.code;\n" +
  '  error.message = "a signature is wrong: the server does not have the private key of its certificate, or it is a key whose signatures Deno does not verify, such as RSA of less than 2048 bits";\n' +
  "}\n" +
  "function tlsConnectionOptions(options) {\n" +
  "  const { serverName, certificate, privateKey, minVersion, maxVersion } = options;\n" +
  "  return {\n" +
  "    rejectUnauthorized: false,\n" +
  '    ALPNProtocols: ["postgresql"],\n' +
  "    ...serverName === void 0 ? {} : { servername: serverName },\n" +
  "    ...certificate === void 0 || privateKey === void 0 ? {} : { cert: certificate, key: privateKey },\n" +
  "    ...minVersion === void 0 ? {} : { minVersion },\n" +
  "    ...maxVersion === void 0 ? {} : { maxVersion }\n" +
  "  };\n" +
  "}\n" +
  "function contextOf(options) {\n" +
  "  const { certificate, privateKey, minVersion, maxVersion } = options;\n" +
  "  const make = () => {\n" +
  "    return builtin.tls.createSecureContext(tlsConnectionOptions({ ...options, serverName: void 0 }));\n" +
  "  };\n" +
  "  if (certificate !== void 0 || privateKey !== void 0) return make();\n" +
  "  const versions = `${minVersion} ${maxVersion}`;\n" +
  "  let context = contexts.get(versions);\n" +
  "  if (context === void 0) contexts.set(versions, context = make());\n" +
  "  return context;\n" +
  "}\n" +
  "var contexts = /* @__PURE__ */ new Map();\n" +
  "function tlsSessionOf(socket) {\n" +
  "  const { name, standardName } = socket.getCipher();\n" +
  "  return {\n" +
  '    protocol: socket.getProtocol() ?? "unknown",\n' +
  "    cipher: standardName ?? name,\n" +
  "    alpn: socket.alpnProtocol || void 0,\n" +
  "    chain: chainOf(socket)\n" +
  "  };\n" +
  "}\n" +
  "function chainOf(socket) {\n" +
  "  const chain = [];\n" +
  '  let next = runtime === "node" ? socket.getPeerX509Certificate() : socket.getPeerCertificate(true);\n' +
  "  while (next?.raw !== void 0 && chain.length < 100) {\n" +
  "    chain.push(new Uint8Array(next.raw));\n" +
  "    const issuer = next.issuerCertificate;\n" +
  "    next = issuer === next ? void 0 : issuer;\n" +
  "  }\n" +
  "  return chain;\n" +
  "}\n" +
  "\n" +
  "function canonicalHost(host) {\n" +
  '  if (!host.includes(":")) return host;\n' +
  '  const url = `http://[${host.replace(/%.*$/, "")}]`;\n' +
  "  if (!URL.canParse(url)) return host;\n" +
  "  const address = new URL(url).hostname.slice(1, -1);\n" +
  "  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address);\n" +
  "  if (mapped === null) return address;\n" +
  "  const [high, low] = [parseInt(mapped[1], 16), parseInt(mapped[2], 16)];\n" +
  '  return [high >> 8, high & 255, low >> 8, low & 255].join(".");\n' +
  "}\n" +
  "function addressesToDial(found, { tried = [], isShuffled = false }, textOf) {\n" +
  "  if (tried.length === 0 && !isShuffled) return found;\n" +
  "  const left = found.filter((address) => !tried.includes(canonicalHost(textOf(address))));\n" +
  "  if (left.length === 0) throw new Error(NO_OTHER_ADDRESS);\n" +
  "  return isShuffled ? shuffled(left, Math.random) : left;\n" +
  "}\n" +
  "function shuffled(items, random) {\n" +
  "  const result = [...items];\n" +
  "  for (let i = result.length - 1; i > 0; i--) {\n" +
  "    const j = Math.floor(random() * (i + 1));\n" +
  "    [result[i], result[j]] = [result[j], result[i]];\n" +
  "  }\n" +
  "  return result;\n" +
  "}\n" +
  'var NO_OTHER_ADDRESS = "the host name has no other address";\n' +
  "function socketPath(path) {\n" +
  '  return path.replace(/^@/, "\\0");\n' +
  "}\n" +
  "\n" +
  "var WORDS = {\n" +
  "  /** Counts the worker's actions; the main thread waits for it to change. */\n" +
  "  mainBell: 0,\n" +
  "  /** Counts the main thread's actions; the worker waits for it to change. */\n" +
  "  workerBell: 1,\n" +
  "  /** The count in `workerBell` that the worker has seen last. */\n" +
  "  heard: 2,\n" +
  "  /** Bytes ever put into and taken from each ring, modulo 2^32. */\n" +
  "  received: 3,\n" +
  "  receivedTaken: 4,\n" +
  "  sent: 5,\n" +
  "  sentTaken: 6,\n" +
  "  /** The state of the channel: one of {@linkcode STATES}. */\n" +
  "  state: 7,\n" +
  "  /** The command of the main thread: one of {@linkcode COMMANDS}. */\n" +
  "  command: 8,\n" +
  "  /** Lengths of the texts in the two message areas. */\n" +
  "  requestLength: 9,\n" +
  "  reportLength: 10,\n" +
  "  /**\n" +
  "   * Set by the worker while it has bytes for which the ring has no room; the main thread rings the bell\n" +
  "   * when it has made room.\n" +
  "   */\n" +
  "  wantsRoom: 11,\n" +
  "  /**\n" +
  "   * Whether the worker continues to read after its first read. False until it is decided whether to\n" +
  "   * encrypt, since the following bytes may be encrypted.\n" +
  "   */\n" +
  "  readsOn: 12,\n" +
  "  /** Set by the main thread before it waits for room to send; the worker rings its bell when it has made room. */\n" +
  "  wantsToSend: 13\n" +
  "};\n" +
  "var CONTROL_WORDS = 16;\n" +
  "var STATES = {\n" +
  "  starting: 0,\n" +
  "  idle: 1,\n" +
  "  dialling: 2,\n" +
  "  open: 3,\n" +
  "  encrypted: 4,\n" +
  "  ended: 5,\n" +
  "  failed: 6,\n" +
  "  gone: 7\n" +
  "};\n" +
  "var COMMANDS = { none: 0, dial: 1, startTls: 2, close: 3 };\n" +
  "var LAYOUT = {\n" +
  "  request: 64,\n" +
  "  report: 65536,\n" +
  "  received: 262144,\n" +
  "  sent: 524288,\n" +
  "  ring: 262144\n" +
  "};\n" +
  "var GONE = -1;\n" +
  "\n" +
  "var WorkerConnection = class {\n" +
  "  #context;\n" +
  "  #onClosed;\n" +
  "  #receivedRing;\n" +
  "  #sentRing;\n" +
  "  /** Received bytes for which the ring had no room. */\n" +
  "  #backlog = [];\n" +
  "  #stream;\n" +
  "  #tcpOptions;\n" +
  "  #isPaused = false;\n" +
  "  #isWriting = false;\n" +
  "  #isClosing = false;\n" +
  "  #isClosed = false;\n" +
  "  #isRetired = false;\n" +
  "  /** Dials. `onClosed` is called when the connection has been closed by {@linkcode close}. */\n" +
  "  constructor(context, request, onClosed) {\n" +
  "    const { memory } = context;\n" +
  "    this.#context = context;\n" +
  "    this.#onClosed = onClosed;\n" +
  "    this.#receivedRing = new Uint8Array(memory, LAYOUT.received, LAYOUT.ring);\n" +
  "    this.#sentRing = new Uint8Array(memory, LAYOUT.sent, LAYOUT.ring);\n" +
  "    this.#stream = new builtin.net.Socket();\n" +
  "    this.#start(request);\n" +
  "  }\n" +
  "  #start({ endpoint, milliseconds }) {\n" +
  '    if (endpoint.kind === "unix") return this.#dial([{ path: socketPath(endpoint.path) }], 0);\n' +
  "    const { address, host, port, keepAlive, options } = endpoint;\n" +
  '    const keepAliveInitialDelay = "Deno" in globalThis ? options?.keepAliveIdle : void 0;\n' +
  "    this.#tcpOptions = options;\n" +
  "    const until = performance.now() + milliseconds;\n" +
  "    const socket = { port, noDelay: true, keepAlive, keepAliveInitialDelay };\n" +
  "    const dial = (hosts) => this.#dial(hosts.map((host2) => ({ ...socket, host: host2 })), until);\n" +
  "    if (address !== void 0 || isAddress(host)) return dial([address ?? host]);\n" +
  '    if ("Deno" in globalThis) {\n' +
  "      if (endpoint.tried !== void 0) return this.#context.fail(new Error(NO_OTHER_ADDRESS));\n" +
  '      builtin.dns.setDefaultResultOrder("verbatim");\n' +
  "      return dial([host]);\n" +
  "    }\n" +
  "    this.#lookUp(host, (error, hosts) => {\n" +
  "      if (this.#isClosing) return;\n" +
  "      if (error) return this.#context.fail(error);\n" +
  "      try {\n" +
  "        dial(addressesToDial(hosts, endpoint, String));\n" +
  "      } catch (error2) {\n" +
  "        this.#context.fail(error2);\n" +
  "      }\n" +
  "    });\n" +
  "  }\n" +
  "  /** The addresses of a host, in the resolver's order. */\n" +
  "  #lookUp(host, done) {\n" +
  "    const { Bun } = globalThis;\n" +
  "    const found = (list) => done(void 0, list.map(({ address }) => address));\n" +
  "    if (Bun !== void 0) {\n" +
  '      Bun.dns.lookup(host, { backend: "getaddrinfo" }).then(found, (error) => done(error, []));\n' +
  "      return;\n" +
  "    }\n" +
  '    builtin.dns.lookup(host, { all: true, order: "verbatim" }, (error, list) => {\n' +
  "      if (error) done(error, []);\n" +
  "      else found(list);\n" +
  "    });\n" +
  "  }\n" +
  "  /** Connects to the first of the addresses that accepts. The next ones share what is left of the time. */\n" +
  "  #dial(addresses, until) {\n" +
  "    const [address, ...others] = addresses;\n" +
  "    const stream = builtin.net.connect(address);\n" +
  "    this.#stream = stream;\n" +
  "    const next = () => {\n" +
  "      clearTimeout(timer);\n" +
  "      if (this.#isClosing) return;\n" +
  '      stream.off("close", this.#end).off("connect", connected).on("error", () => {\n' +
  "      }).destroy();\n" +
  "      this.#dial(others, until);\n" +
  "    };\n" +
  "    const connected = () => {\n" +
  "      clearTimeout(timer);\n" +
  '      if (others.length > 0) stream.off("error", next).on("error", this.#context.fail);\n' +
  "      this.#setOptions();\n" +
  "      this.#report(others.length);\n" +
  "    };\n" +
  '    stream.once("connect", connected);\n' +
  "    this.#listen();\n" +
  '    if (others.length > 0) stream.off("error", this.#context.fail).once("error", next);\n' +
  "    const time = (until - performance.now()) / addresses.length;\n" +
  "    const timer = others.length > 0 ? setTimeout(next, time) : void 0;\n" +
  "  }\n" +
  "  /** Sets the options that Node's sockets have. Those that are not given are Linux's defaults. */\n" +
  "  #setOptions() {\n" +
  '    if (this.#tcpOptions === void 0 || "Deno" in globalThis || "Bun" in globalThis) return;\n' +
  "    const { keepAliveIdle = 72e5, keepAliveInterval = 75e3, keepAliveCount = 9 } = this.#tcpOptions;\n" +
  "    const stream = this.#stream;\n" +
  "    stream.setKeepAlive.call(stream, true, keepAliveIdle, keepAliveInterval, keepAliveCount);\n" +
  "  }\n" +
  "  #report(left) {\n" +
  "    const { report } = this.#context;\n" +
  "    const { localAddress, localPort, remoteAddress, remotePort } = this.#stream;\n" +
  "    const { fd } = this.#stream._handle ?? {};\n" +
  "    const isKnown = localAddress && localPort && remoteAddress && remotePort;\n" +
  "    report(\n" +
  "      STATES.open,\n" +
  "      isKnown ? {\n" +
  "        addresses: {\n" +
  "          local: { host: localAddress, port: localPort },\n" +
  "          remote: { host: remoteAddress, port: remotePort },\n" +
  "          ...left > 0 ? { left } : {}\n" +
  "        },\n" +
  "        fd\n" +
  "      } : {}\n" +
  "    );\n" +
  "  }\n" +
  "  /** Continues reading and writing as far as possible. */\n" +
  "  attend() {\n" +
  "    const { control, report } = this.#context;\n" +
  "    if (this.#backlog.length > 0) this.#unload();\n" +
  "    if (this.#backlog.length === 0) {\n" +
  "      if (this.#isPaused && Atomics.load(control, WORDS.readsOn) !== 0) {\n" +
  "        this.#isPaused = false;\n" +
  "        this.#stream.resume();\n" +
  "      }\n" +
  "      if (this.#isClosed) report(STATES.ended, {});\n" +
  "    }\n" +
  "    this.#write();\n" +
  "  }\n" +
  "  /** Starts encryption. All bytes received from now on are given to TLS. */\n" +
  "  startTls() {\n" +
  "    const { control, report, fail, requested } = this.#context;\n" +
  "    const plain = this.#stream;\n" +
  "    plain.pause();\n" +
  '    plain.off("data", this.#take).off("close", this.#end);\n' +
  "    const isClear = this.#backlog.length > 0 || plain.readableLength > 0 || Atomics.load(control, WORDS.received) !== Atomics.load(control, WORDS.receivedTaken);\n" +
  "    if (isClear) {\n" +
  '      fail(new Error("the server sent unencrypted data behind its answer to the request for TLS"));\n' +
  '      plain.once("close", this.#end).destroy();\n' +
  "      return;\n" +
  "    }\n" +
  "    const secure = startTlsOn(plain, requested());\n" +
  '    secure.once("secureConnect", () => {\n' +
  "      const { chain, ...session } = tlsSessionOf(secure);\n" +
  '      report(STATES.encrypted, { session, chain: chain.map((der) => Buffer.from(der).toString("base64")) });\n' +
  "    });\n" +
  "    Atomics.store(control, WORDS.readsOn, 1);\n" +
  "    this.#stream = secure;\n" +
  "    this.#isPaused = false;\n" +
  "    this.#listen();\n" +
  "  }\n" +
  "  /** Sends the bytes that can still be sent, and closes. */\n" +
  "  close() {\n" +
  "    if (this.#isClosing) return;\n" +
  "    this.#isClosing = true;\n" +
  "    const stream = this.#stream;\n" +
  "    if (stream.connecting || this.#isWriting) stream.destroy();\n" +
  "    if (this.#isClosed) return this.#retire();\n" +
  "    const timer = setTimeout(() => stream.destroy(), 500);\n" +
  '    stream.once("close", () => {\n' +
  "      clearTimeout(timer);\n" +
  "      this.#retire();\n" +
  "    });\n" +
  "  }\n" +
  "  #retire() {\n" +
  "    this.#isRetired = true;\n" +
  "    this.#onClosed();\n" +
  "  }\n" +
  "  #listen() {\n" +
  '    this.#stream.on("data", this.#take).on("error", this.#context.fail).once("close", this.#end);\n' +
  "  }\n" +
  "  #take = (chunk) => {\n" +
  "    if (this.#isClosing) return;\n" +
  "    const { control } = this.#context;\n" +
  "    this.#backlog.push(chunk);\n" +
  "    this.#unload();\n" +
  "    if (this.#backlog.length === 0 && Atomics.load(control, WORDS.readsOn) !== 0) {\n" +
  "      if (chunk.length < SHORT_REPLY) this.#context.poll();\n" +
  "      return;\n" +
  "    }\n" +
  "    this.#isPaused = true;\n" +
  "    this.#stream.pause();\n" +
  "  };\n" +
  "  #end = () => {\n" +
  "    this.#isClosed = true;\n" +
  "    const { report, wakeUp } = this.#context;\n" +
  "    if (this.#backlog.length === 0) report(STATES.ended, {});\n" +
  "    wakeUp();\n" +
  "  };\n" +
  "  /** Writes the bytes in the ring, one piece at a time. */\n" +
  "  #write() {\n" +
  "    if (this.#isWriting) return;\n" +
  "    const { control, ring } = this.#context;\n" +
  "    const tail = Atomics.load(control, WORDS.sentTaken);\n" +
  "    const count = Atomics.load(control, WORDS.sent) - tail | 0;\n" +
  "    if (count === 0) {\n" +
  "      if (this.#isClosing) this.#stream.destroySoon();\n" +
  "      return;\n" +
  "    }\n" +
  "    const at = tail & LAYOUT.ring - 1;\n" +
  "    const piece = this.#sentRing.slice(at, Math.min(at + count, LAYOUT.ring));\n" +
  "    Atomics.add(control, WORDS.sentTaken, piece.length);\n" +
  "    if (Atomics.exchange(control, WORDS.wantsToSend, 0) !== 0) ring();\n" +
  "    this.#isWriting = true;\n" +
  "    this.#stream.write(piece, () => {\n" +
  "      this.#isWriting = false;\n" +
  "      if (!this.#isRetired) this.#write();\n" +
  "    });\n" +
  "  }\n" +
  "  #unload() {\n" +
  "    const { control, ring } = this.#context;\n" +
  "    while (this.#backlog.length > 0) {\n" +
  "      Atomics.store(control, WORDS.wantsRoom, 1);\n" +
  "      const rest = this.#store(this.#backlog[0]);\n" +
  "      if (rest.length > 0) {\n" +
  "        this.#backlog[0] = rest;\n" +
  "        return ring();\n" +
  "      }\n" +
  "      this.#backlog.shift();\n" +
  "    }\n" +
  "    Atomics.store(control, WORDS.wantsRoom, 0);\n" +
  "    ring();\n" +
  "  }\n" +
  "  #store(chunk) {\n" +
  "    const { control } = this.#context;\n" +
  "    const head = Atomics.load(control, WORDS.received);\n" +
  "    const room = LAYOUT.ring - (head - Atomics.load(control, WORDS.receivedTaken) | 0);\n" +
  "    const count = Math.min(room, chunk.length);\n" +
  "    const at = head & LAYOUT.ring - 1;\n" +
  "    const first = Math.min(count, LAYOUT.ring - at);\n" +
  "    this.#receivedRing.set(chunk.subarray(0, first), at);\n" +
  "    this.#receivedRing.set(chunk.subarray(first, count), 0);\n" +
  "    Atomics.add(control, WORDS.received, count);\n" +
  "    return chunk.subarray(count);\n" +
  "  }\n" +
  "};\n" +
  "var SHORT_REPLY = 8192;\n" +
  "\n" +
  "function start(main = serve) {\n" +
  "  const { workerData, parentPort } = builtin.workerThreads;\n" +
  "  const { count: counter, memory } = workerData;\n" +
  "  const count = new Int32Array(counter);\n" +
  "  const contexts2 = /* @__PURE__ */ new Set();\n" +
  "  const end = () => {\n" +
  "    Atomics.store(count, 0, GONE);\n" +
  "    for (const { control, ring } of contexts2) {\n" +
  "      Atomics.store(control, WORDS.state, STATES.gone);\n" +
  "      ring();\n" +
  "    }\n" +
  "  };\n" +
  '  process.on("exit", end);\n' +
  "  const breakDown = (error) => {\n" +
  "    for (const context of [...contexts2]) context.breakDown(error);\n" +
  "  };\n" +
  '  process.on("uncaughtException", breakDown);\n' +
  '  process.on("unhandledRejection", breakDown);\n' +
  "  const open = (memory2) => {\n" +
  "    const context = contextOf2(memory2, () => {\n" +
  "      contexts2.delete(context);\n" +
  "      if (Atomics.sub(count, 0, 1) === 1 && Atomics.compareExchange(count, 0, 0, GONE) === 0) parentPort.close();\n" +
  "    });\n" +
  "    contexts2.add(context);\n" +
  "    try {\n" +
  "      main(context);\n" +
  "    } catch (error) {\n" +
  "      context.fail(error);\n" +
  "    }\n" +
  "  };\n" +
  '  parentPort.on("message", open);\n' +
  "  open(memory);\n" +
  "}\n" +
  "function contextOf2(memory, left) {\n" +
  "  const control = new Int32Array(memory, 0, CONTROL_WORDS);\n" +
  "  const ring = () => {\n" +
  "    Atomics.add(control, WORDS.mainBell, 1);\n" +
  "    Atomics.notify(control, WORDS.mainBell);\n" +
  "  };\n" +
  "  const wakeUp = () => {\n" +
  "    Atomics.add(control, WORDS.workerBell, 1);\n" +
  "    Atomics.notify(control, WORDS.workerBell);\n" +
  "  };\n" +
  "  const requested = () => {\n" +
  "    const length = Atomics.load(control, WORDS.requestLength);\n" +
  "    return JSON.parse(new TextDecoder().decode(new Uint8Array(memory, LAYOUT.request, length).slice()));\n" +
  "  };\n" +
  "  const report = (state, what) => {\n" +
  "    const now = Atomics.load(control, WORDS.state);\n" +
  "    if (now === STATES.failed || now === STATES.ended || now === STATES.gone) return;\n" +
  "    const text = new TextEncoder().encode(JSON.stringify(what));\n" +
  "    if (text.length > LAYOUT.received - LAYOUT.report) {\n" +
  '      return report(STATES.failed, { error: "the server\'s certificates are too long" });\n' +
  "    }\n" +
  "    new Uint8Array(memory, LAYOUT.report).set(text);\n" +
  "    Atomics.store(control, WORDS.reportLength, text.length);\n" +
  "    Atomics.store(control, WORDS.state, state);\n" +
  "    ring();\n" +
  "  };\n" +
  "  const fail = (error) => {\n" +
  "    const first = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;\n" +
  "    if (!(first instanceof Error)) return report(STATES.failed, { error: String(first) });\n" +
  "    report(STATES.failed, { error: first.message || first.name, code: first.code });\n" +
  "  };\n" +
  "  return { memory, control, ring, wakeUp, requested, report, fail, breakDown: fail, poll: () => {\n" +
  "  }, left };\n" +
  "}\n" +
  "function serve(context) {\n" +
  "  const { control, ring, wakeUp, fail } = context;\n" +
  "  let connection;\n" +
  "  let lifeline;\n" +
  "  const leave = () => {\n" +
  "    if (Atomics.compareExchange(control, WORDS.state, STATES.idle, STATES.gone) === STATES.idle) wakeUp();\n" +
  "  };\n" +
  "  const rest = () => {\n" +
  "    clearInterval(lifeline);\n" +
  "    lifeline = setInterval(leave, IDLE_TIMEOUT);\n" +
  "    Atomics.store(control, WORDS.state, STATES.idle);\n" +
  "    ring();\n" +
  "  };\n" +
  "  context.breakDown = (error) => {\n" +
  "    if (connection !== void 0) fail(error);\n" +
  "    else leave();\n" +
  "  };\n" +
  "  const execute = () => {\n" +
  "    const command = Atomics.exchange(control, WORDS.command, COMMANDS.none);\n" +
  "    if (command === COMMANDS.dial) {\n" +
  "      clearInterval(lifeline);\n" +
  "      lifeline = setInterval(() => {\n" +
  "      }, 2147483647);\n" +
  "      connection = new WorkerConnection(context, context.requested(), () => {\n" +
  "        connection = void 0;\n" +
  "        rest();\n" +
  "      });\n" +
  "    }\n" +
  "    if (command === COMMANDS.startTls) connection?.startTls();\n" +
  "    if (command === COMMANDS.close) {\n" +
  "      if (connection === void 0) rest();\n" +
  "      else connection.close();\n" +
  "    }\n" +
  "    connection?.attend();\n" +
  "  };\n" +
  "  const attend = (seen) => {\n" +
  "    Atomics.store(control, WORDS.heard, seen);\n" +
  "    try {\n" +
  "      execute();\n" +
  "    } catch (error) {\n" +
  "      fail(error);\n" +
  "    }\n" +
  "  };\n" +
  "  context.poll = pollOf(control, attend);\n" +
  "  const loop = async () => {\n" +
  "    while (Atomics.load(control, WORDS.state) !== STATES.gone) {\n" +
  "      const seen = Atomics.load(control, WORDS.workerBell);\n" +
  "      attend(seen);\n" +
  "      const wait = Atomics.waitAsync(control, WORDS.workerBell, seen);\n" +
  "      if (wait.async) await wait.value;\n" +
  "    }\n" +
  "    clearInterval(lifeline);\n" +
  "    context.left();\n" +
  "  };\n" +
  "  rest();\n" +
  "  loop();\n" +
  "}\n" +
  "function pollOf(control, attend) {\n" +
  "  let toSkip = 0;\n" +
  "  return () => {\n" +
  "    if (toSkip > 0) return void toSkip--;\n" +
  "    const heard = Atomics.load(control, WORDS.heard);\n" +
  "    const until = performance.now() + POLL_TIME;\n" +
  "    do {\n" +
  "      for (let i = 0; i < 50; i++) {\n" +
  "        const seen = Atomics.load(control, WORDS.workerBell);\n" +
  "        if (seen !== heard) return attend(seen);\n" +
  "      }\n" +
  "    } while (performance.now() < until);\n" +
  "    toSkip = POLLS_TO_SKIP;\n" +
  "  };\n" +
  "}\n" +
  "var POLL_TIME = 0.06;\n" +
  "var POLLS_TO_SKIP = 64;\n" +
  "var IDLE_TIMEOUT = 1e4;\n";
