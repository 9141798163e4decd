/**
 * The pages of an access package: what a person opens first. The same content makes the same bytes. Calls that do not fit on the first
 * page follow on pages of their own, so that each opens at once.
 */

import type { VNode } from 'preact';
import { countReasons } from '../../redaction/reasons';
import type { Language } from '../../request/options';
import type { InSlices } from '../../slices';
import { CallRows, CallsTable, type WholeCall, wholeCalls } from './calls';
import { CallsChart, type ChartFacts, chartFacts } from './chart';
import { Contacts } from './contacts';
import { PAGE_SOURCES, type PageContent } from './content';
import { Coverage, countOf, Withheld } from './coverage';
import { Frame, type PageFile, pageFile, Section } from './frame';
import { NOTICE_PATH, type Notice, noticePage } from './notice';
import { isComplete, isEmpty } from './standing';
import { Inline, Items } from './text';
import { type Words, wordsFor } from './words';

export interface PageOptions {
  readonly language: Language;
  /** IANA name; of the times in the pages. */
  readonly timezone: string;
  readonly notice?: Notice | undefined;
}

/** Of one page: of 5,000 calls, each page opens within two seconds on a slow machine too. */
const CALLS_MAX = 500;
/** Records of the calls of one page as JSON, in UTF-16 units; a page has at least one call. */
const CALLS_LENGTH_MAX = 1_500_000;

/**
 * `index.html`, `calls-2.html` and so on, and `notice.html` if there is a notice. Each is rendered while it is read, which throws a
 * RangeError for a path of an audio file that is none. A slice is one call.
 * @throws RangeError for a time zone that does not exist, or a notice that is too long
 */
export function* renderPages(
  content: PageContent,
  { language, timezone, notice }: PageOptions,
): InSlices<readonly PageFile[]> {
  const words = wordsFor({ language, timezone });
  const calls = yield* wholeCalls(content);
  const chart = yield* chartFacts(calls, words);
  const reasons = yield* countReasons(content.redactions);
  const [first = [], ...others] = yield* paged(calls);
  const pages = others.length + 1;
  const index = { content, chart, reasons, pages, words, hasNotice: notice !== undefined };
  return [
    pageFile(
      'index.html',
      () => <IndexPage {...index} />,
      () => rowsOf(first, words),
    ),
    ...others.map((shown, place) =>
      pageFile(
        pathOf(place + 2),
        () => <CallsPage page={place + 2} pages={pages} words={words} />,
        () => rowsOf(shown, words),
      ),
    ),
    ...(notice === undefined ? [] : [noticePage(notice, words)]),
  ];
}

function* rowsOf(calls: readonly WholeCall[], words: Words): Iterable<VNode> {
  for (const call of calls) yield <CallRows call={call} words={words} />;
}

function pathOf(page: number): string {
  return page === 1 ? 'index.html' : `calls-${page}.html`;
}

function* paged(calls: readonly WholeCall[]): InSlices<WholeCall[][]> {
  const pages: WholeCall[][] = [];
  let length = Infinity;
  for (const call of calls) {
    const added = JSON.stringify(call).length;
    const page = pages.at(-1);
    if (page === undefined || page.length >= CALLS_MAX || length + added > CALLS_LENGTH_MAX) {
      pages.push([call]);
      length = added;
    } else {
      page.push(call);
      length += added;
    }
    yield;
  }
  return pages;
}

interface IndexProps {
  readonly content: PageContent;
  readonly chart: ChartFacts;
  /** Of redactions, each counted. */
  readonly reasons: Parameters<typeof Withheld>[0]['reasons'];
  readonly pages: number;
  readonly words: Words;
  readonly hasNotice: boolean;
}

function IndexPage({ content, chart, reasons, pages, words, hasNotice }: IndexProps) {
  const { catalog } = words;
  const sections = [
    ...(isEmpty(content)
      ? []
      : ([
          ['overview', catalog.sections.overview, <Overview content={content} words={words} />],
          ['contacts', catalog.sources.contacts, <Contacts contacts={content.contacts} words={words} />],
          [
            'calls',
            catalog.sources.calls,
            <>
              <CallsChart facts={chart} words={words} />
              {content.calls.length === 0 ? (
                <p>{catalog.calls.none}</p>
              ) : (
                <Calls page={1} pages={pages} words={words} />
              )}
            </>,
          ],
        ] as const)),
    ['withheld', catalog.sections.withheld, <Withheld content={content} reasons={reasons} words={words} />],
    ['coverage', catalog.sections.coverage, <Coverage content={content} words={words} />],
    ['files', catalog.sections.files, <Files content={content} words={words} />],
    ['help', catalog.sections.help, <Help content={content} words={words} hasNotice={hasNotice} />],
  ] as const;
  return (
    <Frame
      title={catalog.title}
      words={words}
      header={
        <>
          <p class="lead">{leadOf(content, catalog)}</p>
          <Facts content={content} words={words} />
          <nav aria-label={catalog.onThisPage}>
            <ul>
              {sections.map(([id, title]) => (
                <li>
                  <a href={`#${id}`}>{title}</a>
                </li>
              ))}
            </ul>
          </nav>
        </>
      }
    >
      {sections.map(([id, title, part]) => (
        <Section id={id} title={title}>
          {part}
        </Section>
      ))}
    </Frame>
  );
}

function leadOf(content: PageContent, { lead, leadEmpty, leadIncomplete }: Words['catalog']): string {
  if (isEmpty(content)) return leadEmpty;
  return isComplete(content) ? lead : leadIncomplete;
}

interface PartProps {
  readonly content: PageContent;
  readonly words: Words;
}

function Facts({ content, words }: PartProps) {
  const { facts } = words.catalog;
  const { emails, phoneNumbers } = content.subject;
  const show = (identity: string) => <Inline text={identity} words={words} />;
  return (
    <dl class="facts">
      <div>
        <dt>{facts.company}</dt>
        <dd>
          <Inline text={content.connection} words={words} />
        </dd>
      </div>
      <div>
        <dt>{facts.request}</dt>
        <dd>
          <Inline text={content.requestId} words={words} />
        </dd>
      </div>
      <div>
        <dt>{facts.searchedFor}</dt>
        <dd>
          <Items class="plain" items={[...emails, ...phoneNumbers]} show={show} words={words} />
        </dd>
      </div>
      <div>
        <dt>{facts.searchBegan}</dt>
        <dd>{words.time(Date.parse(content.createdAt))}</dd>
      </div>
      <Timezone words={words} />
    </dl>
  );
}

function Timezone({ words }: { readonly words: Words }) {
  return (
    <div>
      <dt>{words.catalog.facts.timezone}</dt>
      <dd>{words.timezone}</dd>
    </div>
  );
}

function Overview({ content, words }: PartProps) {
  return (
    <dl class="tiles">
      {PAGE_SOURCES.map(source => (
        <div>
          <dt>{words.catalog.sources[source]}</dt>
          <dd>{words.number(countOf(content, source))}</dd>
        </div>
      ))}
    </dl>
  );
}

interface CallsProps {
  readonly page: number;
  readonly pages: number;
  readonly words: Words;
}

/** The table of the calls of one page. */
function Calls({ page, pages, words }: CallsProps) {
  return (
    <>
      <CallsTable words={words} />
      {pages > 1 && <Paging page={page} pages={pages} words={words} />}
    </>
  );
}

function CallsPage({ page, pages, words }: CallsProps) {
  const { paging, sources } = words.catalog;
  return (
    <Frame
      title={paging.title(words.number(page))}
      words={words}
      header={
        <>
          <p>
            <a href="index.html">{paging.back}</a>
          </p>
          <dl class="facts">
            <Timezone words={words} />
          </dl>
        </>
      }
    >
      <Section id="calls" title={sources.calls}>
        <Calls page={page} pages={pages} words={words} />
      </Section>
    </Frame>
  );
}

function Paging({ page, pages, words }: CallsProps) {
  const { paging } = words.catalog;
  return (
    <nav aria-label={paging.label}>
      <ul>
        {page > 1 && (
          <li>
            <a href={`${pathOf(page - 1)}#calls`}>{paging.newer}</a>
          </li>
        )}
        <li>{paging.page(words.number(page), words.number(pages))}</li>
        {page < pages && (
          <li>
            <a href={`${pathOf(page + 1)}#calls`}>{paging.older}</a>
          </li>
        )}
      </ul>
    </nav>
  );
}

function Files({ content, words }: PartProps) {
  const { files } = words.catalog;
  const hasMedia = countOf(content, 'recordings') + countOf(content, 'voicemails') > 0;
  const rows = [
    ['access-package.json', files.json],
    ['csv', files.csv],
    ...(hasMedia ? [['media', files.media] as const] : []),
    ['manifest.json', files.manifest],
    ['README.txt', files.readme],
  ] as const;
  return (
    <>
      <p>{files.lead}</p>
      <dl class="fields">
        {rows.map(([path, meaning]) => (
          <div>
            <dt>{path}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Help({ content, words, hasNotice }: PartProps & { readonly hasNotice: boolean }) {
  const { help } = words.catalog;
  return (
    <>
      <p>
        {help.ask} <Inline text={content.requestId} words={words} />
      </p>
      <p>{help.rights}</p>
      {hasNotice && (
        <p>
          <a href={NOTICE_PATH}>{help.noticeLink}</a>
        </p>
      )}
    </>
  );
}
