/** MikroORM: a schema made of entities, a unit of work, streams, nested transactions. */
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { EntitySchema, MikroORM } = await load("@mikro-orm/postgresql");
const Person = new EntitySchema({
  name: "Person",
  tableName: "people",
  properties: {
    id: { type: "integer", primary: true, autoincrement: true },
    name: { type: "string", unique: true },
    data: { type: "json", nullable: true },
    tags: { type: "array", nullable: true },
    price: { type: "decimal", precision: 10, scale: 2, nullable: true },
    big: { type: "bigint", nullable: true },
    at: { type: "Date", columnType: "timestamptz(3)", nullable: true },
  },
});
const orm = await MikroORM.init({ entities: [Person], clientUrl: url, dbName: new URL(url).pathname.slice(1) });
await (orm.schema.create ?? orm.schema.createSchema).call(orm.schema);

await part("write", async () => {
  const em = orm.em.fork();
  em.create("Person", {
    name: "Ada",
    data: { a: [1] },
    tags: ["x", "y"],
    price: "1.50",
    big: 9007199254740993n,
    at: new Date("2024-01-02T03:04:05.678Z"),
  });
  em.create("Person", { name: "Bob" });
  em.create("Person", { name: "Cid" });
  await em.flush();
  equal(await em.nativeUpdate("Person", { name: "Cid" }, { tags: ["z"] }), 1);
});

await part("read", async () => {
  const em = orm.em.fork();
  const ada = await em.findOneOrFail("Person", { name: "Ada" });
  deepEqual([ada.id, ada.data, ada.tags, Number(ada.price), String(ada.big), ada.at], [
    1,
    { a: [1] },
    ["x", "y"],
    1.5,
    "9007199254740993",
    new Date("2024-01-02T03:04:05.678Z"),
  ]);
  equal(await em.count("Person", {}), 3);
  const names = await em.find("Person", {}, { orderBy: { id: "asc" } });
  deepEqual(names.map(({ name }: Loaded) => name), ["Ada", "Bob", "Cid"]);
  deepEqual(await em.execute("select name from people where id = ?", [2]), [{ name: "Bob" }]);
});

await part("transaction", async () => {
  await orm.em.fork().transactional(async (em: Loaded) => {
    em.create("Person", { name: "Dan" });
    await errorOf(em.transactional((inner: Loaded) => {
      inner.create("Person", { name: "Eve" });
      return Promise.reject(new Error("back to the savepoint"));
    }));
  });
  await errorOf(
    orm.em.fork().transactional((em: Loaded) => {
      em.create("Person", { name: "Fay" });
      return Promise.reject(new Error("back"));
    }),
  );
  const all = await orm.em.fork().find("Person", {}, { orderBy: { id: "asc" } });
  deepEqual(all.map(({ name }: Loaded) => name), ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  const em = orm.em.fork();
  em.create("Person", { name: "Ada" });
  const error = await errorOf(em.flush());
  deepEqual([error.constructor.name, error.code], ["UniqueConstraintViolationException", "23505"]);
});

await orm.close(true);
