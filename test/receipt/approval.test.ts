import { isSigned } from '../../src/receipt/approval';
import { createApprover } from '../support/approvers';

const anna = createApprover('anna');
const statement = {
  workflowId: 'dsr:acme:deletion:r-1',
  planDigest: 'f'.repeat(32),
  decisions: { 'contact 2': 'take', 'contact 1': 'keep' },
  at: '2026-01-31T12:00:00.000Z',
} as const;
const { signature } = anna.sign(statement);
const approved = { ...statement, by: 'anna' };

test('a signature is good for its statement, in whatever order its members stand', () => {
  expect(isSigned(approved, signature, anna.publicKey)).toBe(true);
  const { decisions: _, ...rest } = approved;
  const turned = { decisions: { 'contact 1': 'keep', 'contact 2': 'take' }, ...rest } as const;
  expect(isSigned(turned, signature, anna.publicKey)).toBe(true);
});

test.each([
  ['another request', { workflowId: 'dsr:acme:deletion:r-2' }],
  ['another plan', { planDigest: 'e'.repeat(32) }],
  ['other decisions', { decisions: { 'contact 1': 'take', 'contact 2': 'take' } as const }],
  ['fewer decisions', { decisions: { 'contact 1': 'keep' } as const }],
  ['another name', { by: 'ben' }],
  ['another time', { at: '2026-01-31T12:00:00.001Z' }],
])('it is not good for %s', (_, change) => {
  expect(isSigned({ ...approved, ...change }, signature, anna.publicKey)).toBe(false);
});

test('it is not good for a rejection, for another key, or if it was changed', () => {
  const { decisions: _, ...common } = approved;
  expect(isSigned({ ...common, reason: 'not-hers' }, signature, anna.publicKey)).toBe(false);
  expect(isSigned(approved, signature, createApprover('anna').publicKey)).toBe(false);
  expect(
    isSigned(
      approved,
      signature.replace(/^./, first => (first === 'A' ? 'B' : 'A')),
      anna.publicKey,
    ),
  ).toBe(false);
  expect(isSigned(approved, 'no signature', anna.publicKey)).toBe(false);
  expect(isSigned(approved, signature, 'no key')).toBe(false);
});
