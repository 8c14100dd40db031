/** Tests of Deno's that watch what is open before and after them. Argument: the URL of a server. */
import { Conn as AsyncConn } from "../../../mod.ts";
import { Conn, Opts } from "../../../sync.ts";

const target = new Opts(Deno.args[0]!);

function watched(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });
}

watched("promises", async () => {
  await using conn = await AsyncConn.connect(target);
  await conn.query("select 1");
});
for (const transport of ["ffi", "worker"] as const) {
  watched(`blocking, ${transport}`, () => {
    using conn = new Conn(target.blockingTransport(transport));
    conn.query("select 1");
  });
  watched(`blocking, ${transport}, several and one that fails`, () => {
    const failing = target.upgradeToUnixSocket(false).sslMode("disable").host("127.0.0.1").port(1);
    using first = new Conn(target.blockingTransport(transport));
    try {
      new Conn(failing.blockingTransport(transport));
    } catch {
      // As it must be.
    }
    using second = new Conn(target.blockingTransport(transport));
    first.query("select 1");
    first.close();
    second.query("select 1");
  });
}
watched("blocking, TLS", () => {
  using conn = new Conn(target.sslMode("require"));
  conn.query("select 1");
});
