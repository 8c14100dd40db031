/** The handbook's order, as `docs/README.md` has it, and the places that links lead to. */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** The project's directory. */
export const ROOT: string = join(import.meta.dirname!, "..");

/** The page with the order, below the project's directory. */
export const CONTENTS = "docs/README.md";

/** A chapter, and its pages in their order. */
export interface Chapter {
  readonly title: string;
  readonly pages: readonly { readonly title: string; readonly path: string }[];
}

/** The chapters: headings of the page of contents, and the links of the lists below them. */
export function chaptersOf(contents: string): Chapter[] {
  return contents.split(/^## /m).slice(1).map((part) => ({
    title: part.slice(0, part.indexOf("\n")),
    pages: [...part.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, title, target]) => ({
      title: title!.replaceAll("`", ""),
      path: posix.join(posix.dirname(CONTENTS), target!),
    })),
  }));
}

/** The anchor of a heading, as on GitHub. */
export function slugOf(heading: string): string {
  return heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, "").replaceAll(" ", "-");
}

/** The text of a page without its code blocks. */
export function proseOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8").replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "");
}

/** The anchors of a page. */
export function anchorsOf(path: string): Set<string> {
  const headings = [...proseOf(path).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    slugOf(heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1"))
  );
  return new Set(headings);
}

/** The links of a page that stay in the project: where each leads, and to which anchor. */
export function linksOf(path: string): { readonly target: string; readonly anchor: string }[] {
  const links = [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links.filter((link) => !/^\w+:/.test(link)).map((link) => {
    const [file = "", anchor = ""] = link.split("#");
    return { target: file === "" ? path : posix.join(posix.dirname(path), file), anchor };
  });
}
