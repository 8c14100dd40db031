/**
 * Messages of the protocol as lines of text that people can read, and back: `Bind ["", "s1", [1], ["Emma"], [1]]`. The
 * fields are JSON, in the order of the manual; what is no text is `{"hex":"…"}`. A message that has no such form is
 * `{"raw":"…"}`.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats".
 */
import { Buffer } from "node:buffer";
import type { Backend, Frontend } from "../wire/codes.ts";
import { encoded } from "../wire/framing.ts";
import type { Outbox } from "../wire/outbox.ts";

/** A field: a text or a number, a value that is not text, NULL, or a list. */
export type Field = string | number | null | { readonly hex: string } | { readonly raw: string } | readonly Field[];

/** A message: its name in the manual, and its fields. */
export interface NamedMessage {
  readonly name: string;
  readonly fields: readonly Field[];
}

/** The two directions. */
export type Sender = "client" | "server";

/** The name of a message with this type; undefined for one that nobody sends. */
export function nameOf(sender: Sender, code: number): string | undefined {
  const letter = String.fromCharCode(code);
  return Object.entries(FORMATS[sender]).find(([, [known]]) => known === letter)?.[0];
}

/** The message with this type and body. */
export function namedMessage(sender: Sender, code: number, body: Uint8Array): NamedMessage {
  const letter = String.fromCharCode(code);
  const name = nameOf(sender, code) ?? letter;
  const format = FORMATS[sender][name] ?? [letter];
  try {
    const reader = new Reader(body);
    const fields = format.slice(1).map((part) => reader.read(part as Part));
    if (reader.left === 0) return { name, fields };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  }
  return { name, fields: [{ raw: hexOf(body) }] };
}

/** The bytes of a message, with its type and length. */
export function messageBytes(sender: Sender, { name, fields }: NamedMessage): Uint8Array {
  const [letter, ...parts] = FORMATS[sender][name] ?? [name];
  return encoded((out) => {
    const start = out.begin(letter!.charCodeAt(0));
    const [first] = fields;
    if (isObject(first) && "raw" in first) out.bytes(bytesOf(first.raw));
    else for (const [i, part] of parts.entries()) write(out, part as Part, fields[i]!);
    out.end(start);
  });
}

/** The message as a line. */
export function lineOf({ name, fields }: NamedMessage): string {
  return fields.length === 0 ? name : `${name} ${shown(fields)}`;
}

/** The message of a line; throws a `SyntaxError` if it has none. */
export function messageOfLine(line: string): NamedMessage {
  const [, name, fields = "[]"] = /^(\S+)(?: (\[.*\]))?$/.exec(line) ?? [];
  if (name === undefined) throw new SyntaxError("it must be a name and an array of fields");
  return { name, fields: JSON.parse(fields) };
}

/** As JSON, with blanks behind commas. */
function shown(field: Field): string {
  return Array.isArray(field) ? `[${field.map(shown).join(", ")}]` : JSON.stringify(field);
}

/**
 * A part of a message: a text that ends with a zero byte; numbers; a letter; a value with its length, or NULL; all that is
 * left; texts, or fields with a letter each, up to a zero byte; or a list with its count in front.
 */
type Part = "text" | "int16" | "int32" | "letter" | "value" | "rest" | "texts" | "fields" | readonly Part[];

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  read(part: Part): Field {
    switch (part) {
      case "text":
        return this.#text();
      case "int16":
        return this.#view.getInt16((this.#at += 2) - 2);
      case "int32":
        return this.#view.getInt32((this.#at += 4) - 4);
      case "letter":
        return String.fromCharCode(this.#view.getUint8(this.#at++));
      case "value": {
        const length = this.read("int32") as number;
        return length < 0 ? null : this.#value(length);
      }
      case "rest":
        return this.#value(this.left);
      case "texts":
        return this.#untilZero(() => this.#text());
      case "fields":
        return this.#untilZero(() => `${this.read("letter")}${this.#text()}`);
      default: {
        const count = this.read("int16") as number;
        const [only] = part;
        const one = (): Field => part.length === 1 ? this.read(only!) : part.map((inner) => this.read(inner));
        return Array.from({ length: count }, one);
      }
    }
  }

  #untilZero(read: () => Field): Field[] {
    const all: Field[] = [];
    while (this.#view.getUint8(this.#at) !== 0) all.push(read());
    this.#at++;
    return all;
  }

  #text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("a text has no end");
    const text = decoder.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  #value(length: number): Field {
    if (length > this.left) throw new RangeError("a value has no end");
    const bytes = this.#bytes.subarray(this.#at, this.#at += length);
    try {
      const text = decoder.decode(bytes);
      // deno-lint-ignore no-control-regex
      if (!/[\0-\x08\x0b-\x1f\x7f]/.test(text)) return text;
    } catch {
      // It is no text.
    }
    return { hex: hexOf(bytes) };
  }
}

function write(out: Outbox, part: Part, field: Field): void {
  switch (part) {
    case "text":
      return out.cstring(field as string);
    case "int16":
      return out.int16(field as number);
    case "int32":
      return out.int32(field as number);
    case "letter":
      return out.byte((field as string).charCodeAt(0));
    case "value": {
      if (field === null) return out.int32(-1);
      const start = out.beginValue();
      write(out, "rest", field);
      return out.endValue(start);
    }
    case "rest":
      return isObject(field) && "hex" in field ? out.bytes(bytesOf(field.hex)) : out.text(field as string);
    case "texts":
    case "fields":
      for (const text of field as string[]) out.cstring(text);
      return out.byte(0);
    default: {
      const fields = field as Field[];
      out.int16(fields.length);
      for (const one of fields) {
        if (part.length === 1) write(out, part[0]!, one);
        else for (const [i, inner] of part.entries()) write(out, inner, (one as Field[])[i]!);
      }
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function isObject(field: Field | undefined): field is { readonly hex: string } | { readonly raw: string } {
  return typeof field === "object" && field !== null && !Array.isArray(field);
}

/** Of each message, its type and its parts. */
type Formats<Name extends string = string> = Readonly<Record<Name, readonly [letter: string, ...parts: Part[]]>>;

const FORMATS: Readonly<Record<Sender, Formats>> = {
  client: {
    Startup: ["0", "int32", "texts"],
    Bind: ["B", "text", "text", ["int16"], ["value"], ["int16"]],
    Close: ["C", "letter", "text"],
    CopyData: ["d", "rest"],
    CopyDone: ["c"],
    CopyFail: ["f", "text"],
    Describe: ["D", "letter", "text"],
    Execute: ["E", "text", "int32"],
    Flush: ["H"],
    FunctionCall: ["F", "rest"],
    Parse: ["P", "text", "text", ["int32"]],
    Password: ["p", "rest"],
    Query: ["Q", "text"],
    Sync: ["S"],
    Terminate: ["X"],
  } satisfies Formats<keyof typeof Frontend | "FunctionCall" | "Startup">,
  server: {
    Authentication: ["R", "int32", "rest"],
    BackendKeyData: ["K", "int32", "rest"],
    BindComplete: ["2"],
    CloseComplete: ["3"],
    CommandComplete: ["C", "text"],
    CopyBothResponse: ["W", "rest"],
    CopyData: ["d", "rest"],
    CopyDone: ["c"],
    CopyInResponse: ["G", "rest"],
    CopyOutResponse: ["H", "rest"],
    DataRow: ["D", ["value"]],
    EmptyQueryResponse: ["I"],
    ErrorResponse: ["E", "fields"],
    NegotiateProtocolVersion: ["v", "int32", "rest"],
    NoData: ["n"],
    NoticeResponse: ["N", "fields"],
    NotificationResponse: ["A", "int32", "text", "text"],
    ParameterDescription: ["t", ["int32"]],
    ParameterStatus: ["S", "text", "text"],
    ParseComplete: ["1"],
    PortalSuspended: ["s"],
    ReadyForQuery: ["Z", "letter"],
    RowDescription: ["T", ["text", "int32", "int16", "int32", "int16", "int32", "int16"]],
  } satisfies Formats<keyof typeof Backend>,
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
