/** The small records that data sets consist of. */
export const keyOf = (i) => `user:${String(i).padStart(8, "0")}`;
export const recordOf = (i) => i;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32, byte by byte. */
export function checksum(bytes, start, end) {
  let crc = -1;
  for (let at = start; at < end; at++) crc = TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
