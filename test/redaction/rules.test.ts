/** Each rule of redaction is needed: without it something of others is left, something of the person is lost, or a list is untrue. */
import { redact } from '../../src/redaction/redact';
import { TABLE } from '../../src/redaction/table';
import { atOnce } from '../../src/slices';
import { loadChanged } from '../support/changed-source';
import { FINDINGS, faultsOf, ROWS, RULES, WHOSE } from './rules';

function faultsWith(changed: typeof redact): string[] {
  return faultsOf(atOnce(changed(FINDINGS, WHOSE)));
}

test('with all rules nothing is wrong', () => {
  expect(faultsWith(redact)).toEqual([]);
});

test('each row of the table has a path of its own', () => {
  expect(new Set(TABLE.map(({ path }) => path)).size).toBe(TABLE.length);
});

test.each([...ROWS, ...RULES])('it is noticed if $without', rule => {
  const { redact: changed } = loadChanged('redaction', 'redact', rule) as { readonly redact: typeof redact };
  expect(faultsWith(changed)).not.toEqual([]);
});
