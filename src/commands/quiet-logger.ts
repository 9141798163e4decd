/** Temporal's own log lines, warnings and worse, on stderr: names and ids, no payloads. */
import { DefaultLogger } from '@temporalio/worker';
import { tell } from './output';

export function quietLogger(): DefaultLogger {
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    const { workflowId, activityType, taskQueue, error } = { ...meta };
    const type = error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined;
    const about = Object.entries({ workflowId, activityType, taskQueue, type }).flatMap(([name, value]) =>
      typeof value === 'string' ? [`${name}=${value}`] : [],
    );
    tell(`temporal ${level.toLowerCase()}: ${[message, ...about].join(' ')}`);
  });
}
