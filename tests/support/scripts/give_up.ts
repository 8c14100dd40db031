/** Gives up connecting, where nobody answers, and comes to its end. Arguments: world, URL, "timeout" or "abort". */
import process from "node:process";

const [world, url, how] = process.argv.slice(2);
if (world === "async") {
  const { Conn, Opts } = await import("../../../mod.ts");
  const target = new Opts(url!).connectTimeout(how === "timeout" ? 200 : 3_600_000);
  const options = how === "abort" ? { signal: AbortSignal.timeout(200) } : {};
  console.log(await Conn.connect(target, options).then(() => "connected", (error) => (error as Error).name));
} else {
  const { Conn, Opts } = await import("../../../sync.ts");
  try {
    new Conn(new Opts(url!).connectTimeout(200));
    console.log("connected");
  } catch (error) {
    console.log((error as Error).name);
  }
}
