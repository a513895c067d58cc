// node check.mjs MODEL CERTIFICATES: does passkit-generator take the pass as it is? Prints, as JSON, every warning that it gives, and every key
// whose value it has dropped or changed.

import { isDeepStrictEqual } from "node:util";
import { PKPass } from "passkit-generator";
import { certificates, members } from "./model.mjs";

const [model, keys] = process.argv.slice(2);
const warnings = [];
console.warn = (...words) => warnings.push(words.map(String).join(" "));

// It writes dates anew: the same moment in another notation is no difference.
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const moment = (value) => (typeof value === "string" && DATE.test(value) ? Date.parse(value) : Number.NaN);

function differences(ours, theirs, at = "") {
  if (isDeepStrictEqual(ours, theirs) || moment(ours) === moment(theirs)) return [];
  const nested = (value) => value !== null && typeof value === "object";
  if (!nested(ours) || !nested(theirs)) return [at];
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...names].flatMap((name) => differences(ours[name], theirs[name], `${at}/${name}`));
}

const files = members(model);
const ours = JSON.parse(files["pass.json"]);
const pass = new PKPass(files, certificates(keys));
let raw;
try {
  raw = pass.getAsRaw();
} catch (refusal) {
  warnings.push(refusal.message);
  console.log(JSON.stringify({ warnings, dropped: [], missing: [] }));
  process.exit(0);
}
const theirs = JSON.parse(raw["pass.json"]);
// The single barcode of iOS 8, which it no longer knows: it says what the last of the list says, or is told.
const { barcode } = ours;
const same = ["message", "messageEncoding"].every((key) => barcode?.[key] === ours.barcodes?.at(-1)?.[key]);
if (barcode !== undefined && same && theirs.barcode === undefined) theirs.barcode = barcode;
// It adds empty lists of fields to a style.
for (const style of ["eventTicket", "storeCard", "generic"]) {
  for (const [group, fields] of Object.entries(theirs[style] ?? {})) {
    if (Array.isArray(fields) && fields.length === 0 && ours[style]?.[group] === undefined) delete theirs[style][group];
  }
}
const dropped = differences(ours, theirs);
const missing = Object.keys(files).filter((path) => files[path].length > 0 && raw[path] === undefined);
console.log(JSON.stringify({ warnings, dropped, missing }));
