// The errors of a runtime that is too old.
import { Conn } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";
const errors = [];
for (const connect of [() => Conn.connect("pg://"), () => new BlockingConn("pg://")]) {
  try {
    await connect();
  } catch (error) {
    errors.push(String(error));
  }
}
console.log(JSON.stringify(errors));
