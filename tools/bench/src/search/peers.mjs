import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../peers/", import.meta.url));

/** The packages that are compared with, by name; installed now if they are not there. Some are compiled then: it takes a minute. */
export function peers() {
  if (!existsSync(join(FOLDER, "node_modules"))) {
    console.error("installing what is compared with, in tools/bench/peers …");
    const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: FOLDER, stdio: "inherit" });
    if (status !== 0)
      throw new Error("the peers could not be installed: see above, then run `npm ci` in tools/bench/peers");
  }
  return createRequire(join(FOLDER, "package.json"));
}
