/** A plugin of `deno lint` that keeps files and functions in `src` small enough to be read at a time. */

const MAX_FILE = 400;
const MAX_FUNCTION = 60;

const plugin: Deno.lint.Plugin = {
  name: "sizes",
  rules: {
    lines: {
      create(context) {
        if (!context.filename.replaceAll("\\", "/").includes("/src/")) return {};
        const { text } = context.sourceCode;
        const check = (node: Deno.lint.Node, part: string, what: string, limit: number): void => {
          const lines = part.trimEnd().split("\n").length;
          if (lines > limit) {
            context.report({ node, message: `This ${what} has ${lines} lines: it must have at most ${limit}` });
          }
        };
        const checkFunction = (node: Deno.lint.Node): void =>
          check(node, text.slice(...node.range), "function", MAX_FUNCTION);
        return {
          Program: (node) => check(node, text, "file", MAX_FILE),
          FunctionDeclaration: checkFunction,
          FunctionExpression: checkFunction,
          ArrowFunctionExpression: checkFunction,
        };
      },
    },
  },
};

export default plugin;
