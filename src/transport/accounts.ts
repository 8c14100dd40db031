/**
 * Which users are in a group, as this system's files tell.
 *
 * Debian's socket directory may be written by its owner's group, in which nobody else is. What is not
 * certain to be all there is, such as where accounts come from a network too, tells nothing.
 *
 * Source: Linux manual, passwd(5), group(5), nsswitch.conf(5).
 */
import { existsSync, readFileSync } from "node:fs";
import { granted, runtime } from "../runtime/runtime.ts";

/** The numbers of all users who are in a group. */
export type Members = (gid: number) => ReadonlySet<number>;

let membership: { readonly of: Members | undefined } | undefined;

/** All users in this group, if `owner` is one of them by his account; undefined where that is not certain. */
export function membersOf(gid: number, owner: number): ReadonlySet<number> | undefined {
  membership ??= { of: read() };
  const users = membership.of?.(gid);
  // Files of another system, such as a container's, do not speak of this owner.
  return users?.has(owner) ? users : undefined;
}

function read(): Members | undefined {
  try {
    if (runtime === "deno" && !FILES.every((path) => granted({ name: "read", path }))) return undefined;
    const [passwd, group, sources] = FILES;
    const text = (path: string): string => readFileSync(path, "latin1");
    return parseMembers(text(passwd), text(group), existsSync(sources) ? text(sources) : "");
  } catch {
    return undefined;
  }
}

/** Who is in which group by these files; undefined where they are not all, or not understood. `sources` is nsswitch.conf. */
export function parseMembers(passwd: string, group: string, sources: string): Members | undefined {
  if (!linesOf(sources).every(isLocal)) return undefined;
  const users = new Map<string, number[]>();
  const groups = new Map<number, Set<number>>();
  const add = (gid: number, uid: number): void => {
    const members = groups.get(gid);
    if (members === undefined) groups.set(gid, new Set([uid]));
    else members.add(uid);
  };
  for (const line of linesOf(passwd)) {
    const [name, , uid, gid, , , shell, ...more] = line.split(":");
    if (!isName(name) || !isNumber(uid) || !isNumber(gid) || shell === undefined || more.length > 0) return undefined;
    users.set(name, [...users.get(name) ?? [], Number(uid)]);
    add(Number(gid), Number(uid));
  }
  for (const line of linesOf(group)) {
    const [name, , gid, names, ...more] = line.split(":");
    if (!isName(name) || !isNumber(gid) || names === undefined || more.length > 0) return undefined;
    for (const member of names.split(",")) {
      if (member === "") continue;
      const numbers = users.get(member);
      if (numbers === undefined) return undefined;
      for (const uid of numbers) add(Number(gid), uid);
    }
  }
  return (gid) => groups.get(gid) ?? new Set();
}

/** The lines that say something. */
function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/^\s+|\s+$/g, "")).filter((line) => !/^(#|$)/.test(line));
}

/** Whether a line of nsswitch.conf names no source of accounts but this system. */
function isLocal(line: string): boolean {
  const [database, sources = ""] = line.split(":", 2);
  if (!["passwd", "group", "initgroups"].includes(database!.trim())) return true;
  const named = sources.replace(/#.*|\[[^\]]*\]/g, " ").split(/\s+/);
  return named.every((source) => ["", "files", "compat", "systemd"].includes(source));
}

/** Not `+` and `-`, which stand for accounts of a network. */
function isName(text: string | undefined): text is string {
  return text !== undefined && /^[^+-]/.test(text);
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

const FILES = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"] as const;
