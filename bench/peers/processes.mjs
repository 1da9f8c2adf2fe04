// A server as several processes behind one port: the first one starts the others, says where they listen when all of them
// do, and ends with any of them.
import cluster from "node:cluster";

// `serve` makes the server of a process; it listens on a port that they share.
export async function serveInProcesses(count, serve) {
  if (!cluster.isPrimary) {
    process.on("disconnect", () => process.exit(0));
    const server = await serve();
    server.listen(0, "127.0.0.1", () => process.send(server.address().port));
    return;
  }
  let listening = 0;
  for (let number = 0; number < count; number += 1) {
    cluster.fork().on("message", (port) => {
      listening += 1;
      if (listening === count) console.log(`listening on http://127.0.0.1:${port}/graphql`);
    });
  }
  cluster.on("exit", () => process.exit(1));
  process.on("SIGTERM", () => process.exit(0));
}
