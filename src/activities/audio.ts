/**
 * Steps about recordings and voicemails: one downloads them into the vault, the others know which of them a request needs. They send no
 * API request. Decisions D1, D7, D15.
 */
import { activityInfo, cancellationDetails, cancellationSignal, heartbeat } from '@temporalio/activity';
import { z } from 'zod';
import { hasAudio, hasMedia } from '../aircall/links';
import { hasOtherVoices } from '../judgement/voices';
import type { MediaClient } from '../media/client';
import { AFTER, MediaError } from '../media/errors';
import type { GatheredAudio, LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { keyOf } from '../request/shapes';
import { AUDIO_NAMES, type AudioName, readRecordName, recordName, SOURCES } from '../request/sources';
import { WAIT_GROWTH, type WaitDelays } from '../request/waits';
import { ahead } from '../side-by-side';
import { CaseFileBroken, type CaseRef } from '../vault/cases';
import { AUDIO_BYTES_MAX } from '../vault/chunks';
import { type ApiStepDependencies, refuseEnded } from './api-step';
import type { ApprovedDependencies } from './approved';
import { type AudioFile, audioFiles, type FileOf, fileName, type Read, readObject, writeObject } from './case-objects';
import { countExceptions, newestFirst, readDecided } from './judging';
import { NOTHING_SENT } from './local-step';
import { createLooks, type LookDependencies } from './looks';
import { stopSignal, unlessStopped } from './stopping';

export interface AudioDependencies
  extends ApprovedDependencies,
    LookDependencies,
    Pick<ApiStepDependencies, 'elapsedMs'> {
  readonly media: MediaClient;
}

/** A file may take longer than a step may be silent; each sign of life is encrypted. */
const BEAT_EVERY_MS = 15_000;

/** Steps of one process that download at once; they may take hours, and other steps have slots that these never take. */
export const DOWNLOADS_AT_ONCE = 8;
const PLACE_DELAYS: WaitDelays = { firstMs: 5_000, mostMs: 60_000 };

/** Downloads of one file, each some time after the one before. */
const TRIES_MAX = 5;
const RETRY_DELAYS: WaitDelays = { firstMs: 5_000, mostMs: 600_000 };

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
const TOO_LARGE = 'too-large';

export function createAudioActivities(
  dependencies: AudioDependencies,
): Pick<LocalActivities, 'downloadAudio' | 'gatherAudio' | 'noteMissingAudio'> {
  const { cases, connections, media, elapsedMs, random, waitDelays } = dependencies;
  const places = createLooks({ random, waitDelays: waitDelays ?? PLACE_DELAYS });
  const stores = createLooks({ random, waitDelays: waitDelays ?? RETRY_DELAYS });
  let placesLeft = DOWNLOADS_AT_ONCE;

  /** Without a place the step ends at once: only Temporal waits. @throws {ApplicationFailure} `download-awaited` */
  async function inPlace<T>(work: () => Promise<T>): Promise<T> {
    if (placesLeft === 0) throw places.awaited('download-awaited', 'other downloads of its worker');
    placesLeft -= 1;
    try {
      return await work();
    } finally {
      placesLeft += 1;
    }
  }

  /** What became of one file. `beat` is called now and then while it comes. */
  async function download(
    request: RequestRef,
    { url, ...of }: Read['links'][number],
    baseUrl: string | undefined,
    beat: () => void,
  ): Promise<AudioFile> {
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
      return { ...of, code: error.code };
    }
  }

  /** A request that was cancelled, or has ended, needs no more, and its links are destroyed. */
  async function refuseCancelled(request: RequestRef, links: CaseRef): Promise<void> {
    const { cancelRequested, notFound } = cancellationDetails() ?? {};
    if (cancelRequested === true || notFound === true) await cases.links.remove(request, links);
    cancellationSignal().throwIfAborted();
  }

  /** Each file of the links, or the code of why it is not there. @throws {ApplicationFailure} `download-awaited`: some may come yet */
  async function downloadAll(request: RequestRef, links: CaseRef): Promise<AudioFile[]> {
    const baseUrl = (await connections.get(request.connection))?.value.baseUrl;
    const { done, failed } = downloadsBefore();
    const beat = () => heartbeat({ done: [...done], failed: { ...failed } });
    let triesMost = 0;
    for (const link of await linksLeft(dependencies, request, links)) {
      if (done.some(isOf(link))) continue;
      await refuseCancelled(request, links);
      const file = await unlessStopped(download(request, link, baseUrl, beat));
      const name = fileName(link);
      const tries = (failed[name] ?? 0) + 1;
      if (isFlaky(file) && tries < TRIES_MAX) {
        failed[name] = tries;
        triesMost = Math.max(triesMost, tries);
      } else done.push(file);
      beat();
    }
    if (triesMost === 0) return done;
    throw stores.awaited('download-awaited', 'a store', RETRY_DELAYS.firstMs * WAIT_GROWTH ** (triesMost - 1));
  }

  return {
    /**
     * Downloads what links lead to, one after the other, and destroys the links. A repeated attempt goes on where the one before was; a
     * file that cannot be had names its code and stops no other.
     */
    async downloadAudio({ request, links }) {
      await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
      return inPlace(async () => {
        const done = await downloadAll(request, links);
        const audio = await writeObject(cases, request, 'media', done);
        await cases.links.remove(request, links);
        const stored = done.filter(({ file }) => file !== undefined);
        const voicemails = stored.filter(({ kind }) => kind === 'voicemail').length;
        const sizeBytes = stored.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
        return { audio, recordings: stored.length - voicemails, voicemails, sizeBytes };
      });
    },

    /** Notes the code of a file that has no new link. */
    async noteMissingAudio({ request, audio, place, code }) {
      const file = (await readObject(cases, request, audio, 'media'))[place];
      if (file === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such recording.');
      return { audio: await writeObject(cases, request, 'media', [{ call: file.call, kind: file.kind, code }]) };
    },

    /**
     * The files of the calls that the plan takes, newest first: each in the vault, or with the code of why it is not there. Those beyond
     * the size that a package has room for are too large, whether they were downloaded or not.
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
      let sizeBytes = 0;
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
          const found = file ?? { call: call.id, kind, code: NOT_DOWNLOADED };
          sizeBytes += found.sizeBytes ?? 0;
          const isBeyond = sizeBytes > AUDIO_BYTES_MAX && (found.code === undefined || isWorthALink(found));
          const entry: AudioFile = isBeyond ? { call: call.id, kind, code: TOO_LARGE } : found;
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

const downloads = z.strictObject({
  /** Files that need nothing more. */
  done: audioFiles,
  /** How often the download of a file has failed. An attempt that found no place, or whose worker died, is none. */
  failed: z.record(z.string(), z.number()),
});

/** What earlier attempts of this step have dealt with. */
function downloadsBefore(): z.infer<typeof downloads> {
  const parsed = downloads.safeParse(activityInfo().heartbeatDetails);
  return parsed.success ? parsed.data : { done: [], failed: {} };
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

/** The same link may do after a while. */
function isFlaky({ code = '' }: AudioFile): boolean {
  return isMediaCode(code) && AFTER[code] === 'same-link';
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
