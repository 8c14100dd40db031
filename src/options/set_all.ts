/** Sets several options at once, which takes less time than setters one after the other. */
import { memberOf, type Option, OPTIONS } from "./option_table.ts";
import { Opts } from "./opts.ts";
import type { OptionName, OptsObject } from "./opts_object.ts";
import { setSettings, settingsOf } from "./server_opts.ts";

/** The options with those of `values` set, in their order; undefined ones are left out. */
export function setAll(opts: Opts, values: Omit<OptsObject, "param" | "codec">): Opts {
  const settings: Record<string, unknown> = { ...settingsOf(opts) };
  for (const name of Object.keys(values) as OptionName[]) {
    const value = values[name];
    if (value === undefined) continue;
    const option: Option = OPTIONS[name];
    settings[memberOf(name, option)] = option.check(name, value);
  }
  const changed = new Opts();
  setSettings(changed, settings);
  return changed;
}
