/** An encrypted connection to nobody, where a test has no need of real encryption. */
import type { TlsSession } from "../../../src/transport/transport.ts";

export const TLS_SESSION: TlsSession = {
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  alpn: "postgresql",
  chain: [],
};
