/** What keeps a process alive, and what does not. Arguments: the case, URL. */
import process from "node:process";

const [what, url] = process.argv.slice(2);
const { Conn } = await import("../../../mod.ts");

switch (what) {
  case "idle listener": {
    const conn = await Conn.connect(url!);
    await conn.listen("idle");
    break;
  }
  case "ended listener": {
    const conn = await Conn.connect(url!);
    const news = await conn.listen("ended");
    const waiting = news.next();
    await news.return();
    await waiting;
    break;
  }
  case "waiting listener": {
    const conn = await Conn.connect(url!);
    const channel = `waiting_${crypto.randomUUID()}`;
    const news = await conn.listen(channel);
    // Nothing but the wait keeps the process: the notification comes from another process.
    const { spawn } = await import("node:child_process");
    const deno = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
    spawn(process.execPath, [...deno, import.meta.filename!, "notifier", url!, channel], { stdio: "ignore" }).unref();
    const { value } = await news.next();
    console.log("heard", value?.payload);
    break;
  }
  case "notifier": {
    await using conn = await Conn.connect(url!);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await conn.notify(process.argv[4]!, "it");
    break;
  }
  case "time-out that was not needed": {
    const conn = await Conn.connect(url!);
    await conn.query("select 1", { timeout: 3_000_000 });
    await conn.ping({ signal: AbortSignal.abort() }).catch(() => {});
    await conn.query("select 1", { signal: new AbortController().signal, timeout: 3_000_000 });
    break;
  }
  case "time-out and abort": {
    const conn = await Conn.connect(url!);
    await conn.query("select pg_sleep(20)", { timeout: 50 }).catch(() => {});
    const controller = new AbortController();
    const call = conn.query("select pg_sleep(20)", { signal: controller.signal, timeout: 3_000_000 });
    setTimeout(() => controller.abort(), 50);
    await call.catch(() => {});
    // Given up with others behind.
    const given = conn.query("select pg_sleep(0.2)", { timeout: 20 });
    await Promise.allSettled([given, conn.query("select 1")]);
    break;
  }
  case "closed while listening, blocking": {
    const { Conn } = await import("../../../sync.ts");
    const conn = new Conn(url!);
    const news = conn.listen("closed");
    conn.close();
    try {
      console.log("done", news.next().done);
    } catch (error) {
      console.log("error", (error as Error).name);
    }
  }
}
console.log("end");
