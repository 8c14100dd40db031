/**
 * A plugin of `deno lint` that keeps the layers apart: imports are as the table in `layers.ts` says, and
 * pure layers do not know that time passes. The others have timers that no test replaces by fakes. ARCHITECTURE.md
 * explains the layers.
 */
import { layerOf, LAYERS, mayImportPackage, problemOf } from "./layers.ts";

/** What only drivers and transports may use. */
const IMPURE = [
  "Promise",
  "setTimeout",
  "setInterval",
  "queueMicrotask",
  "Deno",
  "Bun",
  "process",
  "performance",
  "console",
];

/** What `timers.ts` has instead of the runtime: tests replace the global ones by fakes. */
const TIMERS = ["setTimeout", "clearTimeout", "setInterval", "setImmediate", "queueMicrotask"];
/** Files that may use the global ones: those of other threads have globals of their own; for what throws, no call waits. */
const WITH_GLOBAL_TIMERS = [
  "timers.ts",
  "pg/timers.ts",
  "pg/outside.ts",
  "transport/worker_main.ts",
  "transport/worker_connection.ts",
  "testing/fault_proxy_main.ts",
];

/** What pure layers see of the runtime, directly or through `builtin`. */
const NODE_MODULES_OF_PURE = ["node:buffer", "node:crypto"];

const plugin: Deno.lint.Plugin = {
  name: "layers",
  rules: {
    imports: {
      create(context) {
        const file = within(context.filename);
        if (file === undefined) return {};
        const check = (node: Deno.lint.Node, specifier: string): void => {
          const problem = complaintOf(file, specifier);
          if (problem !== undefined) context.report({ node, message: problem });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
          ImportExpression: (node) => {
            if (node.source.type === "Literal") check(node, String(node.source.value));
          },
        };
      },
    },
    purity: {
      create(context) {
        const file = within(context.filename);
        if (file === undefined || !LAYERS[layerOf(file)]?.pure) return {};
        const report = (node: Deno.lint.Node, word: string): void =>
          context.report({
            node,
            message: `\`${word}\` in ${
              layerOf(file)
            }: the layers below the drivers know no time and no runtime (ARCHITECTURE.md)`,
          });
        return {
          Identifier(node) {
            if (!IMPURE.includes(node.name)) return;
            const { parent } = node;
            // As a name of something else it is harmless.
            if (parent.type === "MemberExpression" && parent.property === node && !parent.computed) return;
            if (parent.type === "Property" && parent.key === node) return;
            report(node, node.name);
          },
          "VariableDeclarator[init.name='builtin']": (node: Deno.lint.Node) => report(node, "builtin"),
          "MemberExpression[object.name='builtin']"(node: Deno.lint.MemberExpression) {
            const { property } = node;
            const name = property.type === "Identifier" ? property.name : "";
            if (!NODE_MODULES_OF_PURE.includes(`node:${name}`)) report(node, `builtin.${name}`);
          },
          AwaitExpression: (node) => report(node, "await"),
          "FunctionDeclaration[async=true]": (node: Deno.lint.Node) => report(node, "async"),
          "FunctionExpression[async=true]": (node: Deno.lint.Node) => report(node, "async"),
          "ArrowFunctionExpression[async=true]": (node: Deno.lint.Node) => report(node, "async"),
        };
      },
    },
    timers: {
      create(context) {
        const file = within(context.filename);
        if (file === undefined || WITH_GLOBAL_TIMERS.includes(file)) return {};
        const imported = new Set<string>();
        const report = (node: Deno.lint.Node, word: string): void =>
          context.report({
            node,
            message: `global \`${word}\`: tests replace it by a fake; timers.ts has the real one`,
          });
        return {
          ImportSpecifier: (node) => void imported.add(node.local.name),
          CallExpression({ callee }): void {
            if (callee.type === "Identifier" && TIMERS.includes(callee.name) && !imported.has(callee.name)) {
              report(callee, callee.name);
            }
          },
          "MemberExpression[object.name='performance']": (node: Deno.lint.Node) => report(node, "performance"),
          "MemberExpression[object.name='process'][property.name='nextTick']": (node: Deno.lint.Node) =>
            report(node, "process.nextTick"),
          "MemberExpression[object.name='Date'][property.name='now']": (node: Deno.lint.Node) =>
            report(node, "Date.now"),
        };
      },
    },
  },
};

export default plugin;

/** The path inside `src`, undefined for files elsewhere. */
function within(filename: string): string | undefined {
  return /\/src\/(.*)$/.exec(filename.replaceAll("\\", "/"))?.[1];
}

function complaintOf(file: string, specifier: string): string | undefined {
  const layer = layerOf(file);
  if (specifier.startsWith("node:")) {
    if (!LAYERS[layer]?.pure || NODE_MODULES_OF_PURE.includes(specifier)) return undefined;
    return `${layer} may not import ${specifier}: of the runtime it sees ${NODE_MODULES_OF_PURE.join(" and ")} only`;
  }
  if (mayImportPackage(file, specifier)) return undefined;
  if (!specifier.startsWith(".")) return `${file} may not import ${specifier}: pyro depends on nothing but the runtime`;
  return problemOf(file, new URL(specifier, `file:///src/${file}`).pathname.replace(/^\/src\//, ""));
}
