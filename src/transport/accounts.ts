/**
 * Finds out which users are in a group, and what a user's account is called, from this system's files.
 *
 * Debian's socket directory is writable by its owner's group, which has no other members. If the files
 * may not list all members, as when accounts also come from a network, the members are unknown.
 *
 * Source: Linux manual, passwd(5), group(5), nsswitch.conf(5).
 */
import { fileStatusIfAny, fileText } from "../runtime/file_system.ts";
import { mayRead } from "../runtime/runtime.ts";

/** The numbers of all users in a group. */
export type Members = (gid: number) => ReadonlySet<number>;

let membership: { readonly of: Members | undefined } | undefined;

/** All users in a group, if `owner` is one of them by the owner's account; undefined if that is not certain. */
export function membersOf(gid: number, owner: number): ReadonlySet<number> | undefined {
  membership ??= { of: read() };
  const users = membership.of?.(gid);
  // The files may be another system's, such as a container's, and then do not list this owner.
  return users?.has(owner) ? users : undefined;
}

function read(): Members | undefined {
  try {
    if (!FILES.every(mayRead)) return undefined;
    const [passwd, group, sources] = FILES;
    return parseMembers(
      fileText(passwd),
      fileText(group),
      fileStatusIfAny(sources) === undefined ? "" : fileText(sources),
    );
  } catch {
    return undefined;
  }
}

/**
 * The members of groups by these files; undefined if there are other sources, or the files are not
 * understood. `sources` is nsswitch.conf.
 */
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

/** The name of the user's account; undefined if the files do not have it, or may not be read. */
export function userName(uid: number): string | undefined {
  try {
    const [passwd] = FILES;
    return mayRead(passwd) ? parseUserName(fileText(passwd), uid) : undefined;
  } catch {
    return undefined;
  }
}

/** The name of the first account with the number. */
export function parseUserName(passwd: string, uid: number): string | undefined {
  for (const line of linesOf(passwd)) {
    const [name, , number] = line.split(":");
    if (isName(name) && isNumber(number) && Number(number) === uid) return name;
  }
  return undefined;
}

/** The lines that are neither empty nor comments. */
function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.replace(/^\s+|\s+$/g, "")).filter((line) => !/^(#|$)/.test(line));
}

/** Whether a line of nsswitch.conf names this system's files as the only source of accounts. */
function isLocal(line: string): boolean {
  const [database, sources = ""] = line.split(":", 2);
  if (!["passwd", "group", "initgroups"].includes(database!.trim())) return true;
  const named = sources.replace(/#.*|\[[^\]]*\]/g, " ").split(/\s+/);
  return named.every((source) => ["", "files", "compat", "systemd"].includes(source));
}

/** Names, unlike lines with `+` and `-`, which include accounts of a network. */
function isName(text: string | undefined): text is string {
  return text !== undefined && /^[^+-]/.test(text);
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

const FILES = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"] as const;
