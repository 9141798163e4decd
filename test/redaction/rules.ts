/**
 * The rules of docs/redaction.md, each with the passage of the code that keeps it, and one person's records in which each of them has
 * something to do: canaries that no package may hold, and what is the person's and must stay.
 */
import { pack } from '../../src/packed';
import type { Findings, Redacted, Whose } from '../../src/redaction/findings';
import { TABLE } from '../../src/redaction/table';
import {
  canariesIn,
  digitsOf,
  emailOf,
  linkOf,
  nameOf,
  plainLinkOf,
  shortLinkOf,
  wordsOf,
} from '../package/canaries/marks';
import type { Change } from '../support/changed-source';

export interface Rule extends Change {
  /** What holds without it. */
  readonly without: string;
}

/** Each row of the table is left out. */
export const ROWS: readonly Rule[] = TABLE.map(({ path, use }) => ({
  without: `${path} is no ${use}`,
  file: 'table',
  from: 'spotOf(TABLE.map(',
  to: `spotOf(TABLE.filter(row => row.path !== ${JSON.stringify(path)}).map(`,
}));

const inFile =
  (file: string) =>
  (without: string, from: string, to = ''): Rule => ({ without, file, from, to });
const walk = inFile('walk');
const texts = inFile('texts');
const subject = inFile('subject');

export const RULES: readonly Rule[] = [
  // Fields
  walk(
    'a field that nobody knows stays, whatever agent it names',
    'if (!isLearning && !at.isUnmarked && holdsMark(value, 0))',
    'if (false)',
  ),
  walk('who has the availability of a user is none', 'OF_AGENTS.some(name => name in value) || '),
  walk('who has the link of a user is none', 'userIdIn(value.direct_link) !== undefined', 'false'),
  walk('the name of a field names nobody', 'if (!isHarmless(name))', 'if (false)'),
  walk(
    'a number that is dialled is a number',
    "mask(String(value)).reasons.length === 0 ? value : leaveOut(at, 'phone')",
    'value',
  ),
  walk('what is nested too deep stays', 'if (at.depth > DEPTH_MAX)', 'if (false)'),
  walk('a number on another card is hers if it stands alone on her card', ' && !isOnAnotherCard(value, subject)'),
  walk('the address of an agent is hers if it stands alone on her card', ' && !isMark(value)'),
  walk('she is an agent if she works there', 'if (who.keys.some(isOwnKey))', 'if (false)'),
  walk(
    'she is another participant',
    'if (isOwnCard || (isDigits(number) && isOwnNumber(String(number), subject)))',
    'if (false)',
  ),
  walk(
    'she is an agent if her name stands for a user',
    "if (typeof value === 'string' && subject.names.has(foldName(value))) return value;",
  ),
  inFile('table')(
    'a field in another spelling is another one',
    "segment === '[]' ? segment : plainName(segment)",
    'segment',
  ),
  // What was said
  walk(
    'another number speaks for her',
    'isDigits(number) ? isOwnNumber(String(number), subject) : ',
    'isDigits(number) || ',
  ),
  walk('of several people, one without a number is she', ': !at.isOfAnybody', ': true'),
  walk(
    'of several people, any text is hers',
    "if (typeof value === 'string' && at.isOfAnybody && !isHidden(value))",
    'if (false)',
  ),
  walk('of several people, what was made of all of them is hers', 'at.isOfAnybody && !isLearning ? ', 'false ? '),
  walk('the mood of an agent is no assessment', 'if (isInternal(said)) return instead', 'if (false) return instead'),
  walk(
    'the mood of another number is hers',
    'return isDigits(number) && isNumberOfOthers(String(number), subject)',
    'return false',
  ),
  walk(
    'what names an agent beside what they said stays',
    '.filter(([name, value]) => OF_UTTERANCE.get(name)?.includes(typeof value))',
  ),
  walk('all that they said is listed', 'kept.length < Object.values(said)', '0 < Object.values(said)'),
  walk('whom only what they said names is nobody', 'learnAgent(value);', ';'),
  walk('Aircall’s own voice is somebody else', " || speaker === 'ai_voice_agent'"),
  walk('the number of an agent is only a number', "typeof value === 'number' && holdsMark(value, 0) ?", 'false ?'),
  // Texts
  walk('texts may name agents', "[named(agents, 'agent'), ", '['),
  walk('texts may name others', ", named(persons, 'other-person')]", ']'),
  texts('texts may hold addresses', "add(pieces, span, 'email', MASKS.email);", ';'),
  texts('texts may hold numbers', "add(pieces, span, 'phone', MASKS.phone);", ';'),
  texts('texts may hold numbers with a plus', '(hasPlus ? findLast(checks.isPossible) : undefined)', 'undefined'),
  texts('texts may hold numbers of other cards', 'findLast(digits => others.has(digits)) ?? '),
  inFile('scanning')(
    'texts may hold numbers with the plus of a link',
    "to >= 3 && text.startsWith('%2', to - 3) && /b/i.test(text.charAt(to - 1)) ? 3 : 0",
    '0',
  ),
  texts('texts may hold bank accounts', "add(pieces, span, 'iban', MASKS.iban);", ';'),
  texts('texts may hold links that are keys', "add(pieces, link, 'link', MASKS.link);", ';'),
  inFile('scanning')('a link has a scheme', '? 0 : startOfHost(word)', '? 0 : undefined'),
  inFile('links')('a link with a signature is no key', 'signedFrom(link) !== undefined || '),
  inFile('links')('a link of Aircall or its store is no key', ' || HOSTS.test(hostOf(link))'),
  texts('her address is masked', '(isOwnEmail(text, found) ? divided.kept : divided.others)', 'divided.others'),
  texts('her number is masked', 'const mine = findLast(digits => own.has(digits));', 'const mine = undefined;'),
  inFile('redact')('her name is masked if an agent has it too', 'subject.names.has(name)', 'false'),
  // What is hers
  subject('the number of a call that Aircall attached to her is not hers', 'attached.add(digits);', ';'),
  subject('it is, although it is on another card', ' && !others.has(digits)) attached', ') attached'),
  subject('without a plus it is hers, although another card has it so', '.filter(form => !formsOfOthers.has(form))'),
  subject('without a plus no number is hers', String.raw`return !/^[\d\s().\-/]+$/.test(value) || `, 'return true || '),
  subject('no decision counts', 'decided.has(call.id) || '),
];

const agent = (n: number) => {
  const { first, last } = nameOf('agent', n);
  return { id: Number(digitsOf('agent', n)), name: `${first} ${last}` };
};
const nameOfPerson = (n: number) => `${nameOf('person', n).first} ${nameOf('person', n).last}`;
const phoneOf = (kind: 'person' | 'card', n: number) => `+1${digitsOf(kind, n)}`;

/** With the canary of numbers in it. */
function ibanOf(digits: string): string {
  const account = digits.padEnd(18, '0');
  return `DE${String(98n - (BigInt(`${account}131400`) % 97n)).padStart(2, '0')}${account}`;
}

function nested(levels: number, bottom: unknown): unknown {
  return levels === 0 ? bottom : [nested(levels - 1, bottom)];
}

const OF_OTHERS = [
  ...[agent(0).name, nameOfPerson(0), emailOf('person', 2), phoneOf('person', 2)],
  ...[agent(9).name, `https://cdn.example/?to=%2B1${digitsOf('person', 3)}`, shortLinkOf(6)],
  digitsOf('card', 0).replace(/^(...)(...)/, '($1) $2-'),
  ...[ibanOf(digitsOf('person', 2)), linkOf(3), plainLinkOf(4).replace('files.people.example', 'files.aircall.io')],
  linkOf(5).replace('files.s3.eu-west-1.amazonaws.com', 'cdn.example'),
];
const HERS = ['anna@example.org', '+1 415-555-0123', 'Anna Berg', 'order 4500012345'];

const CARD = {
  id: 1,
  first_name: 'Anna',
  last_name: 'Berg',
  company_name: 'Berg, ring +1 617 555 0199',
  emails: [
    { label: emailOf('person', 0), value: 'anna@example.org' },
    { label: 'Bank', value: 'DE89370400440532013000' },
  ],
  phone_numbers: [{ value: '+1 415-555-0123' }, { value: '+33 6 12 34 56 78' }],
  information: phoneOf('person', 0),
  ...{ whatsapp: '+33 6 99 99 99 99', second: phoneOf('card', 1), helper: emailOf('agent', 0) },
};

/** Of one agent and her, on a number that is on no card. */
const CALL = {
  id: 11,
  raw_digits: '+47 22 33 44 55',
  contact: { id: 1 },
  recording: plainLinkOf(1),
  number: {
    name: `${agent(0).name} mainline`,
    digits: '+33 1 76 36 06 95',
    messages: { ivr: plainLinkOf(2) },
  },
  evaluations: [{ comment: wordsOf('words') }],
  user: { ...agent(0), email: emailOf('agent', 0) },
  user_name: agent(1).name,
  assigned_to: { name: agent(3).name },
  assignee: agent(7).name,
  checked_user_name: agent(8).name,
  steps: [{ assigned_to: 'Anna Berg' }],
  assignedUser: { name: 'Zoe', note: wordsOf('agent') },
  archived_by: { id: 5, name: 'Anna Berg' },
  team: { name: 'Desk', note: wordsOf('agent') },
  teams: [{ name: 'Desk', note: wordsOf('agent') }],
  comments: [
    { content: [...OF_OTHERS, ...HERS].join(' ; '), posted_by: { name: agent(2).name } },
    { content: `${agent(0).name} commentword` },
  ],
  tags: [{ name: `${agent(0).name} tagword` }],
  ivr_options_selected: [{ title: `${agent(0).name} menuword` }],
  sid: `${agent(0).name} sidword`,
  hangup_cause: `${agent(0).name} causeword`,
  seen_at: `${agent(0).name} timeword`,
  handled: { id: agent(0).id, pet: wordsOf('agent') },
  keeper: { name: agent(4).name, direct_link: `https://api.aircall.io/v1/users/${agent(4).id}` },
  backup: { name: agent(5).name, available: true },
  [emailOf('person', 1)]: 1,
  dialled: { phone: Number(`1${digitsOf('card', 0)}`) },
  deep: nested(60, agent(0).id),
};

/** Others speak in it too. */
const CONFERENCE = {
  id: 12,
  raw_digits: digitsOf('person', 1).replace(/^(...)(...)/, '$1-$2-'),
  contact: { id: 2, first_name: nameOf('person', 1).first, last_name: nameOf('person', 1).last },
  conference_participants: [
    { type: 'external', name: nameOfPerson(0), phone_number: phoneOf('person', 0), note: wordsOf('person') },
    { type: 'external', name: 'Anna', phone_number: '+1 415 555 0123', note: 'participantword' },
  ],
  external_transferred_to: nameOfPerson(2),
};

const external = { participant_type: 'external' };

export const FINDINGS: Findings = {
  contacts: [CARD],
  calls: [
    CALL,
    CONFERENCE,
    { id: 13, ...{ user: { id: 6, name: 'Anna Berg', email: 'anna@example.org' } } },
    { id: 14, contact: { id: 1 }, raw_digits: phoneOf('card', 0) },
    { id: 15, ...{ transferred_to: { name: agent(6).name } } },
  ],
  transcripts: [
    {
      call: 11,
      content: pack({
        utterances: [
          { ...external, phone_number: '14155550123', text: 'plainword' },
          { ...external, phone_number: phoneOf('person', 3), text: wordsOf('words') },
          { ...external, phone_number: '0612345678', text: wordsOf('words') },
          { participant_type: 'internal', user_id: agent(0).id, text: 'internalword' },
          { participant_type: 'internal', name: agent(9).name, note: wordsOf('agent'), text: 'ring back' },
        ],
        rating: agent(0).id,
      }),
    },
    {
      call: 12,
      content: pack({
        type: 'conference',
        content: {
          language: 'nl',
          utterances: [
            { ...external, text: wordsOf('words') },
            { participant_type: 'ai_voice_agent', text: 'voiceword' },
          ],
          raw: wordsOf('words'),
        },
      }),
    },
  ],
  insights: [
    {
      call: 11,
      kind: 'sentiments',
      content: pack({
        participants: [
          { type: 'internal', value: wordsOf('words') },
          { type: 'external', phone_number: phoneOf('person', 3), value: wordsOf('words') },
          { type: 'external', phone_number: '+14155550123', value: 'moodword' },
        ],
      }),
    },
    { call: 12, kind: 'predicted_csat', content: pack({ score: Number(digitsOf('words', 1)) }) },
    { call: 15, kind: 'summary', content: pack('decidedword') },
  ],
};

export const WHOSE: Whose = {
  emails: ['anna@example.org'],
  numbers: ['14155550123'],
  otherNumbers: [`1${digitsOf('card', 0)}`, `1${digitsOf('card', 1)}`, '49612345678'],
  decidedRecordings: [15],
  withheld: { contacts: [], calls: [] },
};

/** Parts of the JSON of a package. */
const STAY = [
  ...[
    'Berg, ring +1 617 555 0199',
    'DE89370400440532013000',
    '+33 6 99 99 99 99',
    '+33 1 76 36 06 95',
    '+47 22 33 44 55',
  ],
  ...[HERS.join(' ; '), '"name":"Anna Berg"', '"assigned_to":"Anna Berg"', '"type":"conference"', '"language":"nl"'],
  ...['mainline', 'commentword', 'tagword', 'menuword', 'sidword', 'causeword', 'timeword', 'participantword'],
  ...['plainword', 'internalword', 'voiceword', 'moodword', 'decidedword'],
];

/** What is wrong with redacted records: what they hold of others, what of hers they lack, and what is listed and was not redacted. */
export function faultsOf(redacted: Redacted): string[] {
  const json = JSON.stringify(redacted);
  return [
    ...canariesIn(json).map(({ kind, near }) => `leak of ${kind}: ${near}`),
    ...STAY.filter(part => !json.includes(part)).map(part => `lost: ${part}`),
    ...[...redacted.redactions]
      .filter(({ path }) => textAt(redacted, path) === textAt(FINDINGS, path))
      .map(({ path, reason }) => `listed: ${path} (${reason})`),
  ];
}

function textAt(records: unknown, path: string): string | undefined {
  return JSON.stringify(valueAt(JSON.parse(JSON.stringify(records)), path));
}

function valueAt(records: unknown, path: string): unknown {
  const names = path.split('/').slice(1);
  return names.reduce<unknown>((value, name) => {
    const found = Object.entries(Object(value)).find(
      ([key]) => key === name.replaceAll('~1', '/').replaceAll('~0', '~'),
    );
    return found?.[1];
  }, records);
}
