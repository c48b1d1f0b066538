/** What a diff, a conflict or a feed is about. */
export type EntityRef = { readonly run: string; readonly space: string } & (
  | { readonly primitive: "kv" | "state" | "json"; readonly key: string }
  | { readonly primitive: "event"; readonly type: string; readonly sequence: number }
  | { readonly primitive: "vector"; readonly collection: string; readonly key: string }
);
