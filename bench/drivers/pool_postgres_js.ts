/** The pool of postgres.js, from npm. */
import type { Driver } from "../driver.ts";
import { underLoad } from "../http/serve.ts";
import { importPeer } from "../peers.ts";
import { POINT } from "../workloads/people.ts";
import { POOL_SIZE, selectAll } from "../workloads/pool.ts";
import { placeOf } from "./place.ts";
import { type Tag, tagged } from "./tagged.ts";

export const driver: Driver = async (target) => {
  const { default: postgres } = await importPeer<{ default: (options: object) => Tag }>("postgres");
  const point = tagged(postgres({ ...placeOf(target), max: POOL_SIZE }), POINT);
  const select = async (id: number): Promise<unknown> => (await point(id))[0];
  return { pool: () => selectAll(select), http: underLoad(target, select) };
};
