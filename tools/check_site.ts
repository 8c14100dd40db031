/** Looks at each page of the site in a browser: its scripts work, its links lead somewhere, and it has the API reference. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { Browser } from "../tests/support/installed/browser.ts";
import { REFERENCE } from "./site_pages.ts";

/** What is wrong with the site in a directory, which is to be served below `base`. */
export async function problemsOf(directory: string, base: string): Promise<string[]> {
  const server = await serve(directory, base);
  try {
    const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using browser = await Browser.start();
    const problems: string[] = [];
    const links = new Map<string, string>();
    for (const name of readdirSync(directory).filter((name) => name.endsWith(".html") && name !== "404.html")) {
      const page = await browser.open(`${root}${base}${name}`);
      await page.until("document.readyState === 'complete' && document.querySelector('.vp-doc h1') !== null");
      const found = JSON.parse(await page.evaluate(LINKS) as string) as string[];
      for (const link of found.filter((link) => link.startsWith(root))) links.set(link, name);
      if (!found.includes(`${root}${base}${REFERENCE.slice(1)}`)) {
        problems.push(`${name}: no link to the API reference`);
      }
      problems.push(...page.problems.map((problem) => `${name}: ${problem}`));
      await page.close();
    }
    for (const [link, name] of links) {
      if (!leadsSomewhere(new URL(link), directory, base)) problems.push(`${name}: ${link} leads nowhere`);
    }
    return problems;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function leadsSomewhere({ pathname, hash }: URL, directory: string, base: string): boolean {
  const text = fileAt(pathname, directory, base);
  // The API reference makes anchors of its own.
  const needsAnchor = hash !== "" && !pathname.startsWith(`${base}${REFERENCE.slice(1)}`);
  return text !== undefined && (!needsAnchor || text.includes(`id="${decodeURIComponent(hash.slice(1))}"`));
}

/** What the server sends for a path. */
function fileAt(pathname: string, directory: string, base: string): Buffer | undefined {
  const path = decodeURIComponent(pathname);
  if (!path.startsWith(base)) return undefined;
  try {
    return readFileSync(join(directory, path.slice(base.length).replace(/(?<=^|\/)$/, "index.html")));
  } catch {
    return undefined;
  }
}

function serve(directory: string, base: string): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url!, "http://localhost");
    const file = fileAt(pathname, directory, base);
    response.writeHead(file === undefined ? 404 : 200, { "content-type": TYPES[extname(pathname)] ?? "text/html" });
    response.end(file);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const LINKS = "JSON.stringify([...document.querySelectorAll('a[href]')].map((link) => link.href))";
const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};
