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

test('of an approval what was decided is kept, and nobody’s name; of any other update nothing but what a request reads', async () => {
  const workflowId = 'dsr:acme:deletion:one';
  const started = { workflowExecutionStartedEventAttributes: { workflowId, taskQueue: { name: 'aircall-dsr' } } };
  const common = { workflowId, planDigest: 'f'.repeat(32), at: '2026-01-31T12:00:00.000Z', by: 'ada-lovelace' };
  const kept = async (name: string, given: object) => {
    const input = { name, args: { payloads: [json(given)] } };
    const accepted = { workflowExecutionUpdateAcceptedEventAttributes: { acceptedRequest: { input } } };
    const { events } = await keptOf([started, accepted]);
    const request = events[1].workflowExecutionUpdateAcceptedEventAttributes.acceptedRequest;
    return { name: request.input.name, given: contentOf(request.input.args) };
  };
  const decisions = { 'contact 1': 'take' };
  expect(await kept('approve', { ...common, decisions, who: WHO })).toEqual({
    name: 'approve',
    given: { ...common, decisions, by: 'approver' },
  });
  expect(await kept('reject', { ...common, reason: 'not-hers', who: WHO })).toEqual({
    name: 'reject',
    given: { ...common, reason: 'not-hers', by: 'approver' },
  });
  expect(await kept('approve', { ...common, decisions: { [WHO]: 'take' } })).toEqual({ name: 'approve', given: {} });
  expect((await kept('burn', { who: WHO })).given).toEqual({});
});
