// Says how much script the first view loads, and fails when that is more than was promised.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 200_000;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const always = ["index.html", "src/i18n/en/common.json"];
const views = {
  "/sign-in": ["src/pages/sign-in/SignIn.tsx", "src/i18n/en/sign-in.json"],
  "/": ["src/app/SignedIn.tsx", "src/pages/home/Home.tsx", "src/i18n/en/home.json", "src/i18n/en/integrations.json"],
};

function chunksOf(names) {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name) || !manifest[name]) return;
    seen.add(name);
    for (const imported of manifest[name].imports ?? []) visit(imported);
  };
  names.forEach(visit);
  return [...new Set([...seen].map((name) => manifest[name].file))].filter((file) => file.endsWith(".js"));
}

let tooLarge = false;
for (const [address, view] of Object.entries(views)) {
  const bytes = chunksOf([...always, ...view]).reduce(
    (sum, file) => sum + gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length,
    0,
  );
  tooLarge ||= bytes > LIMIT_BYTES;
  console.log(`${address}: ${(bytes / 1000).toFixed(1)} kB of script, gzip`);
}
if (tooLarge) {
  console.error(`more than ${LIMIT_BYTES / 1000} kB`);
  process.exit(1);
}
