// Runs one operation with the client of graphql-ws (https://github.com/enisdenjo/graphql-ws) and prints what comes.
// Usage: TOKEN=… node client.mjs ws://HOST:PORT/graphql QUERY
// Prints `connected` once the server knows it, then one JSON object a result, then `complete` or `closed CODE`.
// `subscribed` stands before the first result: the server answered a query that was sent after the operation.
// What it would do at a close code (try again or give up) is the client's own: it prints each attempt.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, query] = process.argv.slice(2);
const print = (line) => process.stdout.write(`${line}\n`);
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${process.env.TOKEN}` },
  retryAttempts: 2,
  retryWait: async () => print('again'),
  on: {
    connected: () => print('connected'),
    closed: (event) => print(`closed ${event.code}`),
  },
});
client.subscribe(
  { query },
  {
    next: (result) => print(JSON.stringify(result)),
    error: (error) => {
      print(`error ${JSON.stringify(error?.code ?? error)}`);
      process.exit(1);
    },
    complete: () => {
      print('complete');
      process.exit(0);
    },
  },
);
client.subscribe({ query: '{ __typename }' }, { next: () => print('subscribed'), error: () => {}, complete: () => {} });
