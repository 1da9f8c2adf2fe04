// An OAuth 2.0 authorization server, `oidc-provider` on 127.0.0.1, and an API that takes its access tokens. It prints
// where it listens. Arguments: its port, and a file of JSON that it reads at each request: `clients`; `ttl`, how long access
// tokens live, in seconds; and `fault`, what becomes of requests for tokens. Refresh tokens are good once: one that comes
// twice ends all that was given with it. Who gives access is named by the header `x-account`; `nobody` says no.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const world = () => JSON.parse(readFileSync(file, 'utf8'));
const issuer = `http://127.0.0.1:${port}`;
const asked = [];
const taken = {};
const grants = new Set();
const tokens = [];
const secrets = [];

const provider = new Provider(issuer, {
  clients: world().clients,
  cookies: { keys: ['a key of a test'] },
  scopes: ['openid', 'offline_access', 'orders:read'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
  },
  pkce: { required: () => true },
  ttl: {
    AccessToken: () => world().ttl,
    ClientCredentials: () => world().ttl,
    RefreshToken: 86_400, AuthorizationCode: 60, Grant: 86_400, Interaction: 600, Session: 86_400, IdToken: 60,
  },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid offline_access orders:read');
    await grant.save();
    return grant;
  },
});
provider.on('access_token.saved', (token) => {
  grants.add(token.grantId);
  tokens.push(token);
});
provider.on('client_credentials.saved', (token) => tokens.push(token));

const records = Array.from({ length: 20 }, (_, index) => ({ id: `R-${index}`, amount: `${index}.50` }));

async function api(ctx) {
  const token = ctx.get('authorization').replace(/^Bearer /, '');
  const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  if (!found?.isValid) {
    // As servers do that are careless with what they are sent.
    ctx.status = 401;
    ctx.body = { error: `the token ${token} is not good` };
  } else if (ctx.method === 'POST') {
    const chunks = [];
    for await (const chunk of ctx.req) chunks.push(chunk);
    const record = JSON.parse(Buffer.concat(chunks).toString());
    taken[record.id] = record;
    ctx.status = 201;
    ctx.body = { id: record.id };
  } else {
    ctx.body = records;
  }
}

async function admin(ctx) {
  switch (ctx.path) {
    case '/admin/asked':
      ctx.body = { asked, secrets, taken: Object.keys(taken).length };
      return;
    // Somebody withdraws what they gave.
    case '/admin/withdraw':
      for (const id of grants) {
        await provider.AccessToken.revokeByGrantId(id);
        await provider.RefreshToken.revokeByGrantId(id);
        await (await provider.Grant.find(id))?.destroy();
      }
      break;
    // Access tokens are good no more, and can be renewed.
    default:
      for (const token of tokens.splice(0)) await token.destroy();
  }
  ctx.body = {};
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/api/')) return api(ctx);
  if (ctx.path.startsWith('/admin/')) return admin(ctx);
  if (ctx.path.startsWith('/interaction/')) {
    const accountId = ctx.get('x-account');
    const result = accountId === 'nobody' ? { error: 'access_denied' } : { login: { accountId } };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false }));
    return;
  }
  if (ctx.path === '/token/revocation') {
    await next();
    asked.push({ grant: 'revocation', status: ctx.status, fault: null });
    return;
  }
  if (ctx.path !== '/token') return next();
  const { fault } = world();
  const request = { grant: null, status: null, fault: fault ?? null };
  asked.push(request);
  if (typeof fault === 'number') {
    ctx.status = request.status = fault;
    if (fault === 429) ctx.set('retry-after', '1');
    return;
  }
  // Before it is counted, for as long as that is so; never when who asked is gone by then.
  while (world().fault === 'wait') await new Promise((resolve) => setTimeout(resolve, 50));
  if (ctx.req.socket.destroyed) return;
  await next();
  request.grant = ctx.oidc?.params?.grant_type ?? null;
  request.status = ctx.status;
  secrets.push(...[ctx.body?.access_token, ctx.body?.refresh_token, ctx.oidc?.params?.code].filter(Boolean));
  // It was counted, and nobody hears of it.
  if (fault === 'lose answer') ctx.req.socket.destroy();
});

provider.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${port}`));
