// The walk of `src/vector/hnsw-walk.ts`, step by step the same, with links, rows, beam and stamps in one memory: that file says what is done, and
// serves as oracle. A call is given the address of a frame that says where things are: `src/vector/hnsw-scratch.ts` lays it out.

import { gatherDistances, gatherProducts } from "./float32";
import {
  beam,
  count,
  expand,
  isBeamCut,
  keepAccepted,
  next,
  offer,
  placeBeam,
  reset,
  slotAt,
  threshold,
} from "./hnsw-beam";
import { gatherCodeDistances, gatherCodeProducts, gatherRowCodeDistances, gatherRowCodeProducts } from "./int8";
import { addressOf } from "./lanes";

/** Whether the slot may be a result. */
declare function accept(slot: i32): i32;
/** The element of the column is about to be changed. */
declare function touch(column: i32, index: i32): void;

const GROUND = 0;
const UPPER = 1;
const TWINS = 2;

const NO_SLOT: i32 = -1;

let frameAt: usize = 0;

// Rows.
let table: usize = 0;
let shift: usize = 0;
let stride: usize = 0;
let limit: f32 = 0;
let isEuclidean: bool = false;
let byCodes: bool = false;
let codes: usize = 0;
let marks: usize = 0;
let codeStride: usize = 0;

// Links.
let m: i32 = 0;
let ground: usize = 0;
let places: usize = 0;
let upper: usize = 0;
let twins: usize = 0;

// The query: a prepared one in full and as codes, or a row.
let query: usize = 0;
let queryCodes: usize = 0;
let queryTerms: usize = 0;
let isRowQuery: bool = false;
let queryRow: i32 = 0;

// Scratch.
let stamps: usize = 0;
let stampBytes: usize = 0;
let stamp: i32 = 0;
let fresh: usize = 0;
let proximities: usize = 0;
let chosen: usize = 0;
let linked: usize = 0;
let rowTerms: usize = 0;
let foundSlots: usize = 0;
let foundProximities: usize = 0;

let isFiltered: bool = false;
let isCut: bool = false;
let visited: i32 = 0;
let nearest: i32 = 0;
let nearestProximity: f32 = 0;

function enter(frame: usize): void {
  frameAt = frame;
  table = load<u32>(frame);
  shift = load<u32>(frame, 4);
  stride = load<u32>(frame, 8);
  limit = load<f32>(frame, 12);
  isEuclidean = load<u32>(frame, 16) !== 0;
  byCodes = load<u32>(frame, 20) !== 0;
  codes = load<u32>(frame, 24);
  marks = load<u32>(frame, 28);
  codeStride = load<u32>(frame, 32);
  m = load<i32>(frame, 36);
  ground = load<u32>(frame, 40);
  places = load<u32>(frame, 44);
  upper = load<u32>(frame, 48);
  twins = load<u32>(frame, 52);
  stamps = load<u32>(frame, 56);
  stampBytes = load<u32>(frame, 60);
  fresh = load<u32>(frame, 64);
  proximities = load<u32>(frame, 68);
  chosen = load<u32>(frame, 72);
  linked = load<u32>(frame, 76);
  rowTerms = load<u32>(frame, 80);
  placeBeam(load<u32>(frame, 84));
  foundSlots = load<u32>(frame, 88);
  foundProximities = load<u32>(frame, 92);
  stamp = load<i32>(frame, 96);
  visited = 0;
  isCut = false;
}

function leave(frame: usize): void {
  store<i32>(frame, visited, 100);
  store<i32>(frame, i32(isCut), 104);
}

/** About the nearest rows. @returns how many: they are in `foundSlots` and `foundProximities` */
export function searchGraph(
  frame: usize,
  queryAt: usize,
  codesAt: usize,
  termsAt: usize,
  entry: i32,
  top: i32,
  breadthWanted: i32,
  capacityWanted: i32,
  proposed: i32,
  visits: i32,
  filtered: i32,
): i32 {
  enter(frame);
  query = queryAt;
  queryCodes = codesAt;
  queryTerms = termsAt;
  isRowQuery = false;
  descend(entry, top, 0);
  searchLevel(0, breadthWanted, capacityWanted, visits, filtered !== 0);
  isCut = isCut || isBeamCut;
  keepAccepted();
  readFound();
  if (byCodes) compareInFull(min(count, proposed));
  leave(frame);
  return count;
}

/** Links the row of `slot`. @returns 0 when it became the twin of a row that is linked */
export function insertIntoGraph(frame: usize, slot: i32, level: i32, entry: i32, top: i32, efConstruction: i32): i32 {
  enter(frame);
  queryOf(slot);
  descend(entry, top, level);
  const highest = min(level, top);
  for (let current = highest; current >= 0; current--) {
    searchLevel(current, efConstruction, efConstruction, i32.MAX_VALUE, false);
    nearest = slotAt(0);
    nearestProximity = load<f32>(beam);
    write(slot, current, choose(m));
  }
  const twin = twinOf(slot);
  if (twin !== NO_SLOT) {
    for (let current = highest; current >= 0; current--) write(slot, current, 0);
    touch(TWINS, slot);
    touch(TWINS, twin);
    store<i32>(twins + (slot << 2), load<i32>(twins + (twin << 2)));
    store<i32>(twins + (twin << 2), slot);
    leave(frame);
    return 0;
  }
  for (let current = highest; current >= 0; current--) {
    const neighbors = read(slot, current, linked);
    for (let i = 0; i < neighbors; i++) connect(load<i32>(linked + (i << 2)), slot, current);
  }
  leave(frame);
  return 1;
}

// @inline
function room(level: i32): i32 {
  return level === 0 ? 2 * m : m;
}

// @inline
function start(slot: i32, level: i32): i32 {
  return level === 0 ? slot * 2 * m : load<i32>(places + (slot << 2)) + (level - 1) * m;
}

// @inline
function listAt(slot: i32, level: i32): usize {
  return (level === 0 ? ground : upper) + (start(slot, level) << 2);
}

function read(slot: i32, level: i32, into: usize): i32 {
  const from = listAt(slot, level);
  const most = room(level) << 2;
  let at = 0;
  while (at < most) {
    const neighbor = load<i32>(from + at);
    if (neighbor === NO_SLOT) break;
    store<i32>(into + at, neighbor);
    at += 4;
  }
  return at >> 2;
}

/** Makes the first `neighbors` chosen slots the list of `slot`. */
function write(slot: i32, level: i32, neighbors: i32): void {
  const from = start(slot, level);
  const most = room(level);
  const column = level === 0 ? GROUND : UPPER;
  touch(column, from);
  touch(column, from + most - 1);
  const at = listAt(slot, level);
  for (let i = 0; i < most; i++) {
    store<i32>(at + (i << 2), i < neighbors ? load<i32>(chosen + (i << 2)) : NO_SLOT);
  }
}

/** Lists are compared in groups of four: fills the last group up. */
// @inline
function fillGroup(list: usize, length: i32): void {
  const last = load<i32>(list + ((length - 1) << 2));
  for (let i = length; i & 3; i++) store<i32>(list + (i << 2), last);
}

/** Proximities of the first `length` slots of `list` to the query. */
function compare(list: usize, length: i32): void {
  visited += length;
  if (isRowQuery) {
    compareRow(queryRow, list, length);
    return;
  }
  if (length === 0) return;
  fillGroup(list, length);
  if (byCodes) {
    if (isEuclidean)
      gatherCodeDistances(codes, marks, shift, codeStride, list, length, queryCodes, queryTerms, proximities);
    else gatherCodeProducts(codes, marks, shift, codeStride, list, length, queryCodes, queryTerms, proximities);
  } else if (isEuclidean) gatherDistances(table, shift, stride, list, length, query, proximities, limit);
  else gatherProducts(table, shift, stride, list, length, query, proximities, limit);
}

/** The same with the row of `slot` for the query. */
function compareRow(slot: i32, list: usize, length: i32): void {
  if (length === 0) return;
  fillGroup(list, length);
  if (byCodes) {
    const row = addressOf(slot, codes, shift, codeStride);
    const mark = addressOf(slot, marks, shift, 16);
    const scale = load<f32>(mark);
    store<f32>(rowTerms, isEuclidean ? 2 * scale : scale);
    store<f32>(rowTerms, load<f32>(mark, 12), 16);
    if (isEuclidean) gatherRowCodeDistances(codes, marks, shift, codeStride, list, length, row, rowTerms, proximities);
    else gatherRowCodeProducts(codes, marks, shift, codeStride, list, length, row, rowTerms, proximities);
    return;
  }
  const row = addressOf(slot, table, shift, stride);
  if (isEuclidean) gatherDistances(table, shift, stride, list, length, row, proximities, limit);
  else gatherProducts(table, shift, stride, list, length, row, proximities, limit);
}

function queryOf(slot: i32): void {
  isRowQuery = true;
  queryRow = slot;
}

function descend(entry: i32, top: i32, level: i32): void {
  store<i32>(fresh, entry);
  compare(fresh, 1);
  nearest = entry;
  nearestProximity = load<f32>(proximities);
  for (let current = top; current > level; current--) {
    let before: i32;
    do {
      before = nearest;
      const length = read(before, current, fresh);
      compare(fresh, length);
      for (let i = 0; i < length; i++) {
        const proximity = load<f32>(proximities + (i << 2));
        if (proximity <= nearestProximity) continue;
        nearest = load<i32>(fresh + (i << 2));
        nearestProximity = proximity;
      }
    } while (nearest !== before);
  }
}

// @inline
function isAccepted(slot: i32): bool {
  return !isFiltered || acceptsOne(slot);
}

function acceptsOne(slot: i32): bool {
  while (!accept(slot)) {
    slot = load<i32>(twins + (slot << 2));
    if (slot === NO_SLOT) return false;
  }
  return true;
}

function searchLevel(level: i32, breadthWanted: i32, capacityWanted: i32, visits: i32, filtered: bool): void {
  reset(breadthWanted, capacityWanted);
  isFiltered = filtered;
  beginStamp();
  store<u8>(stamps + nearest, stamp);
  offer(nearestProximity, nearest, isAccepted(nearest));
  const most = room(level) << 2;
  for (let slot = expand(); slot !== NO_SLOT; slot = expand()) {
    if (visited > visits) {
      isCut = true;
      return;
    }
    // The list that is most likely read next is on its way while this one's rows are compared.
    if (next < count) store<i32>(rowTerms, load<i32>(listAt(slotAt(next), level)), 24);
    const list = listAt(slot, level);
    let length = 0;
    for (let at = 0; at < most; at += 4) {
      const neighbor = load<i32>(list + at);
      if (neighbor === NO_SLOT) break;
      const met = stamps + neighbor;
      store<i32>(fresh + (length << 2), neighbor);
      length += i32(load<u8>(met) !== (stamp as u8));
      store<u8>(met, stamp);
    }
    compare(fresh, length);
    let bar = threshold();
    for (let i = 0; i < length; i++) {
      const proximity = load<f32>(proximities + (i << 2));
      if (proximity <= bar) continue;
      const neighbor = load<i32>(fresh + (i << 2));
      offer(proximity, neighbor, isAccepted(neighbor));
      bar = threshold();
    }
  }
}

/** A stamp of its own for every search; when all bytes have been, they begin anew. */
function beginStamp(): void {
  if (stamp === 255) {
    memory.fill(stamps, 0, stampBytes);
    stamp = 0;
  }
  stamp++;
  // At once: `accept` may throw, and the search after that one must not take its stamps for its own.
  store<i32>(frameAt, stamp, 96);
}

function twinOf(slot: i32): i32 {
  store<i32>(fresh, slot);
  compareRow(slot, fresh, 1);
  const own = load<f32>(proximities);
  const row = addressOf(slot, table, shift, stride);
  for (let position = 0; position < count; position++) {
    if (load<f32>(beam + (position << 3)) !== own) continue;
    const other = slotAt(position);
    if (areEqual(row, addressOf(other, table, shift, stride))) return other;
  }
  return NO_SLOT;
}

function areEqual(a: usize, b: usize): bool {
  for (const end = a + stride; a < end; a += 16, b += 16) {
    if (v128.any_true(f32x4.ne(v128.load(a), v128.load(b)))) return false;
  }
  return true;
}

function choose(most: i32): i32 {
  let length = 0;
  for (let position = 0; position < count && length < most; position++) {
    const slot = slotAt(position);
    if (isNearerToOne(slot, length, load<f32>(beam + (position << 3)))) continue;
    store<i32>(chosen + (length << 2), slot);
    length++;
  }
  return length;
}

function isNearerToOne(slot: i32, length: i32, proximity: f32): bool {
  for (let first = 0; first < length; first += 4) {
    const some = min(4, length - first);
    compareRow(slot, chosen + (first << 2), some);
    for (let i = 0; i < some; i++) if (load<f32>(proximities + (i << 2)) > proximity) return true;
  }
  return false;
}

function connect(slot: i32, neighbor: i32, level: i32): void {
  const most = room(level);
  const length = read(slot, level, fresh);
  if (length < most) {
    const index = start(slot, level) + length;
    touch(level === 0 ? GROUND : UPPER, index);
    store<i32>((level === 0 ? ground : upper) + (index << 2), neighbor);
    return;
  }
  store<i32>(fresh + (length << 2), neighbor);
  compareRow(slot, fresh, length + 1);
  reset(length + 1, length + 1);
  for (let i = 0; i <= length; i++) offer(load<f32>(proximities + (i << 2)), load<i32>(fresh + (i << 2)), true);
  write(slot, level, choose(most));
}

function readFound(): void {
  for (let position = 0; position < count; position++) {
    store<i32>(foundSlots + (position << 2), slotAt(position));
    store<f32>(foundProximities + (position << 2), load<f32>(beam + (position << 3)));
  }
}

/** The first `length` rows found, in order of their proximity in full. */
function compareInFull(length: i32): void {
  if (length > 0) {
    fillGroup(foundSlots, length);
    if (isEuclidean) gatherDistances(table, shift, stride, foundSlots, length, query, foundProximities, limit);
    else gatherProducts(table, shift, stride, foundSlots, length, query, foundProximities, limit);
  }
  reset(length, length);
  for (let i = 0; i < length; i++)
    offer(load<f32>(foundProximities + (i << 2)), load<i32>(foundSlots + (i << 2)), true);
  readFound();
}
