import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { portableHistory } from '../../src/audit/portable';

async function portable(history: object) {
  const plain = { encode: async (some: object[]) => some, decode: async (some: object[]) => some };
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  return JSON.parse(await portableHistory(history as never, plain as never, hash as never));
}

test('a child keeps that its request started it, without which it would end at once in a replay; no namespace is named', async () => {
  const parent = { workflowId: 'dsr:acme:access:one', runId: '01a22695-e0d6-7ab7-8b91-9655029d4411' };
  const started = {
    workflowId: `${parent.workflowId}:pages:1`,
    workflowType: { name: 'fetchPages' },
    parentWorkflowNamespace: 'of-a-customer',
    parentWorkflowExecution: parent,
  };
  const kept = await portable({ events: [{ eventId: 1, workflowExecutionStartedEventAttributes: started }] });
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
  const payload = {
    metadata: { encoding: Buffer.from('json/plain') },
    data: Buffer.from(JSON.stringify(input)),
  };
  const history = {
    events: [
      {
        eventId: 1,
        workflowExecutionStartedEventAttributes: {
          workflowType: { name: 'accessRequest' },
          input: { payloads: [payload] },
        },
      },
    ],
  };
  const kept = await portable(history);
  const [{ data }] = kept.events[0].workflowExecutionStartedEventAttributes.input.payloads;
  const { subject } = JSON.parse(Buffer.from(data, 'base64').toString());
  expect(subject.phoneNumbers).toHaveLength(2);
  for (const number of subject.phoneNumbers) expect(number).toMatch(/^\+1555\d{7}$/);
  expect(new Set(subject.phoneNumbers).size).toBe(2);
  expect(subject.email).not.toContain('ada');
});
