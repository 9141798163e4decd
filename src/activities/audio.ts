/**
 * Steps about recordings and voicemails: one downloads them into the vault, the others know which of them a request needs. They send no
 * API request. Decisions D1, D7, D15.
 */
import { activityInfo, cancellationDetails, cancellationSignal, heartbeat } from '@temporalio/activity';
import { hasAudio, hasMedia } from '../aircall/links';
import { hasOtherVoices } from '../judgement/voices';
import type { MediaClient } from '../media/client';
import { AFTER, MediaError } from '../media/errors';
import type { GatheredAudio, LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { keyOf } from '../request/shapes';
import { AUDIO_NAMES, type AudioName, readRecordName, recordName, SOURCES } from '../request/sources';
import { ahead } from '../side-by-side';
import { CaseFileBroken, type CaseRef } from '../vault/cases';
import { type ApiStepDependencies, refuseEnded, stepFailure } from './api-step';
import type { ApprovedDependencies } from './approved';
import { type AudioFile, audioFiles, type FileOf, fileName, type Read, readObject, writeObject } from './case-objects';
import { countExceptions, newestFirst, readDecided } from './judging';
import { NOTHING_SENT } from './local-step';
import { stopSignal, unlessStopped } from './stopping';

export interface AudioDependencies extends ApprovedDependencies, Pick<ApiStepDependencies, 'elapsedMs'> {
  readonly media: MediaClient;
}

/** A file may take longer than a step may be silent; each sign of life is encrypted. */
const BEAT_EVERY_MS = 15_000;

/** Downloads of one file, each some time after the one before. */
const ATTEMPTS_MAX = 5;
/** Files that one round gives new links: those that had none before, first. */
const MISSING_MAX = 8_000;
/** Failed files that a history names; the others are counted. */
const FAILED_MAX = 5_000;
const READ_AT_ONCE = 8;
/** Aircall may store a recording so long after its call (docs/aircall.md 7). */
const STORED_WITHIN_S = 86_400;

/** Why a file is not there, besides the codes of downloads and of API requests. */
const NOT_DOWNLOADED = 'not-downloaded';
const MAY_FOLLOW = 'recording-may-follow';
const GONE = 'gone';

export function createAudioActivities(
  dependencies: AudioDependencies,
): Pick<LocalActivities, 'downloadAudio' | 'gatherAudio' | 'noteMissingAudio'> {
  const { cases, connections, media, elapsedMs } = dependencies;

  /** What became of one file; `later`: the same link may do after a while. `beat` is called now and then while it comes. */
  async function download(
    request: RequestRef,
    { url, ...of }: Read['links'][number],
    baseUrl: string | undefined,
    beat: () => void,
  ): Promise<AudioFile | 'later'> {
    let beatenMs = elapsedMs();
    async function* beating(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const piece of bytes) {
        yield piece;
        if (elapsedMs() < beatenMs + BEAT_EVERY_MS) continue;
        beat();
        beatenMs = elapsedMs();
      }
    }
    try {
      const { stored, ...facts } = await media.download({ link: url, baseUrl, stop: stopSignal() }, bytes =>
        cases.writeFile(request, beating(bytes)),
      );
      return { ...of, file: stored, ...facts };
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      const isFlaky = AFTER[error.code] === 'same-link';
      return isFlaky && activityInfo().attempt < ATTEMPTS_MAX ? 'later' : { ...of, code: error.code };
    }
  }

  /** A request that was cancelled, or has ended, needs no more, and its links are destroyed. */
  async function refuseCancelled(request: RequestRef, links: CaseRef): Promise<void> {
    const { cancelRequested, notFound } = cancellationDetails() ?? {};
    if (cancelRequested === true || notFound === true) await cases.links.remove(request, links);
    cancellationSignal().throwIfAborted();
  }

  return {
    /**
     * Downloads what links lead to, one after the other, and destroys the links. A repeated attempt goes on where the one before was; a
     * file that cannot be had names its code and stops no other.
     */
    async downloadAudio({ request, links }) {
      await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
      const baseUrl = (await connections.get(request.connection))?.value.baseUrl;
      const done = filesDone();
      let isToRepeat = false;
      for (const link of await linksLeft(dependencies, request, links)) {
        if (done.some(isOf(link))) continue;
        await refuseCancelled(request, links);
        const beat = () => heartbeat([...done]);
        const file = await unlessStopped(download(request, link, baseUrl, beat));
        if (file === 'later') isToRepeat = true;
        else done.push(file);
        beat();
      }
      if (isToRepeat) throw stepFailure('local-failure', 'some files could not be downloaded yet', NOTHING_SENT);
      const audio = await writeObject(cases, request, 'media', done);
      await cases.links.remove(request, links);
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
      const decided = await readDecided(dependencies, request, planned, false);
      const rows = new Map(decided.map(row => [`${row.record} ${row.id}`, row]));
      const known: AudioFile[] = [];
      const read = (object: CaseRef) => readObject(cases, request, object, 'media');
      for await (const [, some] of ahead(objects, READ_AT_ONCE, read)) known.push(...some);
      const best = bestOf(known);

      const files: AudioFile[] = [];
      const failures = countFailures();
      const exceptions = countExceptions();
      const gathered = { mayFollow: 0, untilS: 0 };
      const counts = { recordings: 0, voicemails: 0 };
      for (const call of newestFirst(records)) {
        const row = rows.get(`call ${call.id}`);
        if (row === undefined) continue;
        const { number } = readRecordName(row.ref);
        for (const source of AUDIO_NAMES) {
          const kind = SOURCES[source].noun;
          if (!kinds.includes(kind)) continue;
          const shared = rows.get(`${kind} ${call.id}`);
          const isThere = hasAudio(call, kind);
          if (isThere && shared === undefined) exceptions.add(source, row);
          if (row.decision === 'keep' || shared?.decision === 'keep') continue;
          const file = best.get(fileName({ call: call.id, kind }));
          const follows = kind === 'recording' && !hasMedia(call, kind) && mayFollow(call, nowMs, file !== undefined);
          if (!isThere && !follows) continue;
          if (follows && file?.file === undefined) {
            if (file?.code === GONE && !isThere) continue; // Aircall stored none
            if (file === undefined || file.code === MAY_FOLLOW) {
              // In which others may be heard, nobody has decided about: the plan names recordings that there are.
              const isWanted = !hasOtherVoices(call);
              const isAsked = late && isWanted;
              files.push({ call: call.id, kind, code: isAsked ? NOT_DOWNLOADED : MAY_FOLLOW });
              if (!isAsked) gathered.mayFollow += 1;
              if (isWanted) gathered.untilS = Math.max(gathered.untilS, endOf(call, nowMs) + STORED_WITHIN_S);
              continue;
            }
          }
          counts[source] += 1;
          const entry = file ?? { call: call.id, kind, code: NOT_DOWNLOADED };
          files.push({ ...entry, ...(shared && { decided: true as const }) });
          if (entry.code !== undefined) failures.add(source, number - 1, entry.code);
        }
      }
      const missing = files.flatMap((file, place) => (isWorthALink(file) ? [place] : []));
      const wasTried = (place: number) => Number(files[place]?.code !== NOT_DOWNLOADED);
      return {
        audio: await writeObject(cases, request, 'media', files),
        missing: missing.sort((a, b) => wasTried(a) - wasTried(b) || a - b).slice(0, MISSING_MAX),
        files: counts,
        failed: failures.failed,
        failedMore: failures.failedMore,
        exceptions: exceptions.all(),
        mayFollow: gathered.mayFollow,
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

function isOf(one: FileOf): (other: FileOf) => boolean {
  return other => fileName(one) === fileName(other);
}

/** Of each file the reading that has it; otherwise the last one. */
function bestOf(files: readonly AudioFile[]): ReadonlyMap<string, AudioFile> {
  const best = new Map<string, AudioFile>();
  for (const file of files) if (best.get(fileName(file))?.file === undefined) best.set(fileName(file), file);
  return best;
}

/** Also of a store that could not be used for some minutes: it may be well again. */
function isWorthALink({ code = '' }: AudioFile): boolean {
  return code === NOT_DOWNLOADED || (isMediaCode(code) && AFTER[code] !== 'nothing');
}

const isMediaCode = keyOf(AFTER);

/** Files that failed: named up to a limit, the others counted. */
function countFailures() {
  const failed: GatheredAudio['failed'][number][] = [];
  const failedMore: { source: AudioName; code: string; count: number }[] = [];
  return {
    failed,
    failedMore,
    add(source: AudioName, place: number, code: string): void {
      if (failed.length < FAILED_MAX) return void failed.push({ source, record: recordName(source, place), code });
      const same = failedMore.find(one => one.source === source && one.code === code);
      if (same === undefined) failedMore.push({ source, code, count: 1 });
      else same.count += 1;
    },
  };
}

/** UNIX seconds; of a call that goes on: now, because it ends later. */
function endOf({ ended_at }: Timed, nowMs: number): number {
  return typeof ended_at === 'number' ? ended_at : Math.ceil(nowMs / 1000);
}

/** Whether Aircall may still store the recording of a call that somebody answered; also of one that was asked for before. */
export function mayFollow({ answered_at, ended_at }: Timed, nowMs: number, wasAsked: boolean): boolean {
  if (typeof answered_at !== 'number') return false;
  if (typeof ended_at !== 'number') return true; // it goes on
  return wasAsked || nowMs / 1000 < ended_at + STORED_WITHIN_S;
}

interface Timed {
  readonly answered_at?: unknown;
  readonly ended_at?: unknown;
}
