// Puts a file where integrations read it, and runs those that do: what a page does with a file that is dropped into it.
import { openAsBlob } from "node:fs";
import { basename } from "node:path";

import { Trestle } from "@trestle/client";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey } = process.env;
const [systemId, file, directory = "in"] = process.argv.slice(2);
if (!apiKey || !systemId || !file) {
  throw new Error("Set TRESTLE_API_KEY, and say: 10-upload-and-run.js SYSTEM_ID FILE [DIRECTORY]");
}

const trestle = new Trestle({ url, apiKey });

// A blob is read bit by bit, and again should the connection break.
const put = await trestle.uploadFile(systemId, `${directory}/${basename(file)}`, await openAsBlob(file));
console.log(`${put.path} is there, with ${put.size} bytes; integrations that read it: ${put.integrations.length}`);

for (const integrationId of put.integrations) {
  const { id } = await trestle.startRun(integrationId);
  const run = await trestle.waitForRun(id);
  console.log(`${run.integration.name}: ${run.status}, ${run.counts.created} new, ${run.counts.failed} failed`);
  for await (const { businessReference, fieldErrors, summary } of trestle.failuresOfRun(id)) {
    console.log(`  ${businessReference ?? "the whole run"}: ${summary}`);
    for (const { path, message } of fieldErrors) console.log(`    ${path}: ${message}`);
  }
}
