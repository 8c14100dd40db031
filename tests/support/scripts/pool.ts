/** What keeps a process with a pool alive, and what does not. Arguments: the case, URL. */
import process from "node:process";
import { setTimeout } from "node:timers";

const [what, url] = process.argv.slice(2);
const { Pool } = await import("../../../mod.ts");

switch (what) {
  case "idle pool": {
    const pool = new Pool(url!, { poolMinIdle: 2 });
    await Promise.all([1, 2, 3].map((n) => pool.execValue("select $1::int", [n])));
    break;
  }
  case "idle listener": {
    await new Pool(url!).listen("idle");
    break;
  }
  case "waiting caller": {
    const pool = new Pool(url!, { poolMaxConcurrency: 1 });
    await pool.acquire();
    // Nothing but this wait keeps the process.
    await pool.acquire({ timeout: 300 }).catch((error) => console.log(error.name));
    break;
  }
  case "waiting caller without a limit": {
    // The pool's alarm goes off meanwhile, for another reason.
    const late = { poolLeakTimeout: 100, onLeak: () => console.log("late") };
    const pool = new Pool(url!, { poolMaxConcurrency: 1, poolAcquireTimeout: 0, ...late });
    const conn = await pool.acquire();
    setTimeout(() => conn.release(), 500).unref();
    void pool.acquire().then(() => console.log("served"));
    break;
  }
  case "waiting for a server that is away": {
    const pool = new Pool(url!, { poolAcquireTimeout: 10_000, onConnect: () => Promise.reject(new Error("away")) });
    await pool.query("select 1").catch((error) => console.log(error.message));
    await pool.query("select 1").catch((error) => console.log(error.message));
    break;
  }
  case "blocking": {
    const { Pool } = await import("../../../sync.ts");
    const pool = new Pool(url!, { poolLeakTimeout: 1_000_000 });
    pool.acquire();
    pool.query("select 1");
    pool.listen("blocking");
  }
}
console.log("end");
