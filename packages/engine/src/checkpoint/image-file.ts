import { ByteReader, ByteWriter, CorruptionError, crc32, type RunId, StateError, type Version } from "@strata/core";
import { IMAGE_PAGE_BYTES } from "../derived-index.js";

/**
 * File of index images, a snapshot file that holds no segments. `docs/formats/index-image.md` says why.
 *
 *   file      := header (page | directory)*
 *   header    := magic[8] "STRATAIX" | formatVersion u16 | zero u16 | crc u32
 *   directory := run varint | version varint | index text | name text | head size varint, bytes
 *                | files varint, (name text)* | pages varint, (file varint | offset varint | size varint | crc u32)* | crc u32
 *
 * Little-endian; `varint` is unsigned LEB128, `text` its size in bytes and UTF-8. Checksums are CRC-32: that of the header covers the 12
 * bytes before it, that of a directory everything of it before, that of a page the page. Pages of an image lie in files of several
 * checkpoints; `file` counts those of the directory from 1, and is 0 for a page that has nothing. A directory is found through the catalogue.
 */
const MAGIC: Uint8Array = Uint8Array.of(0x53, 0x54, 0x52, 0x41, 0x54, 0x41, 0x49, 0x58);
const FORMAT_VERSION = 1;
const CRC_SIZE = 4;
export const IMAGE_HEADER_SIZE: number = MAGIC.length + 4 + CRC_SIZE;

/** Whose image it is. */
export interface ImageIdentity {
  readonly run: RunId;
  /** Name of the index. */
  readonly index: string;
  /** Of the image, among those of the index and the run. */
  readonly name: string;
}

/** Where a page lies. */
export interface PagePlace {
  /** `""` for a page that has nothing. */
  readonly file: string;
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly crc: number;
}

/** What an image consists of. */
export interface ImageDirectory extends ImageIdentity {
  /** Of the checkpoint that wrote it. */
  readonly version: Version;
  readonly head: Uint8Array;
  readonly pages: readonly PagePlace[];
}

export const EMPTY_PAGE: PagePlace = { file: "", offset: 0, length: 0, crc: 0 };

export function imageHeader(): Uint8Array {
  const writer = new ByteWriter(IMAGE_HEADER_SIZE);
  writer.raw(MAGIC);
  writer.u16(FORMAT_VERSION);
  writer.u16(0);
  writer.u32(crc32(writer.view()));
  return writer.take();
}

/** Whether a file that begins like this is one of images, whatever its format version. */
export function beginsImages(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, index) => bytes[index] === byte);
}

/**
 * @param header the first `IMAGE_HEADER_SIZE` bytes of `file`
 * @throws CorruptionError `SNAPSHOT_CORRUPT`; StateError `FORMAT_TOO_NEW`
 */
export function checkImageHeader(file: string, header: Uint8Array): void {
  const reader = new ByteReader(header);
  const isWhole = beginsImages(header) && crc32(header, 0, header.length - CRC_SIZE) === crcOf(header);
  if (!isWhole) throw damaged("the header of a file of index images is damaged", file, 0);
  reader.seek(MAGIC.length);
  const found = reader.u16();
  if (found === FORMAT_VERSION) return;
  throw new StateError("FORMAT_TOO_NEW", `${file} has format version ${found}`, {
    file,
    found,
    supported: FORMAT_VERSION,
  });
}

export function encodeDirectory({ run, index, name, version, head, pages }: ImageDirectory): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(run);
  writer.varint(version);
  writer.text(index);
  writer.text(name);
  writer.bytes(head);
  const files = [...new Set(pages.map(({ file }) => file))].filter((file) => file !== "");
  writer.varint(files.length);
  for (const file of files) writer.text(file);
  const numbers = new Map(files.map((file, position) => [file, position + 1]));
  writer.varint(pages.length);
  for (const { file, offset, length, crc } of pages) {
    writer.varint(numbers.get(file) ?? 0);
    writer.varint(offset);
    writer.varint(length);
    writer.u32(crc);
  }
  writer.u32(crc32(writer.view()));
  return writer.take();
}

/** @param file and `offset` are where it was read. @throws CorruptionError `SNAPSHOT_CORRUPT` */
export function decodeDirectory(bytes: Uint8Array, file: string, offset: number): ImageDirectory {
  const end = bytes.length - CRC_SIZE;
  if (end < 0 || crc32(bytes, 0, end) !== crcOf(bytes)) {
    throw damaged("the directory of an index image is damaged", file, offset);
  }
  const reader = new ByteReader(bytes, 0, end);
  const run = reader.varint() as RunId;
  const version = reader.varint();
  const index = reader.text();
  const name = reader.text();
  const head = reader.bytes().slice();
  const files = [""];
  for (let left = reader.varint(); left > 0; left--) files.push(reader.text());
  const pages: PagePlace[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const place = { file: files[reader.varint()], offset: reader.varint(), length: reader.varint(), crc: reader.u32() };
    if (place.file === undefined || place.length > IMAGE_PAGE_BYTES) {
      throw damaged("the directory of an index image says what none says", file, offset);
    }
    pages.push(place as PagePlace);
  }
  reader.expectEnd();
  return { run, index, name, version, head, pages };
}

export function damaged(message: string, file: string, offset: number): CorruptionError {
  return new CorruptionError("SNAPSHOT_CORRUPT", message, { file, offset });
}

function crcOf(bytes: Uint8Array): number {
  return new ByteReader(bytes, bytes.length - CRC_SIZE).u32();
}
