/** A workload's figures as horizontal bars: shorter is better. It is readable on light and on dark pages. */
import type { Result } from "./report.ts";
import { baseOf, headingOf, time, titleOf } from "./table.ts";

/** The chart of one workload over one transport, as SVG. */
export function chart(results: readonly Result[]): string {
  const sorted = results.toSorted((a, b) => a.median - b.median);
  const scale = BARS / sorted.at(-1)!.median;
  const lines = wrapped(plain(headingOf(results[0]!)));
  const top = 16 + lines.length * 20;
  const height = top + sorted.length * ROW + 12;
  const bars = sorted.map((result, k) => {
    const y = top + k * ROW;
    const width = Math.max(2, result.median * scale);
    const kind = kindOf(result);
    return `<g class="${kind}"><text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${
      escaped(labelOf(result))
    }</text>` +
      `<rect x="${LABELS}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 6}" rx="2"/>` +
      `<text x="${(LABELS + width + 6).toFixed(1)}" y="${y + 14}">${figure(result, results)}</text></g>`;
  });
  const heading = lines.map((line, k) => `<text class="title" x="8" y="${22 + k * 20}">${escaped(line)}</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(lines.join(" "))}</title>`,
    STYLE,
    ...heading,
    ...bars,
    "</svg>\n",
  ].join("\n");
}

/** The time, and the ratio to the base in C or on the same runtime. */
function figure(result: Result, results: readonly Result[]): string {
  const base = baseOf(results.map(titleOfResult), result.base);
  const bases = results.filter((other) => titleOfResult(other) === base);
  const other = bases.find(({ runtime }) => runtime === result.runtime) ?? bases.find(({ runtime }) => runtime === "C");
  return other === undefined
    ? time(result.median)
    : `${time(result.median)} (${(result.median / other.median).toFixed(2)} ×)`;
}

/** How its bar is to look. */
function kindOf({ contestant, runtime }: Result): "pyro" | "floor" | "peer" {
  if (contestant.includes("pyro")) return "pyro";
  return runtime === "C" || contestant.startsWith("raw loop") ? "floor" : "peer";
}

function titleOfResult({ contestant, world }: Result): string {
  return titleOf({ name: contestant, world: world ?? undefined });
}

function labelOf(result: Result): string {
  const { runtime, world, contestant } = result;
  const blocking = world === "blocking" && runtime !== "C" ? ", blocking" : "";
  return `${plain(contestant)}${blocking}${runtime === "C" ? "" : ` · ${runtime}`}`;
}

/** Without Markdown. */
function plain(text: string): string {
  return text.replaceAll("**", "").replaceAll("`", "");
}

/** Lines that are not wider than the chart. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const WIDTH = 860;
const LABELS = 290;
const ROW = 22;
/** The longest bar, with room for figures. */
const BARS = WIDTH - LABELS - 150;
/** Characters of a title's line. */
const LINE = 95;
const STYLE = `<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.peer rect { fill: #8c959f }
.floor rect { fill: #57606a }
.pyro rect { fill: #d9480f }
.pyro text { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .peer rect { fill: #6e7681 }
  .floor rect { fill: #b1bac4 }
  .pyro rect { fill: #ff8a4c }
}
</style>`;
