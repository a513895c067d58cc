// What both scripts read: the members of a package, and the certificates of whoever signs.

import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** The members as passkit-generator takes them: path to content. What it makes itself is left out. */
export function members(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
  const kept = paths.map((path) => path.split(sep).join("/")).filter((path) => !["manifest.json", "signature"].includes(path));
  return Object.fromEntries(kept.map((path) => [path, readFileSync(join(folder, path))]));
}

export function certificates(folder) {
  return {
    wwdr: readFileSync(join(folder, "intermediate.pem")),
    signerCert: readFileSync(join(folder, "pass.pem")),
    signerKey: readFileSync(join(folder, "pass.key")),
  };
}
