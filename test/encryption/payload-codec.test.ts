import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  ApplicationFailure,
  defaultPayloadConverter,
  type Payload,
  type SerializationContext,
} from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import fc from 'fast-check';
import { createDataConverter } from '../../src/encryption/data-converter';
import { failureConverter } from '../../src/encryption/failure-converter';
import { KeyringError } from '../../src/encryption/key-file';
import { createPayloadCodec, PayloadBroken } from '../../src/encryption/payload-codec';
import { locked, unusable } from '../../src/unusable';
import { keyOf, keyringOf } from './keyrings';

const SEED = { seed: 256, numRuns: 200 };
const PayloadMessage = temporal.api.common.v1.Payload;
const oldRing = keyringOf(['k-old', keyOf('old')]);
const newRing = keyringOf(['k-new', keyOf('new')], ['k-old', keyOf('old')]);
const codec = createPayloadCodec(newRing);

/** Temporal's published sample, as a starter in another language has it: independent of ours. */
const sample = {
  encrypt(keyId: string, key: Buffer, nonce: Buffer, payload: Payload): Payload {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const sealed = Buffer.concat([cipher.update(PayloadMessage.encode(payload).finish()), cipher.final()]);
    return {
      metadata: { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from(keyId) },
      data: Buffer.concat([nonce, sealed, cipher.getAuthTag()]),
    };
  },
  decrypt(key: Buffer, payload: Payload): Payload {
    const data = Buffer.from(payload.data ?? []);
    const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, 12));
    decipher.setAuthTag(data.subarray(data.length - 16));
    return PayloadMessage.decode(
      Buffer.concat([decipher.update(data.subarray(12, data.length - 16)), decipher.final()]),
    );
  },
};

const bytes = fc.uint8Array({ maxLength: 200 });
const metadataName = fc.string({ minLength: 1, maxLength: 12 }).filter(name => name !== '__proto__');
const payloads = fc.record({
  metadata: fc.dictionary(metadataName, bytes, { maxKeys: 4, noNullPrototype: true }),
  data: bytes,
});

/** What a payload holds, whatever classes carry it. */
function contentOf(payload: Payload | undefined): unknown {
  const metadata = Object.entries(payload?.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('hex'),
  ]);
  return { metadata: metadata.sort(), data: Buffer.from(payload?.data ?? []).toString('hex') };
}

const textOf = (payload: Payload | undefined, name: string) => Buffer.from(payload?.metadata?.[name] ?? []).toString();

async function encoded(payload: Payload, by = codec): Promise<Payload> {
  const [first] = await by.encode([payload]);
  if (first === undefined) throw new Error('nothing was encoded');
  return first;
}

/** What somebody without a key may write where the id of the key stands. */
const IDS_OF_NO_KEY = ['', 'anna@example.com', 'k-1\n\u001b[31mready', 'k'.repeat(65), '\ufffd', 'k 1'];

const NAMESPACE = 'default';
const STARTED: SerializationContext = { type: 'workflow', namespace: NAMESPACE, workflowId: 'w' };
const plain: Payload = defaultPayloadConverter.toPayload({ email: 'anna@example.com' });

describe('a payload', () => {
  test('comes back as it was, several at once in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(payloads, { maxLength: 4 }), async given => {
        const returned = await codec.decode(await codec.encode(given));
        expect(returned.map(contentOf)).toEqual(given.map(contentOf));
      }),
      SEED,
    );
  });

  test('is unreadable on its way, and never the same twice', async () => {
    const [first, second] = await codec.encode([plain, plain]);
    const seen = Buffer.concat([Buffer.from(first?.data ?? []), Buffer.from(JSON.stringify(first))]).toString('latin1');
    for (const secret of ['anna', 'json/plain', Buffer.from('anna@example.com').toString('base64').slice(0, 12)])
      expect(seen).not.toContain(secret);
    expect(Buffer.from(first?.data ?? []).equals(Buffer.from(second?.data ?? []))).toBe(false);
    expect(Object.keys(first?.metadata ?? {}).sort()).toEqual([
      'encoding',
      'encryption-key-check',
      'encryption-key-id',
    ]);
    expect(textOf(first, 'encoding')).toBe('binary/encrypted');
  });

  test('is encrypted with the primary key, and one with an older key is still read', async () => {
    expect(textOf(await encoded(plain), 'encryption-key-id')).toBe('k-new');
    const old = await encoded(plain, createPayloadCodec(oldRing));
    expect(textOf(old, 'encryption-key-id')).toBe('k-old');
    expect((await codec.decode([old])).map(contentOf)).toEqual([contentOf(plain)]);
  });

  test('of a starter with the published sample is read, and that starter reads ours', async () => {
    await fc.assert(
      fc.asyncProperty(payloads, fc.uint8Array({ minLength: 12, maxLength: 12 }), async (payload, nonce) => {
        const theirs = sample.encrypt('k-old', keyOf('old'), Buffer.from(nonce), payload);
        expect((await codec.decode([theirs])).map(contentOf)).toEqual([contentOf(payload)]);
        expect(contentOf(sample.decrypt(keyOf('new'), await encoded(payload)))).toEqual(contentOf(payload));
      }),
      SEED,
    );
  });

  test('in which any one bit was changed is refused', async () => {
    const whole = await encoded(plain);
    const data = Buffer.from(whole.data ?? []);
    for (let bit = 0; bit < data.length * 8; bit++) {
      const changed = Buffer.from(data);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await expect(codec.decode([{ ...whole, data: changed }])).rejects.toThrow(PayloadBroken);
    }
    expect((await codec.decode([whole])).map(contentOf)).toEqual([contentOf(plain)]);
  });

  test.each([
    ['the id of its key', 'encryption-key-id', ['unknown-key', 'payload-broken']],
    ['the check of its key', 'encryption-key-check', ['wrong-key']],
  ])('in which any one bit of %s was changed is refused, and the refusal says so', async (_what, name, codes) => {
    const whole = await encoded(plain);
    const text = Buffer.from(whole.metadata?.[name] ?? []);
    for (let bit = 0; bit < text.length * 8; bit++) {
      const changed = Buffer.from(text);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const refusal: unknown = await codec
        .decode([{ ...whole, metadata: { ...whole.metadata, [name]: changed } }])
        .catch((error: unknown) => error);
      if (!(refusal instanceof PayloadBroken || refusal instanceof KeyringError)) throw refusal;
      expect(codes).toContain(refusal.code);
    }
  });

  test('whose encoding was changed in any one bit is replaced by a value of its own and not read', async () => {
    const whole = await encoded(plain);
    const encoding = Buffer.from(whole.metadata?.encoding ?? []);
    for (let bit = 0; bit < encoding.length * 8; bit++) {
      const changed = Buffer.from(encoding);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const [decoded] = await codec.decode([{ ...whole, metadata: { ...whole.metadata, encoding: changed } }]);
      expect(defaultPayloadConverter.fromPayload(decoded ?? {})).toEqual(unusable('not-encrypted'));
    }
  });

  test('that was cut off at any length is refused', async () => {
    const whole = await encoded(plain);
    const data = Buffer.from(whole.data ?? []);
    for (let length = 0; length < data.length; length++) {
      await expect(codec.decode([{ ...whole, data: data.subarray(0, length) }])).rejects.toThrow(PayloadBroken);
    }
    await expect(codec.decode([{ metadata: whole.metadata ?? {} }])).rejects.toThrow(PayloadBroken);
  });

  test('encrypted with another key of the same id is refused without a word of it', async () => {
    const stranger = createPayloadCodec(keyringOf(['k-new', keyOf('stranger')]));
    const theirs = await encoded(plain, stranger);
    await expect(codec.decode([theirs])).rejects.toMatchObject({ name: 'PayloadBroken', code: 'wrong-key' });
    await expect(codec.decode([theirs])).rejects.not.toThrow(/anna/);
    const { 'encryption-key-check': _, ...metadata } = theirs.metadata ?? {};
    await expect(codec.decode([{ ...theirs, metadata }])).rejects.toMatchObject({
      code: 'payload-broken',
      message: expect.stringContaining('another key of the same id'),
    });
  });

  test('of a key that this process does not have is refused with the id of the key, unless no key can have such an id', async () => {
    const theirs = await encoded(plain);
    const reader = createPayloadCodec(oldRing);
    await expect(reader.decode([theirs])).rejects.toMatchObject({
      name: 'KeyringError',
      code: 'unknown-key',
      message: expect.stringContaining('"k-new"'),
    });
    for (const id of IDS_OF_NO_KEY) {
      const metadata = { ...theirs.metadata, 'encryption-key-id': Buffer.from(id) };
      const refusal: unknown = await reader.decode([{ ...theirs, metadata }]).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ name: 'PayloadBroken', code: 'payload-broken' });
      if (id !== '') expect(String(refusal)).not.toContain(id);
    }
  });

  test.each([
    ['json/plain', plain],
    ['no encoding', { data: Buffer.from('anna@example.com') }],
    [
      'an encoding that only looks like ours',
      { metadata: { encoding: Buffer.from('binary/encrypted ') }, data: Buffer.alloc(40) },
    ],
    ['nothing at all', {}],
  ])('that was not encrypted (%s) is replaced by a value of its own and not read', async (_what, payload: Payload) => {
    const [decoded] = await codec.decode([payload]);
    expect(defaultPayloadConverter.fromPayload(decoded ?? {})).toEqual(unusable('not-encrypted'));
    expect(Buffer.from(decoded?.data ?? []).toString()).not.toContain('anna');
  });
});

describe('a payload that a worker cannot use', () => {
  const worker = createPayloadCodec(newRing, { requestBehind: async () => undefined, onAwaited() {} });
  const inner = (encoding: string | undefined, data: string): Payload => ({
    ...(encoding !== undefined && { metadata: { encoding: Buffer.from(encoding) } }),
    data: Buffer.from(data),
  });

  test.each<[string, () => Promise<Payload>]>([
    ['no JSON inside', () => encoded(inner('json/plain', '{"email":'))],
    ['an unknown encoding inside', () => encoded(inner('json/other', '{}'))],
    ['no encoding inside', () => encoded(inner(undefined, '{}'))],
    ['encrypted twice', async () => encoded(await encoded(plain))],
    [
      'encrypted with another key of the same id',
      () => encoded(plain, createPayloadCodec(keyringOf(['k-new', keyOf('stranger')]))),
    ],
    ['too short', async () => ({ ...(await encoded(plain)), data: Buffer.from('short') })],
    [
      'without the id of its key',
      async () => ({ ...(await encoded(plain)), metadata: { encoding: Buffer.from('binary/encrypted') } }),
    ],
  ])('(%s) is replaced by a value of its own, so that its run ends', async (_what, make) => {
    const [decoded] = await worker.decode([await make()], STARTED);
    expect(defaultPayloadConverter.fromPayload(decoded ?? {})).toEqual(unusable('broken'));
  });
});

describe('a payload whose key a worker does not have', () => {
  const reported: string[] = [];
  const looked: string[] = [];
  const worker = createPayloadCodec(oldRing, {
    async requestBehind(workflowId) {
      looked.push(workflowId);
      return workflowId === 'open' || workflowId === 'ended' ? workflowId : undefined;
    },
    onAwaited: keyId => reported.push(keyId),
  });
  const started = (workflowId: string): SerializationContext => ({
    type: 'workflow',
    namespace: NAMESPACE,
    workflowId,
  });
  const step = (workflowId: string): SerializationContext => ({
    ...{ type: 'activity', namespace: NAMESPACE, workflowId, activityId: '1', isLocal: false },
  });
  const decoded = async (at: SerializationContext) => {
    const [first = {}] = await worker.decode(await codec.encode([plain], at), at);
    return defaultPayloadConverter.fromPayload(first);
  };
  beforeEach(() => {
    reported.length = 0;
    looked.length = 0;
  });

  test.each(['open', 'ended', 'unknown'])('is a value in a workflow (%s), which decides about it', async id => {
    expect(await decoded(started(id))).toEqual(locked({ keyId: 'k-new', isAwaited: id === 'open' }));
    expect(reported).toEqual([]);
  });

  test('makes a step of a request wait, which is reported while the request is open', async () => {
    for (const id of ['ended', 'open']) await expect(decoded(step(id))).rejects.toMatchObject({ code: 'unknown-key' });
    expect(reported).toEqual(['k-new']);
  });

  test('is a value in a step of a run that the vault does not know', async () => {
    expect(await decoded(step('unknown'))).toEqual(locked({ keyId: 'k-new', isAwaited: false }));
    expect(reported).toEqual([]);
  });

  test('is broken at once, and nobody asks the vault, if no key can have its id', async () => {
    for (const at of [started('open'), step('open')]) {
      const [whole = {}] = await codec.encode([plain], at);
      for (const id of IDS_OF_NO_KEY) {
        const metadata = { ...whole.metadata, 'encryption-key-id': Buffer.from(id) };
        const [first = {}] = await worker.decode([{ ...whole, metadata }], at);
        expect(defaultPayloadConverter.fromPayload(first)).toEqual(unusable('broken'));
      }
    }
    expect([...looked, ...reported]).toEqual([]);
  });
});

describe('a payload of an activity', () => {
  const worker = createPayloadCodec(newRing, { requestBehind: async () => undefined, onAwaited() {} });
  const at = (workflowId: string, activityId: string, isLocal = false): SerializationContext => ({
    ...{ type: 'activity', namespace: NAMESPACE, workflowId, activityId, isLocal },
  });
  const valueAt = async (payload: Payload | undefined, context: SerializationContext | undefined) => {
    const [decoded] = await worker.decode([payload ?? {}], context);
    return defaultPayloadConverter.fromPayload(decoded ?? {});
  };
  const places = [at('w', '1'), at('w', '2'), at('v', '1'), at('w","1', '1'), STARTED, undefined];

  test('is good at its own place, taken locally or by a task, and at no other', async () => {
    for (const place of places) {
      const [bound] = await worker.encode([plain], place);
      for (const other of places) {
        const isItsOwn = place !== undefined && place === other;
        const misplaced =
          place === undefined && other === STARTED ? { email: 'anna@example.com' } : unusable('misplaced');
        expect(await valueAt(bound, other)).toEqual(isItsOwn ? { email: 'anna@example.com' } : misplaced);
      }
    }
    const [local] = await worker.encode([plain], at('w', '1', true));
    expect(await valueAt(local, at('w', '1'))).toEqual({ email: 'anna@example.com' });
  });

  test('is not good elsewhere with a changed or a missing binding', async () => {
    const [bound = {}] = await worker.encode([plain], at('w', '1'));
    const { 'encryption-context': _, ...metadata } = bound.metadata ?? {};
    const moved = { ...metadata, 'encryption-context': Buffer.from(JSON.stringify(['w', '2'])) };
    expect(await valueAt({ ...bound, metadata: moved }, at('w', '2'))).toEqual(unusable('broken'));
    expect(await valueAt({ ...bound, metadata }, STARTED)).toEqual(unusable('broken'));
    expect(await valueAt({ ...bound, metadata }, at('w', '1'))).toEqual(unusable('misplaced'));
  });

  test('is shown by tools that do not know the place, unless its binding was changed', async () => {
    const [bound = {}] = await worker.encode([plain], at('w', '1'));
    expect(contentOf((await codec.decode([bound]))[0])).toEqual(contentOf(plain));
    const moved = { ...bound.metadata, 'encryption-context': Buffer.from(JSON.stringify(['w', '2'])) };
    await expect(codec.decode([{ ...bound, metadata: moved }])).rejects.toMatchObject({ code: 'payload-broken' });
  });
});

describe('the data converter', () => {
  test('hides the message and stack of a failure and leaves its type', async () => {
    const failure = failureConverter.errorToFailure(
      ApplicationFailure.nonRetryable('anna@example.com was not found', 'rejected'),
      defaultPayloadConverter,
    );
    expect(failure.message).not.toContain('anna');
    expect(failure.stackTrace ?? '').toBe('');
    expect(failure.applicationFailureInfo?.type).toBe('rejected');
    expect(Buffer.from(failure.encodedAttributes?.data ?? []).toString()).toContain('anna@example.com');
  });

  test('encrypts every payload and loads the failure converter by its path', async () => {
    const { payloadCodecs = [], failureConverterPath = '' } = createDataConverter(newRing);
    expect(payloadCodecs).toHaveLength(1);
    const [first] = (await payloadCodecs[0]?.encode([plain])) ?? [];
    expect(textOf(first, 'encoding')).toBe('binary/encrypted');
    expect(require(failureConverterPath)).toHaveProperty('failureConverter');
  });
});
