/**
 * What the connections of a pool have found out about the hosts of a list: which one is a primary, which a standby, and
 * which does not answer. It decides in which order they are tried, and keeps none from being tried at all.
 */
import { type Endpoint, endpointName } from "../transport/transport.ts";
import { type SessionRole, type SessionTarget, suits } from "./session_role.ts";

/** What is known of a host, and for how long that is relied on. */
interface KnownHost {
  /** Undefined if it does not answer. */
  readonly role: SessionRole | undefined;
  readonly until: number;
  /** How many attempts to reach it have ended by their timeouts since it last answered. */
  readonly timeouts: number;
}

/** Which host is what. */
export class HostRoles {
  readonly #hosts = new Map<string, KnownHost>();
  /** How many milliseconds connecting to a host took last. */
  readonly #connectTimes = new Map<string, number>();
  /** How many milliseconds something that was found out is relied on. */
  readonly lifetime: number;

  constructor(lifetime: number) {
    this.lifetime = lifetime;
  }

  /** Records what a host is; undefined for one that does not answer, and then whether its time was over. */
  found(host: string, role: SessionRole | undefined, now: number, timedOut: boolean = false): void {
    const timeouts = role === undefined ? (this.#hosts.get(host)?.timeouts ?? 0) + Number(timedOut) : 0;
    this.#hosts.set(host, { role, until: now + this.lifetime, timeouts });
  }

  /** The role of a host; undefined if it is unknown or outdated, or if the host does not answer. */
  roleOf(host: string, now: number): SessionRole | undefined {
    const known = this.#hosts.get(host);
    return known === undefined || now >= known.until ? undefined : known.role;
  }

  /** What a host was when it last answered; undefined if it was never found out, or if it does not answer. */
  lastRoleOf(host: string): SessionRole | undefined {
    return this.#hosts.get(host)?.role;
  }

  /** Whether a host did not answer when it was last tried. */
  isSilent(host: string): boolean {
    const known = this.#hosts.get(host);
    return known !== undefined && known.role === undefined;
  }

  /**
   * How many milliseconds a host has to answer. One that did not answer before must not keep the others from being tried;
   * but each time, it has longer, since it may have become slow.
   */
  timeoutFor(host: string): number {
    const known = this.#hosts.get(host);
    if (known === undefined || known.role !== undefined) return Infinity;
    return Math.max(MIN_PATIENCE, 4 * this.#connectTimeOf(host)) * 2 ** known.timeouts;
  }

  /** How many milliseconds a host may take to answer before its connections count as lost. */
  patienceFor(host: string): number {
    return Math.min(Math.max(MIN_PATIENCE, 2 * this.#connectTimeOf(host)), MAX_PATIENCE);
  }

  /** Records how long it took to connect to a host, in milliseconds. */
  connected(host: string, milliseconds: number): void {
    this.#connectTimes.set(host, milliseconds);
  }

  #connectTimeOf(host: string): number {
    return this.#connectTimes.get(host) ?? 0;
  }

  /** Whether it was too long ago that a host was found not to suit, or not to answer. */
  isOutdated(host: string, target: SessionTarget, now: number): boolean {
    const known = this.#hosts.get(host);
    if (known === undefined || now < known.until) return false;
    return known.role === undefined || suits(known.role, target) === false;
  }

  /**
   * The order in which endpoints are tried, by their indexes: first those that are known to suit, last those that do not
   * answer. With `load`, the first among equals is the one with the least of it; hosts of which nothing is known are then
   * tried like those that suit.
   */
  order(
    endpoints: readonly Endpoint[],
    target: SessionTarget,
    now: number,
    load?: (host: string) => number,
  ): number[] {
    const ranks = endpoints.map((endpoint) => {
      const host = hostName(endpoint);
      const rank = this.#rank(host, target, now);
      return load === undefined ? [rank, 0] as const : [rank === 1 ? 0 : rank, load(host)] as const;
    });
    return [...ranks.keys()].sort((a, b) => ranks[a]![0] - ranks[b]![0] || ranks[a]![1] - ranks[b]![1] || a - b);
  }

  /** 0 for a host that suits, 1 for an unknown one, 2 for one that does not suit, 3 for one that does not answer. */
  #rank(host: string, target: SessionTarget, now: number): number {
    const known = this.#hosts.get(host);
    if (known === undefined || now >= known.until) return 1;
    if (known.role === undefined) return 3;
    if (target === "any") return 1;
    const isSuitable = suits(known.role, target);
    return isSuitable === undefined ? 1 : isSuitable ? 0 : 2;
  }
}

/** How many milliseconds it is relied on by default. */
export const DEFAULT_HOST_RECHECK = 10_000;

/** The least and the most milliseconds that a host in doubt has to answer. */
const MIN_PATIENCE = 400;
const MAX_PATIENCE = 2000;

/** The name of an endpoint's host, whichever of its addresses was reached. */
export function hostName(endpoint: Endpoint): string {
  return endpointName(
    endpoint.kind === "unix" || !endpoint.isLookedUp ? endpoint : { ...endpoint, address: undefined },
  );
}
