// Runs the server audits of graphql-http (https://github.com/graphql/graphql-http#audits) against one URL.
// Usage: [AUDIT_TOKEN=…] node audit.mjs http://HOST:PORT/graphql
// AUDIT_TOKEN is sent as the bearer token; four audits ask for `__type`, so its role must be allowed to introspect.
// Prints what does not pass; exit code 0: all pass, 1: some do not, 2: they could not be run.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
const token = process.env.AUDIT_TOKEN;
if (!url) {
  console.error('usage: [AUDIT_TOKEN=…] node audit.mjs http://HOST:PORT/graphql');
  process.exit(2);
}

const fetchFn = (address, init) => {
  const headers = new Headers(init?.headers);
  if (token) headers.set('authorization', `Bearer ${token}`);
  return fetch(address, { ...init, headers });
};

let failed = 0;
const audits = serverAudits({ url, fetchFn });
try {
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status === 'ok') continue;
    failed += 1;
    console.log(`${result.status}: ${audit.id} ${audit.name}\n  ${result.reason}`);
  }
} catch (error) {
  console.error(`the audits could not be run: ${error.cause?.message ?? error.message}`);
  process.exit(2);
}
console.log(`${audits.length - failed} of ${audits.length} audits pass`);
process.exitCode = failed === 0 && audits.length > 0 ? 0 : 1;
