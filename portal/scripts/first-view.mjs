// Says how much script the first views load, in how many files, and fails when that is more than was promised.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const always = ["index.html", "src/i18n/en/common.json"];
const signedIn = [...always, "src/app/SignedIn.tsx"];
/** Of a file that was renamed the groups in `vite.config.ts` know nothing: there are more files then. */
const views = {
  "/sign-in": { chunks: [...always, "src/pages/sign-in/SignIn.tsx", ...texts("sign-in")], limitBytes: 200_000, limitFiles: 10 },
  "/": { chunks: [...signedIn, "src/pages/home/Home.tsx", ...texts("home", "integrations")], limitBytes: 200_000, limitFiles: 12 },
  "/inbox": {
    chunks: [...signedIn, "src/pages/inbox/Inbox.tsx", ...texts("inbox", "failures", "actions")],
    limitBytes: 250_000,
    limitFiles: 21,
  },
};

function texts(...namespaces) {
  return namespaces.map((namespace) => `src/i18n/en/${namespace}.json`);
}

function filesOf(chunks) {
  const seen = new Set();
  const visit = (name) => {
    const chunk = manifest[name];
    if (!chunk) throw new Error(`the build has no ${name}: name it here as it is called now`);
    if (seen.has(name)) return;
    seen.add(name);
    for (const imported of chunk.imports ?? []) visit(imported);
  };
  chunks.forEach(visit);
  return [...new Set([...seen].map((name) => manifest[name].file))].filter((file) => file.endsWith(".js"));
}

let isTooMuch = false;
for (const [address, { chunks, limitBytes, limitFiles }] of Object.entries(views)) {
  const files = filesOf(chunks);
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length, 0);
  console.log(`${address}: ${(bytes / 1000).toFixed(1)} kB of script, gzip, in ${files.length} files`);
  if (bytes > limitBytes || files.length > limitFiles) {
    console.error(`${address} is promised in ${limitBytes / 1000} kB and ${limitFiles} files`);
    isTooMuch = true;
  }
}
if (isTooMuch) process.exit(1);
