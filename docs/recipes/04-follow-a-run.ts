// Starts a run, shows how far it is while it runs, and says what became of its records.
import { type Run, Trestle } from "@trestle/client";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey } = process.env;
const [integrationId] = process.argv.slice(2);
if (!apiKey || !integrationId) throw new Error("Set TRESTLE_API_KEY, and say: 04-follow-a-run.js INTEGRATION_ID");

const trestle = new Trestle({ url, apiKey });

// However often this request has to be sent, it starts one run.
const { id } = await trestle.startRun(integrationId);
console.log(`started ${id}`);

let run: Run | undefined;
for await (run of trestle.watchRun(id)) {
  const wait = run.nextAttemptAt ? `, tried again at ${run.nextAttemptAt}` : "";
  console.log(`${run.status}: ${run.counts.read} records read${wait}`);
}
if (!run) throw new Error("nothing was said about the run");

const { read, created, updated, unchanged, skipped, failed } = run.counts;
console.log(
  `${read} read = ${created} created + ${updated} updated + ${unchanged} unchanged + ${skipped} skipped + ${failed} failed`,
);
let shown = 0;
for await (const { businessReference, summary } of trestle.failuresOfRun(id)) {
  console.log(`  ${businessReference ?? "the whole run"}: ${summary}`);
  if (++shown === 5) break;
}
process.exitCode = run.status === "SUCCEEDED" ? 0 : 1;
