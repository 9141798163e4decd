import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { json } from '../../src/audit/history';
import { portableHistory } from '../../src/audit/portable';

const PLAIN = { encode: async (some: object[]) => some, decode: async (some: object[]) => some };
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const keptOf = async (events: readonly object[]) =>
  JSON.parse(await portableHistory({ events } as never, PLAIN as never, hash));
const contentOf = ({ payloads }: { readonly payloads: readonly { readonly data: string }[] }) =>
  JSON.parse(Buffer.from(payloads[0]?.data ?? '', 'base64').toString());

test('a child keeps that its request started it, without which it would end at once in a replay; no namespace is named', async () => {
  const parent = { workflowId: 'dsr:acme:access:one', runId: '01a22695-e0d6-7ab7-8b91-9655029d4411' };
  const started = {
    workflowId: `${parent.workflowId}:pages:1`,
    workflowType: { name: 'fetchPages' },
    parentWorkflowNamespace: 'of-a-customer',
    parentWorkflowExecution: parent,
  };
  const kept = await keptOf([{ eventId: 1, workflowExecutionStartedEventAttributes: started }]);
  expect(kept.events[0].workflowExecutionStartedEventAttributes).toMatchObject({
    parentWorkflowNamespace: 'default',
    parentWorkflowExecution: parent,
  });
});

test('a number that begins with another one of the same person gets a pseudonym of its own, and leaves no digit', async () => {
  const phoneNumbers = ['+4930123456', '+4930123456789'];
  const input = {
    kind: 'access',
    requestId: 'one',
    connection: 'acme',
    subject: { email: 'ada@example.org', phoneNumbers },
  };
  const started = { workflowType: { name: 'accessRequest' }, input: { payloads: [json(input)] } };
  const { events } = await keptOf([{ eventId: 1, workflowExecutionStartedEventAttributes: started }]);
  const { subject } = contentOf(events[0].workflowExecutionStartedEventAttributes.input);
  expect(subject.phoneNumbers).toHaveLength(2);
  for (const number of subject.phoneNumbers) expect(number).toMatch(/^\+1555\d{7}$/);
  expect(new Set(subject.phoneNumbers).size).toBe(2);
  expect(subject.email).not.toContain('ada');
});

const WHO = 'Ada Lovelace ada@example.org';
const noted = async (data: unknown, name: 'data' | 'patch-data' = 'data') => {
  const details = { [name]: { payloads: [json(data)] } };
  const marker = { markerName: 'core_local_activity', details };
  const { events } = await keptOf([{ eventId: 5, markerRecordedEventAttributes: marker }]);
  return contentOf(events[0].markerRecordedEventAttributes.details[name]);
};

test('of a note of the SDK, which anybody can write, numbers and known names are kept and no other text', async () => {
  const note = {
    ...{ seq: 3, attempt: 1, activity_id: '3', activity_type: 'openRequest' },
    ...{ complete_time: { seconds: 5, nanos: 7 }, backoff: null, original_schedule_time: { seconds: 4, nanos: 1 } },
  };
  expect(await noted(note)).toEqual(note);
  expect(await noted({ id: 'reads-all', deprecated: false }, 'patch-data')).toEqual({
    id: 'reads-all',
    deprecated: false,
  });
  const written = {
    ...{ seq: WHO, attempt: [WHO], activity_id: WHO, activity_type: WHO, id: WHO, deprecated: { low: WHO }, more: WHO },
    ...{ complete_time: { seconds: 5, nanos: WHO }, backoff: { who: WHO }, original_schedule_time: WHO },
  };
  for (const name of ['data', 'patch-data'] as const) {
    expect(await noted(written, name)).toEqual({});
    for (const value of [WHO, [WHO], null, 5]) expect(await noted(value, name)).toEqual({});
  }
});

test('no text of a stranger stays as a queue or as the id of a child', async () => {
  const workflowId = 'dsr:acme:access:one';
  const child = (id: string, queue: string) => ({
    startChildWorkflowExecutionInitiatedEventAttributes: { workflowId: id, taskQueue: { name: queue } },
  });
  const ours = child(`${workflowId}:pages:1-${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`, 'aircall-dsr/acme');
  const { events } = await keptOf([
    { workflowExecutionStartedEventAttributes: { workflowId, taskQueue: { name: 'aircall-dsr' } } },
    ours,
    child(`${workflowId}:${WHO}`, `aircall-dsr/${WHO}`),
    child(`${workflowId}:pages:1 ${WHO}`, WHO),
  ]);
  expect(events[1]).toMatchObject(ours);
  expect(JSON.stringify(events)).not.toContain('ada@');
});
