import assert from "node:assert/strict";
import { DecodeError, ProtocolError } from "../../src/errors.ts";
import { hex, oidOf } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { bodyOf, readerOf, type RowsOptions, warmReaderOf } from "../support/values/rows.ts";
import { test } from "../support/suite/test.ts";

type Columns = readonly (readonly [name: string, oid: number])[];

/** Does the same with a new reader and with one that has compiled itself, in both shapes. */
function inEveryMode(
  columns: Columns,
  options: RowsOptions,
  body: (read: (body: Uint8Array) => unknown) => void,
): void {
  for (const shape of ["object", "array"] as const) {
    body(readerOf(columns, { ...options, shape }));
    body(warmReaderOf(columns, { ...options, shape }));
  }
}

/** The error that the body of a row ends in. */
function failureOf(read: (body: Uint8Array) => unknown, body: Uint8Array): unknown {
  try {
    read(body);
  } catch (error) {
    return error;
  }
  assert.fail("the row is refused");
}

const TWO: Columns = [["a", oidOf("int4")], ["b", oidOf("text")]];

test("rows: another number of columns than announced is a ProtocolError", () => {
  inEveryMode(TWO, {}, (read) => {
    for (const cells of [[], ["1"], ["1", "x", "y"]]) {
      const message = refusal(ProtocolError, () => read(bodyOf(cells)));
      assert.match(message, new RegExp(`it has ${cells.length} columns, RowDescription announced 2`));
    }
  });
});

test("rows: a body that is cut short anywhere is a ProtocolError", () => {
  const body = bodyOf(["1", "text"]);
  const [inLength, inValue] = ["it is cut short", "a value claims a length of "];
  inEveryMode(TWO, {}, (read) => {
    for (let length = 0; length < body.length; length++) {
      const problem = length < 6 || (length >= 7 && length < 11) ? inLength : inValue;
      const message = refusal(ProtocolError, () => read(body.slice(0, length)));
      assert.ok(message.startsWith(`Cannot read the server's DataRow: ${problem}`), `${length}: ${message}`);
    }
  });
});

test("rows: bytes behind the last value are a ProtocolError", () => {
  inEveryMode(TWO, {}, (read) => {
    const body = bodyOf(["1", null]);
    assert.match(refusal(ProtocolError, () => read(Uint8Array.of(...body, 0, 0))), /2 bytes are left over/);
  });
  inEveryMode([], {}, (read) => {
    assert.match(refusal(ProtocolError, () => read(hex("0000 00"))), /1 bytes are left over/);
  });
});

test("rows: only -1 is the length of NULL", () => {
  inEveryMode([["a", oidOf("text")]], {}, (read) => {
    for (const length of ["fffffffe", "80000000", "7fffffff", "00000002"]) {
      assert.match(refusal(ProtocolError, () => read(hex(`0001 ${length} 61`))), /claims a length of -?\d+ bytes/);
    }
  });
});

test("rows: a value that is none of its type is a DecodeError that names column and type, not the value", () => {
  const columns: Columns = [["a", oidOf("int4")], ['the "amount"', oidOf("date")]];
  inEveryMode(columns, {}, (read) => {
    const error = failureOf(read, bodyOf(["1", "31337"]));
    assert.ok(error instanceof DecodeError);
    assert.match(
      error.message,
      /^Cannot decode column 2 "the \\"amount\\"" as date: it is not a date in .* ISO format/,
    );
    assert.equal(error.cause, undefined);
    assert.equal(error.connectionLost, false);
  });
});

test("rows: binary values are checked too", () => {
  inEveryMode([["a", oidOf("bool")], ["n", oidOf("int4")]], { formats: [1, 1] }, (read) => {
    const message = refusal(DecodeError, () => read(bodyOf([hex("01"), hex("0102")])));
    assert.equal(message, 'Cannot decode column 2 "n" as int4: it has 2 bytes instead of 4');
  });
});

test("rows: a binary value of a type that is read as text is a DecodeError", () => {
  inEveryMode([["p", oidOf("money")]], { formats: [1] }, (read) => {
    assert.match(refusal(DecodeError, () => read(bodyOf([hex("00")]))), /column 1 "p" as money: .* binary format/);
  });
});

test("rows: what a function of the user's throws is the cause of a DecodeError", () => {
  for (const thrown of [new TypeError("unfit"), "a string", undefined, null, 7]) {
    const choices = {
      numeric: (): never => {
        throw thrown;
      },
    };
    inEveryMode([["n", oidOf("numeric")]], { choices }, (read) => {
      const error = failureOf(read, bodyOf(["1.50"]));
      assert.ok(error instanceof DecodeError);
      assert.match(error.message, /^Cannot decode column 1 "n" as numeric: /);
      assert.equal(error.cause, thrown);
    });
  }
});

test("rows: what a function for json throws inside an array is the cause of a DecodeError", () => {
  const thrown = new RangeError("unfit");
  const choices = {
    json: (): never => {
      throw thrown;
    },
  };
  inEveryMode([["j", oidOf("jsonb[]")]], { choices }, (read) => {
    const error = failureOf(read, bodyOf(["{NULL,1}"]));
    assert.ok(error instanceof DecodeError && error.cause === thrown);
  });
});

test("rows: NULL never reaches a function of the user's", () => {
  let calls = 0;
  inEveryMode([["n", oidOf("numeric")]], { choices: { numeric: () => calls++ } }, (read) => {
    assert.deepEqual(Object.values(read(bodyOf([null])) as object), [null]);
  });
  assert.equal(calls, 0);
});

test("rows: after an error the next row is read as if nothing had been", () => {
  inEveryMode(TWO, {}, (read) => {
    for (let i = 0; i < 3; i++) {
      refusal(DecodeError, () => read(bodyOf(["x", "x"])));
      refusal(ProtocolError, () => read(bodyOf([])));
      assert.deepEqual(Object.values(read(bodyOf(["7", "x"])) as object), [7, "x"]);
    }
  });
});

test("rows: random bodies are rows, ProtocolErrors or DecodeErrors, alike in every mode", () => {
  const random = new Random(68);
  const columns: Columns = [["a", oidOf("int4")], ["b", oidOf("text")], ["c", oidOf("int4[]")]];
  const formats = [1, 0, 0];
  const good = bodyOf([hex("00000007"), "text", "{1,2}"]);
  const reads = [readerOf, warmReaderOf].map((make) => make(columns, { formats }));
  for (let i = 0; i < 1500; i++) {
    const body = random.below(4) === 0
      ? random.bytes(random.below(30))
      : good.with(random.below(good.length), random.below(256));
    const [row, compiled] = reads.map((read) => {
      try {
        return JSON.stringify(read(body));
      } catch (error) {
        assert.ok(error instanceof DecodeError || error instanceof ProtocolError, String(error));
        return `${error.name}: ${error.message}`;
      }
    });
    assert.equal(compiled, row);
  }
});

test("rows: what a codec throws, whatever it is, is the cause of a DecodeError, and the next row is read", () => {
  const thrown = [new Error("odd"), new ProtocolError("odd"), new DecodeError("odd"), "odd", undefined, null];
  for (const error of thrown) {
    let bad = false;
    const fail = <T>(value: T): T => {
      if (bad) throw error;
      return value;
    };
    const point = { parse: fail, decode: () => fail(1) };
    const choices = { numeric: fail, json: fail, codec: { point } };
    const columns: Columns = [["a", oidOf("int4")], ["n", oidOf("numeric")], ["p", oidOf("point")], [
      "j",
      oidOf("json"),
    ]];
    const cells = ["7", "1.5", hex("00"), "[]"] as const;
    for (let column = 1; column < 4; column++) {
      inEveryMode(columns, { choices, formats: [0, 0, 1, 0] }, (read) => {
        // Empty values and NULLs before it are none of its own.
        const body = bodyOf(cells.map((cell, i) => i === column ? cell : i === 0 ? "7" : null));
        bad = false;
        const good = read(body);
        bad = true;
        const failure = failureOf(read, body);
        bad = false;
        assert.ok(failure instanceof DecodeError, String(failure));
        assert.match(failure.message, new RegExp(`^Cannot decode column ${column + 1} .*: its codec failed$`));
        assert.equal(failure.cause, error);
        assert.deepEqual(read(body), good);
      });
    }
  }
});

test("rows: malformed ones are ProtocolErrors behind an empty value, and behind NULL", () => {
  const columns: Columns = [["a", oidOf("text")], ["b", oidOf("text")], ["c", oidOf("text")]];
  inEveryMode(columns, {}, (read) => {
    for (const length of ["00000000", "ffffffff"]) {
      for (const rest of ["", "00", "0000 0001", "ffff fffe", `${length} 0000 0009`, `${length} ffffffff 00`]) {
        refusal(ProtocolError, () => read(hex(`0003 ${length} ${rest}`)));
      }
    }
  });
});
