/** A company of few calls with audio, so that each request of a test is a handful, and what its store has of a person. */
import { createHash } from 'node:crypto';
import {
  type Behaviour,
  type CallRecord,
  type CompanySeed,
  createCompanySeed,
  type SandboxCompany,
} from '../../sandbox';

/** Files of the subject: half of them recordings, half voicemails. */
export const SPOKEN = 6;

const SEED = { seed: 3, contacts: 20, calls: 260, audio: true };

export function spokenCompany(
  name: string,
  behaviour: Partial<Behaviour> = {},
  change = (call: CallRecord) => call,
): CompanySeed {
  const seed = createCompanySeed({ name, ...SEED, now: Date.now() });
  return { ...seed, calls: fewSpoken(seed).map(change), behaviour };
}

/** Of the subject's calls only the newest ones keep their audio, as many of each kind if there are. */
function fewSpoken({ calls, truth }: CompanySeed): CallRecord[] {
  const hers = (kind: 'recording' | 'voicemail') =>
    calls.filter(call => truth.callIds.includes(call.id) && call[kind]).slice(-SPOKEN / 2);
  const kept = new Set([...hers('recording'), ...hers('voicemail')].map(({ id }) => id));
  return calls.map(call => (kept.has(call.id) ? call : { ...call, recording: false, voicemail: false }));
}

/** The subject's audio, as the store of the sandbox has it. */
export function audioOf(company: SandboxCompany) {
  return company.media().filter(({ call }) => company.truth.callIds.includes(call));
}

/** SHA-256, hexadecimal. */
export const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
