/**
 * The pages of the site that `deno task docs` makes: the published documents, at addresses of one level, with their links
 * led there. Programs that are linked to become pages too. Each page ends with links to what its examples import.
 */
import { readFileSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { chaptersOf, CONTENTS, ROOT } from "./handbook.ts";
import { PAGE } from "./programs.ts";

/** A page: its file below the site's sources, and its text in Markdown. */
export interface SitePage {
  readonly file: string;
  readonly text: string;
}

/** The file of a document on the site. */
export function siteFile(path: string): string {
  const name = NAMES[path];
  if (name !== undefined) return name;
  const file = path.startsWith("docs/") ? path.slice("docs/".length) : path.toLowerCase();
  return file.endsWith(".md") ? file : `${file.replace(/\.\w+$/, "")}.md`;
}

/** What is on the site. */
export interface SiteContent {
  /** Paths below the project's directory. */
  readonly documents: readonly string[];
  /** The files of the API reference, below its directory. */
  readonly reference: ReadonlySet<string>;
  /** Where the site is on its server. */
  readonly base: string;
}

/** The pages of documents. */
export function sitePages(content: SiteContent): SitePage[] {
  return content.documents.filter(isPage).map((path) => ({
    file: siteFile(path),
    text: path.endsWith(".md") ? pageOf(path, content) : programPage(path, content),
  }));
}

/** The sidebar, in VitePress' form. */
export function sidebar(): object[] {
  const chapters = chaptersOf(readFileSync(join(ROOT, CONTENTS), "utf8"));
  const groups = chapters.map(({ title, pages }) => ({
    text: title,
    collapsed: false,
    items: pages.map(({ title, path }) => ({ text: title, link: linkTo(path) })),
  }));
  const more = MORE.map((path) => ({ text: titleOf(path), link: linkTo(path) }));
  return [...groups, { text: "The project", collapsed: true, items: more }];
}

/** The names that the examples of a page import, each with its entry point: `Conn` of `.`, `sync`, `kysely`, … */
export function importsOf(text: string): { readonly name: string; readonly entry: string }[] {
  const found = new Map<string, { name: string; entry: string }>();
  for (
    const [, names, entry = ""] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "@x\/pyro(?:\/([\w-]+))?";/gm)
  ) {
    for (
      const part of names!.split(",").map((part) => part.trim().replace(/^type /, "")).filter((part) => part !== "")
    ) {
      const name = part.replace(/ as .*/, "");
      found.set(`${entry} ${name}`, { name, entry });
    }
  }
  return [...found.values()];
}

function isPage(path: string): boolean {
  return /\.(?:md|ts|js|html)$/.test(path);
}

function pageOf(path: string, content: SiteContent): string {
  const text = readFileSync(join(ROOT, path), "utf8");
  // Code blocks are as they are.
  const parts = text.split(/^( *```[\s\S]*?^ *```$)/m);
  const led = parts.map((part, i) => i % 2 === 1 ? part : withLinks(part, path, content)).join("");
  return `${path === PAGE ? WIDE : ""}${led}\n${referenceOf(text, content)}`;
}

/** The links of a text, led to the site's pages; what the site does not have is shown without a link. */
function withLinks(text: string, path: string, { documents, base }: SiteContent): string {
  return text.replaceAll(/\[([^\]]*)\]\(([^)\s]+)\)/g, (whole, label: string, link: string) => {
    if (link === PUBLISHED_REFERENCE) return referenceLink(label, base, "");
    if (/^\w+:|^#/.test(link)) return whole;
    const [file, anchor] = link.split("#");
    const target = posix.join(posix.dirname(path), file!);
    if (!documents.includes(target) || !isPage(target)) return label;
    return `[${label}](${linkTo(target)}${anchor === undefined ? "" : `#${anchor}`})`;
  });
}

function linkTo(path: string): string {
  const [file, anchor] = path.split("#");
  const page = siteFile(file!).replace(/(?:^|(?<=\/))index\.md$/, "").replace(/\.md$/, ".html");
  return `/${page}${anchor === undefined ? "" : `#${anchor}`}`;
}

function referenceOf(text: string, { reference, base }: SiteContent): string {
  const links = importsOf(text).map(({ name, entry }) => ({
    file: posix.join(entry, `~/${name}.html`),
    label: entry === "" ? name : `${name} (${entry})`,
  })).filter(({ file }) => reference.has(file)).map(({ file, label }) => referenceLink(label, base, file));
  const all = referenceLink(links.length === 0 ? "all names" : "all", base, "");
  return `\n---\n\nAPI reference: ${[...links, all].join(", ")}\n`;
}

/** Not of the generator, which would look for a page of its own, and does not put the base before it. */
function referenceLink(label: string, base: string, file: string): string {
  return `[${label}](${posix.join(base, REFERENCE, file)}){target="_self"}`;
}

function programPage(path: string, content: SiteContent): string {
  const language = path.split(".").at(-1)!;
  const code = readFileSync(join(ROOT, path), "utf8");
  return `# ${basename(path)}\n\n\`\`\`${language}\n${code}\`\`\`\n${referenceOf(code, content)}`;
}

function titleOf(path: string): string {
  return /^# (.*)$/m.exec(readFileSync(join(ROOT, path), "utf8"))![1]!;
}

/** Where the API reference is, below the site. */
export const REFERENCE = "/api/";

/** Where documents say that it is. */
const PUBLISHED_REFERENCE = "https://jsr.io/@x/pyro/doc";

/** For a page with code side by side. */
const WIDE = "---\naside: false\npageClass: wide\n---\n\n";

/** Documents whose file on the site has another name. */
const NAMES: Readonly<Record<string, string>> = {
  [CONTENTS]: "index.md",
  "README.md": "pyro.md",
  "SECURITY.md": "promises.md",
};

/** What is no part of the handbook. */
const MORE = ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
