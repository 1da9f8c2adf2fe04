// Reads lines of JSON { secret, headers, body } and says for each whether the library of Standard Webhooks takes it.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    const payload = new Webhook(secret).verify(body, headers);
    console.log(`verified ${JSON.stringify(payload)}`);
  } catch (error) {
    console.log(`refused ${error.message}`);
  }
}
