/** Sequelize 6: models, bulk inserts, transactions with savepoints; it parses types of its own by OID. */
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { DataTypes, Sequelize } = (await load("sequelize")).default;
const db = new Sequelize(url, { logging: false, pool: { max: 4, min: 0, idle: 1000 } });
const Person = db.define("person", {
  name: { type: DataTypes.STRING, unique: true },
  data: DataTypes.JSONB,
  tags: DataTypes.ARRAY(DataTypes.TEXT),
  price: DataTypes.DECIMAL(10, 2),
  big: DataTypes.BIGINT,
  mood: DataTypes.ENUM("fine", "sad"),
  day: DataTypes.DATEONLY,
  at: DataTypes.DATE,
  bytes: DataTypes.BLOB,
  range: DataTypes.RANGE(DataTypes.INTEGER),
}, { timestamps: false });
await db.sync();

await part("write", async () => {
  const ada = await Person.create({
    name: "Ada",
    data: { a: [1] },
    tags: ["x", "y"],
    price: "1.50",
    big: "9007199254740993",
    mood: "fine",
    day: "2024-01-02",
    at: new Date("2024-01-02T03:04:05.678Z"),
    bytes: Buffer.from([0, 255]),
    range: [1, 5],
  });
  equal(ada.id, 1);
  await Person.bulkCreate([{ name: "Bob" }, { name: "Cid" }]);
  deepEqual(await Person.update({ mood: "sad" }, { where: { name: "Cid" } }), [1]);
  const [, created] = await Person.upsert({ id: 2, name: "Bob", mood: "sad" });
  equal(created === true || created === null, true);
});

await part("read", async () => {
  const ada = await Person.findOne({ where: { name: "Ada" }, raw: true });
  const { range, ...others } = ada;
  deepEqual(others, {
    id: 1,
    name: "Ada",
    data: { a: [1] },
    tags: ["x", "y"],
    price: "1.50",
    big: "9007199254740993",
    mood: "fine",
    day: "2024-01-02",
    at: new Date("2024-01-02T03:04:05.678Z"),
    bytes: Buffer.from([0, 255]),
  });
  deepEqual(range.map(({ value }: Loaded) => value), [1, 5]);
  equal(await Person.count(), 3);
  const [rows] = await db.query("select name from people where id = $1", { bind: [2] });
  deepEqual(rows, [{ name: "Bob" }]);
});

await part("transaction", async () => {
  await db.transaction(async (transaction: Loaded) => {
    await Person.create({ name: "Dan" }, { transaction });
    await errorOf(db.transaction({ transaction }, async (inner: Loaded) => {
      await Person.create({ name: "Eve" }, { transaction: inner });
      throw new Error("back to the savepoint");
    }));
  });
  await errorOf(db.transaction(async (transaction: Loaded) => {
    await Person.create({ name: "Fay" }, { transaction });
    throw new Error("back");
  }));
  const all = await Person.findAll({ order: ["id"], raw: true });
  deepEqual(all.map(({ name }: Loaded) => name), ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  const error = await errorOf(Person.create({ name: "Ada" }));
  deepEqual([error.name, error.original.code, error.fields], ["SequelizeUniqueConstraintError", "23505", {
    name: "Ada",
  }]);
  equal((await errorOf(db.query("select nothing"))).original.code, "42703");
});

await db.close();
