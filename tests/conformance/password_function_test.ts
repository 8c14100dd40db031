/** Passwords from a function, with servers that ask for them. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ConnectionError, Opts, ServerError, SqlState, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance, type World } from "../support/suite/worlds.ts";
import type { TestServer } from "../support/suite/servers.ts";

const WHO = "select current_user::text";

function tcp(server: TestServer, user: string): Opts {
  return new Opts(server.url({ user, password: "", query: "upgrade_to_unix_socket=no" }));
}

/** A role of its own, dropped at the end. */
async function withRole(
  world: World,
  server: TestServer,
  body: (role: string, setPassword: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  await using admin = await world.connect(server.admin);
  const role = `token_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin.queryDrop(`create role ${role} login in role auth_tokens`);
  try {
    await body(role, async (text) => {
      await admin.queryDrop(`alter role ${role} password '${text}'`);
    });
  } finally {
    await admin.queryDrop(`drop role ${role}`);
  }
}

for (const user of ["auth_password", "auth_md5", "auth_scram"]) {
  conformance(`password function: ${user}`, async (world, server) => {
    let count = 0;
    const opts = tcp(server, user).password(() => {
      count++;
      return "secret";
    });
    await using conn = await world.connect(opts);
    assert.equal(await conn.execValue(WHO), user);
    assert.equal(count, 1);
    await assert.rejects(
      world.connect(opts.password(() => "wrong")),
      (error) => error instanceof ServerError && error.code === SqlState.InvalidPassword,
    );
  });
}

conformance("password function: a server that trusts us does not cause a call", async (world, server) => {
  const opts = tcp(server, "auth_trust").password(() => assert.fail("it is called"));
  await using conn = await world.connect(opts);
  assert.equal(await conn.execValue(WHO), "auth_trust");
});

conformance("password function: the upgrade to the Unix socket does not call it again", async (world, server) => {
  let count = 0;
  const opts = new Opts(server.url({ user: "auth_scram", password: "" })).password(() => {
    count++;
    return "secret";
  });
  await using conn = await world.connect(opts);
  assert.equal(await conn.execValue(WHO), "auth_scram");
  assert.equal(count, 1);
});

conformance("password function: each connection of a pool has the token of its time", async (world, server) => {
  await withRole(world, server, async (role, setPassword) => {
    let token = "";
    let count = 0;
    const rotate = async (text: string): Promise<void> => {
      token = text;
      await setPassword(text);
    };
    const opts = tcp(server, role).password(() => {
      count++;
      return token;
    });
    await rotate("first token");
    await using pool = world.pool(opts, { poolMaxConcurrency: 3 });
    const first = await pool.acquire();
    await rotate("second token");
    const second = await pool.acquire();
    await rotate("third token");
    const third = await pool.acquire();
    for (const conn of [first, second, third]) {
      assert.equal(await conn.execValue(WHO), role);
      await conn.release();
    }
    assert.equal(count, 3);
    assert.equal(await pool.execValue(WHO), role, "idle connections need no new token");
    assert.equal(count, 3);
  });
});

conformance("password function: an error of it is the cause, and a pool goes on after it", async (world, server) => {
  const own = new Error("the token service is away");
  let away = true;
  const opts = tcp(server, "auth_scram").password(() => {
    if (away) throw own;
    return "secret";
  });
  const isOwn = (error: unknown): boolean => error instanceof ConnectionError && error.cause === own;
  await assert.rejects(world.connect(opts), isOwn);
  await using pool = world.pool(opts);
  await assert.rejects(attempt(() => pool.execValue(WHO)), isOwn);
  away = false;
  assert.equal(await pool.execValue(WHO), "auth_scram");
});

conformance("password function: a promise is awaited, or refused by a blocking connection", async (world, server) => {
  const opts = tcp(server, "auth_scram").password(() => Promise.resolve("secret"));
  const own = new Error("no token");
  const fail = (): never => {
    throw own;
  };
  const failing: readonly (() => PromiseLike<string>)[] = [
    () => Promise.reject(own),
    () => ({ then: fail }),
    () => ({
      get then() {
        return fail();
      },
    }),
    () => ({ then: (_, reject) => reject?.(own) as never }),
  ];
  if (world.name === "async") {
    for (const password of [opts, opts.password(() => ({ then: (resolve) => resolve?.("secret") as never }))]) {
      await using conn = await world.connect(password);
      assert.equal(await conn.execValue(WHO), "auth_scram");
    }
    for (const password of failing) {
      await assert.rejects(
        world.connect(opts.password(password)),
        (error) => error instanceof ConnectionError && error.cause === own,
      );
    }
    return;
  }
  for (const password of [() => Promise.resolve("secret"), ...failing]) {
    await assert.rejects(world.connect(opts.password(password)), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /has returned a promise, for which a blocking connection cannot wait/);
      return true;
    });
  }
});

conformance("password function: something that is no text is refused, and not shown", async (world, server) => {
  const opts = tcp(server, "auth_scram").password((() => ({ token: "tr0ub4dor" })) as never);
  await assert.rejects(world.connect(opts), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^Cannot use the function for password: it must return a text/);
    assert.ok(!inspect(error).includes("tr0ub4dor"));
    return true;
  });
});
