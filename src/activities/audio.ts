/**
 * Steps about recordings and voicemails: one downloads them into the vault, the others know which of them a request needs. They send no
 * API request. Decisions D1, D7, D15.
 */
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { hasMedia } from '../aircall/links';
import type { MediaClient } from '../media/client';
import { AFTER, MediaError } from '../media/errors';
import type { GatheredAudio, LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { AUDIO_NAMES, recordName, SOURCES } from '../request/sources';
import { CaseFileBroken, type CaseRef } from '../vault/cases';
import { refuseEnded, stepFailure } from './api-step';
import type { ApprovedDependencies } from './approved';
import { type AudioFile, audioFiles, type Read, readObject, writeObject } from './case-objects';
import { newestFirst, readDecided } from './judging';
import { NOTHING_SENT } from './local-step';
import { stopSignal, unlessStopped } from './stopping';

export interface AudioDependencies extends ApprovedDependencies {
  readonly media: MediaClient;
}

/** Downloads of one file, each some time after the one before. */
const ATTEMPTS_MAX = 5;
/** Files that one round gives new links; those beyond have their turn in the next one. */
const MISSING_MAX = 2_000;
/** Aircall may store a recording so long after its call (docs/aircall.md 7). */
const STORED_WITHIN_S = 86_400;

/** Why a file is not there, besides the codes of downloads and of API requests. */
const NOT_DOWNLOADED = 'not-downloaded';
const MAY_FOLLOW = 'recording-may-follow';
const GONE = 'gone';

export function createAudioActivities(
  dependencies: AudioDependencies,
): Pick<LocalActivities, 'downloadAudio' | 'gatherAudio' | 'noteMissingAudio'> {
  const { cases, connections, media } = dependencies;

  /** What became of one file; `later`: the same link may do after a while. */
  async function download(
    request: RequestRef,
    { url, ...of }: Read['links'][number],
    baseUrl: string,
  ): Promise<AudioFile | 'later'> {
    try {
      const { stored, ...facts } = await media.download({ link: url, baseUrl, stop: stopSignal() }, bytes =>
        cases.writeFile(request, bytes),
      );
      return { ...of, file: stored, ...facts };
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      const isFlaky = AFTER[error.code] === 'same-link';
      return isFlaky && activityInfo().attempt < ATTEMPTS_MAX ? 'later' : { ...of, code: error.code };
    }
  }

  return {
    /**
     * Downloads what links lead to, one after the other, and destroys the links. A repeated attempt goes on where the one before was; a
     * file that cannot be had names its code and stops no other.
     */
    async downloadAudio({ request, links }) {
      await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
      const baseUrl = (await connections.get(request.connection))?.value.baseUrl ?? '';
      const done = filesDone();
      let isToRepeat = false;
      for (const link of await linksLeft(dependencies, request, links)) {
        if (done.some(isOf(link))) continue;
        cancellationSignal().throwIfAborted(); // a request that is cancelled needs no more
        const file = await unlessStopped(download(request, link, baseUrl));
        if (file === 'later') isToRepeat = true;
        else done.push(file);
        heartbeat(done);
      }
      if (isToRepeat) throw stepFailure('local-failure', 'some files could not be downloaded yet', NOTHING_SENT);
      const audio = await writeObject(cases, request, 'media', done);
      await cases.removeObject(request, links);
      const stored = done.filter(({ file }) => file !== undefined);
      const voicemails = stored.filter(({ kind }) => kind === 'voicemail').length;
      const sizeBytes = stored.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
      return { audio, recordings: stored.length - voicemails, voicemails, sizeBytes };
    },

    /** Notes the code of a file that has no new link. */
    async noteMissingAudio({ request, audio, place, code }) {
      const file = (await readObject(cases, request, audio, 'media'))[place];
      if (file === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such recording.');
      return { audio: await writeObject(cases, request, 'media', [{ call: file.call, kind: file.kind, code }]) };
    },

    /**
     * The files of the calls that the plan takes, newest first: each in the vault, or with the code of why it is not there.
     * @param input.late recordings that may follow are asked for from now on
     */
    async gatherAudio({ request, calls, kinds, audio: objects, late, nowMs, ...planned }) {
      const { records } = await readObject(cases, request, calls, 'calls');
      const rows = await readDecided(dependencies, request, planned, false);
      const decisions = new Map(rows.map(({ record, id, decision }) => [`${record} ${id}`, decision]));
      const known: AudioFile[] = [];
      for (const object of objects) known.push(...(await readObject(cases, request, object, 'media')));
      const best = bestOf(known);

      const files: AudioFile[] = [];
      const failed: GatheredAudio['failed'][number][] = [];
      const gathered = { mayFollow: 0, untilS: 0 };
      const counts = { recordings: 0, voicemails: 0 };
      for (const [place, call] of newestFirst(records).entries()) {
        if (decisions.get(`call ${call.id}`) !== 'take') continue;
        for (const source of AUDIO_NAMES) {
          const kind = SOURCES[source].noun;
          if (!kinds.includes(kind) || decisions.get(`${kind} ${call.id}`) === 'keep') continue;
          const file = best.get(nameOf({ call: call.id, kind }));
          const follows = kind === 'recording' && !hasMedia(call, kind) && mayFollow(call, nowMs, file !== undefined);
          if (!hasMedia(call, kind) && !follows) continue;
          if (follows && file?.file === undefined) {
            if (file?.code === GONE) continue; // Aircall stored none
            if (file === undefined || file.code === MAY_FOLLOW) {
              files.push({ call: call.id, kind, code: late ? NOT_DOWNLOADED : MAY_FOLLOW });
              gathered.mayFollow += 1;
              gathered.untilS = Math.max(gathered.untilS, endOf(call, nowMs) + STORED_WITHIN_S);
              continue;
            }
          }
          counts[source] += 1;
          const entry = file ?? { call: call.id, kind, code: NOT_DOWNLOADED };
          files.push(entry);
          if (entry.code !== undefined) failed.push({ source, record: recordName(source, place), code: entry.code });
        }
      }
      const missing = files.flatMap((file, place) => (isWorthALink(file) ? [place] : []));
      return {
        audio: await writeObject(cases, request, 'media', files),
        missing: missing.slice(0, MISSING_MAX),
        files: counts,
        failed,
        mayFollow: late ? 0 : gathered.mayFollow,
        ...(gathered.untilS > 0 && !late && { followUntil: new Date(gathered.untilS * 1000).toISOString() }),
      };
    },
  };
}

/** Files that earlier attempts of this step have dealt with. */
function filesDone(): AudioFile[] {
  const parsed = audioFiles.safeParse(activityInfo().heartbeatDetails);
  return parsed.success ? parsed.data : [];
}

/** None once they were used: a run that was reset asks for new ones. */
async function linksLeft({ cases }: AudioDependencies, request: RequestRef, links: CaseRef): Promise<Read['links']> {
  try {
    return await readObject(cases, request, links, 'links');
  } catch (error) {
    if (error instanceof CaseFileBroken) return [];
    throw error;
  }
}

type FileName = Pick<AudioFile, 'call' | 'kind'>;

function nameOf({ call, kind }: FileName): string {
  return `${kind} ${call}`;
}

function isOf(one: FileName): (other: FileName) => boolean {
  return other => nameOf(one) === nameOf(other);
}

/** Of each file the reading that has it; otherwise the last one. */
function bestOf(files: readonly AudioFile[]): ReadonlyMap<string, AudioFile> {
  const best = new Map<string, AudioFile>();
  for (const file of files) if (best.get(nameOf(file))?.file === undefined) best.set(nameOf(file), file);
  return best;
}

function isWorthALink({ code }: AudioFile): boolean {
  return code === NOT_DOWNLOADED || code === 'expired';
}

/** UNIX seconds; of a call that goes on: now, because it ends later. */
function endOf({ ended_at }: Timed, nowMs: number): number {
  return typeof ended_at === 'number' ? ended_at : Math.ceil(nowMs / 1000);
}

/** Whether Aircall may still store the recording of a call that somebody answered; also of one that was asked for before. */
function mayFollow({ answered_at, ended_at }: Timed, nowMs: number, wasAsked: boolean): boolean {
  if (typeof answered_at !== 'number') return false;
  if (typeof ended_at !== 'number') return true; // it goes on
  return wasAsked || nowMs / 1000 < ended_at + STORED_WITHIN_S;
}

interface Timed {
  readonly answered_at?: unknown;
  readonly ended_at?: unknown;
}
