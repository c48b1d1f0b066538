import {
  ByteWriter,
  copyValue,
  encodeCanonical,
  InvalidArgumentError,
  type Limits,
  type Value,
  type ValueObject,
} from "@strata/core";

const writer = new ByteWriter();

/**
 * The payload of an event as it is hashed, logged and stored: canonical bytes, made once.
 *
 * @throws InvalidArgumentError `INVALID_VALUE` unless it is an object without NaN and infinities, which have no place in a record that
 *   other languages verify. facts.path says where.
 */
export function payloadBytes(input: unknown, limits: Limits, what: string): Uint8Array {
  const payload = copyValue(input, limits, what);
  if (!isObject(payload)) {
    throw new InvalidArgumentError("INVALID_VALUE", `${what} is an object, so that fields can be added later`, {
      what,
      path: "$",
    });
  }
  checkFinite(payload, "$", what);
  writer.reset();
  encodeCanonical(writer, payload);
  return writer.take();
}

function isObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function checkFinite(value: Value, path: string, what: string): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) {
      throw new InvalidArgumentError(
        "INVALID_VALUE",
        `${what} holds ${value} at ${path}; an event holds finite numbers only`,
        { what, path },
      );
    }
    return;
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++)
      if (mayHoldNumber(value[i])) checkFinite(value[i] as Value, `${path}[${i}]`, what);
    return;
  }
  const members = value as ValueObject;
  for (const name of Object.keys(members)) {
    const member = members[name] as Value;
    if (mayHoldNumber(member)) checkFinite(member, `${path}.${name}`, what);
  }
}

/** Spares the path text for the members that cannot hold a number, and for the numbers that are fine. */
function mayHoldNumber(value: Value | undefined): boolean {
  return typeof value === "number" ? !Number.isFinite(value) : typeof value === "object" && value !== null;
}
