/**
 * Temporal as docker-compose.yml runs it, without Docker: the same server and schema tool, the same scripts and settings of
 * deploy/, the variables of its services. Other than there are ports and addresses, and nothing else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { findFreePort, HOST, resolveSqlTool, resolveTemporalCli, resolveTemporalServer } from '../../dev-server';
import { hasEnded, runCommand } from '../../dev-server/run-command';
import { composeService } from './compose';
import { until } from './patience';
import { createPostgres, type Postgres } from './postgres';

const ROOT = join(__dirname, '../..');
const TOLD_MAX = 4_000;
const PARTS = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'] as const;

export interface TemporalOnPostgres {
  readonly postgres: Postgres;
  readonly address: string;
  readonly namespace: string;
  /** What the server has told last. */
  told(): string;
  /** Does what the service `schema` does. */
  updateSchema(): Promise<string>;
  /** Starts it, for the first time or again; resolves when it answers as its health check asks. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Does what the service `namespace` does. */
  makeNamespace(): Promise<void>;
  /** Ends server and database, and removes everything. */
  stop(): Promise<void>;
}

/** PostgreSQL runs, nothing else. @throws {TemporalServerUnavailable} where a program is not to be had */
export async function createTemporalOnPostgres(): Promise<TemporalOnPostgres> {
  const options = { onProgress: (message: string) => void process.stderr.write(`${message}\n`) };
  const server = await resolveTemporalServer(options);
  const sqlTool = await resolveSqlTool(options);
  const cli = await resolveTemporalCli(options);
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-temporal-'));
  symlinkSync(sqlTool, join(folder, 'temporal-sql-tool'));
  symlinkSync(cli, join(folder, 'temporal'));
  const postgres = await createPostgres();
  await postgres.start();

  const takePort = createPortFinder();
  const port = await takePort();
  const httpPort = await takePort();
  const address = `${HOST}:${port}`;
  const { TEMPORAL_NAMESPACE: namespace = '' } = composeService('namespace').environment;
  const ports: Record<string, string> = {};
  for (const part of PARTS) {
    ports[`${part}_GRPC_PORT`] = String(await takePort());
    ports[`${part}_MEMBERSHIP_PORT`] = String(await takePort());
  }
  const inherited = { PATH: `${folder}${delimiter}${process.env.PATH ?? ''}`, HOME: folder };
  const database = { POSTGRES_PASSWORD_FILE: postgres.passwordFile };
  const serverEnvironment = {
    ...inherited,
    ...composeService('temporal').environment,
    ...database,
    ...ports,
    FRONTEND_GRPC_PORT: String(port),
    FRONTEND_HTTP_PORT: String(httpPort),
    POSTGRES_SEEDS: HOST,
    DB_PORT: String(postgres.port),
    VISIBILITY_DB_PORT: String(postgres.port),
    BIND_ON_IP: HOST,
    DYNAMIC_CONFIG_FILE_PATH: join(ROOT, 'deploy/dynamicconfig.yaml'),
  };
  const health = composeService('temporal').healthcheck?.test.at(-1) ?? '';
  const healthUrl = new URL(health);
  healthUrl.port = String(httpPort);

  let told = '';
  let running: ChildProcess | undefined;
  const kill = async () => {
    const child = running;
    running = undefined;
    if (child === undefined || hasEnded(child)) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  };

  return {
    postgres,
    address,
    namespace,
    told: () => told,
    updateSchema() {
      const { environment } = composeService('schema');
      const { SQL_HOST: _, SQL_PORT: __, ...same } = environment;
      return runCommand({
        file: '/bin/sh',
        args: [join(ROOT, 'deploy/with-password.sh'), '/bin/sh', join(ROOT, 'deploy/schema.sh')],
        env: { ...inherited, ...same, ...database, SQL_HOST: HOST, SQL_PORT: String(postgres.port) },
      });
    },
    async start() {
      const child = spawn('/bin/sh', [join(ROOT, 'deploy/with-password.sh'), server, 'start'], {
        env: serverEnvironment,
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running = child;
      for (const output of [child.stdout, child.stderr])
        createInterface(output).on('line', line => {
          told = `${told}${inShort(line)}\n`.slice(-TOLD_MAX);
        });
      const answers = async () => {
        if (hasEnded(child))
          throw new Error(`the Temporal server ended with ${child.signalCode ?? child.exitCode}: ${told}`);
        return fetch(healthUrl).then(
          ({ ok }) => ok,
          () => false,
        );
      };
      await until('the Temporal server answers', answers);
    },
    kill,
    async makeNamespace() {
      const { environment } = composeService('namespace');
      await runCommand({
        file: '/bin/sh',
        args: [join(ROOT, 'deploy/namespace.sh')],
        env: { ...inherited, ...environment, HOME: folder, TEMPORAL_ADDRESS: address },
      });
    },
    async stop() {
      await kill();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The server notes its ports as numbers below 32,768 in PostgreSQL; the ports that a system hands out lie above. */
function createPortFinder(): () => Promise<number> {
  let next = randomInt(10_000, 30_000);
  return async () => {
    for (;;) {
      next += 1;
      try {
        return await findFreePort(next);
      } catch (error) {
        if (next > 32_000) throw error;
      }
    }
  };
}

/** A line of the server's log without the stack that each error brings. */
function inShort(line: string): string {
  try {
    const { level, msg, error } = lineSchema.parse(JSON.parse(line));
    return `${level}: ${msg} ${error ?? ''}`;
  } catch {
    return line;
  }
}

const lineSchema = z.object({ level: z.string(), msg: z.string(), error: z.string().optional() });
