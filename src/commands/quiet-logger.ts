/**
 * Temporal's own log lines, warnings and worse, on stderr: names and ids, no payloads. One warning is left out, because it
 * tells what is meant: workers of connections take no workflow tasks. Another one is told in our words, with what to do.
 */
import type { MetricMeter } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { addressOf, type Listen } from './listen';
import { tell } from './output';

const EXPECTED = 'No workflows registered';
/** What the server says where `frontend.namespaceCount` polls wait already (temporal.md 3). */
const POLLS_REFUSED = 'concurrent poller limit exceeded';
const TELL_AGAIN_MS = 600_000;

/**
 * The process's one runtime. We own the signals: what a process started ends in an order. With `metrics`, where Prometheus
 * asks, it answers the meter that tells there.
 */
export function installRuntime(metrics?: Listen): MetricMeter | undefined {
  const logging = { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} };
  Runtime.install({
    shutdownSignals: [],
    logger: quietLogger(),
    telemetryOptions: {
      logging,
      ...(metrics && { metrics: { prometheus: { bindAddress: addressOf(metrics), countersTotalSuffix: true } } }),
    },
  });
  return metrics && Runtime.instance().metricMeter;
}

function quietLogger(): DefaultLogger {
  let pollsRefusedToldMs = Number.NEGATIVE_INFINITY;
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (message.startsWith(EXPECTED)) return;
    const { workflowId, activityType, taskQueue, error } = { ...meta };
    if (String(error).includes(POLLS_REFUSED)) {
      if (Date.now() - pollsRefusedToldMs < TELL_AGAIN_MS) return;
      pollsRefusedToldMs = Date.now();
      return tell(
        'polls-refused: more workers wait for steps than the Temporal server allows in this namespace, so some connections are served late. Raise frontend.namespaceCount in its dynamic config: see docs/operate.md.',
      );
    }
    const type = error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined;
    const about = Object.entries({ workflowId, activityType, taskQueue, type }).flatMap(([name, value]) =>
      typeof value === 'string' ? [`${name}=${value}`] : [],
    );
    tell(`temporal ${level.toLowerCase()}: ${[message, ...about].join(' ')}`);
  });
}
