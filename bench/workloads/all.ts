/** The workloads by name. */
import type { WorkloadName } from "../driver.ts";
import { connectDefault, connectScram, connectTls, connectTrust } from "./connect.ts";
import { copyIn, copyOut } from "./copy.ts";
import { decode } from "./decode.ts";
import { fresh } from "./fresh.ts";
import { http } from "./http.ts";
import { importing } from "./import.ts";
import { inFlight } from "./in_flight.ts";
import { insert, insertBatch } from "./insert.ts";
import { mixed } from "./mixed.ts";
import { ping } from "./ping.ts";
import { pool } from "./pool.ts";
import { rows } from "./rows.ts";
import { script } from "./script.ts";
import { select } from "./select.ts";
import { stream } from "./stream.ts";
import type { Workload } from "./workload.ts";

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  ping,
  select_1: select(1),
  select_10: select(10),
  select_100: select(100),
  select_1000: select(1000),
  insert,
  insert_batch: insertBatch,
  in_flight: inFlight,
  rows,
  mixed,
  stream,
  copy_in: copyIn,
  copy_out: copyOut,
  connect_default: connectDefault,
  connect_trust: connectTrust,
  connect_scram: connectScram,
  connect_tls: connectTls,
  fresh,
  pool,
  http,
  import: importing,
  script,
  decode,
};
