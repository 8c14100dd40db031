/** IP addresses as text. */

/**
 * Whether a text is an IPv4 address, or an IPv6 address with or without a zone. Numbers that begin with 0 are
 * octal for some readers and decimal for others.
 */
export function isAddress(text: string): boolean {
  if (text.includes(":")) return URL.canParse(`http://[${text.replace(/%[\w.~-]+$/, "")}]`) && !/[[\]/]/.test(text);
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}
