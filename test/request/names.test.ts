import fc from 'fast-check';
import { apiTaskQueue, KINDS, NAME_PATTERN, requestOf, workflowIdOf } from '../../src/request/names';

const SEED = { seed: 64, numRuns: 500 };
const nameLetters = [...'ABCXYZabcxyz0123456789._-'];
const name = fc
  .string({ unit: fc.constantFrom(...nameLetters), minLength: 1, maxLength: 64 })
  .filter(text => text !== '.' && text !== '..');
const request = fc.record({ connection: name, kind: fc.constantFrom(...KINDS), requestId: name });

describe('the names that other programs rely on', () => {
  test('a workflow id names its request and back', () => {
    fc.assert(
      fc.property(request, ref => {
        expect(requestOf(workflowIdOf(ref))).toEqual(ref);
      }),
      SEED,
    );
  });

  test('a workflow id reads dsr, connection, kind, request id', () => {
    expect(workflowIdOf({ connection: 'acme', kind: 'deletion', requestId: 'r-1' })).toBe('dsr:acme:deletion:r-1');
  });

  test.each([
    '',
    'dsr',
    'dsr:acme:access',
    'dsr:acme:access:',
    'dsr::access:r-1',
    'dsr:acme:erasure:r-1',
    'dsr:acme:Access:r-1',
    'dsr:acme:toString:r-1',
    'dsr:acme:access:r-1:window-2',
    'other:acme:access:r-1',
    ' dsr:acme:access:r-1',
    'dsr:acme:access:r-1\n',
    'dsr:acme:access:..',
    'dsr:.:access:r-1',
    'dsr:acme:access:anna@example.com',
    'dsr:ac/me:access:r-1',
  ])('%j is not the workflow id of a request', id => {
    expect(requestOf(id)).toBeUndefined();
  });

  test('whatever a workflow id holds, a request that is read from it has good names', () => {
    const part = fc.oneof(name, fc.string(), fc.constantFrom(...KINDS, 'dsr', '..'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), parts => {
        const id = ['dsr', ...parts].join(':');
        const ref = requestOf(id);
        expect(
          ref === undefined ||
            (workflowIdOf(ref) === id && [ref.connection, ref.requestId].every(text => NAME_PATTERN.test(text))),
        ).toBe(true);
      }),
      SEED,
    );
  });

  test('an e-mail address is never a valid name', () => {
    fc.assert(
      fc.property(fc.emailAddress(), email => {
        expect(NAME_PATTERN.test(email)).toBe(false);
      }),
      SEED,
    );
  });

  test.each(['', '.', '..', 'a/b', 'a b', 'a:b', 'é', 'a\n', '\na', 'a\u0000', 'a'.repeat(65), '+33123456789', '~1'])(
    '%j is not a valid name',
    text => {
      expect(NAME_PATTERN.test(text)).toBe(false);
    },
  );

  test.each(['a', '...', '.a', '-', '_', 'a'.repeat(64), '550e8400-e29b-41d4-a716-446655440000'])(
    '%j is a valid name',
    text => {
      expect(NAME_PATTERN.test(text)).toBe(true);
    },
  );

  test('every company has an API queue of its own', () => {
    expect(apiTaskQueue('aircall-dsr', 'acme')).toBe('aircall-dsr/acme');
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(apiTaskQueue('q', a) === apiTaskQueue('q', b)).toBe(a === b);
      }),
      SEED,
    );
  });
});
