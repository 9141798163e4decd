/** The page of a bundle that shows a person what happened: what the receipt states, in words and as HTML. */
import { storyPage } from '../../src/audit/story';
import type { Receipt } from '../../src/receipt/model';
import { FACTS, receiptOf } from '../receipt/support';

const [CONTACTS, RECEIPT] = (() => {
  const receipt = receiptOf(FACTS, { sequence: 1, previous: null });
  const [source] = receipt.sources;
  if (source === undefined) throw new Error('the receipt names no source');
  return [source, receipt] as const;
})();
const pageOf = (more: Partial<Receipt>) => storyPage({ ...RECEIPT, ...more });
const cellsOf = (page: string) =>
  [...page.matchAll(/<tr>(.*?)<\/tr>/g)]
    .slice(1)
    .map(([, cells = '']) => cells.split(/<\/?td>/).filter(cell => cell !== ''));

test('counts each source once, and those that were refused or failed together', () => {
  const calls = {
    ...CONTACTS,
    source: 'calls',
    state: 'skipped' as const,
    found: 0,
    refused: 0,
    failed: 0,
    deleted: 0,
  };
  const contacts = {
    ...CONTACTS,
    found: 9,
    unchanged: 1,
    deleted: 2,
    absent: 1,
    retained: 6,
    refused: 2,
    failed: 3,
    unreadable: 4,
    withheld: 5,
  };
  expect(cellsOf(pageOf({ sources: [contacts, calls] })).map(cells => cells.slice(0, 11))).toEqual([
    ['contacts', 'partial', 'all', '9', '1', '2', '1', '6', '5', '4', '5'],
    ['calls', 'skipped', '-', ...['0', String(calls.unchanged), '0', String(calls.absent), '0', '0']].concat([
      String(calls.unreadable),
      String(calls.withheld),
    ]),
  ]);
});

test.each([
  ['2026-01-31T12:00:08.000Z', true],
  ['2026-01-31T12:00:10.000Z', false],
])('due at %s, it says whether it ended later: %s', (due, late) => {
  const page = pageOf({ request: { ...RECEIPT.request, regime: 'gdpr' }, times: { ...RECEIPT.times, due } });
  expect(page).toContain(`It was due at ${due} (gdpr)`);
  expect(page.includes('and it ended later')).toBe(late);
});

test('holds no markup but its own, whatever a receipt says', () => {
  const page = pageOf({ failure: '<img src=x onerror="alert(1)">&' });
  expect(page).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;');
  expect(page).not.toContain('<img');
});

test('says why records are doubtful and what was decided, and never that nothing is left', () => {
  const at = '2026-01-31T12:00:01.000Z';
  const page = pageOf({
    verification: 'verified',
    doubts: [{ code: 'number-only', records: 3, taken: 1, kept: 2 }],
    approvals: [{ keyId: 'a-1', at, signed: true }],
    rejection: { keyId: null, at, signed: false, reason: 'wrong-person' },
  });
  expect(page).toContain('3: only a number of the person leads to the contact (number-only)');
  expect(page).toContain("decided to be the person's: 1, left: 2");
  expect(page).toContain(`approved at ${at} by key a-1, signed`);
  expect(page).toContain(`rejected at ${at}, not signed: wrong-person`);
  expect(page).not.toMatch(/nothing (of the person|is left)/);
});

test('says what was left out of the package', () => {
  const title = 'What was left out of the package, or replaced';
  const page = pageOf({ redactions: [{ reason: 'agent', count: 12 }] });
  expect(page).toContain(`<h2>${title}</h2><ul><li>names and data of agents: 12</li></ul>`);
  expect(pageOf({ redactions: [] })).not.toContain(title);
});

test('says that contacts were left, and what stays in Aircall, only of requests of which it is true', () => {
  const stays = 'If Aircall holds calls, comments or messages of the person, they stay';
  const whole: Partial<Receipt> = { verification: 'verified', status: 'completed', doubts: [] };
  const sources = [{ ...CONTACTS, retained: 0 }];
  const page = pageOf({ ...whole, sources });
  expect(page).toContain('<b>Verified</b>: searched again, and no contact of the person was found.');
  expect(page).toContain(stays);
  expect(pageOf({ ...whole, sources: [{ ...CONTACTS, retained: 1 }] })).toContain('but those that were left (1).');
  expect(pageOf({ verification: 'residual', status: 'partial' })).toContain('<b>Not verified</b>: the last search');
  const none = pageOf({ verification: 'skipped', status: 'denied' });
  expect(none).toContain('There was no verifying search.');
  expect(none).not.toContain(stays);
});

test('of a dry run says so in its title, in its heading and in its text', () => {
  const page = pageOf({ status: 'planned', request: { ...RECEIPT.request, dryRun: true }, verification: 'skipped' });
  expect(page).toContain('<title>Dry run of a deletion case-17</title>');
  expect(page).toContain('<h1>Dry run of a deletion case-17</h1>');
  expect(page).toContain('nothing was handed over or deleted');
  expect(page).not.toContain('would be deleted');
  const planned = pageOf({
    request: { ...RECEIPT.request, dryRun: true },
    plan: { contacts: 2, numbers: null, calls: null },
    doubts: [{ code: 'number-only', records: 1, taken: 0, kept: 1 }],
  });
  expect(planned).toContain(`If it were executed: 2 contacts would be deleted, plan ${'0'.repeat(32)}`);
  expect(planned).toContain('would be left: 1');
});
