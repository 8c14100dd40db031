/** Reads the JUnit reports that the test runners of Deno, Bun and Node write. */
import { readFileSync } from "node:fs";
import { XMLParser } from "npm:fast-xml-parser@5.12.1";

/** The results of one run. */
export interface Report {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly FailedTest[];
}

/** A test that failed, and what it failed with. */
export interface FailedTest {
  readonly name: string;
  readonly file: string;
  readonly message: string;
}

/** Reads a report; undefined if the runner has written none. */
export function readReport(path: string): Report | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  return text.includes("<testsuites") ? reportOf(text) : undefined;
}

/** The results in the text of a report. Suites may be nested, and may be absent (Node). */
export function reportOf(text: string): Report {
  const report = { passed: 0, skipped: 0, failures: [] as FailedTest[] };
  visit(PARSER.parse(text), report);
  return report;
}

function visit(element: Element, report: { passed: number; skipped: number; failures: FailedTest[] }): void {
  for (const testcase of element.testcase ?? []) {
    const failure = testcase.failure ?? testcase.error;
    if (testcase.skipped !== undefined) report.skipped++;
    else if (failure === undefined) report.passed++;
    else report.failures.push({ name: testcase.name, file: fileOf(testcase), message: messageOf(failure[0]) });
  }
  for (const name of ["testsuites", "testsuite"] as const) {
    for (const child of element[name] ?? []) if (child !== "") visit(child, report);
  }
}

function fileOf({ file, classname }: TestCase): string {
  return file ?? classname ?? "";
}

function messageOf(failure: Failure | undefined): string {
  if (typeof failure === "string") return failure.trim();
  return (failure?.["#text"] ?? failure?.message ?? "").trim();
}

/** An element as the parser gives it: attributes are properties, an element without content is "". */
interface Element {
  readonly testsuites?: readonly (Element | "")[];
  readonly testsuite?: readonly (Element | "")[];
  readonly testcase?: readonly TestCase[];
}

interface TestCase {
  readonly name: string;
  readonly file?: string;
  readonly classname?: string;
  readonly failure?: readonly Failure[];
  readonly error?: readonly Failure[];
  readonly skipped?: unknown;
}

type Failure = string | { readonly message?: string; readonly "#text"?: string };

const PARSER = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name) => ["testsuites", "testsuite", "testcase", "failure", "error"].includes(name),
  // The reports are made by the runners, from names and messages of our own tests.
  processEntities: true,
  htmlEntities: true,
});
