/**
 * Temporal's own log lines, warnings and worse, on stderr: names and ids, no payloads. One warning is left out, because it
 * logs what is meant: workers of connections take no workflow tasks. Another one is logged in our words, with what to do.
 */
import type { MetricMeter } from '@temporalio/common';
import { DefaultLogger, type LogLevel, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Log, LogLine } from '../log';
import { addressOf, type Listen } from './listen';

const EXPECTED = 'No workflows registered';
/** What the server says if `frontend.namespaceCount` polls wait already (docs/temporal.md 3). */
const POLLS_REFUSED = 'concurrent poller limit exceeded';
const LOG_AGAIN_MS = 600_000;

const LEVELS = {
  TRACE: 'info',
  DEBUG: 'info',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const satisfies Record<LogLevel, LogLine['level']>;

/**
 * The process's one runtime. We own the signals: the process ends its parts in a fixed order. With `metrics` (the address that
 * Prometheus scrapes) it returns the meter whose values are served there.
 */
export function installRuntime(log: Log, metrics?: Listen): MetricMeter | undefined {
  const logging = { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} };
  Runtime.install({
    shutdownSignals: [],
    logger: quietLogger(log),
    telemetryOptions: {
      logging,
      ...(metrics && { metrics: { prometheus: { bindAddress: addressOf(metrics), countersTotalSuffix: true } } }),
    },
  });
  return metrics && Runtime.instance().metricMeter;
}

function quietLogger(log: Log): DefaultLogger {
  let pollsRefusedLoggedMs = Number.NEGATIVE_INFINITY;
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (message.startsWith(EXPECTED)) return;
    const { workflowId, activityType, taskQueue, error } = { ...meta };
    if (String(error).includes(POLLS_REFUSED)) {
      if (Date.now() - pollsRefusedLoggedMs < LOG_AGAIN_MS) return;
      pollsRefusedLoggedMs = Date.now();
      return log({
        level: 'warn',
        message:
          'polls-refused: more workers wait for steps than the Temporal server allows in this namespace, so some connections are served late. Raise frontend.namespaceCount in its dynamic config: see docs/operate/install.md.',
        code: 'polls-refused',
      });
    }
    const code = error instanceof Error && 'type' in error ? error.type : undefined;
    const about = Object.entries({ workflowId, activityType, taskQueue, code }).filter(hasText);
    const words = [message, ...about.map(([name, value]) => `${name}=${value}`)].join(' ');
    log({
      level: LEVELS[level],
      message: `temporal ${level.toLowerCase()}: ${words}`,
      ...Object.fromEntries(about),
    });
  });
}

function hasText(field: [string, unknown]): field is [string, string] {
  return typeof field[1] === 'string';
}
