// The beam of `src/vector/hnsw-beam.ts`: of each entry the proximity and, behind it, slot and marks, eight bytes.

const NO_SLOT: i32 = -1;
const EXPANDED: i32 = 1;
const REFUSED: i32 = 2;
const SLOT_SHIFT: i32 = 2;

/** Entries from which a place in the beam is looked for by halves. */
const LONG_BEAM: i32 = 1024;

/** Address of the first entry. */
export let beam: usize = 0;
export let count: i32 = 0;
/** No entry before it is left to expand. */
export let next: i32 = 0;
/** Whether a row was dropped, for want of room, that could have led to results. */
export let isBeamCut: bool = false;
let accepted: i32 = 0;
let breadth: i32 = 0;
let capacity: i32 = 0;

export function placeBeam(at: usize): void {
  beam = at;
}

// @inline
export function slotAt(position: i32): i32 {
  return load<i32>(beam + (position << 3), 4) >> SLOT_SHIFT;
}

export function reset(breadthWanted: i32, capacityWanted: i32): void {
  isBeamCut = false;
  breadth = breadthWanted;
  capacity = capacityWanted;
  count = 0;
  accepted = 0;
  next = 0;
}

// @inline
export function threshold(): f32 {
  const isFull = accepted === breadth || count === capacity;
  return isFull ? load<f32>(beam + ((count - 1) << 3)) : -Infinity;
}

// @inline
function isBefore(at: usize, proximity: f32, entry: i32): bool {
  const other = load<f32>(at);
  return other > proximity || (other === proximity && load<i32>(at, 4) < entry);
}

export function offer(proximity: f32, slot: i32, isResult: bool): void {
  const entry = (slot << SLOT_SHIFT) | (isResult ? 0 : REFUSED);
  let at = beam + (count << 3);
  if (count < LONG_BEAM) {
    // Eight at a time, as long as the first of the eight gives way.
    while (at >= beam + 64 && !isBefore(at - 64, proximity, entry)) {
      const a = v128.load(at - 64);
      const b = v128.load(at - 48);
      const c = v128.load(at - 32);
      const d = v128.load(at - 16);
      v128.store(at - 56, a);
      v128.store(at - 40, b);
      v128.store(at - 24, c);
      v128.store(at - 8, d);
      at -= 64;
    }
    while (at > beam && !isBefore(at - 8, proximity, entry)) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
  } else {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(beam + (middle << 3), proximity, entry)) low = middle + 1;
      else high = middle;
    }
    at = beam + (low << 3);
    memory.copy(at + 8, at, (count - low) << 3);
  }
  store<f32>(at, proximity);
  store<i32>(at, entry, 4);
  count++;
  accepted += i32(isResult);
  next = min(next, ((at - beam) >> 3) as i32);
  trim();
}

function trim(): void {
  while (accepted > breadth) dropLast();
  if (accepted === breadth) while (load<i32>(beam + (count << 3) - 4) & REFUSED) count--;
  if (count > capacity) {
    dropLast();
    isBeamCut = true;
  }
}

// @inline
function dropLast(): void {
  count--;
  accepted -= i32(!(load<i32>(beam + (count << 3), 4) & REFUSED));
}

export function expand(): i32 {
  while (next < count) {
    const at = beam + (next << 3);
    const entry = load<i32>(at, 4);
    next++;
    if (entry & EXPANDED) continue;
    store<i32>(at, entry | EXPANDED, 4);
    return entry >> SLOT_SHIFT;
  }
  return NO_SLOT;
}

export function keepAccepted(): void {
  if (accepted === count) return;
  let kept = beam;
  for (let at = beam, end = beam + (count << 3); at < end; at += 8) {
    if (load<i32>(at, 4) & REFUSED) continue;
    store<u64>(kept, load<u64>(at));
    kept += 8;
  }
  count = ((kept - beam) >> 3) as i32;
}
