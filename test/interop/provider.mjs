// An independent OpenID Provider for interoperability tests: npm oidc-provider.
//
// Prints one line of JSON on stdout when it is ready, everything else on stderr.
// Exits when its stdin closes, and after 5 minutes at the latest. Listens on 127.0.0.1 only.
//
// Settings (environment, or NAME=value arguments):
//   PORT, MTLS_PORT   ports; 0 (default) = any free port
//   TLS_CERT, TLS_KEY PEM files; with both, the issuer is https and the mTLS listener is opened too
//   TLS_CA            PEM file: CA of the certificates of tls_client_auth clients
//   HOST              host name in the issuer URL (default 127.0.0.1; must be in TLS_CERT's SANs)
//   CLIENT_JWKS       JWKS file (public keys) of all private_key_jwt clients
//   ENC_JWKS          JWKS file (public keys with kid) that tokens are encrypted for: a client for each key, alg and enc
//   SUBJECT_DN        RFC 4514 subject of the tls_client_auth client, e.g. "CN=tls-client,O=Test"
//   SELF_SIGNED_CERT  PEM file: certificate of the self_signed_tls_client_auth client
//   FULL_ID_TOKEN=1   ID tokens carry the profile/email claims too, not just UserInfo
import { readFileSync } from 'node:fs';
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { Provider } from 'oidc-provider';

console.log = console.info = console.debug = console.error; // the library's notices go to console.info
process.stdin.resume().on('end', () => process.exit(0)).on('error', () => process.exit(0));
setTimeout(() => process.exit(3), 5 * 60 * 1000);

const env = { ...process.env };
for (const arg of process.argv.slice(2)) {
  const i = arg.indexOf('=');
  env[arg.slice(0, i)] = arg.slice(i + 1);
}
const tls = env.TLS_CERT && env.TLS_KEY
  ? { cert: readFileSync(env.TLS_CERT), key: readFileSync(env.TLS_KEY) } : undefined;
const host = env.HOST || '127.0.0.1';

// ---- listeners first: the issuer contains the port ----
let handle; // set once the provider exists
const stats = { counts: {}, requests: [] };
const seen = new WeakMap(); // request -> its entry in stats.requests
function count(listener) {
  return (req, res) => {
    const path = req.url.split('?')[0];
    if (path.startsWith('/_test/')) return handleTest(req, res, path);
    const key = `${listener === 'mtls' ? 'mtls ' : ''}${req.method} ${path}`;
    stats.counts[key] = (stats.counts[key] ?? 0) + 1;
    const entry = {
      listener, method: req.method, path, http: req.httpVersion,
      authorization: req.headers.authorization?.split(' ')[0], // the scheme only
      client_cert: Boolean(req.socket.getPeerCertificate?.()?.raw),
    };
    stats.requests.push(entry);
    seen.set(req, entry);
    res.on('finish', () => { entry.status = res.statusCode; });
    return handle(req, res);
  };
}
async function listen(server, port) {
  await new Promise((ok, fail) => server.once('error', fail).listen(Number(port || 0), '127.0.0.1', ok));
  return server.address().port;
}
const main = tls ? https.createServer(tls, count('main')) : http.createServer(count('main'));
const issuer = `${tls ? 'https' : 'http'}://${host}:${await listen(main, env.PORT)}`;
let mtls;
if (tls) {
  const server = https.createServer({
    ...tls,
    ca: env.TLS_CA ? readFileSync(env.TLS_CA) : undefined,
    requestCert: true,
    rejectUnauthorized: false, // self-signed clients are let in and checked by the library
  }, count('mtls'));
  mtls = `https://${host}:${await listen(server, env.MTLS_PORT)}`;
}

// ---- clients ----
const secret = 'a-client-secret-of-at-least-32-bytes-for-HS256';
const clients = [
  { client_id: 'public', token_endpoint_auth_method: 'none' },
  { client_id: 'public-2', token_endpoint_auth_method: 'none' },
  ...['PS256', 'ES256', 'EdDSA'].map((alg) => ({
    client_id: `public-${alg}`, token_endpoint_auth_method: 'none', id_token_signed_response_alg: alg,
  })),
  { client_id: 'basic', client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
  { client_id: 'odd:id', client_secret: 'p@ss: word+%/=&?', token_endpoint_auth_method: 'client_secret_basic' },
  { client_id: 'post', client_secret: secret, token_endpoint_auth_method: 'client_secret_post' },
  { client_id: 'secret-jwt', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS256' },
];
if (env.CLIENT_JWKS) {
  const jwks = JSON.parse(readFileSync(env.CLIENT_JWKS, 'utf8'));
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    clients.push({
      client_id: `pkjwt-${alg}`, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg,
      id_token_signed_response_alg: alg, jwks,
    });
  }
}
for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']) {
  clients.push({ client_id: `userinfo-${alg}`, token_endpoint_auth_method: 'none', userinfo_signed_response_alg: alg });
}
// the symmetric ones (A128KW, dir, ...) are left out: their keys come from the client secret
const encAlgs = {
  RSA: ['RSA-OAEP', 'RSA-OAEP-256'],
  EC: ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'],
};
const encs = ['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A192GCM', 'A256GCM'];
if (env.ENC_JWKS) {
  for (const jwk of JSON.parse(readFileSync(env.ENC_JWKS, 'utf8')).keys) {
    for (const alg of encAlgs[jwk.kty]) {
      for (const enc of encs) {
        const idToken = { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc };
        // the library encrypts UserInfo only if it is signed too
        const userinfo = { userinfo_signed_response_alg: 'ES256', userinfo_encrypted_response_alg: alg, userinfo_encrypted_response_enc: enc };
        const client = { token_endpoint_auth_method: 'none', jwks: { keys: [jwk] } };
        const name = `${jwk.kid}/${alg}/${enc}`;
        clients.push({ client_id: `enc/${name}`, ...client, ...idToken, ...userinfo });
        clients.push({ client_id: `enc-userinfo/${name}`, ...client, ...userinfo });
      }
    }
  }
}
if (mtls && env.TLS_CA && env.SUBJECT_DN) {
  const tlsClient = { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: env.SUBJECT_DN };
  clients.push({ client_id: 'tls', ...tlsClient });
  // its access tokens are bound to the certificate: UserInfo must be called over mTLS too
  clients.push({ client_id: 'tls-bound', ...tlsClient, tls_client_certificate_bound_access_tokens: true });
}
if (mtls && env.SELF_SIGNED_CERT) {
  const cert = new X509Certificate(readFileSync(env.SELF_SIGNED_CERT));
  const jwk = { ...cert.publicKey.export({ format: 'jwk' }), kid: 'self-signed', use: 'sig', x5c: [cert.raw.toString('base64')] };
  clients.push({ client_id: 'self-signed', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwk] } });
}
const clientDefaults = {
  grant_types: ['refresh_token'], response_types: [], redirect_uris: [], id_token_signed_response_alg: 'RS256',
};

// ---- provider ----
// By way of PEM: Node.js 20 hangs if what made a key is collected while that key is exported as a JWK.
const pem = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } };
const key = (kid, alg, type, options) => ({
  ...createPrivateKey(generateKeyPairSync(type, { ...options, ...pem }).privateKey).export({ format: 'jwk' }), kid, use: 'sig', ...(alg && { alg }),
});
const rsa = { modulusLength: 2048 };
const users = {
  alice: { sub: 'alice', name: 'Alice Example', email: 'alice@example.com', email_verified: true },
  bob: { sub: 'bob', name: 'Bob Example', email: 'bob@example.com', email_verified: true },
};
// the access tokens of "urn:...:ES256" are signed with ES256 (or PS256, EdDSA, likewise), those of other resources with RS256
const signing = (resource) => ({ sign: { alg: ['PS256', 'ES256', 'EdDSA'].find((alg) => resource.endsWith(`:${alg}`)) ?? 'RS256' } });
const peer = (ctx) => ctx.socket.getPeerCertificate?.();
const provider = new Provider(issuer, {
  clients: clients.map((client) => ({ ...clientDefaults, ...client })),
  jwks: {
    keys: [
      key('op-rs256', 'RS256', 'rsa', rsa),
      key('op-ps256', 'PS256', 'rsa', rsa),
      key('op-es256', 'ES256', 'ec', { namedCurve: 'P-256' }),
      key('op-ed25519', undefined, 'ed25519'), // serves both "EdDSA" and "Ed25519"
    ],
  },
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt',
    ...(mtls ? ['tls_client_auth', 'self_signed_tls_client_auth'] : [])],
  scopes: ['openid', 'offline_access'],
  // auth_time, acr, amr under "openid": an ID token has them without a claims parameter
  claims: { openid: ['sub', 'auth_time', 'acr', 'amr'], profile: ['name'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: !env.FULL_ID_TOKEN,
  enabledJWA: {
    idTokenEncryptionAlgValues: Object.values(encAlgs).flat(), idTokenEncryptionEncValues: encs,
    userinfoEncryptionAlgValues: Object.values(encAlgs).flat(), userinfoEncryptionEncValues: encs,
  },
  acrValues: ['urn:example:loa:2'],
  findAccount: (_ctx, id) => users[id] && { accountId: id, claims: () => users[id] },
  rotateRefreshToken: true,
  pkce: { required: () => false },
  ttl: { AccessToken: 300, IdToken: 300, RefreshToken: 3600, Grant: 3600 },
  features: {
    devInteractions: { enabled: false },
    encryption: { enabled: true },
    jwtUserinfo: { enabled: true },
    resourceIndicators: { // a refresh token minted with {"resource": "urn:..."} gives JWT access tokens
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, audience) => ({
        scope: 'openid profile email', audience, accessTokenFormat: 'jwt', jwt: signing(audience),
      }),
    },
    mTLS: {
      enabled: Boolean(mtls),
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      certificateBoundAccessTokens: true,
      getCertificate: (ctx) => (peer(ctx)?.raw ? new X509Certificate(peer(ctx).raw) : undefined),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
        // RFC 4514 order is the reverse of the certificate's; no escaping: use plain names in tests
        && new X509Certificate(peer(ctx).raw).subject.split('\n').reverse().join(',') === expected,
    },
  },
  discovery: mtls ? { mtls_endpoint_aliases: { token_endpoint: `${mtls}/token`, userinfo_endpoint: `${mtls}/me` } } : {},
});
// What the client sent (the library takes basic for post and post for basic, so tests must look here),
// and why the provider refused (the response body never says).
const note = (ctx, error) => Object.assign(seen.get(ctx.req) ?? {}, { params: Object.keys(ctx.oidc?.body ?? {}), error });
provider.on('grant.success', (ctx) => note(ctx));
for (const event of ['grant.error', 'userinfo.error', 'server_error']) {
  provider.on(event, (ctx, err) => {
    note(ctx, `${err.message}: ${err.error_detail ?? err.error_description}`);
    console.error(`${event}: ${ctx.path}: ${event === 'server_error' ? err.stack : seen.get(ctx.req)?.error}`);
  });
}
handle = provider.callback();

// ---- test-only routes ----
// POST /_test/refresh-token {client_id, scope?, sub?, acr?, amr?, auth_time?, expires_in?, nonce?, resource?}
async function mint({
  client_id: clientId, sub: accountId = 'alice', scope = 'openid profile email', acr = 'urn:example:loa:2',
  amr = ['pwd', 'otp'], auth_time: authTime = Math.floor(Date.now() / 1000) - 60, expires_in: expiresIn, nonce, resource,
}) {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error(`no such client: ${clientId}`);
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  if (resource) grant.addResourceScope(resource, scope);
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    client, accountId, grantId, gty: 'authorization_code', scope, acr, amr, authTime, nonce, resource, rotations: 0, expiresIn,
  });
  const refreshToken = await token.save();
  const idToken = new provider.IdToken({ ...users[accountId], auth_time: authTime, acr, amr }, { client });
  idToken.scope = 'openid';
  idToken.set('nonce', nonce);
  return { refresh_token: refreshToken, grant_id: grantId, id_token: await idToken.issue({ use: 'idtoken' }) };
}

async function handleTest(req, res, path) {
  const reply = (status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  try {
    let body = '';
    for await (const chunk of req) body += chunk;
    switch (`${req.method} ${path}`) {
      case 'POST /_test/refresh-token': return reply(200, await mint(JSON.parse(body)));
      case 'GET /_test/stats': return reply(200, stats);
      case 'DELETE /_test/stats': Object.assign(stats, { counts: {}, requests: [] }); return reply(200, {});
      default: return reply(404, { error: 'not found' });
    }
  } catch (err) {
    return reply(400, { error: String(err) });
  }
}

process.stdout.write(`${JSON.stringify({
  issuer, mtls, pid: process.pid, node: process.version, secret, clients: clients.map((c) => c.client_id),
})}\n`);
