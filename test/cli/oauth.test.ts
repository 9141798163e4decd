/** OAuth from the authorize URL to a completed request, by pasting and over HTTP, and what is refused on the way. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { OAUTH_CLIENT, type Sandbox, startSandbox } from '../../sandbox';
import { loadKeyring } from '../../src/encryption/keyring';
import { createAuthorizations } from '../../src/vault/authorizations';
import { createConnections, renewalOf } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { startSelfSigned } from '../aircall/support/raw-server';
import { WRONG_CLOCKS, withClock } from '../support/clocks';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf, resultSchema } from '../support/documents';
import { until } from '../support/patience';

const operator = createOperator();
const REDIRECT_URI = 'https://dsr.example.com/oauth/callback';
const CLIENT = {
  AIRCALL_OAUTH_CLIENT_ID: OAUTH_CLIENT.id,
  AIRCALL_OAUTH_CLIENT_SECRET: OAUTH_CLIENT.secret,
  AIRCALL_OAUTH_REDIRECT_URI: REDIRECT_URI,
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
  operator.keepSecret(OAUTH_CLIENT.secret, sandbox.company('acme').accessToken);
  await operator.run(['keys', 'generate']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

/** Starts `connect --oauth` and answers the command and the address that it prints. */
async function begin(name: string, more: readonly string[] = [], environment: Record<string, string> = CLIENT) {
  const args = ['connect', name, '--oauth', '--base-url', sandbox.baseUrl, '--json', ...more];
  const command = await operator.serve(args, /oauth\/authorize\?/, environment);
  if (more.includes('--listen')) await until('it listens', () => command.stderr().includes('Waiting for the callback'));
  const url = /http\S+oauth\/authorize\?\S+/.exec(command.stderr())?.[0] ?? '';
  return { command, url };
}

/** What the browser of an admin does who chooses a company, or none: the address that it is sent to. */
async function consent(url: string, company: string): Promise<string> {
  const shown = await fetch(url);
  expect(await shown.text()).toContain('Authorize for acme');
  const sent = await fetch(url, { method: 'POST', body: new URLSearchParams({ company }), redirect: 'manual' });
  return sent.headers.get('location') ?? '';
}

async function paste(command: RunningCommand, text: string) {
  command.type(`${text}\n`);
  const { exit, stdout, stderr } = await command.ended();
  const document: unknown = JSON.parse(stdout);
  return { exit, document, stderr };
}

const tokenRequests = () => sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');
const connectionsOf = z.object({ connections: z.array(z.object({ connection: z.string(), credential: z.string() })) });

describe('connect --oauth', () => {
  test('prints where an admin consents, takes the pasted address, and a request runs with the token', async () => {
    const { command, url } = await begin('pasted');
    const given = Object.fromEntries(new URL(url).searchParams);
    expect(given).toEqual({
      client_id: OAUTH_CLIENT.id,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: 'public_api',
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    const before = sandbox.requests().length;
    const { exit, document } = await paste(command, await consent(url, 'acme'));
    expect({ exit, document }).toMatchObject({ exit: 0, document: { connection: 'pasted', company: 'acme' } });
    // Four API requests at most, the exchange included.
    const asked = sandbox.requests().slice(before);
    expect(asked.map(({ path }) => path)).toEqual([
      '/v1/oauth/token',
      '/v1/company',
      '/v1/contacts/search',
      '/v1/calls',
    ]);

    const worker = await operator.startWorker();
    const { subjectEmail } = sandbox.company('acme').truth;
    const ran = await operator.ask(['access', 'pasted', subjectEmail, '--wait']);
    expect(resultSchema.parse(ran.document).status).toBe('completed');
    await worker.end('SIGTERM');
  });

  test.each(Object.entries(WRONG_CLOCKS))(
    'on a machine whose clock is at %s notes when the token is renewed by the right time',
    async (_, aheadMs) => {
      sandbox.company('acme').behave({ refreshGrant: true, tokenSeconds: 7_200 });
      const { exit } = await withClock(aheadMs, async () => {
        const { command, url } = await begin('clocked');
        return paste(command, await consent(url, 'acme'));
      });
      sandbox.company('acme').behave({ refreshGrant: false });
      expect(exit).toBe(0);
      const keyring = loadKeyring(join(operator.folder, 'keys.json'));
      const vault = createVault(createFolderDriver(join(operator.folder, 'vault')), keyring);
      const stored = await createConnections(vault).get('clocked');
      const renewAt = (stored && renewalOf(stored.value)) ?? '';
      const leftMinutes = (Date.parse(renewAt) - Date.now()) / 60_000;
      expect(leftMinutes).toBeGreaterThan(110);
      expect(leftMinutes).toBeLessThanOrEqual(115);
    },
  );

  test('takes the callback over HTTP, refuses those that are not its own, and ends at the success page', async () => {
    const { command, url } = await begin('listened', ['--listen', '127.0.0.1:0']);
    const listening = /http:\/\/127\.0\.0\.1:\d+\/oauth\/callback/.exec(command.stderr())?.[0] ?? '';
    const made_up = await fetch(`${listening}?code=c0de&state=made-up`);
    expect(made_up.status).toBe(400);
    expect(await made_up.text()).toContain('was not issued for this vault');
    expect((await fetch(listening.replace('callback', 'elsewhere'))).status).toBe(404);
    expect((await fetch(listening, { method: 'POST' })).status).toBe(404);

    const { search } = new URL(await consent(url, 'globex'));
    const end = await fetch(listening + search, { redirect: 'manual' });
    expect(end.status).toBe(302);
    expect(end.headers.get('location')).toBe(`${sandbox.origin}/oauth/success`);
    expect(end.headers.get('referrer-policy')).toBe('no-referrer');
    const { exit, stdout } = await command.ended();
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ connection: 'listened', company: 'globex' });
    expect(command.stderr()).toContain('oauth-state-wrong');
  });

  test.each([
    ['an admin who refuses', async (url: string) => consent(url, ''), 'oauth-denied'],
    ['what is no address', async () => 'zoe.nunez@example.com', 'oauth-callback-unusable'],
    [
      'a changed state',
      async (url: string) => (await consent(url, 'acme')).replace(/state=../, 'state=AA'),
      'oauth-state-wrong',
    ],
    [
      'a code that was used',
      async (url: string) => {
        const callback = await consent(url, 'acme');
        const code = new URL(callback).searchParams.get('code') ?? '';
        await exchange(code);
        return callback;
      },
      'oauth-code-refused',
    ],
    ['a code that is made up', async (url: string) => withCode(await consent(url, 'acme')), 'oauth-code-refused'],
  ] as const)('refuses %s, stores nothing, and says so', async (_, callback, code) => {
    const { command, url } = await begin('refused');
    const { exit, document, stderr } = await paste(command, await callback(url));
    expect(exit).toBe(1);
    expect(errorOf(document)).toMatchObject({ code, message: expect.stringContaining('Nothing was changed') });
    expect(stderr).not.toContain('zoe.nunez');
    const { connections } = connectionsOf.parse((await operator.ask(['connections'])).document);
    expect(connections.map(({ connection }) => connection)).not.toContain('refused');
  });

  test('refuses a callback that was used, of another connection, or that never comes', async () => {
    const first = await begin('used');
    const callback = await consent(first.url, 'acme');
    expect((await paste(first.command, callback)).exit).toBe(0);
    const before = tokenRequests().length;
    const codes: string[] = [];
    for (const name of ['used', 'another']) {
      const { command } = await begin(name);
      codes.push(errorOf((await paste(command, callback)).document).code);
    }
    expect(codes).toEqual(['oauth-state-used', 'oauth-state-wrong']);
    const { command } = await begin('nothing');
    command.hangUp();
    const { exit, stdout } = await command.ended();
    expect(exit).toBe(1);
    expect(errorOf(JSON.parse(stdout))).toMatchObject({
      code: 'oauth-state-late',
      message: expect.stringContaining('No callback came'),
    });
    expect(tokenRequests()).toHaveLength(before);
    const { connections } = connectionsOf.parse((await operator.ask(['connections'])).document);
    expect(connections.map(({ connection }) => connection)).not.toContain('nothing');
  });

  test('says over HTTP what is wrong with each callback that is not its own, goes on waiting, and ends with the right one', async () => {
    const used = await begin('listening');
    const usedCallback = await consent(used.url, 'acme');
    expect((await paste(used.command, usedCallback)).exit).toBe(0);

    const { command, url } = await begin('listening', ['--listen', '127.0.0.1:0']);
    const listening = /http:\/\/127\.0\.0\.1:\d+\/oauth\/callback/.exec(command.stderr())?.[0] ?? '';
    const idle = connect(Number(new URL(listening).port), '127.0.0.1'); // as a browser opens it ahead of need
    const good = new URL(await consent(url, 'acme'));
    const before = tokenRequests().length;
    const code = good.searchParams.get('code') ?? '';
    const callbacks: readonly (readonly [string, string, string])[] = [
      ['a made-up state', `?code=${code}&state=made-up`, 'oauth-state-wrong'],
      ['a state that was used', new URL(usedCallback).search, 'oauth-state-used'],
      ['a late state', `?code=${code}&state=${await beginEarlier('listening')}`, 'oauth-state-late'],
      ['of another connection', `?code=${code}&state=${await beginEarlier('another')}`, 'oauth-state-wrong'],
      ['no state', `?code=${code}`, 'oauth-callback-unusable'],
      ['an error, no state', '?error=access_denied', 'oauth-callback-unusable'],
      ['two states', `${good.search}&state=made-up`, 'oauth-callback-unusable'],
      ['nothing', '', 'oauth-callback-unusable'],
    ];
    const said: string[] = [];
    for (const [what, query, refusedAs] of callbacks) {
      const reply = await fetch(listening + query);
      const text = /<p>(.*)<\/p>/.exec(await reply.text())?.[1] ?? '';
      expect([what, reply.status]).toEqual([what, 400]);
      await until('the terminal tells it', () => command.stderr().includes(`(${refusedAs}): ${text}`));
      said.push(`${what} -> ${refusedAs}: ${text}`);
    }
    expect(tokenRequests()).toHaveLength(before);
    expect((await fetch(listening + good.search, { redirect: 'manual' })).status).toBe(302);
    expect((await command.ended()).exit).toBe(0);
    idle.destroy();

    const denied = await begin('listening', ['--listen', '127.0.0.1:0']);
    const place = /http:\/\/127\.0\.0\.1:\d+\/oauth\/callback/.exec(denied.command.stderr())?.[0] ?? '';
    const refused = await fetch(place + new URL(await consent(denied.url, '')).search);
    said.push(`the admin refuses -> oauth-denied: ${/<p>(.*)<\/p>/.exec(await refused.text())?.[1]}`);
    const { exit, stdout } = await denied.command.ended();
    expect({ exit, code: errorOf(JSON.parse(stdout)).code }).toEqual({ exit: 1, code: 'oauth-denied' });
    console.log(`callback -> what was said\n${said.join('\n')}`);
  });

  test('reads the client from files', async () => {
    const files = { id: join(operator.folder, 'client-id'), secret: join(operator.folder, 'client-secret') };
    writeFileSync(files.id, `${OAUTH_CLIENT.id}\n`);
    writeFileSync(files.secret, `${OAUTH_CLIENT.secret}\n`);
    const { command, url } = await begin('filed', [], {
      AIRCALL_OAUTH_CLIENT_ID_FILE: files.id,
      AIRCALL_OAUTH_CLIENT_SECRET_FILE: files.secret,
      AIRCALL_OAUTH_REDIRECT_URI: REDIRECT_URI,
    });
    expect((await paste(command, await consent(url, 'acme'))).exit).toBe(0);
  });

  test('says what to do about a certificate that nobody vouches for, also where the code is exchanged', async () => {
    const server = await startSelfSigned();
    const baseUrl = server.baseUrl.replace('http:', 'https:');
    const { command, url } = await begin('untrusted', ['--base-url', baseUrl]);
    const { exit, document } = await paste(command, `?code=c0de&state=${new URL(url).searchParams.get('state')}`);
    await server.stop();
    expect(exit).toBe(1);
    expect(errorOf(document)).toMatchObject({
      code: 'not-trusted',
      message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(server.received).toHaveLength(0);
  });

  test('refuses a client that Aircall does not know', async () => {
    const { command, url } = await begin('client', [], { ...CLIENT, AIRCALL_OAUTH_CLIENT_SECRET: 'wrong' });
    const { exit, document } = await paste(command, await consent(url, 'acme'));
    expect(exit).toBe(1);
    expect(errorOf(document).code).toBe('oauth-client-refused');
  });

  test.each([
    ['without a client', {}, [], 'configuration'],
    ['with a redirect URI that is none', { ...CLIENT, AIRCALL_OAUTH_REDIRECT_URI: 'dsr' }, [], 'configuration'],
    [
      'with a secret file that is not there',
      { ...CLIENT, AIRCALL_OAUTH_CLIENT_SECRET_FILE: '/nowhere' },
      [],
      'configuration',
    ],
    ['together with other credentials', CLIENT, ['--api-id', 'a'], 'usage'],
    ['with a place to listen that is none', CLIENT, ['--listen', 'here'], 'usage'],
  ] as const)('is wrong usage %s', async (_, environment, more, code) => {
    const args = ['connect', 'misused', '--oauth', '--base-url', sandbox.baseUrl, ...more];
    const { exit, document } = await operator.ask(args, environment);
    expect(exit).toBe(2);
    expect(errorOf(document).code).toBe(code);
  });
});

/** A state that was handed out eleven minutes ago. */
async function beginEarlier(name: string): Promise<string> {
  const { AIRCALL_DSR_KEYS, AIRCALL_DSR_VAULT = '' } = operator.environment;
  const vault = createVault(createFolderDriver(AIRCALL_DSR_VAULT), loadKeyring(AIRCALL_DSR_KEYS));
  return createAuthorizations(vault).begin(name, new Date(Date.now() - 660_000));
}

async function exchange(code: string): Promise<void> {
  const reply = await fetch(`${sandbox.baseUrl}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: OAUTH_CLIENT.id,
      client_secret: OAUTH_CLIENT.secret,
      code,
      redirect_uri: REDIRECT_URI,
    }),
  });
  expect(reply.status).toBe(200);
}

function withCode(callback: string): string {
  const url = new URL(callback);
  url.searchParams.set('code', 'made-up');
  return url.href;
}
