/** The pages of a package, without a browser: every call once, every code in words, and records that stay texts whatever they hold. */
import fc from 'fast-check';
import { DOUBTS } from '../../src/judgement/doubts';
import { AFTER } from '../../src/media/errors';
import type { PackageDocument } from '../../src/package/document';
import { catalogOf } from '../../src/package/page/catalogs';
import { OUT_OF_REACH } from '../../src/package/page/codes';
import type { PageContent } from '../../src/package/page/content';
import { type PageOptions, renderPages } from '../../src/package/page/pages';
import { TEXT_LENGTH_MAX } from '../../src/package/page/text';
import { readmeText } from '../../src/package/readme';
import { pack } from '../../src/packed';
import { MASKS, WITHHELD } from '../../src/redaction/reasons';
import { LANGUAGES, type Language } from '../../src/request/options';
import { REASONS, type Reason } from '../../src/request/redactions';
import { atOnce } from '../../src/slices';
import { coverageOf } from '../../src/workflows/result';
import { emptyContent, pageContent } from '../support/page-content';
import { documentOf, FOUND, NOTHING } from './support';

const NOTICE = { language: 'en', text: '# Notice' } as const;
const IN_PARIS = { language: 'en', timezone: 'Europe/Paris' } as const satisfies PageOptions;

function render(content: PageContent, options: Partial<PageOptions> = {}): ReadonlyMap<string, string> {
  const files = atOnce(renderPages(content, { ...IN_PARIS, ...options }));
  return new Map(files.map(({ path, pieces }) => [path, [...pieces()].join('')]));
}

const indexOf = (content: PageContent, options?: Partial<PageOptions>) =>
  render(content, options).get('index.html') ?? '';

/** The tags of a page in their order, each with the names of its attributes. */
function structureOf(html: string): string[] {
  return [...html.matchAll(/<\/?([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, name = '', attributes = '']) => `${name} ${attributes.replace(/="[^"]*"/g, '')}`,
  );
}

/** What a person reads. */
function textOf(html: string): string {
  const [, body = ''] = html.split('<body>');
  return body
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ');
}

test('the same package makes the same bytes, in every language', () => {
  for (const language of LANGUAGES) {
    const pages = atOnce(renderPages(pageContent(), { language, timezone: 'Europe/Paris', notice: NOTICE }));
    expect(pages.map(({ path }) => path)).toEqual(['index.html', 'notice.html']);
    const texts = pages.map(({ path, pieces }) => [path, [...pieces()].join('')] as const);
    expect(pages.map(({ path, pieces }) => [path, [...pieces()].join('')])).toEqual(texts);
    expect([...render(pageContent(), { language, notice: NOTICE })]).toEqual(texts);
  }
});

test('a page allows itself its own style and audio beside it, and nothing else', () => {
  for (const html of render(pageContent({ calls: 1_001 }), { notice: NOTICE }).values()) {
    expect(html).toContain("content=\"default-src 'none'; ");
    expect(html).not.toMatch(/<script|\son[a-z]+=|<link|<img|<iframe|<form|\sstyle=/i);
    const places = [...html.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, place = '']) => place);
    expect(places.length).toBeGreaterThan(0);
    for (const place of places)
      expect(place).toMatch(/^(#[a-z]+|(index|notice|calls-\d+)\.html(#calls)?|media\/[a-z0-9-]+\.mp3)$/);
  }
});

test('texts of records change no tag and no attribute, whatever they hold', () => {
  const plain = structureOf(indexOf(pageContent({ calls: 2, write: () => 'x' })));
  expect(plain.length).toBeGreaterThan(100);
  const marks = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '&',
    '</td>',
    '<script>',
    '-->',
    ']]>',
    '\u0000',
    '\u202e',
    '\n',
    'é',
    '😀',
  );
  const hostile = fc
    .array(fc.oneof(marks, fc.string()), { minLength: 1, maxLength: 12 })
    .map(parts => `x${parts.join('')}`);
  fc.assert(
    fc.property(hostile, text => {
      const html = indexOf(pageContent({ calls: 2, write: () => text }));
      expect(structureOf(html)).toEqual(plain);
      for (const mark of ['\u0000', '\u202e', '\u2066', '\u2069']) expect(html).not.toContain(mark);
    }),
  );
});

test('records of any shape are shown', () => {
  const record = fc.dictionary(
    fc.constantFrom(
      'id',
      'started_at',
      'direction',
      'user',
      'number',
      'comments',
      'tags',
      'emails',
      'first_name',
      '__proto__',
    ),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(record, fc.jsonValue(), (shape, value) => {
      const content = pageContent({ calls: 1 });
      const spoken = content.transcripts.map(({ call }) => ({ call, content: pack(value) }));
      const insights = content.insights.map(({ call, kind }) => ({ call, kind, content: pack(value) }));
      const html = indexOf({
        ...content,
        contacts: [shape],
        calls: [shape, ...content.calls],
        transcripts: spoken,
        insights,
      });
      expect(html.match(/<tbody class="call"/g)).toHaveLength(2);
      expect(html).toMatch(/<\/html>\n$/);
    }),
  );
});

test('each call is on one page, newest first, and the pages lead to each other', () => {
  const pages = [...render(pageContent({ calls: 1_203 }))];
  expect(pages.map(([path]) => path)).toEqual(['index.html', 'calls-2.html', 'calls-3.html']);
  const places = pages.flatMap(([, html]) => [...html.matchAll(/id="call-(\d+)"/g)].map(([, place]) => Number(place)));
  expect(places).toEqual(Array.from({ length: 1_203 }, (_, index) => index + 1));
  const links = pages.map(([, html]) => [...html.matchAll(/href="([a-z0-9-]+\.html)#calls"/g)].map(([, path]) => path));
  expect(links).toEqual([['calls-2.html'], ['index.html', 'calls-3.html'], ['calls-2.html']]);
  for (const [, html] of pages) expect(textOf(html)).toContain('Time zone Europe/Paris');
});

test('long calls are spread over more pages', () => {
  const pages = render(pageContent({ calls: 40, write: plain => plain.padEnd(100_000, '.') }));
  expect(pages.size).toBeGreaterThan(3);
  for (const html of pages.values()) expect(html.match(/<tbody class="call"/g)?.length).toBeGreaterThan(0);
});

test('of a text of two million characters the beginning is shown, and where the rest is', () => {
  const html = indexOf(pageContent({ calls: 1, write: plain => plain.padEnd(2_000_000, 'z') }));
  expect(html.length).toBeLessThan(40 * TEXT_LENGTH_MAX);
  expect(html).toContain('z'.repeat(TEXT_LENGTH_MAX / 2));
  expect(textOf(html)).toContain(catalogOf('en').shortened);
});

test('where a text of one line or an utterance is shortened, the page says so, and only there', () => {
  const { shortened } = catalogOf('en');
  const noted = (length: number, part: (text: string) => Partial<PageContent>) =>
    textOf(indexOf({ ...emptyContent(), ...part('z'.repeat(length)) })).split(shortened).length - 1;
  const parts: readonly ((text: string) => Partial<PageContent>)[] = [
    text => ({ contacts: [{ id: 1, first_name: text }] }),
    text => ({ calls: [{ id: 1, tags: [{ name: text }] }] }),
    text => ({ calls: [{ id: 1 }], transcripts: [{ call: 1, content: pack({ utterances: [{ text }] }) }] }),
  ];
  for (const part of parts) {
    expect(noted(TEXT_LENGTH_MAX, part)).toBe(0);
    expect(noted(TEXT_LENGTH_MAX + 1, part)).toBe(1);
  }
});

const ANALYSED = { id: 7, call_id: 1 };

test.each([
  [
    'a special summary: the name of its template and all of its results',
    'custom_summary_result',
    {
      ...ANALYSED,
      custom_summary: { name: 'Sales call' },
      summary_template_results: [
        { name: 'Need', content: 'A corrected invoice.' },
        { name: 'Next step', content: 'Call back.' },
      ],
    },
    ['Sales call', 'Need', 'A corrected invoice.', 'Next step', 'Call back.'],
  ],
  [
    'a task: what stands beside its words',
    'action_items',
    { action_items: [{ id: 1, content: 'Send the invoice.', ai_generated: true, due: 'on Monday' }] },
    ['Send the invoice.', 'due', 'on Monday'],
  ],
  [
    'a summary: its words alone, if nothing else is in it',
    'summary',
    { summary: { ...ANALYSED, created_at: '2026-07-01T06:00:00Z', content: 'About an order.' } },
    ['Summary About an order. <'],
  ],
  [
    'moods: with whose they are, under either name that Aircall has for it',
    'sentiments',
    {
      sentiment: {
        ...ANALYSED,
        participants: [
          { phone_number: '+33612345678', value: 'POSITIVE', type: 'external' },
          { value: 'NEGATIVE', participant_type: 'ai_voice_agent' },
        ],
      },
    },
    ['Your side: positive', 'Voice assistant: negative'],
  ],
] as const)('of what Aircall made of a call nothing is lost: %s', (_what, kind, content, shown) => {
  const made = { call: 1, kind, content: pack(content) };
  const html = indexOf({ ...pageContent({ calls: 0 }), calls: [{ id: 1 }], insights: [made] });
  const [, insights = ''] = html.split('<dl class="insights">');
  const text = textOf(`<body>${insights.split('</section>')[0]} &lt;`);
  for (const words of shown) expect(text).toContain(words);
});

test('a call of another number that the person took part in is nobody’s from or to the person', () => {
  for (const language of LANGUAGES) {
    const conference = {
      id: 1,
      direction: 'inbound',
      raw_digits: 'Person 1',
      conference_participants: [{ type: 'external', phone_number: '+33612345678' }],
    };
    const { calls } = catalogOf(language);
    const html = indexOf({ ...pageContent({ calls: 0 }), calls: [conference] }, { language });
    const [table = ''] = (html.split(`${calls.caption}</caption>`)[1] ?? '').split('</table>');
    const text = textOf(`<body>${table}`);
    for (const words of [calls.number, calls.inbound, 'Person 1', '+33612345678']) expect(text).toContain(words);
    expect(text).not.toMatch(/\b(you|your|Ihnen|Ihre|vous|votre|usted|su|Lei|Suo|u|Uw|si|seu)\b/i);
  }
});

test('a call has its audio, its transcript and what was derived from it, or the reason why there is none', () => {
  const html = indexOf(pageContent());
  const rows = html
    .split('<tbody class="call"')
    .slice(1)
    .map(row => row.split('</tbody>')[0] ?? '');
  expect(rows[0]).toContain('<audio controls preload="none" src="media/call-0001.mp3"');
  expect(textOf(`<body>${rows[0]}`)).toContain('The second chair will be with you on Thursday.');
  expect(textOf(`<body>${rows[0]}`)).toContain('The delivery was late, and a new date was agreed.');
  expect(textOf(`<body>${rows[0]}`)).toContain('Your side: positive');
  expect(rows[1]).toContain('src="media/call-0002-voicemail.mp3"');
  expect(rows[2]).not.toContain('<audio');
  expect(rows[3]).not.toContain('<audio');
  expect(rows[3]).toContain(catalogOf('en').media.expired);
});

test('a file that is not below media/ is refused', () => {
  for (const file of [
    '../x.mp3',
    '/etc/passwd',
    'https://evil.example/x.mp3',
    'media/../x.mp3',
    'media/a"b.mp3',
    'javascript:x',
  ]) {
    const content = pageContent({ calls: 1 });
    const recordings = content.calls.map(({ id }) => ({ call: Number(id), file, sizeBytes: 1, type: 'audio/mpeg' }));
    expect(() => render({ ...content, recordings })).toThrow(RangeError);
  }
});

test('times and numbers are those of the language and the time zone', () => {
  const shown = (language: Language, timezone: string) => textOf(indexOf(emptyContent(), { language, timezone }));
  expect(shown('de', 'Europe/Berlin')).toContain('01.07.2026, 08:00');
  expect(shown('en', 'America/New_York')).toContain('Jul 1, 2026, 2:00');
  expect(shown('fr', 'Asia/Tokyo')).toContain('1 juil. 2026, 15:00');
  expect(() => shown('en', 'Mars/Olympus')).toThrow(RangeError);
});

test('the picture counts every call that has a time, by the days of the time zone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.integer({ min: 0, max: 5_000_000_000 }), isInbound: fc.boolean() }), {
        minLength: 1,
      }),
      rows => {
        const calls = rows.map(({ at, isInbound }, id) => ({
          id,
          started_at: at,
          direction: isInbound ? 'inbound' : 'outbound',
        }));
        const [, chart = ''] = indexOf({ ...pageContent({ calls: 0 }), calls }).split('<figure');
        const [figures = ''] = (chart.split('<details>')[1] ?? '').split('</table>');
        const counted = [...figures.matchAll(/<td>(\d+)<\/td><td>(\d+)<\/td>/g)];
        const sum = counted.reduce((all, [, inbound, outbound]) => all + Number(inbound) + Number(outbound), 0);
        const dated = rows.filter(({ at }) => at >= Date.UTC(1990) / 1_000 && at < Date.UTC(2100) / 1_000).length;
        expect(sum).toBe(dated);
        expect(counted.length).toBeLessThanOrEqual(120);
      },
    ),
  );
  const late = { id: 1, started_at: Date.UTC(2026, 0, 31, 23, 30) / 1_000, direction: 'inbound' };
  expect(textOf(indexOf({ ...pageContent({ calls: 0 }), calls: [late] }))).toContain('Feb 1, 2026 1 0');
});

test('what was withheld is counted by reason, in words', () => {
  const text = textOf(indexOf(pageContent()));
  const { reasons, withheld, doubts } = catalogOf('en');
  expect(text).toContain(`${reasons.agent} 12`);
  expect(text).toContain(`${reasons.link} 1`);
  expect(text).toContain(`${withheld.other('a-later-reason')} 1`);
  expect(text).toContain(`${doubts['shared-number']} 3`);
  expect(textOf(indexOf(emptyContent()))).toContain(withheld.nothing);
});

test('a record that somebody decided to withhold has that as its reason, in every language', () => {
  const withheld = [{ source: 'contacts', code: 'decided', count: 2 }] as const;
  for (const language of LANGUAGES) {
    const { doubts, sources, withheld: words } = catalogOf(language);
    const text = textOf(indexOf({ ...emptyContent(), withheld }, { language }));
    expect(text).toContain(`${words.doubtsLead} ${words.doubtsDecide}`);
    expect(text).toContain(`${sources.contacts} ${doubts.decided} 2`);
  }
});

test('of what another person said or felt the page says that it is theirs', () => {
  const number = { participant_type: 'external', phone_number: '+33612345678', text: 'Mine.', value: 'POSITIVE' };
  const said = [number, { ...number, phone_number: 'Person 2', text: '[withheld]', value: 'NEGATIVE' }];
  const html = indexOf({
    ...emptyContent(),
    calls: [{ id: 1 }],
    transcripts: [{ call: 1, content: pack({ utterances: said }) }],
    insights: [{ call: 1, kind: 'sentiments', content: pack({ participants: said }) }],
  });
  const text = textOf(html);
  expect(text).toContain('Your side Mine.');
  expect(text).toContain('Person 2 [withheld]');
  expect(text).toContain('Your side: positive');
  expect(text).toContain('Person 2: negative');
});

test('coverage says how far each source was searched, what is missing, and what cannot be searched', () => {
  const text = textOf(indexOf(pageContent()));
  const { states, gaps, media, coverage, outOfReach } = catalogOf('en');
  expect(text).toContain(
    `Calls 12 ${states.partial} ${gaps['number-without-country']}: 1 ${coverage.fault('server-error')}`,
  );
  expect(text).toContain(`Recordings 2 ${states.partial} ${gaps['recording-may-follow']}: 1 ${media.expired}: 2`);
  expect(text).toContain(`Analyses of calls 8 ${states['not-entitled']}`);
  expect(text).toContain(outOfReach.messages);
  expect(text).toContain('what no catalog knows');
});

test('a notice that is missing is named under the coverage, in every language, and one that is there or elsewhere is not', () => {
  for (const language of LANGUAGES) {
    const { gaps } = catalogOf(language);
    const of = (notice: PageContent['coverage']['notice']) => {
      const content = emptyContent();
      return textOf(indexOf({ ...content, coverage: { ...content.coverage, notice } }, { language }));
    };
    expect(of({ gaps: [{ code: 'notice-missing' }] })).toContain(gaps['notice-missing']);
    expect(of({ gaps: [] })).not.toContain(gaps['notice-missing']);
  }
});

test('a recording that may follow is told of its own call, and of all of them under the coverage', () => {
  const content = pageContent({ calls: 1 });
  const recordings = content.calls.map(({ id }) => ({ call: Number(id), code: 'recording-may-follow' }));
  for (const language of LANGUAGES) {
    const { media, gaps } = catalogOf(language);
    const [table = '', coverage = ''] = indexOf({ ...content, recordings }, { language }).split('id="withheld"');
    expect(table).toContain(media['recording-may-follow']);
    expect(table).not.toContain(gaps['recording-may-follow']);
    expect(coverage).toContain(`${gaps['recording-may-follow']}: 1`);
    expect(coverage).not.toContain(media['recording-may-follow']);
  }
});

test('a recording in which others may be heard is no fault, neither beside its call nor under the coverage', () => {
  const content = pageContent({ calls: 1 });
  const recordings = content.calls.map(({ id }) => ({ call: Number(id), code: 'other-voices' }));
  for (const language of LANGUAGES) {
    const { media } = catalogOf(language);
    const [table, coverage] = indexOf({ ...content, recordings }, { language }).split('id="withheld"');
    expect(table).toContain(media['other-voices']);
    expect(coverage).toContain(`${media['other-voices']}: 1`);
  }
});

test('coverage counts each file that is missing once, by its reason', () => {
  const { gaps, media, states } = catalogOf('en');
  const recordingsOf = (codes: readonly string[], gap: { readonly code: string; readonly count?: number }) => {
    const content = pageContent({ calls: 0 });
    const coverage = { ...content.coverage, recordings: { state: 'partial', gaps: [gap] } as const };
    const text = textOf(indexOf({ ...content, coverage, recordings: codes.map((code, call) => ({ call, code })) }));
    return text.split(`Recordings 0 ${states.partial}`)[1]?.split('Voicemails 0 ')[0];
  };
  const missing = { code: 'file-missing', count: 3 };
  const told = recordingsOf(['expired', 'expired', 'gone'], missing);
  expect(told).toContain(`${media.expired}: 2 ${media.gone}: 1`);
  expect(told).not.toContain(gaps['file-missing']);
  expect(recordingsOf(['gone'], missing)).toContain(`${gaps['file-missing']}: 2 ${media.gone}: 1`);
  expect(recordingsOf([], missing)).toContain(`${gaps['file-missing']}: 3`);
});

test('that only calls with a transcript were analysed is told where both were asked for', () => {
  const states = ['complete', 'partial', 'failed', 'skipped', 'not-asked', 'not-entitled'] as const;
  for (const language of LANGUAGES)
    for (const insights of states)
      for (const transcripts of ['complete', 'partial', 'not-asked'] as const) {
        const content = emptyContent();
        const of = (state: (typeof states)[number]) => ({ state, gaps: [] });
        const coverage = { ...content.coverage, insights: of(insights), transcripts: of(transcripts) };
        const isTold = ['complete', 'partial'].includes(insights) && transcripts !== 'not-asked';
        const html = indexOf({ ...content, coverage }, { language });
        expect(html.includes(catalogOf(language).coverage.onlyOfTranscripts)).toBe(isTold);
      }
});

type State = PageContent['coverage']['contacts']['state'];

function reached(state: State, ...codes: readonly string[]) {
  return { state, gaps: codes.map(code => ({ code })) };
}

const SEARCHED = reached('complete');
const UNSEARCHED = reached('skipped', 'no-number-known');
const PARTS_UNSEARCHED = {
  recordings: UNSEARCHED,
  voicemails: UNSEARCHED,
  transcripts: UNSEARCHED,
  insights: UNSEARCHED,
};

type Found = Omit<PackageDocument, 'format'>;

/** What was found, withheld and searched, and what page and README.txt say of it. */
const STANDINGS: readonly [what: string, found: Found, lead: 'lead' | 'leadEmpty' | 'leadIncomplete'][] = [
  ['nothing, of all that was asked for', NOTHING, 'leadEmpty'],
  ['nothing, and no number to search for', covering(NOTHING, UNSEARCHED, PARTS_UNSEARCHED), 'leadEmpty'],
  ['nothing but doubtful calls', { ...NOTHING, withheld: FOUND.withheld }, 'leadIncomplete'],
  [
    'nothing but a card of a number',
    { ...NOTHING, withheld: [{ source: 'contacts', code: 'number-only', count: 1 }] },
    'leadIncomplete',
  ],
  ['nothing, and the search for calls failed', covering(NOTHING, reached('failed', 'server-error')), 'leadIncomplete'],
  [
    'nothing, and a contact that could not be read',
    covering(NOTHING, SEARCHED, { contacts: reached('partial', 'unexpected-record') }),
    'leadIncomplete',
  ],
  [
    'nothing, and a number that nobody could search for',
    covering(NOTHING, reached('skipped', 'no-number-known', 'number-without-country')),
    'leadIncomplete',
  ],
  ['something, and nothing withheld', { ...covering(FOUND, SEARCHED, { recordings: SEARCHED }), withheld: [] }, 'lead'],
  ['something, and calls that are doubtful', covering(FOUND, SEARCHED, { recordings: SEARCHED }), 'leadIncomplete'],
  ['something, and a file that is missing', { ...FOUND, withheld: [] }, 'leadIncomplete'],
];

function covering(
  found: Found,
  calls: Partial<Found['coverage']['calls']>,
  others: Partial<Found['coverage']> = {},
): Found {
  const { coverage } = found;
  return { ...found, coverage: { ...coverage, ...others, calls: { ...coverage.calls, ...calls } } };
}

test.each(STANDINGS)('page and README.txt say the same of a package: %s', (_what, found, lead) => {
  for (const language of LANGUAGES) {
    const document = documentOf({ ...found, language });
    const page = indexOf(document, { language });
    for (const each of ['lead', 'leadEmpty', 'leadIncomplete'] as const)
      expect(page.includes(catalogOf(language)[each])).toBe(each === lead);
    expect(page.includes('id="overview"')).toBe(lead !== 'leadEmpty');
    const nothing = readmeText(documentOf({ ...NOTHING, language }), []).split('\n')[4] ?? '';
    expect(readmeText(document, []).includes(nothing)).toBe(lead === 'leadEmpty');
  }
});

test('README.txt says that something is missing if a source was not searched to its end, and only then', () => {
  const sentence = 'Not everything could be searched or read.';
  const of = (found: Found) => readmeText(documentOf(found), []);
  for (const [, found] of STANDINGS) {
    const sources = [found.coverage.contacts, found.coverage.calls, found.coverage.recordings];
    const isMissing = sources.some(({ state, gaps }) => state === 'failed' || state === 'partial' || gaps.length > 1);
    expect(of(found).includes(sentence)).toBe(isMissing);
  }
});

test('of a person of whom nothing was found a page confirms what was searched', () => {
  const text = textOf(indexOf(emptyContent()));
  const { leadEmpty, coverage, sources, lead } = catalogOf('en');
  expect(text).toContain(leadEmpty);
  expect(text).not.toContain(lead);
  expect(text).toContain(coverage.byNumber);
  expect(text).toContain(`${sources.calls} 0`);
  expect(text).toContain('zoe.nunez@example.com');
});

test('every reach that a result names has a sentence', () => {
  const calls = {
    state: 'complete',
    gaps: [],
    window: { from: null, to: '' },
    ambiguous: 0,
    ignoredNumbers: 0,
  } as const;
  const named = (['number', 'company'] as const).flatMap(
    by =>
      coverageOf('access', { covered: { contacts: { state: 'complete', gaps: [] }, calls: { ...calls, by } } } as never)
        .outOfReach,
  );
  expect(Object.keys(OUT_OF_REACH).sort()).toEqual([...new Set(named)].sort());
});

test('every code has a sentence of its own in every language', () => {
  for (const language of LANGUAGES) {
    const catalog = catalogOf(language);
    expect(Object.keys(catalog.gaps).sort()).toEqual(Object.keys(catalogOf('en').gaps).sort());
    expect(Object.keys(catalog.media).sort()).toEqual(
      [...Object.keys(AFTER), 'not-downloaded', 'recording-may-follow', 'other-voices'].sort(),
    );
    expect(Object.keys(catalog.reasons).sort()).toEqual([...REASONS].sort());
    expect(Object.keys(catalog.doubts).sort()).toEqual([...Object.keys(DOUBTS), 'decided'].sort());
  }
});

/** What stands in place of what was taken out, whatever the language. */
const MARKS: readonly (readonly [Reason, string])[] = [
  ['agent', 'Agent'],
  ['other-person', 'Person'],
  ['other-person', WITHHELD],
  ['email', MASKS.email],
  ['phone', MASKS.phone],
  ['iban', MASKS.iban],
  ['link', MASKS.link],
];

test.each(LANGUAGES)('in %s the reasons name what stands in place of what was taken out', language => {
  const { reasons } = catalogOf(language);
  for (const [reason, mark] of MARKS) {
    const quoted = [...reasons[reason].matchAll(/[“„«]\s?(.+?)\s?[”“»]/g)].map(([, words]) => words);
    expect(quoted).toContain(mark);
  }
});

/** Right in several languages. A single word may be too. */
const SHARED = ['Messages (SMS, WhatsApp)', 'Página {1} de {2}'];

test('no catalog has a sentence of another one', () => {
  const sentences = new Map<string, Language>();
  for (const language of LANGUAGES)
    for (const sentence of new Set(leaves(catalogOf(language)))) {
      if (SHARED.includes(sentence) || !sentence.includes(' ')) continue;
      expect({ sentence, language: sentences.get(sentence) }).toEqual({ sentence, language: undefined });
      sentences.set(sentence, language);
    }
  expect(sentences.size).toBeGreaterThan(7 * 90);
});

/** All sentences; those that take values with marks in their place. */
function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'function') {
    const sentence: unknown = value('{1}', '{2}', '{3}');
    for (let place = 1; place <= value.length; place += 1) expect(sentence).toContain(`{${place}}`);
    return leaves(sentence);
  }
  return Object.values(value as object).flatMap(leaves);
}

test('a notice becomes a page: Markdown in, no HTML, no image, no link that runs', () => {
  const text =
    '# Who\n\n**We** <b>x</b> ![pixel](https://t.example/p.png) [a](javascript:alert(1)) [b](https://acme.example)\n\n|A|B|\n|-|-|\n|1|2|\n';
  const pages = render(emptyContent(), { language: 'de', notice: { language: 'fr', text } });
  const html = pages.get('notice.html') ?? '';
  expect(html).toContain('<html lang="de">');
  expect(html).toContain('<section class="notice" lang="fr"><h2>Who</h2>');
  expect(html).toContain('<strong>We</strong> &lt;b&gt;x&lt;/b&gt;');
  expect(html).toContain('<td>1</td>');
  expect(html).toContain('&lt;/b&gt; pixel [a]');
  expect(html).not.toMatch(/<img|t\.example|href="javascript/);
  expect(html).toContain('<a href="https://acme.example">b</a>');
  expect(pages.get('index.html')).toContain('href="notice.html"');
  expect(indexOf(emptyContent())).not.toContain('notice.html');
  expect(() => render(emptyContent(), { notice: { language: 'en', text: 'x'.repeat(1_000_001) } })).toThrow(RangeError);
});
