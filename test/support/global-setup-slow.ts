/** The set-up of slow tests: that of all tests, and what those that are to run need of programs, before their clock starts. */
import { resolveSqlTool, resolveTemporalServer } from '../../dev-server';
import { resolveCaddy, resolveDockerCompose, resolveHadolint, resolvePromtool, resolveUiServer } from './deploy-tools';
import setUpAll from './global-setup';

const onProgress = (message: string) => void process.stderr.write(`${message}\n`);

const NEEDS: Readonly<Record<string, readonly (() => Promise<unknown>)[]>> = {
  deploy: [resolveDockerCompose, resolveHadolint, resolvePromtool, resolveCaddy, resolveUiServer],
  postgres: [() => resolveTemporalServer({ onProgress }), () => resolveSqlTool({ onProgress })],
};

/** As Jest calls it: with the patterns of the command line. */
export default async function setup({ testPathPatterns }: { testPathPatterns: { patterns: string[] } }): Promise<void> {
  const { patterns } = testPathPatterns;
  for (const [name, resolve] of Object.entries(NEEDS)) {
    const path = `test/slow/${name}.test.ts`;
    if (patterns.length > 0 && !patterns.some(pattern => new RegExp(pattern).test(path))) continue;
    for (const each of resolve) await each();
  }
  await setUpAll();
}
