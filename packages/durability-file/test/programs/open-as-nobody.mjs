// Opens a database as a user who may not write there, and prints the error: node open-as-nobody.mjs <directory>
import { fileDurability } from "../../dist/index.js";

const durability = fileDurability(process.argv[2]);
if (process.getuid() === 0) process.setuid(65_534);
try {
  durability.recover(() => {});
  console.log("{}");
} catch (error) {
  console.log(JSON.stringify({ code: error.code, hint: error.hint, facts: error.facts }));
}
