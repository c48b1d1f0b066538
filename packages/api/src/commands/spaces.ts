import { z } from "zod";
import { manages } from "./definition.js";
import { flag, names } from "./schemas.js";

// `space` says where a command is executed: the space it is about is `spaceName`.
const spaceName = z.string().meta({ description: "name of a space: a-z first, then a-z 0-9 _ -, at most 64" });

export const spaceCommands = {
  "spaces.list": manages({
    help: "The spaces of the run.",
    writes: false,
    input: {},
    output: names,
    run: ({ handle }) => handle.spaces.list(),
  }),
  "spaces.exists": manages({
    help: "Whether the run has that space.",
    writes: false,
    input: { spaceName },
    output: flag,
    run: ({ handle }, input) => handle.spaces.exists(input.spaceName),
  }),
  "spaces.create": manages({
    help: "Registers a space without writing to it; false when it was there.",
    writes: true,
    input: { spaceName },
    output: flag,
    run: ({ handle }, input) => handle.spaces.create(input.spaceName),
  }),
  "spaces.delete": manages({
    help: "Deletes an empty space, or any with force; false when there was none.",
    writes: true,
    input: { spaceName, force: z.boolean().optional() },
    output: flag,
    run: ({ handle }, { spaceName, ...options }) => handle.spaces.delete(spaceName, options),
  }),
};
