/** Who is in which group. */
import assert from "node:assert/strict";
import { parseMembers, parseUserName, userName } from "../../src/transport/accounts.ts";
import { test } from "../support/suite/test.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
# a remark

www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
ada:x:1000:1000::/home/ada:/bin/sh
postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash
`;
const GROUP = `root:x:0:
www-data:x:33:
ssl-cert:x:103:postgres
staff:x:50:ada,www-data
postgres:x:104:
`;
const SOURCES = `# /etc/nsswitch.conf
passwd:         files systemd
group:          files [SUCCESS=merge] systemd # both
hosts:          files dns
netgroup:       nis
`;

interface Given {
  readonly passwd?: string;
  readonly group?: string;
  readonly sources?: string;
}

function members(gid: number, { passwd = PASSWD, group = GROUP, sources = SOURCES }: Given = {}): number[] | undefined {
  const found = parseMembers(passwd, group, sources)?.(gid);
  return found && [...found].sort((a, b) => a - b);
}

test("accounts: members by their account, and those that the group lists", () => {
  assert.deepEqual(members(104), [101]);
  assert.deepEqual(members(103), [101]);
  assert.deepEqual(members(50), [33, 1000]);
  assert.deepEqual(members(5), []);
  assert.deepEqual(members(104, { sources: "" }), [101], "without nsswitch.conf there are the files");
});

test("accounts: nobody is overlooked", () => {
  assert.deepEqual(members(104, { passwd: `${PASSWD}eve:x:4711:104::/:/bin/sh\n` }), [101, 4711]);
  assert.deepEqual(members(104, { passwd: `${PASSWD}eve:x:4711:0104::/:/bin/sh` }), [101, 4711]);
  assert.deepEqual(members(104, { group: GROUP.replace("x:104:", "x:104:ada,postgres") }), [101, 1000]);
  assert.deepEqual(members(104, { group: `${GROUP}also:x:104:www-data\n` }), [33, 101], "a second name of the group");
  const twice = `${PASSWD}ada:x:4711:1000::/:/bin/sh\n`;
  assert.deepEqual(members(50, { passwd: twice }), [33, 1000, 4711], "a second account of the name");
});

test("accounts: what is not understood, or not all, tells nothing", () => {
  const wrong: Given[] = [
    { passwd: `${PASSWD}+::::::\n` },
    { passwd: `${PASSWD}+@everybody\n` },
    { passwd: `${PASSWD}-eve:x:4711:104::/:/bin/sh\n` },
    { passwd: `${PASSWD}eve:x:4711\n` },
    { passwd: `${PASSWD}eve:x:-1:104::/:/bin/sh\n` },
    { passwd: `${PASSWD}eve:x:4711:104::/:/bin/sh:more\n` },
    { passwd: `${PASSWD}:x:4711:104::/:/bin/sh\n` },
    { group: `${GROUP}+:::\n` },
    { group: `${GROUP}more:x:105\n` },
    { group: `${GROUP}more:x:a:\n` },
    { group: `${GROUP}more:x:105:nobody-knows\n` },
    { sources: SOURCES.replace("files systemd", "files ldap") },
    { sources: SOURCES.replace("systemd # both", "sss") },
    { sources: `${SOURCES}initgroups: nis\n` },
    { sources: `${SOURCES}  passwd : files winbind\n` },
  ];
  for (const [i, given] of wrong.entries()) assert.equal(members(104, given), undefined, `case ${i}`);
});

test("accounts: the name of a user is that of the first account with the number", () => {
  assert.equal(parseUserName(PASSWD, 101), "postgres");
  assert.equal(parseUserName(`${PASSWD}other:x:101:1::/:/bin/sh\n`, 101), "postgres");
  for (const uid of [102, 10, 1]) assert.equal(parseUserName(PASSWD, uid), undefined);
  assert.equal(parseUserName("+ada:x:1000:1000::/:/bin/sh\n#eve:x:1000:1::/:/bin/sh\n", 1000), undefined);
  assert.equal(userName(0), "root");
});
