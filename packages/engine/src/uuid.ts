import type { Random } from "@strata/core";

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const UUID_BYTES = 16;

/** Random UUIDs of version 4: RFC 9562. One call for many: what a source of chance costs is the call. */
export function randomUuids(random: Random, count: number): string[] {
  const bytes = random.bytes(UUID_BYTES * count);
  const uuids: string[] = [];
  for (let at = 0; at < bytes.length; at += UUID_BYTES) uuids.push(uuidOf(bytes, at));
  return uuids;
}

function uuidOf(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = 0; i < UUID_BYTES; i++) {
    let byte = bytes[at + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += HEX[byte];
  }
  return text;
}

export function randomUuid(random: Random): string {
  return randomUuids(random, 1)[0] as string;
}
