/** What Aircall made of a call: known envelopes are opened, unknown ones kept whole, and nothing of another call is taken. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { AircallError } from '../../src/aircall/errors';
import { readIntelligence } from '../../src/aircall/intelligence';
import { INTELLIGENCE } from '../../src/request/insights';

const DOCUMENTED = join(__dirname, '../fixtures/aircall-samples/documented');
const documented = (name: string) => JSON.parse(readFileSync(join(DOCUMENTED, `${name}.200.json`), 'utf8'));

test('the documented samples are opened, whole', () => {
  const transcription = documented('call-transcription');
  expect(readIntelligence('transcription', 812, transcription)).toEqual({ content: transcription.transcription });
  const satisfaction = documented('call-predicted-csat');
  expect(readIntelligence('predicted_csat', 5_237_603, satisfaction)).toEqual({ content: satisfaction.csat });
});

test.each([
  ['summary', { summary: { call_id: 7, content: 'Short.', tone: 'new' } }, 'summary'],
  ['topics', { topic: { call_id: 7, content: ['billing'] } }, 'topic'],
  ['sentiments', { sentiment: { call_id: '7', participants: [{ value: 'POSITIVE', type: 'external' }] } }, 'sentiment'],
  ['action_items', { action_items: [{ content: 'Call back.' }], call_id: 7 }, 'action_items'],
] as const)('%s are opened, unknown fields kept', (what, body, key) => {
  expect(readIntelligence(what, 7, body)).toEqual({
    content: Object.entries(body).find(([name]) => name === key)?.[1],
  });
});

test('a custom summary has no envelope', () => {
  const body = { id: 1, call_id: 7, custom_summary: { name: 'A' }, summary_template_results: [] };
  expect(readIntelligence('custom_summary_result', 7, body)).toEqual({ content: body });
});

test('whatever else comes is kept as it is, also where a known envelope holds something else', () => {
  for (const body of [null, 'text', 5, [], [{ text: 'hi' }], { data: { content: 'x' } }, { summary: { content: 5 } }])
    for (const what of INTELLIGENCE) expect(readIntelligence(what, 7, body)).toEqual({ raw: body });
  fc.assert(
    fc.property(fc.constantFrom(...INTELLIGENCE), fc.jsonValue(), (what, body) => {
      fc.pre(!/:\/\/|direct_link|_short_url|call_id/.test(JSON.stringify(body)));
      const made = readIntelligence(what, 7, body);
      expect('raw' in made ? made.raw : body).toEqual(body);
    }),
    { seed: 17 },
  );
});

test('links that are keys are not kept', () => {
  const url = 'https://x.example/a.mp3?X-Amz-Signature=cafe';
  const unsigned = 'https://x.example/a.mp3?signature=removed';
  const utterances = [{ text: `Look at ${url}`, direct_link: 'https://api.aircall.io/v1/users/1' }];
  const body = { transcription: { content: { utterances }, audio: url } };
  const stripped = {
    content: { utterances: [{ text: `Look at ${unsigned}`, direct_link: 'users/1' }] },
    audio: unsigned,
  };
  expect(readIntelligence('transcription', 7, body)).toEqual({ content: stripped });
  expect(readIntelligence('summary', 7, { audio: [url] })).toEqual({ raw: { audio: [unsigned] } });
});

test.each([{ summary: { call_id: 8, content: 'Secret.' } }, { call_id: 8, data: 'Secret.' }])(
  'a reply about another call is refused, and its error holds nothing of it: %j',
  body => {
    const read = () => readIntelligence('summary', 7, body);
    expect(read).toThrow(AircallError);
    expect(read).toThrow(/^summary: the reply is about another call$/);
  },
);
