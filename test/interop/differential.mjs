// An independent relying party for the differential run: npm oauth4webapi.
//
// Reads jobs from stdin, a line of JSON each, and writes a line of JSON on stdout for each,
// in the order in which they end:
//   job    {id, issuer, client_id, client_secret, refresh_token, patience, userinfo_signed_response_alg?}
//   answer {id, accepted, step, code?, message?, late?}
// A job is one refresh of a relying party that uses all that the library offers: discovery,
// the refresh, the signature of the ID Token, UserInfo, and its signature if it has one.
// step is what was refused, or the last one; late says that the job took longer than patience,
// in ms.
//
// Exits when its stdin closes, and after 5 minutes at the latest.
import { createInterface } from 'node:readline';
import * as oauth from 'oauth4webapi';

// here is fetch, but nothing leaves this machine: some faults name endpoints elsewhere.
async function here(url, init) {
  const request = new Request(url); // what fetch refuses by itself is refused as always
  if (new URL(request.url).hostname !== '127.0.0.1') throw Object.assign(new Error(url), { code: 'ELSEWHERE' });
  return fetch(url, init);
}

setTimeout(() => process.exit(3), 5 * 60 * 1000);

async function refresh(job, options, reach) {
  const issuer = new URL(job.issuer);
  const client = {
    client_id: job.client_id,
    id_token_signed_response_alg: 'RS256', // without it, any that the metadata lists will do
    userinfo_signed_response_alg: job.userinfo_signed_response_alg,
  };

  reach('the metadata');
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));

  reach('the token response');
  const secret = oauth.ClientSecretBasic(job.client_secret);
  const answer = await oauth.refreshTokenGrantRequest(as, client, secret, job.refresh_token, options);
  const tokens = await oauth.processRefreshTokenResponse(as, client, answer);
  const idToken = oauth.getValidatedIdTokenClaims(tokens);
  if (idToken) {
    reach('the signature of the ID Token');
    await oauth.validateApplicationLevelSignature(as, answer, options);
  }

  reach('UserInfo');
  const info = await oauth.userInfoRequest(as, client, tokens.access_token, options);
  await oauth.processUserInfoResponse(as, client, idToken?.sub ?? oauth.skipSubjectCheck, info);
  if (oauth.getContentType(info) === 'application/jwt') {
    reach('the signature of UserInfo');
    await oauth.validateApplicationLevelSignature(as, info, options);
  }
}

async function run(job) {
  const answer = { id: job.id, accepted: false };
  const end = new AbortController();
  const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: here, signal: end.signal };
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => { answer.late = true; end.abort(); reject(end.signal.reason); }, job.patience);
  });
  try {
    // the fetch of a compressed answer was seen not to end when it was told to
    await Promise.race([late, refresh(job, options, (step) => { answer.step = step; })]);
    answer.accepted = true;
  } catch (err) {
    answer.code = [err.code, err.cause?.code, err.name].find((code) => typeof code === 'string');
    answer.message = String(err.message).slice(0, 200);
  }
  clearTimeout(timer);
  end.abort(); // what was refused may not have been read: the connection goes
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => { run(JSON.parse(line)); })
  .on('close', () => process.exit(0));
