/** Stands in for packages that a suite imports for other databases: anything that it is asked for can be called. */
"use strict";
const nothing = new Proxy(function () {}, {
  get: (_target, name) => name === "__esModule" || name === "then" ? undefined : name === "prototype" ? {} : nothing,
  apply: () => nothing,
  construct: () => nothing,
});
module.exports = nothing;
