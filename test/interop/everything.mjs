// npm oidc-provider with everything on that it can do, for the tests of logins and of every grant.
//
// Prints one line of JSON on stdout when it is ready, everything else on stderr.
// Exits when its stdin closes, and after 10 minutes at the latest. Listens on 127.0.0.1 only, over TLS.
// Clients register themselves (RFC 7591).
//
// Settings (NAME=value arguments):
//   TLS_CERT, TLS_KEY, TLS_CA  PEM files: the server's certificate, and the CA of the clients' certificates
//   AUTO=1                     nobody has to log in: every interaction ends at once, as the user of login_hint, or alice
//   FAPI=2.0                   the rules of the FAPI 2.0 Security Profile, and what it forbids is off
//   INITIAL_TOKEN              who registers has to show it
//
// Users: alice and bob (password: NAME-password). "deny" refuses everything, "later" grants what CIBA asks for
// only after it was polled for once.
// Resources: access tokens for https://opaque.example/... are opaque, those for other resources JWTs.
//
// For the tests: GET /_test/requests?client=&path= says what arrived; POST /_test/ciba {auth_req_id, allow} decides.
import { readFileSync } from 'node:fs';
import { X509Certificate, createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import https from 'node:https';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { Provider, errors } from 'oidc-provider';
import { issueTokens } from './node_modules/oidc-provider/lib/helpers/grant_common.js';
import * as grantHelpers from './node_modules/oidc-provider/lib/helpers/grants.js';

console.log = console.info = console.debug = console.error; // the library's notices go to console.info
process.stdin.resume().on('end', () => process.exit(0)).on('error', () => process.exit(0));
setTimeout(() => process.exit(3), 10 * 60 * 1000);

const env = Object.fromEntries(process.argv.slice(2).map((arg) => [arg.split('=', 1)[0], arg.slice(arg.indexOf('=') + 1)]));
const fapi = env.FAPI === '2.0';

// ---- listeners first: the issuer contains the port ----
let handle; // set once the provider exists
const tls = { cert: readFileSync(env.TLS_CERT), key: readFileSync(env.TLS_KEY) };
async function listen(listener, options) {
  const server = https.createServer({ ...tls, ...options }, (req, res) => handle(listener, req, res));
  await new Promise((ok, fail) => server.once('error', fail).listen(0, '127.0.0.1', ok));
  return `https://127.0.0.1:${server.address().port}`;
}
const issuer = await listen('main');
// self-signed clients are let in and checked by the library
const mtls = await listen('mtls', { ca: readFileSync(env.TLS_CA), requestCert: true, rejectUnauthorized: false });

// ---- what arrived ----
const requests = [];
const seen = new WeakMap(); // request -> its entry in requests
const peer = (req) => req.socket.getPeerCertificate?.();
function note(listener, req, res) {
  const url = new URL(req.url, issuer);
  const entry = {
    listener, method: req.method, path: url.pathname, query: url.search.slice(1), headers: req.headers, body: '',
    certificate: peer(req)?.subject?.CN,
  };
  const push = req.push.bind(req); // a listener for 'data' would take the body away
  req.push = (chunk, ...more) => { entry.body += chunk ?? ''; return push(chunk, ...more); };
  res.on('finish', () => { entry.status = res.statusCode; });
  seen.set(req, entry);
  if (requests.push(entry) > 5000) requests.shift();
}

// ---- keys and users ----
// By way of PEM: Node.js 20 hangs if what made a key is collected while that key is exported as a JWK.
const pem = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } };
const key = (kid, use, type, options, more) => ({
  ...createPrivateKey(generateKeyPairSync(type, { ...options, ...pem }).privateKey).export({ format: 'jwk' }), kid, use, ...more,
});
const keys = [
  key('op-rsa', 'sig', 'rsa', { modulusLength: 2048 }), // serves RS256 and PS256
  key('op-ec', 'sig', 'ec', { namedCurve: 'P-256' }),
  key('op-ed', 'sig', 'ed25519'),
  key('op-rsa-enc', 'enc', 'rsa', { modulusLength: 2048 }),
  key('op-ec-enc', 'enc', 'ec', { namedCurve: 'P-256' }),
];
const publicKeys = createLocalJWKSet({
  keys: keys.map((jwk) => ({ ...createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' }), kid: jwk.kid, use: jwk.use })),
});
const users = Object.fromEntries(['alice', 'bob', 'deny', 'later'].map((name) => [name, {
  sub: name, name: `${name} Example`, given_name: name, email: `${name}@example.com`, email_verified: true,
  address: { locality: 'Springfield' }, phone_number: '+1 555 0100', phone_number_verified: false,
}]));
const authentic = (name, password) => Object.hasOwn(users, name) && password === `${name}-password`;
const howLoggedIn = { acr: 'urn:example:loa:2', amr: ['pwd', 'otp'] };

// ---- provider ----
const resourceScopes = 'api:read api:write';
const responseTypes = ['code', 'id_token', 'code id_token', 'id_token token', 'code token', 'code id_token token', 'none'];
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];
const encAlgs = ['RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'A128KW', 'A256KW', 'dir'];
const encs = ['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM'];
const encrypted = (kind) => ({ [`${kind}EncryptionAlgValues`]: encAlgs, [`${kind}EncryptionEncValues`]: encs });
const kinds = ['idToken', 'userinfo', 'introspection', 'authorization', 'requestObject'];
const on = { enabled: true };
const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;
const text = (value) => String(value ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const button = (value, label, form = '', name = 'decision') => `<button id="${value}" type="submit" name="${name}" value="${value}"${form && ` form="${form}"`}>${label}</button>`;

const provider = new Provider(issuer, {
  jwks: { keys },
  clientAuthMethods: fapi ? ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'] : ['none', 'client_secret_basic', 'client_secret_post',
    'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
  responseTypes: fapi ? ['code'] : responseTypes,
  subjectTypes: ['public', 'pairwise'],
  pairwiseIdentifier: (_ctx, id, client) => createHash('sha256').update(`${client.sectorIdentifier} ${id}`).digest('hex'),
  scopes: ['openid', 'offline_access', 'profile', 'email', 'address', 'phone'],
  claims: {
    openid: ['sub', 'auth_time', 'acr', 'amr'], profile: ['name', 'given_name'], email: ['email', 'email_verified'],
    address: ['address'], phone: ['phone_number', 'phone_number_verified'],
  },
  acrValues: ['urn:example:loa:1', 'urn:example:loa:2'],
  enabledJWA: {
    clientAuthSigningAlgValues: fapi ? ['PS256', 'ES256', 'EdDSA', 'Ed25519'] : ['HS256', ...algorithms],
    requestObjectSigningAlgValues: fapi ? ['PS256', 'ES256', 'EdDSA', 'Ed25519'] : ['HS256', ...algorithms],
    idTokenSigningAlgValues: ['HS256', ...algorithms],
    dPoPSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
    ...Object.assign({}, ...kinds.map(encrypted)),
  },
  findAccount: (_ctx, id) => (Object.hasOwn(users, id) ? { accountId: id, claims: () => users[id] } : undefined),
  rotateRefreshToken: !fapi, // FAPI 2.0 section 5.3.2.1 forbids it
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  pkce: { required: () => fapi },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, IdToken: 300, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, DeviceCode: 120, BackchannelAuthenticationRequest: 120 },
  // the library refuses to call loopback addresses; ours are nowhere else
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  renderError: (ctx, out) => {
    ctx.type = 'html';
    ctx.body = page('Refused', Object.entries(out).map(([name, value]) => `<p>${text(name)}: ${text(value)}</p>`).join(''));
  },
  discovery: {
    mtls_endpoint_aliases: Object.fromEntries(Object.entries({
      token: '/token', userinfo: '/me', revocation: '/token/revocation', introspection: '/token/introspection',
      pushed_authorization_request: '/request', device_authorization: '/device/auth', backchannel_authentication: '/backchannel',
    }).map(([name, path]) => [`${name}_endpoint`, mtls + path])),
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: on,
    claimsParameter: on,
    clientCredentials: on,
    encryption: on,
    jwtIntrospection: on,
    jwtResponseModes: on,
    jwtUserinfo: on,
    registrationManagement: on,
    requestObjects: on,
    fapi: { enabled: fapi, profile: '2.0' },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: fapi },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    registration: {
      enabled: true, initialAccessToken: env.INITIAL_TOKEN ?? false,
      idFactory: (ctx) => `${String(ctx.oidc.body.client_name ?? 'client').replace(/[^\w.-]/g, '-')}-${randomBytes(6).toString('hex')}`,
      secretFactory: () => `${randomBytes(48).toString('base64')}: %+/=&?`, // as awkward as a secret can be
    },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    mTLS: {
      enabled: true, tlsClientAuth: true, selfSignedTlsClientAuth: true, certificateBoundAccessTokens: true,
      getCertificate: (ctx) => (peer(ctx.req)?.raw ? new X509Certificate(peer(ctx.req).raw) : undefined),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
        // RFC 4514 order is the reverse of the certificate's; no escaping: use plain names in tests
        && new X509Certificate(peer(ctx.req).raw).subject.split('\n').reverse().join(',') === expected,
    },
    resourceIndicators: {
      enabled: true,
      // who asks for authorization_details must name a resource, or have one
      defaultResource: (ctx, _client, oneOf) => oneOf?.[0] ?? (ctx.oidc.params.authorization_details ? 'https://api.example/' : undefined),
      useGrantedResource: (_ctx, source) => Boolean(source.rar),
      getResourceServerInfo: (_ctx, audience) => {
        if (audience.startsWith('https://unknown.example/')) throw new errors.InvalidTarget();
        return {
          scope: resourceScopes, audience,
          ...(audience.startsWith('https://opaque.example/') ? { accessTokenFormat: 'opaque' } : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
        };
      },
    },
    richAuthorizationRequests: {
      enabled: true,
      types: {
        payment: {
          validate(_ctx, detail) {
            if (!detail.actions) throw new errors.InvalidAuthorizationDetails('payment wants actions');
          },
        },
      },
      authorizationDetailsForGrantSource: (ctx) => ctx.oidc.grant.rar,
      authorizationDetailsForAccessToken: (ctx, _token, source) => source?.rar ?? JSON.parse(ctx.oidc.params.authorization_details),
      authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
    },
    deviceFlow: {
      enabled: true, charset: 'base-20', mask: '****-****',
      userCodeInputSource: (ctx, form, _out, err) => {
        ctx.body = page('Connect a device', `${err ? `<p id="error">${text(err.message)}</p>` : ''}${form}${button('enter', 'Continue', 'op.deviceInputForm')}`);
      },
      userCodeConfirmSource: (ctx, form, client, _info, code) => {
        ctx.body = page('Is this your device?', `<p>${text(client.clientName ?? client.clientId)}: <code>${text(code)}</code></p>${form}${button('allow', 'Yes', 'op.deviceConfirmForm')}${button('yes', 'No', 'op.deviceConfirmForm', 'abort')}`);
      },
      successSource: (ctx) => { ctx.body = page('The device is connected', ''); },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = page('Log out?', `${form}${button('yes', 'Yes', 'op.logoutForm', 'logout')}${button('no', 'No', 'op.logoutForm', 'stay')}`); },
      postLogoutSuccessSource: (ctx) => { ctx.body = page('Logged out', ''); },
    },
    ciba: {
      enabled: !fapi, deliveryModes: ['poll', 'ping'],
      processLoginHint: (_ctx, hint) => hint,
      processLoginHintToken: (_ctx, token) => { // whoever signed it: it is a test
        try { return decodeJwt(token).sub; } catch { throw new errors.InvalidRequest('login_hint_token is no JWT'); }
      },
      validateRequestContext: () => undefined,
      verifyUserCode: (ctx, _account, code) => {
        if (ctx.oidc.client.backchannelUserCodeParameter && !code) throw new errors.MissingUserCode();
        if (code !== undefined && code !== '1234') throw new errors.InvalidUserCode();
      },
      triggerAuthenticationDevice: (ctx, request, account) => {
        if (account.accountId === 'later') return;
        ctx.res.once('finish', () => decide(request, account.accountId !== 'deny').catch(complain));
      },
    },
  },
});
const complain = (err) => console.error(err);
// why the provider refused: the response body never says
for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'introspection.error', 'revocation.error', 'pushed_authorization_request.error',
  'registration_create.error', 'registration_update.error', 'end_session.error', 'backchannel_authentication.error', 'backchannel.error', 'server_error']) {
  provider.on(event, (ctx, err) => {
    const entry = seen.get(ctx.req);
    if (entry) entry.error = `${err.message}: ${err.error_detail ?? err.error_description ?? ''}`;
    console.error(`${event}: ${ctx.path}: ${entry?.error} ${event === 'server_error' ? err.stack : err.cause ?? ''}`);
  });
}
provider.on('grant.error', (ctx, err) => { // "later" grants once it was polled for
  const id = ctx.oidc?.params?.auth_req_id;
  if (err.error !== 'authorization_pending' || !id) return;
  ctx.res.once('finish', async () => {
    const request = await provider.BackchannelAuthenticationRequest.find(id);
    if (request?.accountId === 'later' && request.params.binding_message !== 'wait') await decide(request, true).catch(complain);
  });
});

// ---- consent ----
async function grant(accountId, clientId, { scope = '', claims, resources = {}, rar = [], id }) {
  const g = (id && await provider.Grant.find(id)) ?? new provider.Grant({ accountId, clientId });
  if (scope) g.addOIDCScope(scope);
  if (claims) g.addOIDCClaims(claims);
  for (const [resource, scopes] of Object.entries(resources)) g.addResourceScope(resource, scopes);
  for (const detail of rar) g.addRar(detail);
  await g.save();
  return g;
}
const everyScope = (resource) => Object.fromEntries([resource ?? []].flat().map((name) => [name, resourceScopes]));

async function decide(request, allow) {
  const { accountId, clientId, scope, resource } = request;
  const result = allow
    ? await grant(accountId, clientId, { scope, resources: everyScope(resource) })
    : new errors.AccessDenied('the user refused');
  await provider.backchannelResult(request, result, { ...howLoggedIn, authTime: Math.floor(Date.now() / 1000) });
}

// ---- login and consent: pages, or AUTO ----
const loginPage = (params, wrong) => page('Log in', `${wrong ? '<p id="error">That is not right.</p>' : ''}<form method="post">
  <label>Name <input id="login" name="login" value="${text(params.login_hint)}"></label>
  <label>Password <input id="password" name="password" type="password"></label>
  ${button('allow', 'Log in')}</form>`);
const consentPage = (params, details) => page('Allow access?', `<p><b>${text(params.client_id)}</b> asks for:</p>
  <pre id="details">${text(JSON.stringify(details, null, 2))}</pre><form method="post">${button('allow', 'Allow')} ${button('deny', 'Deny')}</form>`);
const refusal = { error: 'access_denied', error_description: 'the user refused' };

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  const show = (page) => res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(page);
  const login = (accountId) => provider.interactionFinished(req, res, { login: { accountId, ...howLoggedIn } }, { mergeWithLastSubmission: false });
  const consent = async (allow) => {
    if (!allow) return provider.interactionFinished(req, res, refusal, { mergeWithLastSubmission: false });
    const d = prompt.details;
    const { jti } = await grant(session.accountId, params.client_id, {
      id: grantId, scope: d.missingOIDCScope?.join(' '), claims: d.missingOIDCClaims, rar: d.rar,
      resources: Object.fromEntries(Object.entries(d.missingResourceScopes ?? {}).map(([name, scopes]) => [name, scopes.join(' ')])),
    });
    return provider.interactionFinished(req, res, { consent: { grantId: jti } });
  };
  if (env.AUTO) return prompt.name === 'login' ? login(params.login_hint || 'alice') : consent(session.accountId !== 'deny');
  if (req.method === 'GET') return show(prompt.name === 'login' ? loginPage(params) : consentPage(params, prompt.details));
  const form = new URLSearchParams(await read(req));
  if (prompt.name !== 'login') return consent(form.get('decision') === 'allow');
  if (!authentic(form.get('login'), form.get('password'))) return show(loginPage(params, true));
  return login(form.get('login'));
}

// ---- grants that the library does not have ----
const helpers = Object.fromEntries(Object.entries(grantHelpers).map(([name, helper]) => [name, helper.bind(undefined, provider)]));
async function issue(ctx, accountId, gty, scope) {
  const { client, params } = ctx.oidc;
  const dPoP = await helpers.validateDpop(ctx);
  const cert = helpers.checkMtlsCert(ctx);
  helpers.checkDpopRequired(ctx, dPoP);
  const resource = params.resource ?? params.audience;
  params.resource = resource;
  const g = await grant(accountId, client.clientId, { scope, resources: everyScope(resource) });
  const source = new provider.RefreshToken({
    client, accountId, grantId: g.jti, gty, scope, resource, ...howLoggedIn, authTime: Math.floor(Date.now() / 1000),
  });
  await issueTokens(provider, helpers, ctx, source, g, { gty, entityLabel: gty, cert, dPoP });
}
const more = ['scope', 'resource', 'audience'];
const several = ['resource', 'audience'];

provider.registerGrantType('password', async (ctx) => {
  const { username, password, scope } = ctx.oidc.params;
  if (!authentic(username, password)) throw new errors.InvalidGrant('wrong name or password');
  await issue(ctx, username, 'password', scope);
}, ['username', 'password', ...more], several);

// The client is the issuer of its own assertions (RFC 7523 section 2.1).
provider.registerGrantType('urn:ietf:params:oauth:grant-type:jwt-bearer', async (ctx) => {
  const { client, params } = ctx.oidc;
  let claims;
  try {
    const audience = [issuer, `${issuer}/token`, `${mtls}/token`];
    ({ payload: claims } = await jwtVerify(params.assertion, createLocalJWKSet(client.jwks), { issuer: client.clientId, audience, requiredClaims: ['exp', 'sub'] }));
  } catch (cause) {
    throw new errors.InvalidGrant('the assertion is not accepted', String(cause), { cause });
  }
  if (!Object.hasOwn(users, claims.sub)) throw new errors.InvalidGrant('there is no such user');
  await issue(ctx, claims.sub, 'jwt-bearer', params.scope);
}, ['assertion', ...more], several);

// RFC 8693: an access token or ID Token of this provider for another access token.
const tokenType = 'urn:ietf:params:oauth:token-type:';
async function subject(token, type) {
  if (type === `${tokenType}access_token`) {
    const found = await provider.AccessToken.find(token);
    if (found) return { accountId: found.accountId, scope: found.scope };
  }
  try {
    const { payload } = await jwtVerify(token, publicKeys, { issuer });
    return { accountId: payload.sub, scope: payload.scope ?? 'openid' };
  } catch (cause) {
    throw new errors.InvalidRequest('the token is not accepted', { cause });
  }
}
provider.registerGrantType('urn:ietf:params:oauth:grant-type:token-exchange', async (ctx) => {
  const { params } = ctx.oidc;
  if (!params.subject_token || !params.subject_token_type) throw new errors.InvalidRequest('subject_token and subject_token_type are needed');
  if (Boolean(params.actor_token) !== Boolean(params.actor_token_type)) throw new errors.InvalidRequest('actor_token and actor_token_type go together');
  if (params.requested_token_type && params.requested_token_type !== `${tokenType}access_token`) throw new errors.InvalidRequest('access tokens only');
  const { accountId, scope } = await subject(params.subject_token, params.subject_token_type);
  if (params.actor_token) await subject(params.actor_token, params.actor_token_type);
  await issue(ctx, accountId, 'token-exchange', params.scope ?? scope);
  ctx.body.issued_token_type = `${tokenType}access_token`;
}, ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', ...more], several);

// ---- routes ----
provider.use(async (ctx, next) => {
  try { await next(); } finally {
    const entry = seen.get(ctx.req);
    if (entry) entry.client = ctx.oidc?.entities?.Client?.clientId;
  }
});
const callback = provider.callback();
async function read(req) {
  let body = '';
  for await (const chunk of req) body += chunk;
  return body;
}
async function test(req, res, url) {
  const reply = (status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  const wanted = url.searchParams;
  switch (`${req.method} ${url.pathname}`) {
    case 'GET /_test/requests': return reply(200, requests.filter((r) => (!wanted.has('client') || r.client === wanted.get('client'))
      && (!wanted.has('path') || r.path === wanted.get('path'))));
    case 'POST /_test/ciba': {
      const { auth_req_id: id, allow } = JSON.parse(await read(req));
      await decide(await provider.BackchannelAuthenticationRequest.find(id), allow);
      return reply(200, {});
    }
    default: return reply(404, { error: 'not found' });
  }
}
handle = (listener, req, res) => {
  const url = new URL(req.url, issuer);
  const refuse = (err) => { console.error(err); res.writeHead(400, { 'content-type': 'text/plain' }).end(String(err)); };
  if (url.pathname.startsWith('/_test/')) return test(req, res, url).catch(refuse);
  note(listener, req, res);
  return url.pathname.startsWith('/interaction/') ? interact(req, res).catch(refuse) : callback(req, res);
};

process.stdout.write(`${JSON.stringify({ issuer, mtls, pid: process.pid, node: process.version })}\n`);
