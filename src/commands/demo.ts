/**
 * The demo: a Temporal server with Web UI, the sandbox, a worker, one access and one deletion, all on this machine with
 * made-up data and keys of its own. On a terminal it stays up until Ctrl-C, otherwise it ends.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { startDevServer } from '../../dev-server';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server/free-port';
import { startSandbox } from '../../sandbox';
import { createDsrClient, type RequestResult } from '../client';
import { startCodecServer } from '../codec-server';
import { createDataConverter } from '../encryption/data-converter';
import { generateKeyFile } from '../encryption/key-file';
import { loadKeyring } from '../encryption/keyring';
import { createLog } from '../log';
import { DEFAULT_TASK_QUEUE, SEARCH_ATTRIBUTES } from '../request/names';
import { createCases } from '../vault/cases';
import { createConnections, nextCredentialVersion } from '../vault/connections';
import { createFolderDriver } from '../vault/folder';
import { createVault } from '../vault/vault';
import { startService } from '../worker';
import { answer, EXIT, type Exit, type Output, tell } from './output';
import { showProgress } from './progress';
import { installRuntime } from './quiet-logger';
import { resultLines } from './requests';

const COMPANY = 'acme';
/** Four times the usual limit, so that the demo takes seconds; the share is the usual one. */
const LIMIT_PER_MINUTE = 240;
const SHARE = 0.75;

export async function demo(options: Output): Promise<Exit> {
  const endings: (() => Promise<unknown>)[] = [];
  installRuntime(createLog('text'));
  tell('aircall-dsr demo. Everything runs on this machine; people and calls are made up.\n');
  try {
    const codecPort = await findFreePort(ANY_PORT);
    const server = await startDevServer({
      ui: true,
      uiCodecEndpoint: `http://${HOST}:${codecPort}`,
      searchAttributes: SEARCH_ATTRIBUTES,
      onProgress: tell,
    });
    endings.push(() => server.stop());
    tell(`Temporal   ${server.address}, Web UI ${server.uiUrl}`);

    const sandbox = await startSandbox();
    endings.push(() => sandbox.close());
    const company = sandbox.company(COMPANY);
    tell(
      `Aircall    a sandbox at ${sandbox.baseUrl}: ${company.contacts().length} contacts, ${company.calls().length} calls`,
    );

    const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-demo-'));
    const keyFile = join(folder, 'keys.json');
    const vaultFolder = join(folder, 'vault');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);
    const vault = createVault(createFolderDriver(vaultFolder), keyring);
    const codec = await startCodecServer({
      keyring,
      host: HOST,
      port: codecPort,
      uiOrigin: server.uiUrl ?? '',
      log: () => {},
    });
    endings.push(() => codec.close());
    tell(`Codec      shows payloads in the clear to that Web UI, at ${codec.url}`);
    endings.push(() => Promise.all([keyFile, vaultFolder].map(path => rm(path, { recursive: true, force: true }))));
    await createConnections(vault).put(
      {
        name: COMPANY,
        baseUrl: sandbox.baseUrl,
        limitPerMinute: LIMIT_PER_MINUTE,
        share: SHARE,
        credential: { kind: 'api-key', apiId: company.apiId, apiToken: company.apiToken },
        credentialVersion: nextCredentialVersion(undefined, Date.now()),
        connectedAt: new Date().toISOString(),
      },
      undefined,
    );

    const native = await NativeConnection.connect({ address: server.address });
    endings.push(() => native.close());
    const temporal = new Client({ connection: server.env.connection, dataConverter: createDataConverter(keyring) });
    const taskQueue = DEFAULT_TASK_QUEUE;
    const service = await startService({ native, temporal, taskQueue, keyring, vault, log: () => {} });
    endings.push(() => service.stop());
    tell(
      `Worker     serves ${COMPANY} with ${LIMIT_PER_MINUTE * SHARE} of its ${LIMIT_PER_MINUTE} API requests a minute; all payloads are encrypted\n`,
    );

    const client = createDsrClient({ temporal, keyring, taskQueue });
    const subject = { email: company.truth.subjectEmail };

    tell('A customer asks for a copy of her data.');
    const access = await client.start('access', { requestId: 'demo-access', connection: COMPANY, subject });
    const given = await showProgress(client, access.workflowId, true);
    const packageFile = join(folder, 'access-package.zip');
    if (given.package !== undefined) {
      await writeFile(packageFile, (await createCases(vault).readPackage(given.package.uri)) ?? '', { mode: 0o600 });
    }
    show(given);
    tell(`  package    ${packageFile}\n`);

    tell('She asks to be deleted.');
    const before = company.contacts().length;
    const deletion = await client.start('deletion', { requestId: 'demo-deletion', connection: COMPANY, subject });
    const deleted = await showProgress(client, deletion.workflowId, true);
    show(deleted);
    tell(`  the sandbox had ${before} contacts and has ${company.contacts().length} now\n`);

    const ui = (workflowId: string) => `${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
    const links = { access: ui(access.workflowId), deletion: ui(deletion.workflowId) };
    tell(
      'See both in the Temporal Web UI. The server holds ciphertext; a codec server of this demo shows it in the clear:',
    );
    tell(`  ${links.access}\n  ${links.deletion}`);
    if (process.stdout.isTTY === true) {
      tell('\nCtrl-C ends the demo.');
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    }
    answer(options, { access: given, deletion: deleted, packageFile, links }, []);
    return given.status === 'completed' && deleted.status === 'completed' ? EXIT.done : EXIT.failed;
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

function show(result: RequestResult): void {
  for (const line of resultLines(result).slice(1)) tell(line);
}
