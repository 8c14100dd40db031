/**
 * A plugin of `deno lint` that keeps the layers apart: imports are as the table in `layers.ts` says, and
 * pure layers do not know that time passes. ARCHITECTURE.md explains the layers.
 */
import { layerOf, LAYERS, problemOf } from "./layers.ts";

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
  if (!specifier.startsWith(".")) {
    if (LAYERS[layer]?.packages?.includes(specifier)) return undefined;
    return `${file} may not import ${specifier}: pyro depends on nothing but the runtime`;
  }
  return problemOf(file, new URL(specifier, `file:///src/${file}`).pathname.replace(/^\/src\//, ""));
}
