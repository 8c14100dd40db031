/** The table of types in TYPES.md, made from the registry and from values of each type. */
import { Interval, Range } from "../../../mod.ts";
import { DEFAULT_CHOICES } from "../../../src/options/choices.ts";
import { BadValue, type Codec, kindOf } from "../../../src/codecs/codec.ts";
import { BUILT_IN_TYPES } from "../../../src/codecs/oids.ts";
import { EXTENSIONS, Registry } from "../../../src/codecs/registry.ts";
import { NEWEST } from "../installed/versions.ts";
import { exampleOf, valuesOf } from "./type_values.ts";

/** The whole document. */
export function typeDocument(): string {
  const registry = new Registry(DEFAULT_CHOICES);
  const builtIn = BUILT_IN_TYPES.map(([name, oid]) => ({ name, codec: registry.codec(oid) }));
  const known = builtIn.filter(({ codec }) => codec.binary);
  const others = builtIn.filter(({ codec }) => !codec.binary).map(({ name }) => `\`${name}\``);
  return `# Types

Made by \`tools/type_table.ts\` from pyro's registry; a test compares the two.

| type | value in rows | for example | is | as a parameter, besides a string |
| --- | --- | --- | --- | --- |
${known.sort((a, b) => a.name.localeCompare(b.name)).map(({ name, codec }) => row(name, codec)).join("\n")}

Results of all of these come in binary, but for those of simple queries and of the first execution of a statement without
parameters, which are text; the values are the same.

- Arrays of all of these are arrays, nested as deep as they have dimensions, with \`null\` for NULL. Lower
  bounds are dropped.
- Only ever asked for as text, and given as that text: ${others.join(", ")}, and every type that has no binary output.
- Of the database's own types, which are learned from its catalog when they are first seen: enums are strings, domains what
  their base type is, composites objects by attribute name, ranges \`Range\`, multiranges arrays of it. An anonymous record
  (\`row(1, 'a')\`) is an array of its fields' text or \`null\`.
- Of extensions, by name: ${Object.keys(EXTENSIONS).map((name) => `\`${name}\``).join(", ")}.

| type of an extension | as a parameter, besides a string |
| --- | --- |
${Object.entries(EXTENSIONS).map(([name, codec]) => `| ${name} | ${accepted(codec)} |`).join("\n")}
`;
}

function row(name: string, codec: Codec): string {
  const values = valuesOf(name, NEWEST, 60).filter((value) => value !== null);
  const example = exampleOf(name);
  const cells = [name, kindsOf(values), `\`${example}\``, `\`${shown(codec.parse(example))}\``, accepted(codec)];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The kinds of values, the usual ones first. */
function kindsOf(values: readonly unknown[]): string {
  const kinds = new Set(values.toReversed().map(kind));
  if (kinds.has("array of Range")) kinds.delete("array");
  // In JavaScript, the infinities are numbers.
  if (kinds.has("number")) kinds.delete("±Infinity");
  if (kinds.has("boolean") && kinds.size > 1) return "what `JSON.parse` gives";
  return [...kinds].join(", or ");
}

function kind(value: unknown): string {
  if (Array.isArray(value)) return value.some((item) => item instanceof Range) ? "array of Range" : "array";
  if (value === Infinity || value === -Infinity) return "±Infinity";
  const words = kindOf(value).replace(/^an? /, "");
  return /^(Plain|Instant)/.test(words) ? `Temporal.${words}` : words;
}

function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(", ")})`;
  if (value instanceof Range) return shownRange(value);
  if (value instanceof Interval) return `Interval.from("${value}")`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Object.getPrototypeOf(value) !== Object.prototype) return `Temporal.${value.constructor.name}.from("${value}")`;
  return `{ ${Object.entries(value).map(([name, member]) => `${name}: ${shown(member)}`).join(", ")} }`;
}

function shownRange({ lower, upper, lowerInclusive, upperInclusive, empty }: Range): string {
  if (empty) return "Range.empty()";
  const bounds = (lowerInclusive ? "[" : "(") + (upperInclusive ? "]" : ")");
  return `new Range(${shown(lower)}, ${shown(upper)}${bounds === "[)" ? "" : `, "${bounds}"`})`;
}

/** The values that a codec accepts: from its message for other values, or found by trial. */
function accepted(codec: Codec): string {
  if (takes(codec, {}) && takes(codec, [])) return "anything that JSON can say, `Json(value)`";
  if (takes(codec, true) && takes(codec, 1.5)) return "number, bigint, boolean";
  try {
    codec.text(Symbol());
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    const words = /where (.*) is needed$/.exec(error.message)?.[1] ?? "";
    return words.replace(/(?:, | or )a string.*$/, "").replace(/^a string(?:, | or |$)/, "").replaceAll(
      /(?<=^|, | or )an? /g,
      "",
    );
  }
  return "";
}

function takes(codec: Codec, value: unknown): boolean {
  try {
    codec.text(value);
    return true;
  } catch (error) {
    if (error instanceof BadValue) return false;
    throw error;
  }
}
