// PostGraphile, two processes behind one port, as its documentation says: the token's claims become settings of the
// transaction, and row-level security does the rest. Arguments: the database, the secret of the tokens, how many
// processes.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { serveInProcesses } from "./processes.mjs";

// PostGraphile wants Node.js 22 for this alone, as far as is asked of it here.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((resolved, rejected) => ([resolve, reject] = [resolved, rejected]));
  return { promise, resolve, reject };
};

const [database, secret, processes] = process.argv.slice(2);
// Twenty connections of all processes together.
const connections = Math.floor(20 / Number(processes));

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: database,
      schemas: ["portal"],
      pubsub: false,
      poolConfig: { max: connections },
    }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false },
  grafast: {
    explain: false,
    context({ node }) {
      const token = (node?.req.headers.authorization ?? "").replace("Bearer ", "");
      const claims = jwt.verify(token, secret, { algorithms: ["HS256"], audience: "portal" });
      if (claims.role !== "portal") throw new Error("who asks?");
      return { pgSettings: { role: "portal", "jwt.claims.tenant_id": claims.tenant_id } };
    },
  },
};

async function serve() {
  const server = createServer();
  server.on("error", (error) => console.error(error));
  await postgraphile(preset).createServ(grafserv).addTo(server);
  return server;
}

await serveInProcesses(Number(processes), serve);
