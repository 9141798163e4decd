/** The step that builds the access package and seals it in the vault. Decisions D9, D15. */
import { heartbeat } from '@temporalio/activity';
import { writeZip } from '../package/archive';
import { type AccessPackage, accessPackage, type MediaKind, mediaPath } from '../package/document';
import { type PackageParts, packageFiles } from '../package/files';
import { renderPages } from '../package/page/pages';
import { pack } from '../packed';
import type { CallContent, Findings, Insight as MadeInsight, Redacted } from '../redaction/findings';
import { handOver } from '../redaction/hand-over';
import { countReasons } from '../redaction/reasons';
import type { LocalActivities } from '../request/contracts';
import type { Insight } from '../request/insights';
import type { Coverage } from '../request/model';
import type { RequestRef } from '../request/names';
import type { SourceName } from '../request/sources';
import type { CaseRef } from '../vault/cases';
import { refuseEnded } from './api-step';
import type { ApprovedDependencies } from './approved';
import { type AudioFile, type Read, readIntelligence, readObject } from './case-objects';
import { newestFirst, readDecided } from './judging';
import { NOTHING_SENT } from './local-step';
import { inTurn, unlessStopped, untilStopped } from './stopping';

export interface PackageDependencies extends ApprovedDependencies {
  /** The key that signs receipts. */
  readonly signingKey: () => PackageParts['key'];
}

export function createPackageActivities(dependencies: PackageDependencies): Pick<LocalActivities, 'buildPackage'> {
  const { cases, signingKey } = dependencies;

  /** Audio in the vault, from its beginning. */
  async function* open(request: RequestRef, file: CaseRef): AsyncGenerator<Uint8Array> {
    yield* (await cases.openFile(request, file)).read(0);
  }

  return {
    /**
     * The access package of the rows that the plan takes, sealed in the vault; nothing of agents or other people is in it. The same
     * findings always make the same bytes.
     */
    async buildPackage(input) {
      const { request } = input;
      await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
      const subject = await readObject(cases, request, input.subject, 'subject');
      const found = await handedOver(dependencies, input, subject);
      const notice = input.notice && (await readObject(cases, request, input.notice, 'notice'));
      const files = input.audio === undefined ? [] : await readObject(cases, request, input.audio, 'media');
      const audio = placed(
        files,
        found.calls.map(({ id }) => id),
      );
      const document = await inTurn(
        accessPackage({
          requestId: request.requestId,
          connection: request.connection,
          createdAt: input.startedAt,
          language: input.language,
          timezone: input.timezone,
          subject,
          contacts: [...found.contacts],
          calls: [...found.calls],
          transcripts: found.transcripts,
          insights: found.insights,
          recordings: audio.rows('recording'),
          voicemails: audio.rows('voicemail'),
          withheld: [...input.withheld],
          redactions: found.redactions,
          coverage: coverageOf(input.coverage),
        }),
      );
      const { language, timezone } = input;
      const parts = {
        document,
        pages: await inTurn(renderPages(document, { language, timezone, notice })),
        openMedia: (path: string) => open(request, audio.at(path)),
        key: signingKey(),
      };
      const zip = writeZip(await inTurn(packageFiles(parts)));
      return {
        package: await unlessStopped(cases.writePackage(request, untilStopped(beating(zip)))),
        redactions: await inTurn(countReasons(found.redactions)),
      };
    },
  };
}

/** What was found, redacted. Nothing else of what was read stays in memory. */
async function handedOver(
  dependencies: PackageDependencies,
  input: Parameters<LocalActivities['buildPackage']>[0],
  identities: Read['subject'],
): Promise<Redacted<Insight>> {
  const { cases } = dependencies;
  const { request } = input;
  const people = await readObject(cases, request, input.people, 'people');
  const { records } = await readObject(cases, request, input.calls, 'calls');
  const rows = await readDecided(dependencies, request, input, true);
  const made = await intelligenceOf(dependencies, request, input.intelligence);
  return inTurn(handOver({ identities, people, rows, calls: newestFirst(records), ...made }));
}

/** All transcripts and insights, packed. */
async function intelligenceOf(
  { cases }: PackageDependencies,
  request: RequestRef,
  objects: readonly CaseRef[],
): Promise<Pick<Findings<Insight>, 'transcripts' | 'insights'>> {
  const transcripts: CallContent[] = [];
  const insights: MadeInsight<Insight>[] = [];
  for await (const made of untilStopped(beating(readIntelligence(cases, request, objects)))) {
    const { call } = made;
    const content = pack(contentOf(made));
    if ('kind' in made) insights.push({ call, kind: made.kind, content });
    else transcripts.push({ call, content });
  }
  return { transcripts, insights };
}

/** What came in an envelope that nobody has described stands under `raw`. */
function contentOf(made: Read['transcript' | 'insight']): unknown {
  return 'content' in made ? made.content : { raw: made.raw };
}

type MediaRow = AccessPackage['recordings'][number];

/** Audio with its paths in the package; of calls that are handed over only. */
function placed(files: readonly AudioFile[], calls: readonly number[]) {
  const places = new Map(calls.map((call, place) => [call, place + 1]));
  const refs = new Map<string, CaseRef>();
  const rowOf = ({ call, kind, file, sizeBytes, sha256, type, code }: AudioFile, place: number): MediaRow => {
    if (file === undefined || sizeBytes === undefined || sha256 === undefined || type === undefined)
      return { call, code: code ?? 'not-downloaded' };
    const path = mediaPath({ place, kind, type });
    refs.set(path, file);
    return { call, file: path, sizeBytes, sha256, type };
  };
  const rows = files.flatMap(file => {
    const place = places.get(file.call);
    return place === undefined ? [] : [{ kind: file.kind, row: rowOf(file, place) }];
  });
  return {
    rows: (kind: MediaKind) => rows.filter(row => row.kind === kind).map(({ row }) => row),
    at(path: string): CaseRef {
      const ref = refs.get(path);
      if (ref === undefined) throw new RangeError('the package has no such file');
      return ref;
    },
  };
}

const NOT_SEARCHED = { state: 'skipped', gaps: [] } as const;

function coverageOf(coverage: Coverage): AccessPackage['coverage'] {
  const { calls, notice, outOfReach } = coverage;
  if (calls === undefined || notice === undefined) throw new RangeError('calls were not searched, or no notice sought');
  const of = (source: SourceName) => {
    const { state, gaps } = coverage[source] ?? NOT_SEARCHED;
    return { state, gaps: gaps.map(gap => ({ ...gap })) };
  };
  return {
    contacts: of('contacts'),
    calls: { ...calls, gaps: calls.gaps.map(gap => ({ ...gap })) },
    recordings: of('recordings'),
    voicemails: of('voicemails'),
    transcripts: of('transcripts'),
    insights: of('insights'),
    notice: { state: notice.state, gaps: notice.gaps.map(gap => ({ ...gap })) },
    outOfReach: [...outOfReach],
  };
}

async function* beating<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const piece of stream) {
    heartbeat();
    yield piece;
  }
}
