// A program of somebody who knows neither Node's types nor disposal: the declarations of the package must bring what they need.
import { type Lease, type Session, Strata } from "stratadb";

const db = Strata.cache();
export const version: number = db.kv.put("a", { b: 1 });
const lease: Lease | null = db.state.acquire("a lock", "me", { ttlMs: 5 });
const session: Session = db.session();
session.execute({ name: "kv.get", key: "a" });
await db.transaction(async (txn) => {
  const nothing: undefined = txn.kv.put("a", 1);
  return nothing;
});
// @ts-expect-error a Date is no value
db.kv.put("a", { when: new Date() });
lease?.[Symbol.dispose]();
db[Symbol.dispose]();
