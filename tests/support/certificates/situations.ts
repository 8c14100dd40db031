/**
 * Chains with what verification must say about them, whatever host they are for. It agrees with
 * `openssl verify -purpose sslserver -auth_level 2 -crl_check_all`, but where a reason is given.
 */
import type { Situation } from "./chains.ts";
import { ofPaths, ofTimes } from "./path_situations.ts";
import { ofRevocation } from "./revocation_situations.ts";
import { ofAuthorities, ofConstraints, ofExtensions, ofKeys } from "./rule_situations.ts";

/** All situations. */
export const situations: readonly Situation[] = [
  ...ofPaths,
  ...ofTimes,
  ...ofAuthorities,
  ...ofExtensions,
  ...ofKeys,
  ...ofConstraints,
  ...ofRevocation,
];
