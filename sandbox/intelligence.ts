/**
 * Conversation intelligence of a call: 403 if the company does not pay for it, 404 if nothing was made.
 * It must never outlive its recording: deleting the one deletes the other. Facts: docs/aircall.md 7.
 * Unverified: the envelopes of action items, custom summaries, playbooks and evaluations.
 */
import { INTELLIGENCE, type Intelligence } from './behaviour';
import type { CompanyState } from './company';
import { digitsOf } from './phones';
import { createRandom, type Random } from './random';
import type { CallRecord, Reply } from './wire';

export function answerIntelligence({ behaviour, calls, seed }: CompanyState, call: CallRecord, leaf: string): Reply {
  const { intelligence, intelligenceLacks, envelopes, transcriptBytes } = behaviour();
  const what = INTELLIGENCE.find(each => each === leaf);
  if (what === undefined || !intelligence || intelligenceLacks.includes(what))
    return { status: 403, json: { error: 'Forbidden', troubleshoot: 'Your plan does not include this.' } };
  if (!calls.hasMedia(call.id, 'recording') && !calls.hasMedia(call.id, 'voicemail'))
    return { status: 404, json: { error: 'Not Found', troubleshoot: 'Nothing was generated for this call.' } };
  const agent = seed.users.find(({ id }) => id === call.userId)?.name ?? 'Nobody';
  const json = CONTENT[what](call, { agent, transcriptBytes });
  return { status: 200, json: envelopes === 'documented' ? json : { data: { version: 2, attributes: json } } };
}

/** ISO 8601, as all times here. */
const madeAt = (call: CallRecord) => new Date((call.ended_at ?? call.started_at) * 1_000 + 60_000).toISOString();
const idOf = (call: CallRecord) => call.id % 1_000_000;
const numberOf = (display: string) => `+${digitsOf(display)}`;

/** Agents in the order in which they are heard. */
function agentsOf({ transferredBy, userId, transferredTo }: CallRecord): number[] {
  return [...new Set([transferredBy, userId, transferredTo])].filter(id => typeof id === 'number');
}

/** The other party first, then further people of a conference. */
function externalsOf({ raw_digits, participants = [] }: CallRecord): string[] {
  const others = participants.flatMap(({ type, phone_number }) => (type === 'user' ? [] : (phone_number ?? [])));
  return [...new Set([raw_digits, ...others].map(numberOf))];
}

function utterancesOf(call: CallRecord, bytes: number): unknown[] {
  const said = [
    ...externalsOf(call).map((phone_number, place) => ({
      text:
        place === 0
          ? `Hello, I am calling about invoice ${call.id % 10_000}.`
          : `And I am on the line too, from ${phone_number}.`,
      participant_type: 'external',
      phone_number,
    })),
    ...agentsOf(call).map(user_id => ({ text: 'One moment.', participant_type: 'internal', user_id })),
  ];
  const random = createRandom(call.id);
  const utterances: unknown[] = [];
  let written = 0;
  // The list grows while it is read: those who speak have their turn again and again.
  for (const [place, each] of said.entries()) {
    const utterance = { start_time: place * 3.5 + 0.4, end_time: place * 3.5 + 3.1, ...each };
    utterances.push(utterance);
    written += JSON.stringify(utterance).length;
    if (written < bytes) said.push({ ...each, text: wordsOf(random) });
  }
  return utterances;
}

const SYLLABLES = ['ka', 'mo', 'ri', 'tes', 'lun', 'or', 'vi', 'sha', 'den', 'pel', 'u', 'ga'] as const;

/** About as many as people say at once, and as varied. */
function wordsOf(random: Random): string {
  const word = () => Array.from({ length: random.integer(1, 4) }, () => random.pick(SYLLABLES)).join('');
  return Array.from({ length: random.integer(4, 20) }, word).join(' ');
}

interface Made {
  readonly agent: string;
  readonly transcriptBytes: number;
}

const CONTENT: Readonly<Record<Intelligence, (call: CallRecord, made: Made) => unknown>> = {
  transcription: (call, { transcriptBytes }) => ({
    transcription: {
      id: idOf(call),
      call_id: call.id,
      call_created_at: new Date(call.started_at * 1_000).toISOString(),
      type: call.voicemail ? 'voicemail' : 'call',
      content: { language: 'en', utterances: utterancesOf(call, transcriptBytes) },
    },
  }),
  summary: call => ({
    summary: {
      id: idOf(call),
      call_id: call.id,
      created_at: madeAt(call),
      content: `The caller asked about invoice ${call.id % 10_000}.`,
    },
  }),
  topics: call => ({
    topic: { id: idOf(call), call_id: call.id, created_at: madeAt(call), content: ['invoice', 'delivery'] },
  }),
  sentiments: call => ({
    sentiment: {
      id: call.id,
      call_id: call.id,
      participants: externalsOf(call).map(phone_number => ({ phone_number, value: 'NEUTRAL', type: 'external' })),
    },
  }),
  action_items: call => ({
    action_items: [
      {
        id: idOf(call),
        content: 'Send the invoice again.',
        ai_generated: true,
        ...(call.userId === null ? {} : { assignee_id: call.userId }),
      },
    ],
  }),
  custom_summary_result: call => ({
    id: idOf(call),
    call_id: call.id,
    custom_summary: { name: 'Sales call' },
    summary_template_results: [{ name: 'Need', content: `A corrected invoice ${call.id % 10_000}.` }],
  }),
  /** Assessments of the agent: nothing that a request may ask for. */
  playbook_result: (call, { agent }) => ({
    id: idOf(call),
    call_id: call.id,
    playbook: { name: 'Greeting' },
    adherence_score: 40,
    topics: [{ name: 'Says who is speaking', result: false, remark: `${agent} did not give a name.` }],
  }),
  evaluations: (call, { agent }) => ({
    evaluations: [
      {
        id: idOf(call),
        call_id: call.id,
        scorecard: { name: 'Quality' },
        score: { normalized_score: 35 },
        comment: `${agent} needs a training.`,
      },
    ],
  }),
  predicted_csat: call => ({
    csat: {
      call_id: call.id,
      call_uuid: `CA${call.id}`,
      score: 75,
      drivers: [{ polarity: 'POSITIVE', label: 'Customer was satisfied' }],
    },
  }),
};
