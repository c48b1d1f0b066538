// Writes 3000 bytes at a time until it is refused, and prints what it was told: node write-beyond-limit.mjs <directory>
import { NodeVfs } from "../../dist/node-vfs.js";

const file = new NodeVfs(process.argv[2]).open("file", "create");
const bytes = new Uint8Array(3000);
const written = [];
let position = 0;
try {
  for (;;) {
    const count = file.write(bytes, 0, bytes.length, position);
    written.push(count);
    position += count;
  }
} catch (error) {
  console.log(JSON.stringify({ written, code: error.code, facts: error.facts }));
}
