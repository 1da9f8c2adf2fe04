// Orders failed because of what is in them. They are corrected and sent again; what is still wrong is said field by field.
import { readFile } from "node:fs/promises";

import { EditAndRetryFailureDocument, Trestle, userErrorsOf } from "@trestle/client";

const { TRESTLE_URL: url = "http://127.0.0.1:8080", TRESTLE_API_KEY: apiKey } = process.env;
const [integrationId, file] = process.argv.slice(2);
if (!apiKey || !integrationId || !file) {
  throw new Error("Set TRESTLE_API_KEY, and say: 03-edit-and-retry.js INTEGRATION_ID CORRECTIONS.json");
}

/** By the order's number, the fields that are to be other: `{"PO-01204": {"customer_email": "ann@example.com"}}`. */
const corrections = JSON.parse(await readFile(file, "utf8")) as Record<string, Record<string, unknown>>;
const trestle = new Trestle({ url, apiKey });

for await (const failure of trestle.failures({ filter: { integrationId, status: ["OPEN"] } })) {
  const order = failure.businessReference ?? failure.id;
  console.log(`${order}: ${failure.summary}`);
  const correction = corrections[order];
  if (!correction || !failure.viewerCanEdit) continue;

  try {
    const { id } = await trestle.editAndRetryFailure({
      failureId: failure.id,
      record: { ...(failure.record as object), ...correction },
    });
    const retry = await trestle.waitForRetry(id);
    console.log(retry.resolved === 1 ? `${order}: arrived` : `${order}: failed again`);
  } catch (error) {
    // The rules are looked at before anything is sent: nothing was done.
    const wrong = userErrorsOf(error, EditAndRetryFailureDocument);
    if (!wrong) throw error;
    for (const { field, message } of wrong.of("record")) {
      console.log(`${order}: ${field?.slice(1).join(".")} is still wrong: ${message}`);
    }
    for (const { message } of wrong.ofTheWhole) console.log(`${order}: ${message}`);
  }
}
