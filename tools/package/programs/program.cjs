// Uses both worlds, with `require`.
const { Conn, Opts } = require("@x/pyro");
const { Conn: BlockingConn } = require("@x/pyro/sync");

(async () => {
  const opts = new Opts(process.env.URL).dates("string");
  const conn = await Conn.connect(opts);
  const texts = [await conn.execValue("select 'promises'")];
  await conn.close();
  const blocking = new BlockingConn(opts);
  texts.push(blocking.execValue("select 'blocking'"));
  console.log(JSON.stringify(texts));
  process.exit();
})();
