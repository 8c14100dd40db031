/** Dialers of scripted connections, and short handshakes to run with them. */
import type { Connected } from "../../../src/connect/upgrade.ts";
import type { Link } from "../../../src/connect/handshake.ts";
import type {
  AsyncDialer,
  AsyncTransport,
  Endpoint,
  LocalSockets,
  SyncDialer,
  SyncTransport,
} from "../../../src/transport/transport.ts";
import { localSockets } from "./local_sockets.ts";

/** Gives these connections in turn. A promise that does not settle is a peer that does not answer. */
export class AsyncDials implements AsyncDialer {
  readonly local: LocalSockets = localSockets();
  readonly dials: { readonly endpoint: Endpoint; readonly signal: AbortSignal }[] = [];
  readonly #results: (AsyncTransport | Promise<AsyncTransport>)[];

  constructor(...results: readonly (AsyncTransport | Promise<AsyncTransport>)[]) {
    this.#results = [...results];
  }

  async dial(endpoint: Endpoint, signal: AbortSignal): Promise<AsyncTransport> {
    this.dials.push({ endpoint, signal });
    return await this.#results.shift()!;
  }
}

/** The same, blocking; an error is thrown. */
export class SyncDials implements SyncDialer {
  readonly local: LocalSockets = localSockets();
  readonly dials: { readonly endpoint: Endpoint; readonly tls: boolean; readonly milliseconds: number }[] = [];
  readonly #results: (SyncTransport | Error)[];

  constructor(...results: readonly (SyncTransport | Error)[]) {
    this.#results = [...results];
  }

  dial(endpoint: Endpoint, tls: boolean, milliseconds: number): SyncTransport {
    this.dials.push({ endpoint, tls, milliseconds });
    const result = this.#results.shift()!;
    if (result instanceof Error) throw result;
    return result;
  }
}

/** The result of a handshake with this connection. */
export function connected(link: Link): Connected {
  return { link, upgrade: { attempted: false, upgraded: false, reason: "it is switched off", tried: [] } };
}
