import {
  ByteReader,
  type ByteWriter,
  decodeValue,
  encodeCanonical,
  type Value,
  type ValueObject,
  type Version,
  validateRunName,
  validateTagName,
} from "@strata/core";
import { formatRetention, parseRetention } from "@strata/storage";
import { type RunStatus, STATUS_MOVES } from "../run.js";
import type { Tag } from "../tag.js";
import { type SearchedPrimitive, searchedFrom } from "../text-search-policy.js";
import { invalidBundle } from "./bundle-format.js";

/** An event log at the end of the bundle, by its space. Hashes are 64 hex digits. */
export interface BundleChain {
  readonly space: string;
  readonly length: number;
  /** What the first event follows: the same in every fork and copy of the log, and in no other log. */
  readonly genesis: string;
  readonly head: string;
}

/** What a bundle says of its run before the data. Times are µs since the epoch. */
export interface BundleHeader {
  readonly name: string;
  readonly id: string;
  readonly status: RunStatus;
  readonly createdAt: number;
  readonly endedAt: number | undefined;
  readonly meta: ValueObject;
  /** The run that this one was imported from, where it could not keep the id. */
  readonly origin: { readonly run: string; readonly id: string } | undefined;
  /** Its own rules for how much history it keeps, as `formatRetention` writes them. */
  readonly retention: string | undefined;
  /** Which primitives are searched by their words, where it was told. */
  readonly textSearch: readonly SearchedPrimitive[] | undefined;
  /** The run's own when it was exported. */
  readonly version: Version;
  /** Where the history that is here begins, and when. */
  readonly first: Version;
  readonly firstTime: number;
  /** Of what was written up to this version only the last state is here; 0 when everything is. */
  readonly base: Version;
  /** Number of commits above the base. */
  readonly commits: number;
  /** By space in code point order. */
  readonly chains: readonly BundleChain[];
  /** By name in code point order. */
  readonly tags: readonly Tag[];
}

/** Nobody counts on from above that: what is left of the numbers is enough for every later commit. */
const VERSION_MAX: number = 2 ** 52;
const ID_LENGTH_MAX = 64;
const HASH = /^[0-9a-f]{64}$/;
const ID = /^[A-Za-z0-9_-]+$/;

export function encodeHeader(writer: ByteWriter, header: BundleHeader): void {
  const { endedAt, origin, retention, textSearch, chains, tags, ...rest } = header;
  encodeCanonical(writer, {
    ...rest,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(origin === undefined ? {} : { origin: { ...origin } }),
    ...(retention === undefined ? {} : { retention }),
    ...(textSearch === undefined ? {} : { textSearch }),
    chains: chains.map((chain) => ({ ...chain })),
    tags: tags.map((tag) => ({ ...tag })),
  } satisfies ValueObject);
}

/** @throws StrataError of any kind for what no header is; the caller says that it is of a bundle */
export function decodeHeader(payload: Uint8Array): BundleHeader {
  const reader = new ByteReader(payload);
  const value = decodeValue(reader);
  reader.expectEnd();
  const members = new Members(value, "the header");
  const header: BundleHeader = {
    name: members.text("name"),
    id: idIn(members),
    status: statusIn(members),
    createdAt: members.whole("createdAt"),
    endedAt: members.optional("endedAt") === undefined ? undefined : members.whole("endedAt"),
    meta: objectIn(members.value("meta"), "meta"),
    origin: originIn(members),
    retention: retentionIn(members),
    textSearch: textSearchIn(members),
    version: members.whole("version", 1, VERSION_MAX),
    first: members.whole("first", 0, VERSION_MAX),
    firstTime: members.whole("firstTime"),
    base: members.whole("base", 0, VERSION_MAX),
    commits: members.whole("commits"),
    chains: members.list("chains").map(chainIn),
    tags: members.list("tags").map(tagIn),
  };
  members.expectNoOthers();
  validateRunName(header.name);
  const { first, base, version } = header;
  if (first > version || base > version || (base > 0 && base !== first))
    throw invalidBundle(`its versions ${first}, ${base} and ${version} contradict each other`);
  expectAscending(
    header.chains.map(({ space }) => space),
    "event logs",
  );
  expectAscending(
    header.tags.map(({ name }) => name),
    "tags",
  );
  for (const tag of header.tags) {
    if (tag.version < first || tag.version > version)
      throw invalidBundle(`tag "${tag.name}" is of version ${tag.version}, which is not here`);
  }
  return header;
}

/** The members of an object that a stranger wrote. */
class Members {
  readonly #object: ValueObject;
  readonly #what: string;
  readonly #read = new Set<string>();

  constructor(value: Value | undefined, what: string) {
    this.#object = objectIn(value, what);
    this.#what = what;
  }

  optional(name: string): Value | undefined {
    this.#read.add(name);
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  value(name: string): Value {
    const value = this.optional(name);
    if (value === undefined) throw this.#wrong(name);
    return value;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== "string") throw this.#wrong(name);
    return value;
  }

  whole(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.value(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most)
      throw this.#wrong(name);
    return value;
  }

  list(name: string): readonly Value[] {
    const value = this.value(name);
    if (!Array.isArray(value)) throw this.#wrong(name);
    // A copy: mapping a frozen array costs its prototype a look-up for each element.
    return [...(value as readonly Value[])];
  }

  hash(name: string): string {
    const value = this.text(name);
    if (!HASH.test(value)) throw this.#wrong(name);
    return value;
  }

  expectNoOthers(): void {
    for (const name of Object.keys(this.#object))
      if (!this.#read.has(name)) throw invalidBundle(`${this.#what} has a member that is not known`);
  }

  #wrong(name: string): Error {
    return invalidBundle(`${this.#what} has no "${name}", or not one that can be`);
  }
}

function objectIn(value: Value | undefined, what: string): ValueObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array))
    return value as ValueObject;
  throw invalidBundle(`${what} is no object`);
}

function idIn(members: Members): string {
  const id = members.text("id");
  if (id.length > ID_LENGTH_MAX || !ID.test(id)) throw invalidBundle("the id of its run is none");
  return id;
}

function statusIn(members: Members): RunStatus {
  const status = members.text("status");
  if (!Object.hasOwn(STATUS_MOVES, status)) throw invalidBundle("the status of its run is none");
  return status as RunStatus;
}

function originIn(members: Members): BundleHeader["origin"] {
  const value = members.optional("origin");
  if (value === undefined) return undefined;
  const origin = new Members(value, "the origin");
  const found = { run: origin.text("run"), id: idIn(origin) };
  origin.expectNoOthers();
  validateRunName(found.run);
  return found;
}

function retentionIn(members: Members): string | undefined {
  if (members.optional("retention") === undefined) return undefined;
  const text = members.text("retention");
  const rules = parseRetention(text);
  if (rules === undefined || formatRetention(rules) !== text) throw invalidBundle("the retention of its run is none");
  return text;
}

function textSearchIn(members: Members): readonly SearchedPrimitive[] | undefined {
  const value = members.optional("textSearch");
  if (value === undefined) return undefined;
  const searched = searchedFrom(value);
  if (searched.join() !== (value as readonly Value[]).join())
    throw invalidBundle("what is searched of its run is not in order");
  return searched;
}

function chainIn(value: Value): BundleChain {
  const chain = new Members(value, "an event log");
  const found = {
    space: chain.text("space"),
    length: chain.whole("length", 1),
    genesis: chain.hash("genesis"),
    head: chain.hash("head"),
  };
  chain.expectNoOthers();
  return found;
}

function tagIn(value: Value): Tag {
  const tag = new Members(value, "a tag");
  const found = { name: tag.text("name"), version: tag.whole("version"), timestamp: tag.whole("timestamp") };
  tag.expectNoOthers();
  validateTagName(found.name);
  return found;
}

function expectAscending(names: readonly string[], what: string): void {
  for (let i = 1; i < names.length; i++) {
    if ((names[i] as string) <= (names[i - 1] as string))
      throw invalidBundle(`its ${what} are not in order, or one is there twice`);
  }
}
