// Takes a lock and keeps it until it is killed: node hold-lock.mjs <path> <kind> [method | "nobody"]
// As "nobody" it is a user whom modes of files bind.
import { LOCK_METHODS, takeLock } from "../../dist/os-lock.js";

const [path, kind, method] = process.argv.slice(2);
if (method === "nobody" && process.getuid() === 0) process.setuid(65_534);
const methods =
  method === undefined || method === "nobody" ? LOCK_METHODS : LOCK_METHODS.filter(({ name }) => name === method);
const take = () => takeLock(path, kind, methods).method;
try {
  const name = take();
  // A lock is held also when nothing refers to it any more.
  for (let round = 0; round < 3; round++) {
    await new Promise(setImmediate);
    globalThis.gc();
  }
  console.log(`locked ${name}`);
  process.stdin.resume();
} catch (error) {
  console.log(error.code ?? String(error));
}
