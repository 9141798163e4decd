/**
 * The errors of a download of a recording or voicemail, and what helps after each. Messages name a status or a size, never a link,
 * a host or an address: a link is a key to the file. Facts: docs/aircall.md 7.
 */
import { type AircallErrorCode, codeOfStatus } from '../aircall/errors';

export type MediaErrorCode =
  | 'expired'
  | 'gone'
  | 'host-refused'
  | 'redirected'
  | 'rejected'
  | 'unavailable'
  | 'unreachable'
  | 'not-trusted'
  | 'timed-out'
  | 'incomplete'
  | 'too-large'
  | 'not-audio';

export class MediaError extends Error {
  override readonly name = 'MediaError';
  constructor(
    readonly code: MediaErrorCode,
    message: string,
  ) {
    super(`media: ${message}`);
  }
}

/** `new-link`: Aircall can be asked for one; `same-link`: the same download, later; `nothing`: the file cannot be had. */
export const AFTER = {
  expired: 'new-link',
  gone: 'nothing',
  'host-refused': 'nothing',
  redirected: 'nothing',
  rejected: 'nothing',
  unavailable: 'same-link',
  unreachable: 'same-link',
  'not-trusted': 'same-link',
  'timed-out': 'same-link',
  incomplete: 'same-link',
  'too-large': 'nothing',
  'not-audio': 'nothing',
} as const satisfies Record<MediaErrorCode, 'new-link' | 'same-link' | 'nothing'>;

/** What a status means where no credential is sent and the link alone opens the file, if not what it means to Aircall. */
const OF_STORE: Partial<Record<AircallErrorCode, MediaErrorCode>> = {
  unauthorized: 'expired',
  forbidden: 'expired',
  'not-found': 'gone',
  redirected: 'redirected',
  unavailable: 'unavailable',
  'rate-limited': 'unavailable',
};

/** The code for a status that is no success. */
export function mediaCodeOf(status: number): MediaErrorCode {
  return OF_STORE[codeOfStatus(status)] ?? 'rejected';
}
