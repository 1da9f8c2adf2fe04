// The OpenID Connect provider `oidc-provider` on 127.0.0.1. It prints where it listens. Arguments: its port, and a file of
// JSON that it reads at each sign-in: `clients`, `accounts` by their subject with their claims, and `tamper`, a lie that
// it tells in its id tokens. Its keys are new at each start. Who signs in is named by the header `x-account`.
import { readFileSync } from 'node:fs';
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const world = () => JSON.parse(readFileSync(file, 'utf8'));
const newKey = () => generateKeyPair('RS256', { extractable: true });
const { privateKey } = await newKey();
const { privateKey: strangersKey } = await newKey();
const kid = `key-${Date.now()}`;
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: world().clients,
  jwks: { keys: [{ ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' }] },
  cookies: { keys: ['a key of a test'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'realm_access'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => {
    const claims = world().accounts[id];
    return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) };
  },
  loadExistingGrant: async ({ oidc }) => {
    const { clientId } = oidc.client;
    const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});

const lies = {
  issuer: (claims) => ({ ...claims, iss: 'https://elsewhere.example' }),
  audience: (claims) => ({ ...claims, aud: 'another client' }),
  nonce: (claims) => ({ ...claims, nonce: 'of another sign-in' }),
  'no nonce': ({ nonce, ...claims }) => claims,
  expired: (claims) => ({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }),
};

async function tampered(token, lie) {
  const claims = (lies[lie] ?? ((same) => same))(decodeJwt(token));
  if (lie === 'no signature') return new UnsecuredJWT(claims).encode();
  if (lie === 'cut signature') return token.slice(0, -10);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(lie === 'key' ? strangersKey : privateKey);
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) {
    const login = { accountId: ctx.get('x-account') };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false }));
    return;
  }
  await next();
  const { tamper } = world();
  if (tamper && ctx.oidc?.route === 'token' && ctx.body?.id_token) {
    ctx.body.id_token = await tampered(ctx.body.id_token, tamper);
  }
});

provider.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${port}`));
