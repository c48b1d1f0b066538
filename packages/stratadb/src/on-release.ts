import type { Durability } from "@strata/durability";

/** Has `then` called once the backend has released everything, whoever made it do so. @returns the same backend. */
export function onRelease(durability: Durability, then: () => void): Durability {
  let released = false;
  for (const how of ["shutdown", "abandon"] as const) {
    const release = durability[how].bind(durability);
    durability[how] = () => {
      try {
        release();
      } finally {
        if (!released) {
          released = true;
          then();
        }
      }
    };
  }
  return durability;
}
