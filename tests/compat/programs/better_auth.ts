/** Better Auth with a pool of pg's: its migrations, accounts, sessions. It knows the pool by its methods. */
import { deepEqual, equal, errorOf, load, part, url } from "./program.ts";

const { betterAuth } = await load("better-auth");
const { getMigrations } = await load("better-auth/db/migration");
const { default: pg } = await load("pg");
const pool = new pg.Pool({ connectionString: url });
const auth = betterAuth({
  database: pool,
  secret: "a secret of the program's, long enough for it: 0123456789",
  baseURL: "http://localhost:3000",
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
});
const email = "ada@example.com";
const password = "correct horse";

await part("write", async () => {
  const { runMigrations, toBeCreated } = await getMigrations(auth.options);
  equal(toBeCreated.length >= 4, true);
  await runMigrations();
  const { user } = await auth.api.signUpEmail({ body: { name: "Ada", email, password } });
  equal(user.email, email);
});

await part("read", async () => {
  const { toBeCreated, toBeAdded } = await getMigrations(auth.options);
  deepEqual([toBeCreated, toBeAdded], [[], []]);
  const { user, token } = await auth.api.signInEmail({ body: { email, password } });
  equal(user.name, "Ada");
  const { rows } = await pool.query(`select "userId", "expiresAt" from session where token = $1`, [token]);
  equal(rows[0].userId, user.id);
  equal(rows[0].expiresAt instanceof Date && rows[0].expiresAt > new Date(), true);
});

await part("error", async () => {
  const again = await errorOf(auth.api.signUpEmail({ body: { name: "Ada", email, password } }));
  equal(again.statusCode, 422);
  equal((await errorOf(auth.api.signInEmail({ body: { email, password: "wrong" } }))).statusCode, 401);
});

await pool.end();
