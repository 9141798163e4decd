/** A package as a person gets it, and the same with other texts or any number of calls: what tests make pages from. */
import type { PageContent, RecordShown } from '../../src/package/page/content';
import { pack } from '../../src/packed';

const START_SECONDS = Date.UTC(2026, 0, 12, 8, 30) / 1_000;
const DAY_SECONDS = 86_400;
const COMPLETE = { state: 'complete', gaps: [] } as const;

/** Every text of a record is made by it, from a plain one. */
type Write = (plain: string) => string;

interface Wanted {
  readonly calls?: number;
  readonly write?: Write;
}

const asItIs: Write = plain => plain;

/** @param wanted calls: 12 if it is not said; each third has audio and a transcript */
export function pageContent({ calls: count = 12, write = asItIs }: Wanted = {}): PageContent {
  const places = Array.from({ length: count }, (_, place) => place);
  const spoken = places.filter(place => place % 3 === 0).map(place => ({ place, call: idOf(place) }));
  return {
    requestId: 'request-2026-07',
    connection: 'acme-europe',
    createdAt: '2026-07-01T06:00:00.000Z',
    subject: { emails: ['zoe.nunez@example.com'], phoneNumbers: ['+33612345678'] },
    contacts: [contact(write), { id: 2, first_name: null, last_name: null, emails: [], phone_numbers: [] }],
    calls: places.map(place => call(place, count, write)),
    recordings: spoken.map(({ place, call: id }) =>
      place % 2 === 0
        ? { call: id, file: mediaFile(place), sizeBytes: 2_345_678, type: 'audio/mpeg' }
        : { call: id, code: 'expired' },
    ),
    voicemails:
      count > 1 ? [{ call: idOf(1), file: mediaFile(1, '-voicemail'), sizeBytes: 4_096, type: 'audio/mpeg' }] : [],
    transcripts: spoken.map(({ call: id }) => ({ call: id, content: pack(transcript(id, write)) })),
    insights: spoken.slice(0, 2).flatMap(({ call: id }) => [
      {
        call: id,
        kind: 'summary' as const,
        content: pack({
          summary: { call_id: id, content: write('The delivery was late, and a new date was agreed.') },
        }),
      },
      {
        call: id,
        kind: 'topics' as const,
        content: pack({ topic: { content: [write('Delivery'), write('Invoice')] } }),
      },
      {
        call: id,
        kind: 'sentiments' as const,
        content: pack({
          sentiment: {
            participants: [{ participant_type: 'external', phone_number: '+33612345678', value: 'POSITIVE' }],
          },
        }),
      },
      {
        call: id,
        kind: 'action_items' as const,
        content: pack({ raw: { [write('unknown')]: [write('Send the invoice again'), 3, true, null] } }),
      },
    ]),
    withheld: [{ source: 'calls', code: 'shared-number', count: 3 }],
    redactions: [
      ...places.map(place => ({ path: `/calls/${place}/user`, reason: 'agent' })),
      { path: '/calls/0/recording', reason: 'link' },
      { path: '/contacts/0/information', reason: 'a-later-reason' },
    ],
    coverage: {
      contacts: COMPLETE,
      calls: {
        state: 'partial',
        gaps: [{ code: 'number-without-country', count: 1 }, { code: 'server-error' }],
        by: 'number',
        window: { from: null, to: '2026-07-01T06:00:00.000Z' },
        ignoredNumbers: 2,
      },
      recordings: { state: 'partial', gaps: [{ code: 'recording-may-follow', count: 1 }] },
      voicemails: COMPLETE,
      transcripts: COMPLETE,
      insights: { state: 'not-entitled', gaps: [] },
      notice: COMPLETE,
      outOfReach: ['messages', 'private contacts', 'calls older than about six months', 'what no catalog knows'],
    },
  };
}

/** What a person gets of whom nothing was found. */
export function emptyContent(): PageContent {
  const content = pageContent({ calls: 0 });
  const { coverage } = content;
  return {
    ...content,
    contacts: [],
    recordings: [],
    transcripts: [],
    insights: [],
    withheld: [],
    redactions: [],
    coverage: { ...coverage, calls: { ...coverage.calls, ...COMPLETE }, recordings: COMPLETE },
  };
}

function idOf(place: number): number {
  return 4_186_780_000 + place;
}

function mediaFile(place: number, kind = ''): string {
  return `media/call-${String(place + 1).padStart(4, '0')}${kind}.mp3`;
}

function contact(write: Write): RecordShown {
  return {
    id: 1,
    first_name: write('Zoé'),
    last_name: write('Núñez'),
    company_name: write('Nuñez & Søns'),
    information: write('Prefers to be called after 17:00.\nOrder 4711-0815.'),
    emails: [{ id: 11, label: write('Work'), value: write('zoe.nunez@example.com') }],
    phone_numbers: [{ id: 12, label: write('Mobile'), value: write('+33 6 12 34 56 78') }],
    created_at: START_SECONDS - 400 * DAY_SECONDS,
    updated_at: START_SECONDS,
    is_shared: true,
    loyalty: { [write('card')]: write('gold'), points: 120 },
  };
}

/** Newest first, over half a year. */
function call(place: number, count: number, write: Write): RecordShown {
  const startedAt = START_SECONDS + Math.floor(((count - place) / count) * 165 * DAY_SECONDS) + (place % 9) * 3_600;
  const isAnswered = place % 4 !== 1;
  return {
    id: idOf(place),
    direction: place % 3 === 2 ? 'outbound' : 'inbound',
    status: 'done',
    missed_call_reason: isAnswered ? null : 'no_available_agent',
    started_at: startedAt,
    answered_at: isAnswered ? startedAt + 7 : null,
    ended_at: startedAt + 7 + 95 * ((place % 5) + 1),
    raw_digits: write('+33 6 12 34 56 78'),
    country_code_a2: 'FR',
    number: { id: 5, name: write('Customer service'), digits: '+33 1 86 26 00 00' },
    user: isAnswered ? { name: `Agent ${(place % 3) + 1}` } : null,
    comments:
      place % 5 === 0
        ? [
            {
              id: place,
              content: write('Asked for the invoice of May.'),
              posted_at: startedAt + 600,
              posted_by: { name: 'Agent 1' },
            },
          ]
        : [],
    tags:
      place % 2 === 0
        ? [
            { id: 1, name: write('Invoice') },
            { id: 2, name: write('VIP') },
          ]
        : [],
    teams: place === 0 ? [{ id: 3, name: write('Support') }] : [],
  };
}

const SAID = [
  ['internal', 'Good morning, this is customer service. How can I help you?'],
  ['external', 'Good morning. I ordered two chairs in May, and only one of them arrived.'],
  ['internal', 'I am sorry about that. May I have the order number?'],
  ['external', 'It is 4711-0815.'],
  ['ai_voice_agent', 'One moment, please.'],
  ['internal', 'The second chair will be with you on Thursday.'],
  ['external', 'Thank you very much. That is fine with me, I am at home all day.'],
] as const;

function transcript(id: number, write: Write) {
  const utterances = SAID.map(([participant_type, text], place) => ({
    participant_type,
    text: write(text),
    start_time: 2.5 + place * 6.2,
    end_time: 8 + place * 6.2,
  }));
  return { transcription: { id, call_id: id, type: 'call', content: { language: 'en', utterances } } };
}
