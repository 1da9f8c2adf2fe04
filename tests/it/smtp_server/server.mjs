// The mail server `smtp-server` on 127.0.0.1. It prints where it listens, and each mail that it took as one line of JSON.
// Arguments: port, how it talks (plain, starttls or tls), and for the last two the files of its certificate and key.
import { readFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

const [port, mode, cert, key] = process.argv.slice(2);
const isEncrypted = mode !== 'plain';
const server = new SMTPServer({
  secure: mode === 'tls',
  ...(isEncrypted ? { cert: readFileSync(cert), key: readFileSync(key) } : {}),
  hideSTARTTLS: !isEncrypted,
  // Whoever signs in must know the password; who does not need not sign in, but for encrypted connections.
  authOptional: !isEncrypted,
  allowInsecureAuth: false,
  onAuth({ username, password }, session, done) {
    if (username === 'trestle' && password === 'p@ss word') done(null, { user: username });
    else done(new Error('Invalid username or password'));
  },
  onRcptTo({ address }, session, done) {
    if (address.startsWith('nobody-here')) done(Object.assign(new Error('No such mailbox here'), { responseCode: 550 }));
    else done();
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      const mail = {
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map(({ address }) => address),
        user: session.user ?? null,
        secure: session.secure,
        raw: Buffer.concat(chunks).toString('utf8'),
      };
      console.log(`mail ${JSON.stringify(mail)}`);
      done();
    });
  },
});
server.on('error', (error) => console.error(`error: ${error.message}`));
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${server.server.address().port}`));
