/** The account for servers if the tests run as root, which servers refuse to run as. */
import { readFileSync } from "node:fs";
import process from "node:process";

/** User and group of `nobody` if the tests run as root; undefined for other users, who run servers as themselves. */
export const account: { readonly uid: number; readonly gid: number } | undefined = process.getuid?.() === 0
  ? nobody()
  : undefined;

function nobody(): { uid: number; gid: number } {
  const entry = readFileSync("/etc/passwd", "utf8").split("\n").find((line) => line.startsWith("nobody:"));
  const [, , uid, gid] = entry?.split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}
