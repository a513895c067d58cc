// node bench.mjs MODEL CERTIFICATES SECONDS: passes a second of passkit-generator, one after the other, as JSON.

import { PKPass } from "passkit-generator";
import { certificates, members } from "./model.mjs";

const [model, keys, seconds] = process.argv.slice(2);
const files = members(model);
const certs = certificates(keys);
const build = () => new PKPass({ ...files }, certs).getAsBuffer();

for (let warm = 0; warm < 10; warm++) build();
const began = process.hrtime.bigint();
const until = began + BigInt(seconds) * 1_000_000_000n;
let passes = 0;
let bytes = 0;
while (process.hrtime.bigint() < until) {
  bytes = build().length;
  passes++;
}
const elapsed = Number(process.hrtime.bigint() - began) / 1e9;
console.log(JSON.stringify({ passes, passes_per_s: passes / elapsed, bytes }));
