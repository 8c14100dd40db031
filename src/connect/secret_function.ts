/**
 * A secret that a function of the user gives, such as a password that is a token.
 *
 * Two rules: it is called at most once for each connection, however many sockets and hosts are tried, and
 * only if a server asks. Neither what it returns nor what its errors say is shown.
 */
import { ConnectionError, NOT_RETRYABLE, UsageError } from "../errors.ts";
import type { PasswordLookup } from "../options/password_file.ts";
import type { LateSecret } from "../protocol/authentication.ts";
import type { PendingRequest } from "../protocol/request.ts";
import { isPromise, silence } from "../unheeded.ts";
import { call, type Handshake, type Link, type UserCall } from "./handshake.ts";

/** The function, for one connection. */
export class SecretFunction implements LateSecret, UserCall {
  readonly #option: string;
  readonly #fn: () => unknown;
  readonly #problemOf: ((text: string) => string | undefined) | undefined;
  pending: PromiseLike<void> | undefined = undefined;
  #text: string | undefined;
  #failure: Error | undefined;
  #waited = 0;

  /** `option` is the name of its option; `problemOf` tells what is wrong with a text, without showing it. */
  constructor(option: string, fn: () => unknown, problemOf?: (text: string) => string | undefined) {
    this.#option = option;
    this.#fn = fn;
    this.#problemOf = problemOf;
  }

  get text(): string | undefined {
    return this.#text;
  }

  /** Whether the function has thrown, or returned something that is no secret. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** How many milliseconds connecting has waited for the function. */
  get waited(): number {
    return this.#waited;
  }

  /** Calls the function for a connection whose server asks for the secret, unless the request is settled first. */
  *ask(link: Link, request: PendingRequest<unknown>, now: () => number, by: number): Handshake<void> {
    const began = now();
    try {
      if (!this.failed) yield* call(link, this, request, by);
    } catch (error) {
      // Only the driver's clock can have ended the step.
      throw this.#late(error);
    } finally {
      this.#waited += now() - began;
    }
    if (this.#failure !== undefined) throw this.#failure;
    // A function that blocks is not interrupted.
    if (now() > by) throw this.#late(undefined);
  }

  make(): unknown {
    return this.#fn();
  }

  returned(value: unknown): void {
    if (isPromise(value)) {
      this.#failure = new UsageError(
        `Cannot use the function for ${this.#option}: it has returned a promise, for which a blocking connection ` +
          "cannot wait; it must return the text at once",
      );
      return silence(value);
    }
    const problem = problemOf(value) ?? this.#problemOf?.(value as string);
    if (problem === undefined) {
      this.#text = value as string;
      return;
    }
    this.#failure = new UsageError(
      `Cannot use the function for ${this.#option}: it must return a text, and has returned ${problem}`,
    );
  }

  /** The error's text is not repeated, since it may quote a secret, such as the URL of a request for a token. */
  threw(error: unknown): void {
    this.#failure = new ConnectionError(
      `Cannot authenticate: the function for ${this.#option} has failed; see the cause`,
      { ...NOT_RETRYABLE, cause: error },
    );
  }

  #late(cause: unknown): ConnectionError {
    return new ConnectionError(`timed out: the function for ${this.#option} has not returned in time`, { cause });
  }
}

/** The secrets of a connection. */
interface Secrets {
  readonly password: string | SecretFunction | PasswordLookup | undefined;
  readonly token?: SecretFunction | undefined;
}

/** How many milliseconds connecting has waited for functions. */
export function waitedFor(secrets: Secrets): number {
  return functionsOf(secrets).reduce((sum, { waited }) => sum + waited, 0);
}

/** Whether a function has failed. */
export function hasFailed(secrets: Secrets): boolean {
  return functionsOf(secrets).some(({ failed }) => failed);
}

function functionsOf({ password, token }: Secrets): SecretFunction[] {
  return [password, token].filter((secret) => secret instanceof SecretFunction);
}

/** Checks a secret: returns its fault, which does not show it, or undefined. */
function problemOf(value: unknown): string | undefined {
  if (typeof value !== "string") return value === null ? "null" : `a value of type ${typeof value}`;
  if (value === "") return "an empty one";
  if (value.includes("\0")) return "one with a NUL character";
  return value.isWellFormed() ? undefined : "one with a lone surrogate";
}

/**
 * Checks a token of OAuth: returns its fault, or undefined.
 *
 * Source: RFC 6750, section 2.1.
 */
export function problemOfToken(text: string): string | undefined {
  return /^[A-Za-z0-9._~+/-]+=*$/.test(text) ? undefined : "one with characters that no bearer token has";
}
