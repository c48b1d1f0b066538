import { ByteReader, decodeValue, type Json, Value, type ValueObject } from "@strata/core";
import { Box } from "@strata/storage";
import type { AppendOperation, PutOperation } from "../operation.js";
import { shownRow, vectorNameOf } from "../primitives/vector-row.js";
import { BLOCK_BYTES, BUNDLE_FORMAT_VERSION } from "./bundle-format.js";
import type { BundleHeader } from "./bundle-header.js";
import type { BundleOperation, BundleRecord } from "./bundle-record.js";

type Line = { readonly [member: string]: Json | undefined };

/**
 * The same as a bundle for people and their tools: JSON Lines, one line for the header, one for each commit, one for the end. Values are
 * as `Value.toJson` has them, so nothing is lost; there are no checksums, and nothing imports it.
 */
export class LineWriter {
  readonly #encoder = new TextEncoder();
  readonly #counts = { base: 0, commits: 0, operations: 0 };
  #text = "";

  begin(header: BundleHeader): Uint8Array {
    const { meta, endedAt, origin, retention, textSearch, chains, tags, ...rest } = header;
    this.#line({
      kind: "run",
      formatVersion: BUNDLE_FORMAT_VERSION,
      ...rest,
      endedAt,
      origin: origin === undefined ? undefined : { ...origin },
      retention,
      textSearch,
      meta: Value.toJson(meta),
      chains: chains.map((chain) => ({ ...chain })),
      tags: tags.map((tag) => ({ ...tag })),
    });
    return this.#flush();
  }

  base(record: BundleRecord): Uint8Array | undefined {
    this.#counts.base++;
    return this.#record("base", record);
  }

  commit(record: BundleRecord): Uint8Array[] {
    this.#counts.commits++;
    const chunk = this.#record("commit", record);
    return chunk === undefined ? [] : [chunk];
  }

  end(): Uint8Array[] {
    this.#line({ kind: "end", ...this.#counts });
    return [this.#flush()];
  }

  #record(kind: string, { version, timestamp, message, operations }: BundleRecord): Uint8Array | undefined {
    this.#counts.operations += operations.length;
    this.#line({ kind, version, timestamp, message, operations: operations.map(operationJson) });
    return this.#text.length >= BLOCK_BYTES ? this.#flush() : undefined;
  }

  #line(line: Line): void {
    this.#text += `${JSON.stringify(line)}\n`;
  }

  #flush(): Uint8Array {
    const bytes = this.#encoder.encode(this.#text);
    this.#text = "";
    return bytes;
  }
}

function operationJson(operation: BundleOperation): Json {
  if (operation.kind === "put") return withoutAbsent(putJson(operation));
  if (operation.kind === "append") return withoutAbsent(appendJson(operation));
  return { kind: operation.kind, space: operation.space };
}

function putJson(operation: PutOperation): Line {
  return operation.primitive === "vector" ? vectorJson(operation) : keyJson(operation);
}

/** A collection's line has no key, and its options as its value. */
function vectorJson({ space, primitive, key: row, stored }: PutOperation): Line {
  const { collection, key } = vectorNameOf(row);
  return {
    kind: stored === undefined ? "delete" : "put",
    space,
    primitive,
    collection,
    key: key === "" ? undefined : key,
    value: stored === undefined ? undefined : Value.toJson(shownRow(row, stored)),
  };
}

function keyJson({ space, primitive, key, stored }: PutOperation): Line {
  const box = stored instanceof Box ? stored : undefined;
  const value = stored instanceof Box ? stored.value : stored;
  return {
    kind: value === undefined ? "delete" : "put",
    space,
    primitive,
    key,
    value: value === undefined ? undefined : Value.toJson(value),
    expiresAt: box === undefined || box.expiresAt === Number.POSITIVE_INFINITY ? undefined : box.expiresAt,
    counter: box === undefined || box.counter === 0 ? undefined : box.counter,
    createdAt: box === undefined || box.createdAt === 0 ? undefined : box.createdAt,
  };
}

function appendJson({ space, type, sequence, payload, hash, prevHash, origin }: AppendOperation): Line {
  return {
    kind: "append",
    space,
    type,
    sequence,
    payload: Value.toJson(decodeValue(new ByteReader(payload)) as ValueObject),
    hash,
    prevHash,
    origin: origin === undefined ? undefined : { ...origin },
  };
}

function withoutAbsent(line: Line): Json {
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== undefined)) as Json;
}
