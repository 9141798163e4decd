/** Who is let in: API keys, access tokens, OAuth codes and refresh tokens, and their end. */
import { OAUTH_CLIENT, type Sandbox } from '../../sandbox/index';
import { at, basic, closeAfterEach, post, request, setUp } from './ask';

closeAfterEach();

const REDIRECT = 'https://dsr.example.com/callback';
const CLIENT = { client_id: OAUTH_CLIENT.id, client_secret: OAUTH_CLIENT.secret };

const grantOf = (code: string) => ({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, ...CLIENT });
const token = (sandbox: Sandbox, body: object) => request(`${sandbox.baseUrl}/oauth/token`, post(body));
const ping = async (sandbox: Sandbox, authorization: string) =>
  (await request(`${sandbox.baseUrl}/ping`, { headers: { Authorization: authorization } })).status;

describe('credentials', () => {
  test("are each company's own, as API key or access token", async () => {
    const { sandbox } = await setUp();
    const [acme, globex] = sandbox.companies;
    expect(acme?.apiId).toMatch(/^[0-9a-f]{32}$/);
    for (const company of sandbox.companies) {
      expect(await ping(sandbox, basic(company))).toBe(200);
      expect(await ping(sandbox, `Bearer ${company.accessToken}`)).toBe(200);
    }
    expect(await ping(sandbox, basic({ apiId: acme?.apiId ?? '', apiToken: globex?.apiToken ?? '' }))).toBe(403);
    expect(await ping(sandbox, 'Basic !')).toBe(403);
    expect(sandbox.requests().map(each => each.company)).toEqual(['acme', 'acme', 'globex', 'globex', 'acme', null]);
  });

  test('that were revoked answer 403 until restored; a key issued later is good', async () => {
    const { sandbox, acme } = await setUp();
    acme.revokeCredentials();
    const later = acme.issueApiKey();
    expect(await ping(sandbox, basic(acme))).toBe(403);
    expect(await ping(sandbox, `Bearer ${acme.accessToken}`)).toBe(403);
    expect(await ping(sandbox, basic(later))).toBe(200);
    expect(await ping(sandbox, basic(sandbox.company('globex')))).toBe(200);
    acme.restoreCredentials();
    expect(await ping(sandbox, basic(acme))).toBe(200);
  });
});

describe('the token endpoint', () => {
  test('gives a permanent token for a code, once, to JSON and to a form', async () => {
    const { sandbox, acme } = await setUp();
    const code = acme.mintOauthCode();
    const answer = await token(sandbox, grantOf(code));
    expect(Object.keys(Object(answer.json))).toEqual(['access_token', 'token_type', 'created_at']);
    expect(await ping(sandbox, `Bearer ${at(answer.json, 'access_token')}`)).toBe(200);
    const again = await token(sandbox, grantOf(code));
    expect([again.status, at(again.json, 'error')]).toEqual([400, 'invalid_grant']);
    const form = await request(`${sandbox.baseUrl}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(grantOf(acme.mintOauthCode())),
    });
    expect(form.status).toBe(200);
  });

  test('refuses an expired code, another redirect URI, a missing field and a wrong secret', async () => {
    const { sandbox, acme, pass } = await setUp();
    const refusal = async (body: object) => {
      const answer = await token(sandbox, body);
      return [answer.status, at(answer.json, 'error')];
    };
    const { redirect_uri: _, ...incomplete } = grantOf(acme.mintOauthCode());
    expect(await refusal(incomplete)).toEqual([400, 'invalid_request']);
    expect(await refusal(grantOf(acme.mintOauthCode('https://other.example.com/')))).toEqual([400, 'invalid_grant']);
    expect(await refusal({ ...grantOf(acme.mintOauthCode()), client_secret: 'x' })).toEqual([401, 'invalid_client']);
    expect(await refusal({ grant_type: 'refresh_token', refresh_token: 'x', ...CLIENT })).toEqual([
      400,
      'unsupported_grant_type',
    ]);
    const code = acme.mintOauthCode();
    pass(600_000);
    expect(await refusal(grantOf(code))).toEqual([400, 'invalid_grant']);
  });

  test('rotates refresh tokens and lets access tokens expire where switched on', async () => {
    const { sandbox, acme, pass } = await setUp();
    acme.behave({ refreshGrant: true, tokenSeconds: 60 });
    const first = (await token(sandbox, grantOf(acme.mintOauthCode()))).json;
    expect(at(first, 'expires_in')).toBe(60);
    pass(60_000);
    expect(await ping(sandbox, `Bearer ${at(first, 'access_token')}`)).toBe(403);
    const refresh = { grant_type: 'refresh_token', refresh_token: at(first, 'refresh_token'), ...CLIENT };
    const second = (await token(sandbox, refresh)).json;
    expect(await ping(sandbox, `Bearer ${at(second, 'access_token')}`)).toBe(200);
    expect(at(second, 'refresh_token')).not.toBe(at(first, 'refresh_token'));
    expect((await token(sandbox, refresh)).status).toBe(400);
  });
});
