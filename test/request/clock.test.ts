/** The legal clock: due dates by the laws' own words, warnings before them, and the limits of an extension. */
import fc from 'fast-check';
import { alarmsOf, type Clock, clockOf, extended, extensionIn } from '../../src/request/clock';

const DAY_MS = 86_400_000;
const at = (text: string) => Date.parse(text);
const instants = fc.date({ min: new Date('2018-05-25'), max: new Date('2099-12-31'), noInvalidDate: true });

const dueOf = (regime: 'gdpr' | 'ccpa', submitted: string) =>
  clockOf({ regime, submittedMs: at(submitted) }, at('2099-12-31'))?.dueAt;

/** The clock of a request under a law; submitted and received at once. */
function clock(regime: 'gdpr' | 'ccpa', submitted = '2026-01-10T08:00:00.000Z'): Clock {
  const made = clockOf({ regime }, at(submitted));
  if (made === undefined) throw new Error('there is a clock under a law');
  return made;
}

describe('the due date', () => {
  it.each([
    ['2026-03-05T10:30:00.000Z', '2026-04-05T10:30:00.000Z'],
    ['2026-01-31T23:59:59.999Z', '2026-02-28T23:59:59.999Z'],
    ['2028-01-31T00:00:00.000Z', '2028-02-29T00:00:00.000Z'],
    ['2026-02-28T12:00:00.000Z', '2026-03-28T12:00:00.000Z'],
    ['2026-12-15T12:00:00.000Z', '2027-01-15T12:00:00.000Z'],
    ['2026-05-31T12:00:00.000Z', '2026-06-30T12:00:00.000Z'],
  ])('under the GDPR is one month after %s, or the last day of it', (submitted, due) => {
    expect(dueOf('gdpr', submitted)).toBe(due);
  });

  it('under the CCPA is 45 calendar days after', () => {
    expect(dueOf('ccpa', '2026-01-01T09:00:00.000Z')).toBe('2026-02-15T09:00:00.000Z');
  });

  it('under the GDPR is never in the month but one, and never more than 31 days away', () => {
    fc.assert(
      fc.property(instants, submitted => {
        const due = new Date(clock('gdpr', submitted.toISOString()).dueAt ?? '');
        const months =
          (due.getUTCFullYear() - submitted.getUTCFullYear()) * 12 + due.getUTCMonth() - submitted.getUTCMonth();
        expect(months).toBe(1);
        expect(due.getTime() - submitted.getTime()).toBeLessThanOrEqual(31 * DAY_MS);
        expect(due.getTime() - submitted.getTime()).toBeGreaterThanOrEqual(28 * DAY_MS);
      }),
    );
  });

  it('is counted from the submission where that is told, else from the receipt, and never from the future', () => {
    const received = at('2026-03-05T10:30:00.000Z');
    expect(clockOf({ regime: 'gdpr', submittedMs: received - DAY_MS }, received)?.dueAt).toBe(
      '2026-04-04T10:30:00.000Z',
    );
    expect(clockOf({ regime: 'gdpr' }, received)?.dueAt).toBe('2026-04-05T10:30:00.000Z');
    expect(clockOf({ regime: 'gdpr', submittedMs: received + 60_000 }, received)?.dueAt).toBe(
      '2026-04-05T10:30:00.000Z',
    );
  });

  it('is not there without a law', () => {
    expect(clockOf({}, 0)).toBeUndefined();
    expect(clockOf({ regime: 'none' }, 0)).toBeUndefined();
    expect(clockOf({ submittedMs: 0 }, 1)).toEqual({ regime: 'none', submittedAt: '1970-01-01T00:00:00.000Z' });
  });
});

describe('the alarms', () => {
  const due = at('2026-02-10T08:00:00.000Z');

  it('are a week before the due date, and at it', () => {
    expect(alarmsOf(clock('gdpr'), at('2026-01-10'))).toEqual([
      { alarm: 'due-soon', atMs: due - 7 * DAY_MS },
      { alarm: 'overdue', atMs: due },
    ]);
  });

  it('do not warn of what has happened', () => {
    expect(alarmsOf(clock('gdpr'), due)).toEqual([{ alarm: 'overdue', atMs: due }]);
  });

  it('are none without a due date', () => {
    expect(alarmsOf({ regime: 'none', submittedAt: '2026-01-10T08:00:00.000Z' }, 0)).toEqual([]);
  });
});

describe('an extension', () => {
  const reason = 'complexity';
  const before = at('2026-01-20T00:00:00.000Z');

  it.each([
    ['gdpr', '2026-04-10T08:00:00.000Z'],
    ['ccpa', '2026-04-10T08:00:00.000Z'],
  ] as const)('under the %s goes as far as the law allows where nothing else is asked for', (regime, latest) => {
    const first = clock(regime);
    expect(extended(first, { reason }, before)).toEqual({
      ...first,
      dueAt: latest,
      extension: { at: '2026-01-20T00:00:00.000Z', reason, dueBefore: first.dueAt },
    });
  });

  it('goes no further, and not back', () => {
    fc.assert(
      fc.property(fc.constantFrom('gdpr', 'ccpa'), instants, instants, (regime, submitted, until) => {
        const first = clock(regime, submitted.toISOString());
        const latest = extended(first, { reason }, submitted.getTime()).dueAt ?? '';
        const iso = until.toISOString();
        const put = () => extended(first, { reason, until: iso }, submitted.getTime());
        if (iso > (first.dueAt ?? '') && iso <= latest) expect(put().dueAt).toBe(iso);
        else expect(put).toThrow('until takes a time after');
      }),
    );
  });

  it('is taken until the due date, and not after it: by then the person had to be told', () => {
    const due = at(clock('gdpr').dueAt ?? '');
    expect(extended(clock('gdpr'), { reason }, due).extension).toBeDefined();
    expect(() => extended(clock('gdpr'), { reason }, due + 1)).toThrow(
      'you must inform the person of an extension before that date',
    );
  });

  it('is one only; the very same again changes nothing', () => {
    const once = extended(clock('ccpa'), { reason }, before);
    expect(extended(once, { reason }, before + DAY_MS)).toBe(once);
    expect(() => extended(once, { reason: 'other' }, before)).toThrow('it was extended before');
    expect(() => extended(once, { reason, until: '2026-03-30T00:00:00.000Z' }, before)).toThrow(
      'it was extended before',
    );
  });

  it('needs a due date, and a reason that is words', () => {
    expect(() => extended(undefined, { reason }, before)).toThrow('no due date');
    expect(() => extended(clockOf({ submittedMs: 0 }, 1), { reason }, before)).toThrow('no due date');
    for (const bad of ['', 'Zoe Nunez', 'zoe@example.com', 'a'.repeat(65), '-x', undefined, null, 1, {}, ['late']])
      expect(() => extensionIn({ reason: bad })).toThrow('the reason takes');
    for (const until of ['soon', '', null, 1, '2026-02-01', '2026-02-01T00:00:00Z (Zoe)', '2026-99-01T00:00:00Z'])
      expect(() => extensionIn({ reason, until })).toThrow('until takes a time');
    const until = '2026-02-01T00:00:00.000Z';
    expect(extensionIn({ reason, until, workflowId: 'w', note: 'Zoe' })).toEqual({ reason, until });
    expect(extensionIn({ reason })).toEqual({ reason });
  });
});
