import assert from "node:assert/strict";
import { parseDirectories } from "../../src/connect/directories.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { test } from "../support/suite/test.ts";

test("lists of directories are read as the server reads them", () => {
  const lists: readonly [string, string[]][] = [
    ["/run/postgresql", ["/run/postgresql"]],
    ["/run/postgresql, /tmp", ["/run/postgresql", "/tmp"]],
    [" /a b ,/c\t", ["/a b", "/c"]],
    ['"/a, b", /c', ["/a, b", "/c"]],
    ['"/a""b"', ['/a"b']],
    ['"/a""", "/b" ,/c', ['/a"', "/b", "/c"]],
    ['""', []],
    ['"/a""","/b"', ['/a"', "/b"]],
    ["", []],
    [" ", []],
    [",, ,", []],
    ["@abstract, relative, /tmp", ["@abstract", "relative", "/tmp"]],
    ["/tmp,", ["/tmp"]],
  ];
  for (const [setting, directories] of lists) {
    assert.deepEqual(parseDirectories(setting), directories, JSON.stringify(setting));
  }
});

test("lists of directories: a server that names many has the first ones read", () => {
  const directories = Array.from({ length: 100_000 }, (_, i) => `/${i}`);
  assert.deepEqual(parseDirectories(directories.join(",")), directories.slice(0, 64));
});

test("lists of directories: time grows with their length, whatever they are made of", () => {
  for (const part of [" ", "\t ", '"', '""', '"" ', '" ,', ",", "a", "a ", " a", ', "'] as const) {
    for (const beginning of ["", '"', "a", "/a, "]) {
      growsInProportion(20_000, (length) => {
        const setting = [beginning, part.repeat(length), "x"].join("");
        return () => parseDirectories(setting);
      });
    }
  }
});
