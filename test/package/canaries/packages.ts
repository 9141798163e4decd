/** The files of the package of a company, made as the service makes them, and what they hold that no package may hold. */
import { addressesOf, emailSpellings, foldEmail } from '../../../src/judgement/addresses';
import { packageFiles } from '../../../src/package/files';
import { renderPages } from '../../../src/package/page/pages';
import type { Redacted } from '../../../src/redaction/findings';
import { handOver } from '../../../src/redaction/hand-over';
import type { Insight } from '../../../src/request/insights';
import { LANGUAGES } from '../../../src/request/options';
import { atOnce } from '../../../src/slices';
import { documentOf, FOUND, KEY } from '../support';
import { around, canariesIn, foldText, MARK_FORMS } from './marks';
import { createPlanted, type Planted } from './planted';

export interface Leak {
  readonly seed: number;
  readonly file: string;
  readonly kind: string;
  /** What stands around it. */
  readonly near: string;
}

/** What the packages of companies of consecutive seeds hold that they may not. */
export function leaksOf(count: number, seed: number): Leak[] {
  return [...Array(count)].flatMap((_, place) => {
    const planted = createPlanted(seed + place);
    const handed = atOnce(handOver(planted.found));
    return leaksIn(planted, handed, seed + place);
  });
}

/** Likewise, of packages of which nothing was taken out. */
export function canariesOf(count: number, seed: number): Leak[] {
  return [...Array(count)].flatMap((_, place) => {
    const planted = createPlanted(seed + place);
    return leaksIn(planted, unredacted(planted), seed + place);
  });
}

function unredacted({ found: { rows, people, calls, transcripts, insights } }: Planted): Redacted<Insight> {
  const taken = rows.filter(({ decision }) => decision === 'take');
  const isTaken = (record: string) => (each: { readonly id: number }) =>
    taken.some(row => row.record === record && row.id === each.id);
  return {
    contacts: people.contacts.map(({ card }) => ({ ...card })).filter(isTaken('contact')),
    calls: calls.filter(isTaken('call')).map(call => ({ ...call })),
    ...{ transcripts, insights, redactions: [] },
  };
}

function leaksIn(planted: Planted, handed: Redacted<Insight>, seed: number): Leak[] {
  const others = addressesOfOthers(planted);
  return filesOf(planted, handed, seed).flatMap(({ path, bytes }) => {
    const text = bytes.toString();
    const folded = foldText(text);
    return [
      ...canariesIn(text),
      ...others
        .filter(address => folded.includes(address))
        .map(address => ({ kind: 'address', near: around(folded, folded.indexOf(address)) })),
      ...MARK_FORMS.filter(form => bytes.includes(form)).map(form => ({ kind: 'bytes', near: form.toString('hex') })),
    ].map(({ kind, near }) => ({ seed, file: path, kind, near }));
  });
}

/** In each spelling, addresses on cards that are not handed over and on none that is. */
function addressesOfOthers({ company: { cards, identities }, found: { rows } }: Planted): string[] {
  const ids = rows.flatMap(({ record, decision, id }) => (record === 'contact' && decision === 'take' ? [id] : []));
  const taken = cards.filter(({ id }) => ids.includes(id));
  const own = new Set([...identities.emails.map(foldEmail), ...taken.flatMap(addressesOf)]);
  // A field that is too long to be read stands on her card as it is.
  const shown = foldText(JSON.stringify(taken));
  return cards
    .filter(({ id }) => !ids.includes(id))
    .flatMap(addressesOf)
    .filter(address => !own.has(address))
    .flatMap(emailSpellings)
    .map(foldText)
    .filter(address => !shown.includes(address));
}

async function* noMedia(): AsyncGenerator<Uint8Array> {}

/** All but audio, of which nothing is here. */
function filesOf({ found }: Planted, handed: Redacted<Insight>, seed: number) {
  const language = LANGUAGES[seed % LANGUAGES.length] ?? 'en';
  const document = documentOf({
    ...FOUND,
    language,
    subject: { emails: [...found.identities.emails], phoneNumbers: [...found.identities.phoneNumbers] },
    contacts: [...handed.contacts],
    calls: [...handed.calls],
    transcripts: handed.transcripts,
    insights: handed.insights,
    redactions: handed.redactions,
    recordings: [],
    voicemails: [],
  });
  const pages = atOnce(renderPages(document, { language, timezone: 'Europe/Paris' }));
  const files = atOnce(packageFiles({ document, pages, openMedia: noMedia, key: KEY }));
  return files.map(({ path, open }) => {
    const chunks = open();
    if (!(Symbol.iterator in chunks)) throw new Error(`${path} is no text`);
    return { path, bytes: Buffer.concat([...chunks]) };
  });
}
