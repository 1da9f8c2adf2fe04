// Runs one operation with the client of graphql-sse (https://github.com/enisdenjo/graphql-sse) and prints what comes.
// Usage: TOKEN=… node client.mjs http://HOST:PORT/graphql QUERY
// Prints `connected` once the server answers with a stream, then one JSON object a result, then `complete` or
// `error STATUS`. What it does when a connection is refused or breaks (try again or give up) is the client's own: it
// prints `again` before each attempt.
import { createClient } from 'graphql-sse';

const [url, query] = process.argv.slice(2);
const print = (line) => process.stdout.write(`${line}\n`);
const client = createClient({
  url,
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
  retryAttempts: 2,
  retry: async () => print('again'),
  on: { connected: () => print('connected') },
});
client.subscribe(
  { query },
  {
    next: (result) => print(JSON.stringify({ data: result.data, errors: result.errors })),
    error: (error) => {
      print(`error ${error?.response?.status ?? error}`);
      process.exit(1);
    },
    complete: () => {
      print('complete');
      process.exit(0);
    },
  },
);
