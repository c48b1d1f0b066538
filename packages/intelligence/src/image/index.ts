export { Column, type ColumnArray } from "./column.js";
export { type ImageColumn, ImageColumns, type ImageParts } from "./image-parts.js";
export { imageOf } from "./index-image.js";
export type { PagedBytes } from "./paged-bytes.js";
export { SavedBytes } from "./saved-bytes.js";
export { partsFrom } from "./saved-parts.js";
export { TextColumn } from "./text-column.js";
