/** Options as a plain object. */
import type { Opts } from "./opts.ts";
import type { TypeCodec } from "./type_codec.ts";

/** {@linkcode Opts} as a plain object: its keys are the setters' names, its values their arguments. */
export type OptsObject =
  & {
    readonly [N in keyof Opts as Exclude<N, "toString" | "toJSON" | "param" | "codec">]?:
      | Parameters<Opts[N]>[0]
      | undefined;
  }
  & {
    /** Server settings by name; see {@linkcode ServerOpts.param}. */
    readonly param?: Readonly<Record<string, string>> | undefined;
    /** Codecs by the name or OID of their type; see {@linkcode Opts.codec}. */
    readonly codec?: Readonly<Record<string, TypeCodec>> | undefined;
  };

/** The name of an option that is set by one value. */
export type OptionName = Exclude<keyof OptsObject, "param" | "codec">;
