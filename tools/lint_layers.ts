/**
 * A plugin of `deno lint` that keeps the layers apart: imports point downwards, and the layers below
 * the drivers do not know that time passes. ARCHITECTURE.md explains the layers.
 */

/** What each folder of `src` may import, besides itself. A file may be named as well as a folder. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "printed.ts": [],
  "errors.ts": ["printed.ts"],
  "sqlstate.ts": [],
  "to_json.ts": [],
  "identifier.ts": ["errors.ts"],
  "sql.ts": ["errors.ts", "identifier.ts"],
  opts: ["errors.ts"],
  wire: ["errors.ts"],
  trace: ["wire"],
  types: ["errors.ts", "opts", "wire"],
  auth: ["errors.ts"],
  protocol: ["errors.ts", "sqlstate.ts", "opts", "wire", "types", "auth"],
  // Of the transports they see the interface, and of sockets' errors the words.
  ops: [
    "errors.ts",
    "identifier.ts",
    "printed.ts",
    "sqlstate.ts",
    "opts",
    "wire",
    "types",
    "protocol",
    "transport/transport.ts",
  ],
  drive: [
    "errors.ts",
    "sqlstate.ts",
    "wire",
    "trace",
    "protocol",
    "ops",
    "transport/transport.ts",
    "transport/reason.ts",
  ],
  // They know sockets, and nothing of PostgreSQL.
  transport: ["errors.ts", "opts"],
  // The process may want to see what passes.
  "trace_listener.ts": ["errors.ts", "trace", "transport/runtime.ts"],
  // Watches what the others do.
  telemetry: [
    "pool/leaks.ts",
    "transport/runtime.ts",
    "opts",
    "protocol",
    "ops",
    "drive/clock.ts",
    "drive/observe.ts",
    "transport/transport.ts",
  ],
  // A package of its own, which hears what everybody can hear.
  otel: ["errors.ts", "telemetry"],
  "core.ts": ["errors.ts", "opts", "types", "protocol", "ops", "telemetry"],
  "conn_state.ts": ["core.ts", "errors.ts", "ops", "protocol"],
  // What methods are given, and what becomes of it.
  "options.ts": ["ops", "types"],
  "arguments.ts": ["errors.ts", "identifier.ts", "sql.ts", "types", "protocol", "ops"],
  "sinks.ts": ["types", "protocol"],
  "pipeline_ticket.ts": ["errors.ts", "options.ts", "ops"],
  pool: ["errors.ts", "sqlstate.ts", "opts"],
  "calls.ts": [
    "errors.ts",
    "identifier.ts",
    "arguments.ts",
    "sinks.ts",
    "core.ts",
    "pool/lease.ts",
    "types",
    "protocol",
    "ops",
    "telemetry",
  ],
  async: [
    "arguments.ts",
    "calls.ts",
    "conn_state.ts",
    "core.ts",
    "errors.ts",
    "options.ts",
    "pipeline_ticket.ts",
    "sinks.ts",
    "sql.ts",
    "trace_listener.ts",
    "wire/backend.ts",
    "opts",
    "ops",
    "pool",
    "protocol",
    "drive",
    "telemetry",
    "transport/native_async.ts",
    "transport/runtime.ts",
  ],
  sync: [
    "arguments.ts",
    "calls.ts",
    "conn_state.ts",
    "core.ts",
    "errors.ts",
    "options.ts",
    "pipeline_ticket.ts",
    "sinks.ts",
    "sql.ts",
    "trace_listener.ts",
    "wire/backend.ts",
    "opts",
    "ops",
    "pool",
    "protocol",
    "drive",
    "telemetry",
    "transport/native_sync.ts",
    "transport/runtime.ts",
  ],
  "shared.ts": [
    "conn_state.ts",
    "options.ts",
    "pipeline_ticket.ts",
    "sql.ts",
    "telemetry",
    "transport/transport.ts",
    "errors.ts",
    "sqlstate.ts",
    "to_json.ts",
    "opts",
    "ops",
    "pool",
    "protocol",
    "types",
    "wire",
  ],
};

/** The layers that are the same for both worlds, whatever the runtime. */
const PURE = ["opts", "wire", "trace", "types", "auth", "protocol", "ops"];

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

const NODE_MODULES_OF_PURE = ["node:buffer", "node:crypto"];

const plugin: Deno.lint.Plugin = {
  name: "layers",
  rules: {
    imports: {
      create(context) {
        const file = within(context.filename);
        if (file === undefined) return {};
        const check = (node: Deno.lint.Node, specifier: string): void => {
          const problem = problemOf(file, specifier);
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
        if (file === undefined || !PURE.includes(layerOf(file))) return {};
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

function layerOf(file: string): string {
  return file.split("/")[0]!;
}

function problemOf(file: string, specifier: string): string | undefined {
  const layer = layerOf(file);
  const allowed = ALLOWED[layer];
  if (allowed === undefined) {
    return `${layer} is not a layer that ${"`tools/lint_layers.ts`"} knows: say there what it may import`;
  }
  if (specifier.startsWith("node:")) {
    if (!PURE.includes(layer) || NODE_MODULES_OF_PURE.includes(specifier)) return undefined;
    return `${layer} may not import ${specifier}: of the runtime it sees ${NODE_MODULES_OF_PURE.join(" and ")} only`;
  }
  if (!specifier.startsWith(".")) return `${file} may not import ${specifier}: pyro depends on nothing but the runtime`;
  const target = new URL(specifier, `file:///src/${file}`).pathname.replace(/^\/src\//, "");
  if (layerOf(target) === layer || allowed.includes(target) || allowed.includes(layerOf(target))) return undefined;
  return `${layer} may not import ${target}: imports point downwards, to ${
    allowed.join(", ") || "nothing"
  } (ARCHITECTURE.md)`;
}
