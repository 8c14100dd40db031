/** The file system as connecting reads it: each runtime's own functions give the same answers as `node:fs`. */
import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  directoryNames,
  fileContent,
  fileParts,
  fileStatus,
  fileStatusIfAny,
  fileText,
  linkStatus,
  readLink,
} from "../../src/runtime/file_system.ts";
import { test } from "../support/suite/test.ts";

test("file system: files, links, sockets and directories, and what is not there", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro-files-"));
  const path = (name: string): string => join(directory, name);
  const server = createServer();
  try {
    writeFileSync(path("file"), Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff));
    symlinkSync("file", path("link"));
    symlinkSync("nowhere", path("dangling"));
    await new Promise<void>((resolve) => server.listen(path("socket"), resolve));
    assert.deepEqual(directoryNames(directory).sort(), ["dangling", "file", "link", "socket"]);
    const kinds = ["file", "link", "socket", "."].map((name) => fileStatus(path(name)).kind);
    assert.deepEqual(kinds, ["file", "file", "socket", "other"]);
    assert.deepEqual(["file", "link", "dangling"].map((name) => linkStatus(path(name)).kind), ["file", "link", "link"]);
    assert.equal(readLink(path("link")), readlinkSync(path("link")));
    for (const name of ["file", "socket", "."]) {
      const { uid, gid, mode, ino } = fileStatus(path(name));
      const expected = statSync(path(name));
      assert.deepEqual([uid, gid, mode, Number(ino)], [expected.uid, expected.gid, expected.mode, expected.ino]);
    }
    assert.equal(linkStatus(path("link")).mode, lstatSync(path("link")).mode);
    for (const name of ["absent", "dangling", "file/below"]) {
      assert.equal(fileStatusIfAny(path(name)), undefined, name);
      assert.throws(
        () => fileStatus(path(name)),
        (error) => /^(ENOENT|ENOTDIR)$/.test((error as { code: string }).code),
      );
    }
    assert.deepEqual([...fileContent(path("file"))], [0xef, 0xbb, 0xbf, 0x61, 0xff]);
    assert.equal(fileText(path("file")), "\ufeffa\ufffd");
    const parts = Array.from(fileParts(path("file"), 2), (part) => [...part]);
    assert.deepEqual(parts, [[0xef, 0xbb], [0xbf, 0x61], [0xff]]);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
