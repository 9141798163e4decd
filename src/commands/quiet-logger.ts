/**
 * Temporal's own log lines, warnings and worse, on stderr: names and ids, no payloads. One warning is left out, because it
 * tells what is meant: workers of connections take no workflow tasks.
 */
import { DefaultLogger } from '@temporalio/worker';
import { tell } from './output';

const EXPECTED = 'No workflows registered';

export function quietLogger(): DefaultLogger {
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (message.startsWith(EXPECTED)) return;
    const { workflowId, activityType, taskQueue, error } = { ...meta };
    const type = error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined;
    const about = Object.entries({ workflowId, activityType, taskQueue, type }).flatMap(([name, value]) =>
      typeof value === 'string' ? [`${name}=${value}`] : [],
    );
    tell(`temporal ${level.toLowerCase()}: ${[message, ...about].join(' ')}`);
  });
}
