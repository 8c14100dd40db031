/** The row reader of pyro, fed by its inbox, without a server. */
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { membersOf, RowReader } from "../../src/rows/row.ts";
import { Inbox } from "../../src/wire/inbox.ts";
import type { Driver } from "../driver.ts";
import { COLUMNS, recordedRows } from "./decode_rows.ts";

export const driver: Driver = () => {
  const registry = new Registry(DEFAULT_CHOICES);
  const reader = new RowReader(
    COLUMNS.map(([name, typeOid]) => ({ name, typeOid, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 })),
    COLUMNS.map(([, oid]) => registry.codec(oid)),
    COLUMNS.map(() => 1),
    membersOf(COLUMNS.map(([name]) => name), "object"),
  );
  const bytes = recordedRows();
  const inbox = new Inbox(() => {});
  inbox.trust();
  return Promise.resolve({
    decode: () => {
      let row: unknown;
      for (let sent = 0; sent < bytes.length;) {
        const room = inbox.reserve();
        const count = Math.min(room.length, bytes.length - sent);
        room.set(bytes.subarray(sent, sent += count));
        inbox.commit(count);
        while (inbox.next()) row = reader.read(inbox, inbox.pos, inbox.limit);
      }
      return row;
    },
  });
};
