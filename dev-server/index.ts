/**
 * A real Temporal for development and tests: the dev server with the Web UI, and the time-skipping test server. It
 * also finds the S3 server of the tests and the Temporal server of production.
 * The dev server always has one partition per task queue and fairness, because the service's budget and order rest on both.
 * Never a production server: it loses everything on stop unless `dbFilename` is given.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { resolveTemporalCli } from './find-temporal-cli';
import { resolveTestServer } from './find-test-server';
import { ANY_PORT, findFreePort, HOST } from './free-port';
import type { OnProgress } from './progress';
import { reasonOf } from './run-command';

export { type FailedStep, type Step, TemporalServerUnavailable } from './chain';
export { resolveS3Server } from './find-s3-server';
export { type ResolveOptions, resolveTemporalCli } from './find-temporal-cli';
export { resolveSqlTool, resolveTemporalServer } from './find-temporal-server';
export { resolveTestServer } from './find-test-server';
export { ANY_PORT, findFreePort, HOST } from './free-port';
export type { OnProgress } from './progress';

const STARTS_MAX = 20;

/**
 * Also those of production, in deploy/dynamicconfig.yaml. `frontend.namespaceCount` is the number of polls that may wait at
 * once; 1,200 by default, far below many workers.
 */
export const DYNAMIC_CONFIG = [
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  'matching.enableFairness=true',
  'frontend.namespaceCount=20000',
] as const;

export interface DevServerOptions {
  /** Serve the Web UI; it is not served by default. */
  ui?: boolean;
  /** A free port by default. */
  uiPort?: number;
  /** URL of the codec server that decodes payloads for the Web UI; none by default. */
  uiCodecEndpoint?: string;
  /** A free port by default. */
  port?: number;
  /** SQLite file that keeps everything across restarts; by default all is in memory. */
  dbFilename?: string;
  searchAttributes?: Record<string, 'Keyword' | 'Datetime'>;
  /** Settings `name=value` besides, or instead of, the ones that it always gets. */
  dynamicConfig?: readonly string[];
  /** Gets what would otherwise be lines on stderr while a server is being downloaded or built. */
  onProgress?: (message: string) => void;
}

export interface DevServer {
  readonly env: TestWorkflowEnvironment;
  /** `host:port` of the gRPC interface; the namespace is `default`. */
  readonly address: string;
  readonly uiUrl: string | undefined;
  stop(): Promise<void>;
}

/**
 * Resolves when the server answers.
 * @throws {TemporalServerUnavailable} when there is no Temporal CLI and none can be obtained
 * @throws when a given port is in use
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const {
    ui = false,
    uiCodecEndpoint,
    port,
    dbFilename,
    searchAttributes = {},
    dynamicConfig = [],
    onProgress,
  } = options;
  const path = await resolveTemporalCli({ ...(onProgress && { onProgress }) });
  // The SDK accepts any server that answers at the port, so on a taken port we would use another person's server.
  if (port !== undefined) await findFreePort(port);
  return startPatiently(async () => {
    const uiPort = ui ? await findFreePort(options.uiPort ?? ANY_PORT) : undefined;
    const env = await TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: 'existing-path', path },
        ip: HOST,
        log: { format: 'pretty', level: 'error' },
        extraArgs: [
          // Without it the server prints a banner on our stdout, which belongs to the caller.
          ...['--output', 'none'],
          ...(uiCodecEndpoint === undefined ? [] : ['--ui-codec-endpoint', uiCodecEndpoint]),
          ...settingsWith(dynamicConfig).flatMap(setting => ['--dynamic-config-value', setting]),
          ...Object.entries(searchAttributes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
        ],
        ...(port !== undefined && { port }),
        ...(uiPort !== undefined && { ui, uiPort }),
        ...(dbFilename !== undefined && { dbFilename }),
      },
    });
    return {
      env,
      address: env.address,
      uiUrl: uiPort === undefined ? undefined : `http://${HOST}:${uiPort}`,
      stop: () => env.teardown(),
    };
  });
}

/** The server refuses a setting that is given twice. */
function settingsWith(given: readonly string[]): string[] {
  const nameOf = (setting: string) => setting.split('=', 1)[0];
  const names = new Set(given.map(nameOf));
  return [...DYNAMIC_CONFIG.filter(setting => !names.has(nameOf(setting))), ...given];
}

/** @throws {TemporalServerUnavailable} when there is no test server and none can be obtained */
export async function startTimeSkippingServer(options?: { onProgress?: OnProgress }): Promise<TestWorkflowEnvironment> {
  const path = await resolveTestServer(options);
  return startPatiently(() =>
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } }),
  );
}

/** The SDK gives a server five seconds and kills a late one; on a busy machine five seconds may be too few. */
async function startPatiently<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt === STARTS_MAX || !reasonOf(error).includes('did not start within')) throw error;
    }
  }
}
