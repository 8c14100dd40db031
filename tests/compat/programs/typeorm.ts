/** TypeORM: a schema made of entities, repositories, streams by pg-query-stream, transactions. */
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { DataSource, EntitySchema } = await load("typeorm");
const Person = new EntitySchema({
  name: "Person",
  tableName: "people",
  columns: {
    id: { type: "int", primary: true, generated: true },
    name: { type: "varchar", unique: true },
    data: { type: "jsonb", nullable: true },
    tags: { type: "text", array: true, nullable: true },
    price: { type: "numeric", nullable: true },
    big: { type: "bigint", nullable: true },
    day: { type: "date", nullable: true },
    at: { type: "timestamptz", nullable: true },
  },
  relations: { pets: { type: "one-to-many", target: "Pet", inverseSide: "owner", cascade: true } },
});
const Pet = new EntitySchema({
  name: "Pet",
  columns: { id: { type: "int", primary: true, generated: true }, name: { type: "varchar" } },
  relations: { owner: { type: "many-to-one", target: "Person", inverseSide: "pets" } },
});
const source = new DataSource({ type: "postgres", url, entities: [Person, Pet], synchronize: true });
await source.initialize();
const people = source.getRepository("Person");

await part("write", async () => {
  const saved = await people.save({
    name: "Ada",
    data: { a: 1 },
    tags: ["x", "y"],
    price: "1.50",
    big: "9007199254740993",
    day: "2024-01-02",
    at: new Date("2024-01-02T03:04:05.678Z"),
    pets: [{ name: "Rex" }, { name: "Tom" }],
  });
  equal(saved.id, 1);
  await people.save([{ name: "Bob" }, { name: "Cid" }]);
  equal((await people.update({ name: "Cid" }, { tags: [] })).affected, 1);
});

await part("read", async () => {
  const ada = await people.findOne({
    where: { name: "Ada" },
    relations: { pets: true },
    order: { pets: { id: "ASC" } },
  });
  deepEqual({ ...ada, pets: ada.pets.map(({ name }: Loaded) => name) }, {
    id: 1,
    name: "Ada",
    data: { a: 1 },
    tags: ["x", "y"],
    price: "1.50",
    big: "9007199254740993",
    day: "2024-01-02",
    at: new Date("2024-01-02T03:04:05.678Z"),
    pets: ["Rex", "Tom"],
  });
  deepEqual(await people.count(), 3);
  deepEqual(await source.query("select name from people where id = $1", [2]), [{ name: "Bob" }]);
});

await part("stream", async () => {
  const stream = await people.createQueryBuilder("p").select("p.name", "name").orderBy("p.id").stream();
  const names: string[] = [];
  for await (const row of stream) names.push(row.name);
  deepEqual(names, ["Ada", "Bob", "Cid"]);
});

await part("transaction", async () => {
  await source.transaction(async (manager: Loaded) => {
    await manager.save("Person", { name: "Dan" });
    await errorOf(manager.transaction(async (inner: Loaded) => {
      await inner.save("Person", { name: "Eve" });
      throw new Error("back to the savepoint");
    }));
  });
  await errorOf(source.transaction("SERIALIZABLE", async (manager: Loaded) => {
    await manager.save("Person", { name: "Fay" });
    throw new Error("back");
  }));
  deepEqual((await people.find({ order: { id: "ASC" } })).map(({ name }: Loaded) => name), [
    "Ada",
    "Bob",
    "Cid",
    "Dan",
  ]);
});

await part("error", async () => {
  const error = await errorOf(people.save({ name: "Ada" }));
  deepEqual([error.constructor.name, error.driverError.code, error.driverError.table], [
    "QueryFailedError",
    "23505",
    "people",
  ]);
});

await source.destroy();
