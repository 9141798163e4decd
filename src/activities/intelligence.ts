/**
 * Steps about what Aircall has of one call besides its row of a list: a new link to its recording or voicemail, its transcript, and what
 * Aircall made of that. They name the call by its place in an object of the case file. Decisions D1, D7.
 */
import { ENDPOINTS } from '../aircall/endpoints';
import { AircallError, type AircallErrorCode } from '../aircall/errors';
import { type Made, readIntelligence } from '../aircall/intelligence';
import { linkOf } from '../aircall/links';
import { readRecord } from '../aircall/replies';
import { callSchema } from '../aircall/schemas';
import { hasOtherVoices } from '../judgement/voices';
import type { ApiActivities, Found } from '../request/contracts';
import type { Intelligence } from '../request/insights';
import type { RequestRef } from '../request/names';
import { CaseFileBroken, type CaseRef } from '../vault/cases';
import { type ApiStepDependencies, nowMs, requestsSent, sendOnce } from './api-step';
import { readObject, writeObject } from './case-objects';

type FoundOne = Omit<Found, 'apiRequests'>;

const NONE: FoundOne = { outcome: 'none' };
/** The reply is whole, and would be the same again. */
const UNREADABLE: FoundOne = { outcome: 'unreadable' };
const FINAL: Partial<Record<AircallErrorCode, FoundOne>> = { 'not-found': NONE, 'reply-too-large': UNREADABLE };

export function createIntelligenceActivities(
  dependencies: ApiStepDependencies,
): Pick<ApiActivities, 'renewMediaLink' | 'fetchTranscript' | 'fetchInsight'> {
  const { cases, connections, serverTime } = dependencies;

  /** Of a call that the plan took when its block was made. Nothing is sent for what the company does not pay for. */
  async function fetchMade(
    { request, spoken, place }: { readonly request: RequestRef; readonly spoken: CaseRef; readonly place: number },
    what: Intelligence,
    write: (call: number, made: Made) => Promise<CaseRef>,
  ): Promise<Found> {
    const call = itemAt(await readObject(cases, request, spoken, 'spoken'), place);
    const connection = (await connections.get(request.connection))?.value;
    if (connection !== undefined && (await connections.isNotEntitled(connection, what, nowMs(serverTime))))
      return { outcome: 'not-entitled', apiRequests: requestsSent() };
    return sendOnce<FoundOne>(
      dependencies,
      request.connection,
      { endpoint: ENDPOINTS[what], id: call },
      async body => {
        const made = fitting(() => readIntelligence(what, call, body));
        return made === undefined ? UNREADABLE : { outcome: 'found', object: await write(call, made) };
      },
      error => FINAL[error.code],
    );
  }

  return {
    /**
     * Reads the call once more: each reading has a new link, which lives for an hour at most. None to a recording in which others may be
     * heard, as is known only now, if nobody has decided.
     */
    async renewMediaLink({ request, media, place }) {
      const { call, kind, decided } = itemAt(await readObject(cases, request, media, 'media'), place);
      const endpoint = ENDPOINTS.getCall;
      return sendOnce<FoundOne>(
        dependencies,
        request.connection,
        { endpoint, id: call },
        async body => {
          const record = fitting(() => readRecord(endpoint, callSchema, body));
          if (record?.id !== call) return UNREADABLE;
          if (kind === 'recording' && decided === undefined && hasOtherVoices(record)) return { outcome: 'withheld' };
          const url = linkOf(record, kind);
          if (url === undefined) return NONE;
          return { outcome: 'found', object: await writeObject(cases, request, 'links', [{ call, kind, url }]) };
        },
        error => FINAL[error.code],
      );
    },

    fetchTranscript: input =>
      fetchMade(input, 'transcription', (call, made) =>
        writeObject(cases, input.request, 'transcript', { call, ...made }),
      ),

    fetchInsight: input =>
      fetchMade(input, input.insight, (call, made) =>
        writeObject(cases, input.request, 'insight', { call, kind: input.insight, ...made }),
      ),
  };
}

/** What a reply holds; undefined if it does not fit. */
function fitting<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof AircallError && error.code === 'unexpected-reply') return undefined;
    throw error;
  }
}

/** @throws {CaseFileBroken} */
function itemAt<T>(items: readonly T[], place: number): T {
  const item = items[place];
  if (item === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such call.');
  return item;
}
