/** Prisma 7 with its adapter for pg: models, relations, transactions, raw queries. */
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { PrismaPg } = await load("@prisma/adapter-pg");
// The harness has made it of schema.prisma.
const { PrismaClient } = (await load("./generated/index.js")).default;
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
const at = new Date("2024-01-02T03:04:05.678Z");

await part("write", async () => {
  await prisma.$executeRawUnsafe(
    `create table people (id serial primary key, name text not null constraint people_name_key unique,
    data jsonb, tags text[], price numeric, big bigint, day date, at timestamptz(3), bytes bytea)`,
  );
  await prisma.$executeRawUnsafe(
    "create table pets (id serial primary key, name text not null, owner_id int not null references people)",
  );
  const ada = await prisma.person.create({
    data: {
      name: "Ada",
      data: { a: [1, "x"] },
      tags: ["x", "y"],
      price: "1.50",
      big: 9007199254740993n,
      day: new Date("2024-01-02"),
      at,
      bytes: new Uint8Array([0, 255]),
      pets: { create: [{ name: "Rex" }, { name: "Tom" }] },
    },
  });
  equal(ada.id, 1);
  deepEqual(await prisma.person.createMany({ data: [{ name: "Bob" }, { name: "Cid" }] }), { count: 2 });
});

await part("read", async () => {
  const { price, bytes, ...ada } = await prisma.person.findUnique({
    where: { name: "Ada" },
    include: { pets: { orderBy: { id: "asc" }, select: { name: true } } },
  });
  deepEqual([String(price), [...bytes]], ["1.5", [0, 255]]);
  deepEqual(ada, {
    id: 1,
    name: "Ada",
    data: { a: [1, "x"] },
    tags: ["x", "y"],
    big: 9007199254740993n,
    day: new Date("2024-01-02"),
    at,
    pets: [{ name: "Rex" }, { name: "Tom" }],
  });
  equal(await prisma.person.count({ where: { at: null } }), 2);
  deepEqual(
    await prisma
      .$queryRaw`select name, 1.5::numeric::text as n, now() > '2000-01-01' as later from people where id = ${2}`,
    [
      { name: "Bob", n: "1.5", later: true },
    ],
  );
});

await part("transaction", async () => {
  await prisma.$transaction(async (tx: Loaded) => {
    await tx.person.create({ data: { name: "Dan" } });
  }, { isolationLevel: "Serializable" });
  await errorOf(prisma.$transaction(async (tx: Loaded) => {
    await tx.person.create({ data: { name: "Eve" } });
    throw new Error("back");
  }));
  await errorOf(prisma.$transaction([
    prisma.person.create({ data: { name: "Fay" } }),
    prisma.person.create({ data: { name: "Ada" } }),
  ]));
  const all = await prisma.person.findMany({ orderBy: { id: "asc" } });
  deepEqual(all.map(({ name }: Loaded) => name), ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  const error = await errorOf(prisma.person.create({ data: { name: "Ada" } }));
  deepEqual([error.name, error.code], ["PrismaClientKnownRequestError", "P2002"]);
  equal((await errorOf(prisma.$queryRaw`select nothing`)).code, "P2010");
});

await prisma.$disconnect();
