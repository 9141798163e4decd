/**
 * The demo: a Temporal server with Web UI, the sandbox, a worker, one access and one deletion, all on this machine with
 * made-up data and keys of its own. On a terminal it stays up until Ctrl-C, otherwise it ends.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { startDevServer } from '../../dev-server';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server/free-port';
import { startSandbox } from '../../sandbox';
import { SHARE_DEFAULT } from '../budget';
import type { RequestResult } from '../client';
import { startCodecServer } from '../codec-server';
import { generateKeyFile } from '../encryption/key-file';
import { loadKeyring } from '../encryption/keyring';
import { createParts, createStores } from '../parts';
import { DEFAULT_TASK_QUEUE, SEARCH_ATTRIBUTES } from '../request/names';
import { connectTemporal } from '../temporal/connect';
import { nextCredentialVersion } from '../vault/connections';
import { createFolderDriver } from '../vault/folder';
import { createVault } from '../vault/vault';
import { startService } from '../worker';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { showProgress } from './progress';
import { resultLines } from './result-lines';
import type { Terminal } from './terminal';

const COMPANY = 'acme';
/** Four times the usual limit, so that the demo takes seconds. */
const LIMIT_PER_MINUTE = 240;

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

    const { client, cases } = parts;
    const watched = { watched: true, note: terminal.note };
    const subject = { email: company.truth.subjectEmail };

    terminal.note('A customer asks for a copy of her data.');
    const access = await client.start('access', { requestId: 'demo-access', connection: COMPANY, subject });
    const given = await showProgress(client, access.workflowId, watched);
    const packageFile = join(folder, 'access-package.zip');
    if (given.package !== undefined) {
      await writeFile(packageFile, (await cases.readPackage(given, given.package.sha256)) ?? '', { mode: 0o600 });
    }
    show(terminal, given);
    terminal.note(`  package    ${packageFile}`);
    terminal.note('');

    terminal.note('She asks for the deletion of her data.');
    const before = company.contacts().length;
    const deletion = await client.start('deletion', { requestId: 'demo-deletion', connection: COMPANY, subject });
    const deleted = await showProgress(client, deletion.workflowId, watched);
    show(terminal, deleted);
    terminal.note(`  the sandbox had ${before} contacts and has ${company.contacts().length} now`);
    terminal.note('');

    const ui = (workflowId: string) => `${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
    const links = { access: ui(access.workflowId), deletion: ui(deletion.workflowId) };
    terminal.note(
      'See both in the Temporal Web UI. The server holds ciphertext; a codec server of this demo shows it in the clear:',
    );
    for (const link of Object.values(links)) terminal.note(`  ${link}`);
    if (terminal.io.stdout.isTTY === true) {
      terminal.note('');
      terminal.note('Ctrl-C ends the demo.');
      await terminal.stopped();
    }
    terminal.print({ access: given, deletion: deleted, packageFile, links }, []);
    return given.status === 'completed' && deleted.status === 'completed' ? EXIT.done : EXIT.failed;
  } finally {
    await endAll(endings.reverse());
  }
}

/** Ends all, in this order, also if one of them fails. @throws the first failure */
async function endAll(endings: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of endings) await end().catch(error => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function show(terminal: Terminal, result: RequestResult): void {
  for (const line of resultLines(result).slice(1)) terminal.note(line);
}
