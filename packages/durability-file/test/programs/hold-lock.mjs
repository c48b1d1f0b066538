// Takes a lock and keeps it until it is killed or told a line: node hold-lock.mjs <path> <kind> [method]
import { LOCK_METHODS, takeLock } from "../../dist/os-lock.js";

const [path, kind, method] = process.argv.slice(2);
const methods = method === undefined ? LOCK_METHODS : LOCK_METHODS.filter(({ name }) => name === method);
try {
  const lock = takeLock(path, kind, methods);
  console.log(`locked ${lock.method}`);
  process.stdin.once("data", () => {
    lock.release();
    process.exit();
  });
} catch (error) {
  console.log(error.code ?? String(error));
}
