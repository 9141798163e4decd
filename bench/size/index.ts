/**
 * What the size of a company costs: one access request, by number and by listing the company's calls, on companies of
 * several sizes, each served by a worker process of its own; to tell a larger company from a longer day, the smallest
 * company's calls again and again, until that worker has asked as much as the one of the largest; and pairs of packages of which one
 * has gigabytes of audio, or long transcripts. Memory is what the kernel says of that process, history and times are the server's, API requests
 * are the sandbox's log.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { WorkflowNotFoundError } from '@temporalio/common';
import { type CompanySeed, createCompanySeed } from '../../sandbox';
import { type Budget, LIMIT_PER_MINUTE_MAX, ratePerSecond, SHARE_DEFAULT } from '../../src/budget';
import type { RequestResult } from '../../src/request/model';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import { type Stand, withStand } from '../stand';

const WAYS = ['by-number', 'company'] as const;
type Way = (typeof WAYS)[number];
/** Two companies that differ in one thing, which the second one has. */
const PAIRS = {
  audio: ['without-audio', 'with-audio'],
  words: ['short-transcripts', 'long-transcripts'],
} as const;
type Pair = keyof typeof PAIRS;
type Side = (typeof PAIRS)[Pair][number];

interface Row {
  readonly calls: number;
  readonly way: Way;
  /** Access requests, one after another, that the same worker process served; the other figures are those of the last. */
  readonly times: number;
  readonly status: RequestResult['status'];
  readonly found: number;
  readonly there: number;
  /** Recordings and voicemails in the package, and in Aircall. */
  readonly files: number;
  readonly filesThere: number;
  readonly packageBytes: number;
  /** Of a pair. */
  readonly side: Side | undefined;
  /** In the sandbox's log. */
  readonly apiRequests: number;
  /** Resident memory of the worker process when it was ready, and the most it ever had; bytes. */
  readonly readyBytes: number;
  readonly peakBytes: number;
  /** Events of the request's own run, its child workflows, and events of the longest of them. */
  readonly events: number;
  readonly children: number;
  readonly longestChildEvents: number;
  readonly seconds: number;
  /** API requests / rate. */
  readonly boundSeconds: number;
}

/** The bars. */
const PEAK_RATIO_MAX = 1.2;
const PAIR_PEAK_RATIO_MAX = { audio: 1.3, words: 1.5 } as const satisfies Record<Pair, number>;
const EVENTS_MAX = 10_000;
/** From here on the server suggests to continue as a new run. */
const EVENTS_SUGGESTED = 4_096;
const MEGABYTE = 2 ** 20;
const AUDIO_MB = 2_000;
const AUDIO_CALLS = 1_000;
const SPOKEN_CALLS = 3_000;
/** Of half an hour. */
const TRANSCRIPT_BYTES = 100_000;

export const size: Benchmark = {
  about:
    'memory and history do not grow with a company [--sizes 1000,10000,100000] [--ways by-number,company] [--audio-mb 2000] [--spoken-calls 3000] [--limit-per-minute 10000]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        sizes: { type: 'string', default: '1000,10000,100000' },
        ways: { type: 'string', default: WAYS.join(',') },
        'audio-mb': { type: 'string', default: String(AUDIO_MB) },
        'spoken-calls': { type: 'string', default: String(SPOKEN_CALLS) },
        'limit-per-minute': { type: 'string', default: String(LIMIT_PER_MINUTE_MAX) },
      },
    });
    const sizes = values.sizes.split(',').map(Number);
    if (!sizes.every(calls => Number.isInteger(calls) && calls >= 200))
      throw new Error('--sizes takes whole numbers from 200');
    const audioMb = Number(values['audio-mb']);
    if (!Number.isInteger(audioMb) || audioMb < 0) throw new Error('--audio-mb takes a whole number; 0: no audio');
    const spokenCalls = Number(values['spoken-calls']);
    if (!Number.isInteger(spokenCalls) || spokenCalls < 0)
      throw new Error('--spoken-calls takes a whole number; 0: no transcripts');
    const ways = WAYS.filter(way => values.ways.split(',').includes(way));
    const budget = { limitPerMinute: Number(values['limit-per-minute']), share: SHARE_DEFAULT };
    const now = Date.now();
    const companies = [
      ...sizes.map(calls => createCompanySeed({ name: nameOf({ calls }), seed: 1, contacts: 200, calls, now })),
      ...(audioMb === 0 ? [] : audioPair(audioMb * 1_000_000, now)),
      ...(spokenCalls === 0 ? [] : wordsPair(spokenCalls, now)),
    ];
    const connected = Object.fromEntries(companies.map(({ name }) => [name, budget]));
    return withStand({ companies, connected, signal }, async stand => {
      const rows: Row[] = [];
      for (const way of ways) {
        for (const calls of sizes) rows.push(await measure(stand, budget, { calls, way, times: 1 }));
      }
      const control = controlOf(rows);
      if (control !== undefined) rows.push(await measure(stand, budget, control));
      const sides = [
        ...(audioMb === 0 ? [] : PAIRS.audio.map(side => ({ side, calls: AUDIO_CALLS }))),
        ...(spokenCalls === 0 ? [] : PAIRS.words.map(side => ({ side, calls: spokenCalls }))),
      ];
      for (const each of sides) rows.push(await measure(stand, budget, { ...each, way: 'by-number', times: 1 }));
      return reportOf(rows, budget);
    });
  },
};

interface Task {
  readonly calls: number;
  readonly way: Way;
  readonly times: number;
  readonly side?: Side;
}

function nameOf({ calls, side }: Pick<Task, 'calls' | 'side'>): string {
  return side ?? `calls-${calls}`;
}

/** Two companies of the same calls: those of the subject have no audio in one, and together so many bytes of it in the other. */
function audioPair(audioBytes: number, now: number): CompanySeed[] {
  const seedOf = (name: Side) =>
    createCompanySeed({
      name,
      seed: 1,
      contacts: 200,
      calls: AUDIO_CALLS,
      now,
      audio: true,
    });
  const spoken = seedOf('with-audio');
  const { contacts, users, lines, truth } = spoken;
  const calls = spoken.calls.map(call => ({ ...call, recording: false, voicemail: false }));
  const files = spoken.calls.filter(
    ({ id, recording, voicemail }) => (recording || voicemail) && truth.callIds.includes(id),
  );
  return [
    { ...seedOf('without-audio'), contacts, users, lines, truth, calls },
    { ...spoken, behaviour: { mediaBytes: Math.ceil(audioBytes / files.length) } },
  ];
}

/** Two companies whose calls are all the subject's, each with a transcript: of a sentence or two in one, of half an hour in the other. */
function wordsPair(count: number, now: number): CompanySeed[] {
  return PAIRS.words.map(name => {
    const seed = createCompanySeed({ name, seed: 1, contacts: 200, calls: 200, now, audio: true });
    const pattern = seed.calls.find(({ id, recording }) => recording && seed.truth.callIds.includes(id));
    if (pattern === undefined) throw new Error('no call of the subject has a recording');
    const calls = Array.from({ length: count }, (_, place) => ({ ...pattern, id: pattern.id + place, comments: [] }));
    const truth = { ...seed.truth, callIds: calls.map(({ id }) => id) };
    const transcriptBytes = name === 'long-transcripts' ? TRANSCRIPT_BYTES : 0;
    return { ...seed, calls, truth, behaviour: { intelligence: true, transcriptBytes } };
  });
}

/** The smallest company's list, as often as it takes to ask as much as the largest did. */
function controlOf(rows: readonly Row[]): Task | undefined {
  const [least, most] = endsOf(rows, 'company');
  if (least === undefined || most === undefined || least === most) return undefined;
  return { calls: least.calls, way: 'company', times: Math.ceil(most.apiRequests / least.apiRequests) };
}

async function measure(stand: Stand, budget: Budget, task: Task): Promise<Row> {
  const { calls, way, times, side } = task;
  const { client, sandbox } = stand;
  const company = sandbox.company(nameOf(task));
  const { subjectEmail: email, callIds } = company.truth;
  const hers = company.calls().filter(({ id }) => callIds.includes(id));
  const worker = await stand.startWorker(`worker for ${calls} calls, ${way}, ${times} times`);
  const readyBytes = await memoryOf(worker.pid, 'VmRSS');
  const isOfWords = PAIRS.words.some(each => each === side);
  const include = isOfWords ? (['transcripts'] as const) : (['recordings', 'voicemails'] as const);
  const input = { connection: company.name, subject: { email }, calls: way, include };
  for (let earlier = 1; earlier < times; earlier += 1) {
    const { workflowId } = await client.start('access', { ...input, requestId: `${way}-${times}-${earlier}` });
    await client.result(workflowId);
  }
  sandbox.clearRequests();
  const { workflowId } = await client.start('access', { ...input, requestId: `${way}-${times}` });
  const result = await client.result(workflowId);
  const peakBytes = await memoryOf(worker.pid, 'VmHWM');
  const apiRequests = company.requests().length;
  const run = await lengthOf(stand, workflowId);
  const children = await childrenOf(stand, workflowId);
  await worker.kill();
  note(`${calls} calls, ${side ?? way}: ${apiRequests} API requests in ${run.seconds.toFixed(1)} s`);
  return {
    calls,
    way,
    times,
    status: result.status,
    found: result.counts.calls ?? 0,
    there: callIds.length,
    files: (result.counts.recordings ?? 0) + (result.counts.voicemails ?? 0),
    filesThere: isOfWords
      ? 0
      : hers.filter(({ recording, voicemail }) => recording !== null || voicemail !== null).length,
    packageBytes: result.package?.sizeBytes ?? 0,
    side,
    apiRequests,
    readyBytes,
    peakBytes,
    events: run.events,
    children: children.length,
    longestChildEvents: Math.max(0, ...children.map(({ events }) => events)),
    seconds: run.seconds,
    boundSeconds: apiRequests / ratePerSecond(budget, 1),
  };
}

/** A figure of the kernel's about a process, in bytes. */
async function memoryOf(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`the kernel does not tell ${name} of process ${pid}`);
  return Number(kilobytes) * 1024;
}

async function lengthOf({ plain }: Stand, workflowId: string): Promise<{ events: number; seconds: number }> {
  const { historyLength, startTime, closeTime } = await plain.workflow.getHandle(workflowId).describe();
  const seconds = ((closeTime ?? startTime).getTime() - startTime.getTime()) / 1000;
  return { events: historyLength, seconds };
}

/** They are numbered from 1. */
async function childrenOf(stand: Stand, workflowId: string): Promise<{ events: number }[]> {
  const children: { events: number }[] = [];
  for (;;) {
    try {
      children.push(await lengthOf(stand, `${workflowId}:pages:${children.length + 1}`));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return children;
      throw error;
    }
  }
}

function reportOf(rows: readonly Row[], budget: Budget): Report {
  return {
    rows: [
      [
        ...[
          'CALLS',
          'ACCESS',
          'TIMES',
          'STATUS',
          'FILES',
          'PACKAGE MB',
          'API REQUESTS',
          'READY MB',
          'PEAK MB',
          'EVENTS',
          'CHILDREN',
        ],
        ...['LONGEST CHILD', 'SECONDS', 'BOUND S', 'OF BOUND'],
      ],
      ...rows.map(row => [
        String(row.calls),
        row.side ?? row.way,
        String(row.times),
        row.status,
        String(row.files),
        (row.packageBytes / 1_000_000).toFixed(1),
        String(row.apiRequests),
        (row.readyBytes / MEGABYTE).toFixed(0),
        (row.peakBytes / MEGABYTE).toFixed(0),
        String(row.events),
        String(row.children),
        String(row.longestChildEvents),
        row.seconds.toFixed(1),
        row.boundSeconds.toFixed(1),
        (row.seconds / row.boundSeconds).toFixed(2),
      ]),
    ],
    missed: [
      ...rows.flatMap(missedOf),
      ...WAYS.flatMap(way => missedMemory(rows, way)),
      ...(['audio', 'words'] as const).flatMap(pair =>
        missedRatio(sidesOf(rows, pair), PAIR_PEAK_RATIO_MAX[pair], ({ side }) => `of ${side}`),
      ),
    ],
    measured: {
      budget,
      bar: {
        peakRatioMax: PEAK_RATIO_MAX,
        pairPeakRatioMax: PAIR_PEAK_RATIO_MAX,
        eventsMax: EVENTS_MAX,
        eventsSuggested: EVENTS_SUGGESTED,
      },
      longestHistory: Math.max(...rows.flatMap(({ events, longestChildEvents }) => [events, longestChildEvents])),
      requests: rows,
    },
  };
}

function missedOf(row: Row): string[] {
  const longest = Math.max(row.events, row.longestChildEvents);
  const checks = [
    [row.status !== 'completed', `ended ${row.status}`],
    [row.found !== row.there, `found ${row.found} of ${row.there} calls`],
    [row.files !== row.filesThere, `downloaded ${row.files} of ${row.filesThere} files`],
    [longest > EVENTS_MAX, `a history of ${longest} events, at most ${EVENTS_MAX}`],
  ] as const;
  return checks.flatMap(([isMissed, sentence]) => (isMissed ? [`${row.calls} calls, ${row.way}: ${sentence}`] : []));
}

/** The largest company against the smallest. */
function missedMemory(rows: readonly Row[], way: Way): string[] {
  const ends = endsOf(rows, way);
  return missedRatio(ends, PEAK_RATIO_MAX, ({ calls }) => `${way}, with ${calls} calls`);
}

/** Peak memory of the second row against that of the first. */
function missedRatio(
  [least, most]: readonly [Row | undefined, Row | undefined],
  ratioMax: number,
  nameOfRow: (row: Row) => string,
): string[] {
  if (least === undefined || most === undefined) return [];
  const ratio = most.peakBytes / least.peakBytes;
  return ratio <= ratioMax
    ? []
    : [`peak memory ${nameOfRow(most)} is ${ratio.toFixed(2)} times that ${nameOfRow(least)}, at most ${ratioMax}`];
}

/** The rows of the smallest and the largest company. */
function endsOf(rows: readonly Row[], way: Way): [Row | undefined, Row | undefined] {
  const ofSizes = rows.filter(row => row.way === way && row.times === 1 && row.side === undefined);
  const bySize = ofSizes.toSorted((a, b) => a.calls - b.calls);
  return [bySize[0], bySize.at(-1)];
}

function sidesOf(rows: readonly Row[], pair: Pair): [Row | undefined, Row | undefined] {
  const [one, other] = PAIRS[pair].map(side => rows.find(row => row.side === side));
  return [one, other];
}
