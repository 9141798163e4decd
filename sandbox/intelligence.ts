/**
 * Conversation intelligence of a call: 403 if the company does not pay for it, 404 if nothing was made.
 * It must never outlive its recording: deleting the one deletes the other. Facts: docs/aircall.md 7.
 * Unverified: the envelopes of sentiments, topics and action items.
 */
import type { CompanyState } from './company';
import { digitsOf } from './phones';
import type { CallRecord, Reply } from './wire';

export function answerIntelligence({ behaviour, calls }: CompanyState, call: CallRecord, leaf: string): Reply {
  if (!behaviour().intelligence)
    return { status: 403, json: { error: 'Forbidden', troubleshoot: 'Your plan does not include this.' } };
  const kinds = (['recording', 'voicemail'] as const).filter(each => calls.hasMedia(call.id, each));
  const make = kinds.length === 0 ? undefined : CONTENT[leaf];
  return make === undefined
    ? { status: 404, json: { error: 'Not Found', troubleshoot: 'Nothing was generated for this call.' } }
    : { status: 200, json: make(call) };
}

const CONTENT: Readonly<Record<string, (call: CallRecord) => unknown>> = {
  transcription: call => ({
    transcription: {
      id: call.id % 1_000_000,
      call_id: call.id,
      call_created_at: new Date(call.started_at * 1_000).toISOString(),
      type: call.voicemail ? 'voicemail' : 'call',
      content: {
        language: 'en',
        utterances: [
          {
            start_time: 0.4,
            end_time: 3.1,
            text: `Hello, I am calling about invoice ${call.id % 10_000}.`,
            participant_type: 'external',
            phone_number: `+${digitsOf(call.raw_digits)}`,
          },
          ...(call.userId === null
            ? []
            : [
                {
                  start_time: 3.5,
                  end_time: 5.2,
                  text: 'One moment.',
                  participant_type: 'internal',
                  user_id: call.userId,
                },
              ]),
        ],
      },
    },
  }),
  summary: call => ({ summary: { call_id: call.id, content: `The caller asked about invoice ${call.id % 10_000}.` } }),
  topics: call => ({ topic: { call_id: call.id, content: ['invoice', 'delivery'] } }),
  sentiments: call => ({
    sentiment: {
      call_id: call.id,
      participants: [{ participant_type: 'external', phone_number: `+${digitsOf(call.raw_digits)}`, value: 'NEUTRAL' }],
    },
  }),
  action_items: call => ({
    action_items: [{ id: call.id % 1_000_000, content: 'Send the invoice again.', ai_generated: true }],
  }),
};
