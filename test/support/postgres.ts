/**
 * A real PostgreSQL for a test file: a cluster of its own in a folder that goes with it, made as docker-compose.yml has it
 * made. PostgreSQL refuses to be root, so where the tests are, it runs as another user.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server';
import { findFirst } from '../../dev-server/chain';
import { reportEffort } from '../../dev-server/progress';
import { findOnPath, hasEnded, isExecutable, runCommand } from '../../dev-server/run-command';
import { composeService } from './compose';
import { until } from './patience';

export interface Postgres {
  readonly port: number;
  /** Holds the password of its one user, which is the one of docker-compose.yml. */
  readonly passwordFile: string;
  /** Starts it, for the first time or again; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it at once, in the middle of whatever it does: what it wrote last it finds in its log at the next start. */
  crash(): Promise<void>;
  /** Ends it, however it is, and removes everything. */
  stop(): Promise<void>;
}

/** @throws saying what was tried, where there is no PostgreSQL */
export async function createPostgres(): Promise<Postgres> {
  const programs = await resolvePrograms();
  const { environment, command } = composeService('postgres');
  const { POSTGRES_USER: user = '', POSTGRES_INITDB_ARGS: initdbArgs = '' } = environment;
  const settings = command.slice(1);
  const owner = process.getuid?.() === 0 ? anotherUser() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-postgres-'));
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  if (owner !== undefined) for (const path of [folder, passwordFile]) chownSync(path, owner.uid, owner.gid);
  const port = await findFreePort(ANY_PORT);

  let told = '';
  let running: ChildProcess | undefined;
  const spawned = (program: string, args: readonly string[]) => {
    const child = spawn(join(programs, program), args, { cwd: folder, ...owner, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (text: string) => {
        told = (told + text).slice(-4_000);
      });
    return child;
  };
  const end = async (signal: 'SIGINT' | 'SIGQUIT') => {
    const child = running;
    running = undefined;
    if (child === undefined || hasEnded(child)) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  };

  const postgres: Postgres = {
    port,
    passwordFile,
    async start() {
      const child = spawned('postgres', [
        ...['-D', data, '-c', `port=${port}`, '-c', `listen_addresses=${HOST}`],
        // A socket of its own would need a folder that no other PostgreSQL uses.
        ...['-c', 'unix_socket_directories=', ...settings],
      ]);
      running = child;
      await until('PostgreSQL answers', async () => {
        if (hasEnded(child)) throw new Error(`PostgreSQL ended with ${child.signalCode ?? child.exitCode}: ${told}`);
        const args = ['-h', HOST, '-p', String(port), '-U', user];
        return runCommand({ file: join(programs, 'pg_isready'), args }).then(
          () => true,
          () => false,
        );
      });
    },
    crash: () => end('SIGQUIT'),
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };

  const made = spawned('initdb', [
    ...['-D', data, '-U', user, `--pwfile=${passwordFile}`, '--encoding=UTF8', '--no-locale'],
    // For a socket, on which nothing is listened here.
    ...['--auth-local=scram-sha-256', ...initdbArgs.split(' ')],
  ]);
  const [exit] = await once(made, 'close');
  if (exit !== 0) {
    await postgres.stop();
    throw new Error(`initdb ended with ${exit}: ${told}`);
  }
  return postgres;
}

/** The user that PostgreSQL's package makes, else nobody. */
function anotherUser(): { readonly uid: number; readonly gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
}

/** The folder of its programs. */
async function resolvePrograms(): Promise<string> {
  const explicitPath = process.env.AIRCALL_DSR_POSTGRES ?? '';
  const search = [
    { name: 'initdb on PATH', find: findOnThePath },
    { name: 'Debian’s folders', find: findOfDebian },
    { name: 'Debian’s package', find: install },
  ];
  return findFirst({
    wanted: 'A PostgreSQL server',
    steps: explicitPath === '' ? search : [{ name: 'AIRCALL_DSR_POSTGRES', find: () => checkFolder(explicitPath) }],
    advice:
      explicitPath === ''
        ? 'put initdb and postgres on PATH or name their folder in AIRCALL_DSR_POSTGRES, or run the tests as root on Debian.'
        : 'correct AIRCALL_DSR_POSTGRES, or unset it to have one found or installed.',
  });
}

async function checkFolder(folder: string): Promise<string> {
  for (const program of ['initdb', 'postgres', 'pg_isready'])
    if (!(await isExecutable(join(folder, program)))) throw new Error(`${folder} has no ${program}`);
  return folder;
}

async function findOnThePath(): Promise<string> {
  const initdb = await findOnPath('initdb');
  if (initdb === undefined) throw new Error('there is none');
  return checkFolder(dirname(initdb));
}

const OF_DEBIAN = '/usr/lib/postgresql';

async function findOfDebian(): Promise<string> {
  const newest = readdirSync(OF_DEBIAN).sort((a, b) => Number(b) - Number(a));
  for (const version of newest) {
    const folder = join(OF_DEBIAN, version, 'bin');
    if (await isExecutable(join(folder, 'initdb'))) return checkFolder(folder);
  }
  throw new Error(`no version in ${OF_DEBIAN} has a server`);
}

async function install(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('this process is not root');
  const aptGet = (...args: string[]) =>
    runCommand({ file: 'apt-get', args, env: { DEBIAN_FRONTEND: 'noninteractive' } });
  await reportEffort({
    what: 'Installing Debian’s PostgreSQL (a minute, once)',
    onProgress: undefined,
    async run() {
      await aptGet('update');
      await aptGet('install', '-y', '--no-install-recommends', 'postgresql');
    },
  });
  return findOfDebian();
}
