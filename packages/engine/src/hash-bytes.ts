/** Bytes of a SHA-256 digest. */
export const HASH_BYTES = 32;

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The 32 bytes of a digest from `at` on, as 64 hex digits. */
export function bytesToHex(bytes: Uint8Array, at: number): string {
  let hex = "";
  for (let i = 0; i < HASH_BYTES; i++) hex += HEX_OF_BYTE[bytes[at + i] as number];
  return hex;
}

/** Writes the 32 bytes that `hex` spells to `target` from `at` on. */
export function hexToBytes(hex: string, target: Uint8Array, at: number): void {
  for (let i = 0; i < HASH_BYTES; i++) {
    target[at + i] = ((DIGITS[hex.charCodeAt(2 * i)] as number) << 4) | (DIGITS[hex.charCodeAt(2 * i + 1)] as number);
  }
}

/** Value of each lower-case hex digit, by its character code. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, "0123456789abcdef".indexOf(String.fromCharCode(code))),
);
