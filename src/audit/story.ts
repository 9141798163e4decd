/** The page of a bundle that shows a person what happened, when, and how to check it. Made from the receipt alone. Pure. */
import type { Receipt } from '../receipt/model';
import { plannedWords, verifiedWords } from '../receipt/words';
import {
  capital,
  decidedWords,
  doubtWords,
  gapWords,
  keptAs,
  redactedWords,
  requestNoun,
  staysWords,
} from '../request/sentences';
import { count } from '../request/words';

const WIDTH = 960;
const MARGIN = 20;
const STEPS = ['received', 'started', 'searched', 'deleted', 'verified', 'ended'] as const;

export function storyPage(receipt: Receipt): string {
  const { request, status, failure, times, sources, outOfReach } = receipt;
  const { apiRequests, service, chain } = receipt;
  const rows = sources.map(source => {
    const { found, unchanged, deleted, absent, retained, refused, failed, unreadable, withheld } = source;
    const counts = [found, unchanged, deleted, absent, retained, refused + failed, unreadable, withheld];
    return row([source.source, searchedWords(source), windowWords(source), ...counts.map(String)]);
  });
  const reasons = sources.flatMap(({ source, reasons: found, gaps }) => [
    ...found.map(({ outcome, code, count }) => `${count} of ${source}: ${outcome} (${code})`),
    ...gaps.map(
      ({ code, count }) => `not covered in ${source}: ${gapWords({ code, count: count ?? undefined }, code)}`,
    ),
  ]);
  const doubts = receipt.doubts.map(
    ({ code, records, taken, kept }) =>
      `${records}: ${doubtWords(code)} (${code}); decided to be the person's: ${taken}, ${keptAs(request)}: ${kept}`,
  );
  const redacted = redactedWords(receipt);
  const decisions = [
    ...receipt.approvals.map(decided => `approved at ${decidedWords(decided)}`),
    ...(receipt.rejection ? [`rejected at ${decidedWords(receipt.rejection)}: ${receipt.rejection.reason}`] : []),
  ];
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>${capital(requestNoun(request))} ${text(request.requestId)}</title>
<style>body{font:16px/1.5 sans-serif;max-width:${WIDTH}px;margin:2em auto;padding:0 1em}svg{max-width:100%;height:auto}table{border-collapse:collapse;font-size:.9em}td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style>
<h1>${capital(requestNoun(request))} ${text(request.requestId)}</h1>
<p>Of connection <b>${text(request.connection)}</b>, for the subject <code>${text(receipt.subject ?? 'not known')}</code> (a keyed hash).
It ended as <b>${status}</b>${failure === null ? '' : ` (${text(failure)})`}.${request.dryRun ? ' It was to search only: nothing was handed over or deleted.' : ''}
${verificationSentences(receipt)} ${planSentence(receipt)}
${dueWords(receipt)}${apiRequests === null ? '' : `It sent ${count(apiRequests, 'API request')} to Aircall.`} Version ${text(service.version)}.</p>
${timeline(times)}
<table><tr>${HEADINGS.map(heading => `<th>${heading}</th>`).join('')}</tr>${rows.join('')}</table>
<p>Left: not deleted, because they may be somebody else's, or because they were changed since the plan was made. Unreadable: records of
an unknown form, so that their owner is unknown. Withheld: not handed over, because they may be somebody else's.</p>
${list('Records that may be somebody else’s', doubts)}
${list('What was left out of the package, or replaced', redacted === undefined ? [] : [redacted])}
${list('What people decided about the plan', decisions)}
${list('What was not done or not covered', reasons)}
${list('What Aircall’s API cannot do', outOfReach)}
<h2>How to check it</h2>
<pre>aircall-dsr audit replay THIS-FOLDER --key public-key.pem</pre>
<p>The command needs no server and only the public key. Get that key from another source than this folder. The command checks
the signature over all files, the receipt (number ${chain.sequence} of its connection), that the histories of the request and of
all its child workflows are complete or listed as deleted, and that the receipt states the end of the history. Then it replays
them: the program must take the same steps in the same order and return the same result, from the recorded answers of the steps.
A replay does not prove Aircall's answers: only the signature of the operator vouches for them.</p>
</html>
`;
}

const HEADINGS = [
  'source',
  'searched',
  'window',
  'found',
  'unchanged',
  'deleted',
  'already deleted',
  'left',
  'not done',
  'unreadable',
  'withheld',
];

/** Which plan it was; of a dry run, what that would do. */
function planSentence(receipt: Receipt): string {
  const planned = plannedWords(receipt);
  if (planned !== undefined) return `If it were executed: ${text(planned)}.`;
  return receipt.planDigest === null ? '' : `Its plan is <code>${text(receipt.planDigest)}</code>.`;
}

/** What was checked after a deletion, and what it leaves in Aircall. */
function verificationSentences(receipt: Receipt): string {
  const { request, status, verification } = receipt;
  if (verification === null) return '';
  const words = verifiedWords(receipt);
  const stays = staysWords({ ...request, status });
  return [
    words === undefined
      ? 'There was no verifying search.'
      : `<b>${verification === 'verified' ? 'Verified' : 'Not verified'}</b>: ${words}.`,
    ...(stays === undefined ? [] : [`${capital(stays)}.`]),
  ].join(' ');
}

/** How much was searched, and how. */
function searchedWords({ state, by }: Receipt['sources'][number]): string {
  return by === null ? state : `${state}, by ${by}`;
}

/** The time that was searched. */
function windowWords({ window, state }: Receipt['sources'][number]): string {
  if (window === null) return state === 'skipped' ? '-' : 'all';
  return `${window.from ?? 'all that Aircall serves'} to ${window.to}`;
}

function dueWords({ request: { regime, extension }, times: { due, ended } }: Receipt): string {
  if (due === null) return '';
  const late = ended !== null && ended > due ? ', <b>and it ended later</b>' : '';
  const before = extension ? `, extended from ${text(extension.dueBefore)} (${text(extension.reason)})` : '';
  return `It was due at ${text(due)} (${text(regime ?? '')}${before})${late}.\n`;
}

/** When each part ended, to scale. */
function timeline(times: Receipt['times']): string {
  const seen = STEPS.flatMap(name => {
    const at = times[name];
    return at === null ? [] : [{ name, at, ms: Date.parse(at) }];
  });
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined) return '';
  const length = Math.max(1, last.ms - first.ms);
  const height = 40 + seen.length * 18;
  const marks = seen.map(({ name, at, ms }, index) => {
    const x = MARGIN + ((ms - first.ms) / length) * (WIDTH - 2 * MARGIN);
    const y = 30 + index * 18;
    const end = x > WIDTH / 2 ? ' text-anchor="end"' : '';
    return `<circle cx="${x.toFixed(1)}" cy="12" r="5"/><line x1="${x.toFixed(1)}" y1="12" x2="${x.toFixed(1)}" y2="${y - 10}" stroke="#999"/><text x="${x.toFixed(1)}" y="${y}"${end} font-size="13">${name} ${text(at)}</text>`;
  });
  return `<svg width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="timeline"><line x1="${MARGIN}" y1="12" x2="${WIDTH - MARGIN}" y2="12" stroke="#000"/>${marks.join('')}</svg>`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map(cell => `<td>${text(cell)}</td>`).join('')}</tr>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<h2>${text(title)}</h2><ul>${lines.map(line => `<li>${text(line)}</li>`).join('')}</ul>`;
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
