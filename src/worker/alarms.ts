/**
 * Sends alarms about due dates that are near or have passed: a line in the log, a metric, and a webhook if one is configured. The
 * webhook is signed with the key that signs receipts, in the form of Standard Webhooks (standardwebhooks.com, `v1a`), so that
 * its receiver needs only the public key. It names a request and its due date, no person.
 */
import { createHash, sign } from 'node:crypto';
import fetch from 'node-fetch';
import type { Alarms } from '../activities';
import type { SigningKey } from '../encryption/signing-key';
import type { Log } from '../log';
import { workflowIdOf } from '../request/names';
import type { Metrics } from './metrics';

export interface AlarmDependencies {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly signingKey: () => SigningKey;
  readonly now: () => number;
  /** HTTPS, or on this machine; if not given none is sent. */
  readonly webhook?: string;
}

const MS_PER_SECOND = 1_000;
const TIMEOUT_MS = 10 * MS_PER_SECOND;

export function createAlarms({ metrics, log: writeLine, signingKey, now, webhook }: AlarmDependencies): Alarms {
  return {
    log({ request, alarm, regime, dueAt, waitingFor }) {
      const workflowId = workflowIdOf(request);
      const waits = waitingFor === undefined ? '' : `; the request waits for ${waitingFor}`;
      const words = alarm === 'overdue' ? 'is overdue: it was' : 'is';
      const message = `alarm: request ${workflowId} ${words} due at ${dueAt} (${regime})${waits}`;
      writeLine({ level: 'warn', message, code: alarm, workflowId });
      metrics.add('aircall_dsr_alarms_total', { kind: request.kind, alarm }, 1);
    },

    async send({ request, runId, alarm, regime, dueAt, waitingFor }) {
      if (webhook === undefined) return;
      const { requestId, connection, kind } = request;
      const workflowId = workflowIdOf(request);
      const data = { workflowId, requestId, connection, kind, regime, dueAt, ...(waitingFor && { waitingFor }) };
      // The same event has the same id, however often it is sent.
      const id = createHash('sha256').update(`${runId} ${alarm} ${dueAt}`).digest('hex');
      const sentAt = now();
      const body = JSON.stringify({ type: `request.${alarm}`, timestamp: new Date(sentAt).toISOString(), data });
      const seconds = Math.floor(sentAt / MS_PER_SECOND);
      const signature = sign(null, Buffer.from(`${id}.${seconds}.${body}`), signingKey().privateKey).toString('base64');
      const response = await post(webhook, body, {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': `v1a,${signature}`,
      });
      if (response?.ok) return;
      const message = `alarm: the webhook answered ${response?.status ?? 'nothing'} about request ${workflowId}; the worker sends it again`;
      writeLine({ level: 'warn', message, code: 'alarm-undelivered', workflowId });
      throw new RangeError('the webhook did not accept the alarm');
    },
  };
}

/** Undefined if nothing answered. */
async function post(url: string, body: string, headers: Readonly<Record<string, string>>) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }).catch(
    () => undefined,
  );
  response?.body?.resume(); // the body is not used
  return response;
}
