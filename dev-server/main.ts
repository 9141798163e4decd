/**
 * Gets all servers before anything needs them, and prints their paths: `node dist/dev-server/main.js`.
 * Ends with 1 and the reasons on stderr when one cannot be obtained, after it has tried the others.
 */
import { resolveS3Server, resolveSqlTool, resolveTemporalCli, resolveTemporalServer, resolveTestServer } from './index';
import { reasonOf } from './run-command';

const SERVERS = [resolveTemporalCli, resolveTestServer, resolveS3Server, resolveTemporalServer, resolveSqlTool];

async function main(): Promise<void> {
  for (const resolveServer of SERVERS) {
    try {
      process.stdout.write(`${await resolveServer()}\n`);
    } catch (error) {
      process.stderr.write(`${reasonOf(error)}\n`);
      process.exitCode = 1;
    }
  }
}

void main();
