// Puts jobs that do nothing into a queue in bulk, drains it, and prints both rates in jobs a second as JSON.
// Arguments: Redis port, jobs, concurrency.
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const [port, jobs, concurrency] = process.argv.slice(2).map(Number);
const connection = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null });
const name = `bench-${process.pid}`;
const queue = new Queue(name, { connection });
await queue.waitUntilReady();

const BULK = 1000;
const enqueue = performance.now();
for (let from = 0; from < jobs; from += BULK) {
  const count = Math.min(BULK, jobs - from);
  const options = { removeOnComplete: true };
  await queue.addBulk(Array.from({ length: count }, (_, n) => ({ name: "noop", data: { n: from + n }, opts: options })));
}
const enqueued = performance.now();

let done = 0;
await new Promise((resolve, reject) => {
  const worker = new Worker(name, async () => {}, { connection, concurrency });
  worker.on("completed", () => ++done === jobs && worker.close().then(resolve, reject));
  worker.on("failed", (_job, error) => reject(error));
  worker.on("error", reject);
});
const drained = performance.now();
await queue.obliterate({ force: true });
await queue.close();
connection.disconnect();
const rate = (from, to) => (jobs / (to - from)) * 1000;
console.log(JSON.stringify({ enqueue: rate(enqueue, enqueued), drain: rate(enqueued, drained) }));
