/** Gives up connecting, to an address where nobody answers, and comes to its end. Arguments: URL, "timeout" or "abort". */
import process from "node:process";
import { Conn, Opts } from "../../../mod.ts";

const [url, how] = process.argv.slice(2);
const target = new Opts(url!).connectTimeout(how === "timeout" ? 200 : 0);
const options = how === "abort" ? { signal: AbortSignal.timeout(200) } : {};
console.log(await Conn.connect(target, options).then(() => "connected", (error) => (error as Error).name));
