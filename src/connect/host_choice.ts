/**
 * The choice of a host for each connection of a pool: which sessions are wanted, what is known of the hosts, and how many
 * connections each has.
 */
import type { Session } from "../protocol/session.ts";
import type { Endpoint } from "../transport/transport.ts";
import type { ConnectPlan } from "./connect.ts";
import { hostName, type HostRoles } from "./host_roles.ts";
import { reportedRole, type SessionRole, type SessionTarget, suits } from "./session_role.ts";

/** The figures of a host in the statistics of a pool. */
interface KnownHostStats {
  readonly host: string;
  readonly role: "primary" | "standby" | "unreachable" | "unknown";
  readonly size: number;
}

/** Chooses among the hosts of a list. */
export class HostChoice {
  /** Pools that have the same hosts share it. */
  readonly roles: HostRoles;
  /** The sessions that the connections of the pool must have. */
  target: SessionTarget = "any";
  /** The hosts, as the last connection has found them in its options. */
  endpoints: readonly Endpoint[] = [];
  readonly #given: SessionTarget | undefined;
  #isBalanced: boolean;
  readonly #connections = new Map<string, number>();
  /** Until when a host is not left again. */
  readonly #left = new Map<string, number>();

  /** `target` has precedence over the options. If it is given, connections are spread over the hosts. */
  constructor(roles: HostRoles, target?: SessionTarget) {
    this.roles = roles;
    this.#given = target;
    this.#isBalanced = target !== undefined;
  }

  /** Whether there are several hosts. */
  get isList(): boolean {
    return this.endpoints.length > 1;
  }

  /** Whether connections are spread over the hosts that suit. */
  get isBalanced(): boolean {
    return this.isList && this.#isBalanced;
  }

  /** The plan of the next connection: its hosts in the order in which they are tried, and for how long. */
  apply(plan: ConnectPlan): ConnectPlan {
    const { endpoints, passwords, attrs, isBalanced = false } = plan;
    this.endpoints = endpoints;
    this.#isBalanced = this.#given !== undefined || isBalanced;
    // A list of hosts is mostly one primary and its standbys.
    this.target = this.#given ?? attrs ?? (this.isList && !isBalanced ? "prefer-primary" : "any");
    const order = this.roles.order(endpoints, this.target, plan.now(), this.isBalanced ? this.connections : undefined);
    return {
      ...plan,
      attrs: this.target,
      endpoints: order.map((i) => endpoints[i]!),
      timeouts: order.map((i) => this.roles.timeoutFor(hostName(endpoints[i]!))),
      ...(passwords === undefined ? {} : { passwords: order.map((i) => passwords[i]), password: passwords[order[0]!] }),
      onRole: (endpoint, role, timedOut) => this.roles.found(hostName(endpoint), role, plan.now(), timedOut),
    };
  }

  /** How many connections of the pool lead to a host. */
  readonly connections = (host: string): number => this.#connections.get(host) ?? 0;

  /** A connection to a host was opened, which took that long. */
  opened(host: string, milliseconds: number): void {
    this.roles.connected(host, milliseconds);
    this.#connections.set(host, this.connections(host) + 1);
  }

  /** A connection to a host was closed. */
  closed(host: string): void {
    this.#connections.set(host, Math.max(0, this.connections(host) - 1));
  }

  /** Whether a host is known not to suit. */
  isUnsuitable(host: string, now: number): boolean {
    const role = this.roles.roleOf(host, now);
    return role !== undefined && suits(role, this.target) === false;
  }

  /**
   * What a server is now that has refused to write, or reports that it has become a standby or ceased to be one. Undefined
   * if the pool keeps its connections to it, or has left it a short time ago.
   */
  changedRole(host: string, session: Pick<Session, "parameter">, isRefusal: boolean, now: number):
    | SessionRole
    | undefined {
    const role = roleAfter(reportedRole(session), isRefusal);
    if (role === undefined || this.#keeps(role, isRefusal) || now < (this.#left.get(host) ?? 0)) return undefined;
    this.#left.set(host, now + this.roles.lifetime);
    this.roles.found(host, role, now);
    return role;
  }

  /** Whether connections to a server stay. If no role was asked for, a standby that refuses to write is left. */
  #keeps(role: SessionRole, isRefusal: boolean): boolean {
    if (this.target === "any") return !isRefusal || this.#given !== undefined || !role.isStandby;
    return suits(role, this.target) ?? true;
  }

  /** The hosts of which it was too long ago that they were found not to suit, or not to answer. */
  outdated(now: number): Endpoint[] {
    return this.endpoints.filter((endpoint) => this.roles.isOutdated(hostName(endpoint), this.target, now));
  }

  /** Whether a host is known to suit. */
  hasSuitable(now: number): boolean {
    return this.endpoints.some((endpoint) => {
      const role = this.roles.roleOf(hostName(endpoint), now);
      return role !== undefined && suits(role, this.target) === true;
    });
  }

  /** How many connections of each host are more than its share, by its name. */
  surplus(): Map<string, number> {
    const hosts = this.endpoints.map(hostName).filter((host) => {
      const role = this.roles.lastRoleOf(host);
      return role !== undefined && suits(role, this.target) !== false;
    });
    const sum = hosts.reduce((sum, host) => sum + this.connections(host), 0);
    const share = Math.ceil(sum / hosts.length);
    return new Map(hosts.map((host) => [host, this.connections(host) - share]));
  }

  /** What is known of each host. */
  stats(): KnownHostStats[] {
    return this.endpoints.map((endpoint) => {
      const host = hostName(endpoint);
      const isStandby = this.roles.lastRoleOf(host)?.isStandby;
      const role = this.roles.isSilent(host)
        ? "unreachable"
        : isStandby === undefined
        ? "unknown"
        : isStandby
        ? "standby"
        : "primary";
      return { host, role, size: this.connections(host) };
    });
  }
}

/** The role that a server reports; undefined if it has only refused to write in a read-only transaction. */
function roleAfter(role: SessionRole, isRefusal: boolean): SessionRole | undefined {
  if (!isRefusal) return role;
  if (role.isStandby === undefined) return { isStandby: true, isReadOnly: true };
  return role.isStandby || role.isReadOnly ? role : undefined;
}
