/**
 * The demo: a Temporal server with Web UI, the sandbox, a worker, one access, one deletion and one access with a doubtful record that a
 * person decides, all on this machine with made-up data and keys of its own. On a terminal it stays up until Ctrl-C, otherwise it ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { startDevServer } from '../../dev-server';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server/free-port';
import { type SandboxCompany, startSandbox } from '../../sandbox';
import { SHARE_DEFAULT } from '../budget';
import type { DsrClient, Kind, RequestResult } from '../client';
import { startCodecServer } from '../codec-server';
import { generateKeyFile } from '../encryption/key-file';
import { loadKeyring } from '../encryption/keyring';
import { createParts, createStores, type Parts } from '../parts';
import { DEFAULT_TASK_QUEUE, SEARCH_ATTRIBUTES, workflowIdOf } from '../request/names';
import { connectTemporal } from '../temporal/connect';
import { nextCredentialVersion } from '../vault/connections';
import { createFolderDriver } from '../vault/folder';
import { createVault } from '../vault/vault';
import { startService } from '../worker';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { savePackage } from './package';
import { openPlan, planLines } from './plans';
import { showProgress } from './progress';
import { resultLines } from './result-lines';
import type { Terminal } from './terminal';

const COMPANY = 'acme';
/** Four times the usual limit, so that the demo takes seconds. */
const LIMIT_PER_MINUTE = 240;
const POLL_EVERY_MS = 200;

export async function demo({ terminal }: Context): Promise<Exit> {
  const endings: (() => Promise<unknown>)[] = [];
  await terminal.io.installRuntime(terminal.log);
  terminal.note('aircall-dsr demo. Everything runs on this machine; people and calls are made up.');
  terminal.note('');
  try {
    const codecPort = await findFreePort(ANY_PORT);
    const server = await startDevServer({
      ui: true,
      uiCodecEndpoint: `http://${HOST}:${codecPort}`,
      searchAttributes: SEARCH_ATTRIBUTES,
      onProgress: terminal.note,
    });
    endings.push(() => server.stop());
    terminal.note(`Temporal   ${server.address}, Web UI ${server.uiUrl}`);

    const sandbox = await startSandbox();
    endings.push(() => sandbox.close());
    const company = sandbox.company(COMPANY);
    terminal.note(
      `Aircall    a sandbox at ${sandbox.baseUrl}: ${company.contacts().length} contacts, ${company.calls().length} calls`,
    );

    const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-demo-'));
    const keyFile = join(folder, 'keys.json');
    const vaultFolder = join(folder, 'vault');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);
    const stores = createStores({ keyring, vault: createVault(createFolderDriver(vaultFolder), keyring) });
    const codec = await startCodecServer({
      keyring,
      host: HOST,
      port: codecPort,
      uiOrigin: server.uiUrl ?? '',
      encodes: false,
      log: () => {},
    });
    endings.push(() => codec.close());
    terminal.note(`Codec      shows payloads in the clear to that Web UI, at ${codec.url}`);
    endings.push(() => Promise.all([keyFile, vaultFolder].map(path => rm(path, { recursive: true, force: true }))));
    await stores.connections.put(
      {
        name: COMPANY,
        baseUrl: sandbox.baseUrl,
        limitPerMinute: LIMIT_PER_MINUTE,
        share: SHARE_DEFAULT,
        credential: { kind: 'api-key', apiId: company.apiId, apiToken: company.apiToken },
        credentialVersion: nextCredentialVersion(undefined, Date.now()),
        connectedAt: new Date().toISOString(),
        incarnation: await stores.connections.beginIncarnation(COMPANY, Date.now()),
      },
      undefined,
    );

    const native = await NativeConnection.connect({ address: server.address });
    endings.push(() => native.close());
    const temporal = await connectTemporal(keyring, {
      connectionOptions: { address: server.address },
      namespace: 'default',
    });
    endings.push(() => temporal.connection.close());
    const parts = createParts(stores, { temporal, taskQueue: DEFAULT_TASK_QUEUE });
    const service = await startService({ native, parts, log: () => {} });
    endings.push(() => service.stop());
    terminal.note(
      `Worker     serves ${COMPANY} with ${LIMIT_PER_MINUTE * SHARE_DEFAULT} of its ${LIMIT_PER_MINUTE} API requests a minute; all payloads are encrypted`,
    );
    terminal.note('');

    const { packageFile, ...results } = await tellStory({ terminal, parts, company, folder });
    const linkTo = (result: RequestResult) =>
      `${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowIdOf(result))}`;
    const links = {
      access: linkTo(results.access),
      deletion: linkTo(results.deletion),
      doubtful: linkTo(results.doubtful),
      decided: linkTo(results.decided),
    };
    terminal.note(
      'See all in the Temporal Web UI. The server holds ciphertext; a codec server of this demo shows it in the clear:',
    );
    for (const link of Object.values(links)) terminal.note(`  ${link}`);
    if (terminal.io.stdout.isTTY === true) {
      terminal.note('');
      terminal.note('Ctrl-C ends the demo.');
      await terminal.stopped();
    }
    terminal.print({ ...results, packageFile, links }, []);
    const { access, deletion, decided } = results;
    return [access, deletion, decided].every(({ status }) => status === 'completed') ? EXIT.done : EXIT.failed;
  } finally {
    await endAll(endings.reverse());
  }
}

interface Stage {
  readonly terminal: Terminal;
  readonly parts: Parts;
  readonly company: SandboxCompany;
  /** For what is handed over. */
  readonly folder: string;
}

/** One access, one deletion, and one access of a person of whom not everything is certain. */
async function tellStory(stage: Stage) {
  const { terminal, parts, company, folder } = stage;
  const { note } = terminal;
  const subject = { email: company.truth.subjectEmail };

  note('A customer asks for a copy of her data.');
  const access = await run(stage, 'access', { requestId: 'demo-access', subject });
  const packageFile = join(folder, 'access-package.zip');
  if (access.package !== undefined) await savePackage(parts.cases, access, packageFile);
  note(`  package    ${packageFile}`);
  note('');

  note('She asks for the deletion of her data.');
  const before = company.contacts().length;
  const deletion = await run(stage, 'deletion', { requestId: 'demo-deletion', subject });
  note(`  the sandbox had ${before} contacts and has ${company.contacts().length} now`);
  note('');

  note(
    'Another customer asks for a copy. A second contact has her name and number, but no e-mail address: is it hers?',
  );
  const another = doubtfulSubject(company);
  const doubtful = await run(stage, 'access', { requestId: 'demo-doubtful', subject: another });
  note('');

  note('An operator sends the request again with --require-approval, and opens its plan.');
  const decided = await decide(stage, { requestId: 'demo-decided', subject: another });
  note('');
  return { access, deletion, doubtful, decided, packageFile };
}

interface Asked {
  readonly requestId: string;
  readonly subject: { readonly email: string };
}

/** Starts a request, shows its progress and prints what came of it. */
async function run(stage: Stage, kind: Kind, asked: Asked): Promise<RequestResult> {
  const { workflowId } = await stage.parts.client.start(kind, { ...asked, connection: COMPANY });
  return finish(stage, workflowId);
}

async function finish({ terminal, parts: { client } }: Stage, workflowId: string): Promise<RequestResult> {
  const result = await showProgress(client, workflowId, { watched: true, note: terminal.note });
  for (const line of resultLines(result).slice(1)) terminal.note(line);
  return result;
}

/** An access request that waits for a person, who takes the doubtful contacts. */
async function decide(stage: Stage, asked: Asked): Promise<RequestResult> {
  const { client, cases } = stage.parts;
  const { note } = stage.terminal;
  const input = { ...asked, connection: COMPANY, requireApproval: true };
  const { workflowId } = await client.start('access', input);
  if (await waitsForApproval(client, workflowId)) {
    const opened = await openPlan(cases, { ...input, kind: 'access' });
    if (opened === undefined) throw new Error('a request waits without a plan');
    for (const line of planLines(opened.rows)) note(`  ${line}`);
    const taken = opened.rows.filter(({ record, doubt }) => record === 'contact' && doubt !== undefined);
    const refs = taken.map(({ ref }) => ref);
    note('It is hers: the operator takes it, and with it the calls that Aircall attached to it.');
    note(`  aircall-dsr approve ${asked.requestId} --plan ${opened.planDigest} --take "${refs.join(',')}"`);
    await client.approve(workflowId, {
      planDigest: opened.planDigest,
      decisions: Object.fromEntries(refs.map(ref => [ref, 'take'] as const)),
      at: new Date().toISOString(),
    });
  }
  return finish(stage, workflowId);
}

/** False if it ended without. */
async function waitsForApproval(client: DsrClient, workflowId: string): Promise<boolean> {
  for (;;) {
    const { waitingFor, result } = await client.status(workflowId);
    if (waitingFor?.cause === 'approval') return true;
    if (result !== undefined) return false;
    await delay(POLL_EVERY_MS);
  }
}

function doubtfulSubject({ truth }: SandboxCompany): { readonly email: string } {
  const [email] = truth.personas['second-card-without-email']?.identities.emails ?? [];
  if (email === undefined) throw new Error('the sandbox has no such persona');
  return { email };
}

/** Ends all, in this order, also if one of them fails. @throws the first failure */
async function endAll(endings: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of endings) await end().catch(error => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
