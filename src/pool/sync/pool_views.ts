// Derived from src/pool/async/pool_views.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** The pool managers of a pool that blocks: one for itself, and one for each target of its views. */
import type { PoolSettings } from "../../connection/strictness.ts";
import { HostChoice } from "../../connect/host_choice.ts";
import { DEFAULT_HOST_RECHECK, HostRoles } from "../../connect/host_roles.ts";
import type { TargetSessionAttrs } from "../../options/settings.ts";
import { poolClosed } from "../failure.ts";
import type { Limits } from "../limits.ts";
import { PoolGroup } from "../pool_group.ts";
import { type PoolStats, sumOfStats } from "../pool_state.ts";
import { targetFrom, type TargetOptions, targetOptionsFrom } from "../view_options.ts";
import type { ConnectionSource } from "./connection_source.ts";
import { type PoolHooks, PoolManager } from "./pool_manager.ts";
import { PositionedSource } from "./positioned_source.ts";

/** A pool and its views: what they share, and what each of them has for itself. */
export class PoolViews {
  /** The connections of the pool itself. */
  readonly main: PoolManager;
  readonly #make: (choice: HostChoice) => PoolManager;
  readonly #settings: PoolSettings;
  /** The choice of the pool itself. */
  readonly #choice: HostChoice;
  readonly #roles: HostRoles;
  readonly #byTarget = new Map<TargetSessionAttrs, PoolManager>();

  constructor(name: string, settings: PoolSettings, limits: Limits, hooks: PoolHooks) {
    const group = new PoolGroup(limits.poolMaxConcurrency);
    const roles = new HostRoles(settings.hostRecheck ?? DEFAULT_HOST_RECHECK);
    this.#make = (choice) => {
      const manager = new PoolManager(name, settings, limits, hooks, choice, group);
      group.add(manager);
      return manager;
    };
    this.#settings = settings;
    this.#roles = roles;
    this.#choice = new HostChoice(roles);
    this.main = this.#make(this.#choice);
  }

  get stats(): PoolStats {
    return this.#byTarget.size === 0 ? this.main.stats : sumOfStats(this.#all.map(({ stats }) => stats));
  }

  /** Where a view gets its connections. */
  source(target: TargetSessionAttrs, options: TargetOptions | undefined): ConnectionSource {
    const view = this.#managerFor(targetFrom(target));
    const { after, wait } = targetOptionsFrom(options);
    return after === undefined ? view : new PositionedSource(view, () => this.primary, { after, wait });
  }

  reloadTypes(): void {
    for (const manager of this.#all) manager.reloadTypes();
  }

  drain(): void {
    for (const manager of this.#all) manager.drain();
  }

  close(): void {
    for (const manager of this.#all) manager.close();
  }

  get #all(): PoolManager[] {
    return [this.main, ...this.#byTarget.values()];
  }

  /**
   * The connections to the primary: those of the pool itself, if they lead to nothing else. A pool that prefers the
   * primary has connections to a standby while no primary is known.
   */
  get primary(): PoolManager {
    const { targetSessionAttrs: attrs } = this.#settings;
    const isMain = attrs === "primary" || attrs === "read-write" || (attrs === undefined && !this.#choice.isList);
    return isMain ? this.main : this.#managerFor("primary");
  }

  #managerFor(target: TargetSessionAttrs): PoolManager {
    if (this.main.closed) throw poolClosed();
    let manager = this.#byTarget.get(target);
    if (manager === undefined) this.#byTarget.set(target, manager = this.#make(new HostChoice(this.#roles, target)));
    return manager;
  }
}
