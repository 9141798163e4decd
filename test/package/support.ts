/** A package as a test chooses it: Aircall's documented and recorded records, with audio of known bytes. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { signingKeyOf } from '../../src/encryption/signing-key';
import { accessPackage, accessPackageSchema, type PackageDocument } from '../../src/package/document';
import { pack } from '../../src/packed';
import { atOnce } from '../../src/slices';
import { keyOf } from '../encryption/keyrings';
import call from '../fixtures/aircall-samples/documented/call-get.200.json';
import csat from '../fixtures/aircall-samples/documented/call-predicted-csat.200.json';
import transcript from '../fixtures/aircall-samples/documented/call-transcription.200.json';
import contact from '../fixtures/aircall-samples/recorded/contact-get.200.json';

export const KEY = signingKeyOf(keyOf('signing'));

export const AUDIO = Buffer.from('ID3 as long as audio is not, and known byte by byte');
const RECORDED = 'media/call-0001.mp3';

type Found = Omit<PackageDocument, 'format'>;

const SEARCHED = { state: 'complete', gaps: [] } as const satisfies Found['coverage']['contacts'];

/** The records as the schema reads them, so that a test works on what the service would have. */
const { contacts, calls } = accessPackageSchema
  .pick({ contacts: true, calls: true })
  .parse({ contacts: [contact.contact], calls: [call.call] });
export const CALL_ID = z.number().parse(calls[0]?.id);

export const FOUND: Found = {
  requestId: 'case-17',
  connection: 'acme',
  createdAt: '2026-11-30T23:30:00.000Z',
  language: 'en',
  timezone: 'Europe/Paris',
  subject: { emails: ['person@example.com'], phoneNumbers: [] },
  contacts,
  calls,
  recordings: [
    { call: CALL_ID, file: RECORDED, sizeBytes: AUDIO.length, sha256: sha256(AUDIO), type: 'audio/mpeg' },
    { call: 2, code: 'media-expired' },
  ],
  voicemails: [],
  transcripts: [{ call: CALL_ID, content: pack(transcript) }],
  insights: [
    { call: CALL_ID, kind: 'predicted_csat', content: pack(csat) },
    { call: CALL_ID, kind: 'summary', content: pack({ summary: { call_id: CALL_ID, content: 'About an order.' } }) },
    { call: CALL_ID, kind: 'topics', content: pack({ topics: { content: ['order', 'delivery'] } }) },
  ],
  withheld: [{ source: 'calls', code: 'shared-number', count: 1 }],
  redactions: [{ path: '/calls/0/user/email', reason: 'agent' }],
  coverage: {
    contacts: SEARCHED,
    calls: {
      ...SEARCHED,
      by: 'number',
      window: { from: null, to: '2026-11-30T23:30:00.000Z' },
      ambiguous: 1,
      ignoredNumbers: 0,
    },
    recordings: { state: 'partial', gaps: [{ code: 'media-expired', count: 1 }] },
    voicemails: SEARCHED,
    transcripts: SEARCHED,
    insights: { state: 'not-entitled', gaps: [] },
    notice: SEARCHED,
    outOfReach: ['messages'],
  },
};

export const NOTHING: Found = {
  ...FOUND,
  contacts: [],
  calls: [],
  recordings: [],
  voicemails: [],
  transcripts: [],
  insights: [],
  withheld: [],
  redactions: [],
  coverage: { ...FOUND.coverage, recordings: SEARCHED },
};

export const documentOf = (found: Found) => atOnce(accessPackage(found));
export const PACKAGE = documentOf(FOUND);

export const PAGES = [
  { path: 'index.html', pieces: () => ['<!doctype html>', '<title>a page</title>'] },
  { path: 'notice.html', pieces: () => ['<!doctype html><title>a notice</title>'] },
];

export async function* openAudio(path: string): AsyncGenerator<Uint8Array> {
  if (path !== RECORDED) throw new Error(`the package has no ${path}`);
  yield AUDIO.subarray(0, 7);
  yield AUDIO.subarray(7);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
