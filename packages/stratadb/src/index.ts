export { Database } from "./database.js";
export { Strata } from "./strata.js";
export * from "./surface.js";
