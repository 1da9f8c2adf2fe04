// Everything of a tenant as files of JSON Lines: the server makes each file, however large, and it is downloaded once.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Trestle } from "@trestle/client";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey, TENANT_ID: tenantId } = process.env;
const [directory = "export"] = process.argv.slice(2);
if (!apiKey) throw new Error("Set TRESTLE_API_KEY, and TENANT_ID if the key is for several tenants.");

/** One connection each, without page arguments; lists inside of it say how much of them. */
const queries = {
  integrations:
    "{ integrations { edges { node { id name status createdAt source { id name } destination { id name } } } } }",
  runs: `{ runs { edges { node { id status trigger queuedAt finishedAt integration { id }
    counts { read created updated unchanged skipped failed } } } } }`,
  failures: `{ failures { edges { node { id failedAt status code summary businessReference attempts
    run { id } fieldErrors { path rule message } } } } }`,
};

const trestle = new Trestle({ url, apiKey });
await mkdir(directory, { recursive: true });
for (const [name, query] of Object.entries(queries)) {
  const { id } = await trestle.createExport({ query, tenantId });
  const file = await trestle.waitForExport(id, {
    onProgress: ({ status, rowCount }) => console.error(`${name}: ${status}, ${rowCount} rows`),
  });
  await writeFile(join(directory, `${name}.jsonl`), await trestle.downloadExport(file));
  console.log(`${name}.jsonl has ${file.rowCount} rows`);
}
