/** Applies the migrations that drizzle-kit has generated. */
import type { MigrationConfig } from "drizzle-orm/migrator";
import type { PgDialect, PgSession } from "drizzle-orm/pg-core";
import type { PyroDatabase } from "./driver.ts";

/**
 * Applies those migrations of a folder that the database does not have yet, in one transaction, as the migrators of
 * Drizzle's own drivers do.
 *
 * @param config `migrationsFolder`: where drizzle-kit has written them. `migrationsTable`, `migrationsSchema`: where
 *   the database keeps which ones it has, `drizzle.__drizzle_migrations` by default.
 * @throws {Error} If the folder has no journal (`meta/_journal.json`), or lacks a file that is in it.
 * @throws {DrizzleQueryError} If the server refuses a statement; then none of them is applied.
 *
 * @example
 * ```ts
 * import { drizzle, migrate } from "@x/pyro/drizzle";
 * import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
 *
 * // As drizzle-kit generates it.
 * const migrationsFolder = mkdtempSync("/tmp/migrations-");
 * mkdirSync(`${migrationsFolder}/meta`);
 * const entries = [{ idx: 0, version: "7", when: 1700000000000, tag: "0000_first", breakpoints: true }];
 * writeFileSync(`${migrationsFolder}/meta/_journal.json`, JSON.stringify({ version: "7", dialect: "postgresql", entries }));
 * writeFileSync(`${migrationsFolder}/0000_first.sql`, "create temporary table book (title text);");
 *
 * const db = drizzle("pg://");
 * await db.execute("create schema if not exists example");
 * await migrate(db, { migrationsFolder, migrationsSchema: "example" });
 * await db.execute("drop schema example cascade");
 * await db.$client.close();
 * ```
 */
export async function migrate<TSchema extends Record<string, unknown>>(
  db: PyroDatabase<TSchema>,
  config: MigrationConfig,
): Promise<void> {
  // It needs the file system, which not every platform has.
  const { readMigrationFiles } = await import("drizzle-orm/migrator");
  const { dialect, session } = db as unknown as { readonly dialect: PgDialect; readonly session: PgSession };
  await dialect.migrate(readMigrationFiles(config), session, config);
}
