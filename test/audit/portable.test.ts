import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { portableHistory } from '../../src/audit/portable';

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
  const plain = { encode: async (some: object[]) => some, decode: async (some: object[]) => some };
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const kept = JSON.parse(await portableHistory(history as never, plain as never, hash as never));
  const [{ data }] = kept.events[0].workflowExecutionStartedEventAttributes.input.payloads;
  const { subject } = JSON.parse(Buffer.from(data, 'base64').toString());
  expect(subject.phoneNumbers).toHaveLength(2);
  for (const number of subject.phoneNumbers) expect(number).toMatch(/^\+1555\d{7}$/);
  expect(new Set(subject.phoneNumbers).size).toBe(2);
  expect(subject.email).not.toContain('ada');
});
