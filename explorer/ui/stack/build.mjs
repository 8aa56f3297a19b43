// Bundles source/ into dist/ under names that change with the content, so that no browser keeps an old one.
// With --check nothing is written: it fails where dist/ is not what source/ gives.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const DIST = new URL("dist/", import.meta.url);
const ENTRIES = [
  ["stack", "js", "source/index.ts"], ["stack", "css", "source/stack.css"],
  ["live", "js", "source/live/index.ts"], ["live", "css", "source/live/live.css"],
];

const made = new Map();
for (const [name, kind, entry] of ENTRIES) {
  const result = await build({
    entryPoints: [entry], bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8",
    legalComments: "none", write: false, logLevel: "warning", absWorkingDir: import.meta.dirname,
  });
  const text = result.outputFiles[0].text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 10);
  made.set(`${name}-${hash}.${kind}`, text);
}

if (process.argv.includes("--check")) {
  const kept = readdirSync(DIST).sort();
  const wanted = [...made.keys()].sort();
  const same = kept.join() === wanted.join() && wanted.every((name) => readFileSync(new URL(name, DIST), "utf8") === made.get(name));
  if (!same) {
    console.error(`The bundle in explorer/ui/stack/dist (${kept.join(", ")}) is not what the source gives (${wanted.join(", ")}): run "make bundle" and commit it.`);
    process.exit(1);
  }
  console.log("The stack's bundle is what its source gives.");
} else {
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  for (const [name, text] of made) writeFileSync(new URL(name, DIST), text);
  console.log([...made].map(([name, text]) => `${name} ${Math.round(text.length / 1000)} kB`).join(", "));
}
