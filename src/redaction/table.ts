/**
 * What happens to each field, by its path; no other place says it. The first row that fits decides. The rules are docs/redaction.md; facts:
 * docs/aircall.md 6 and 7. What no other row names falls to the last row of its source, so that no field escapes.
 */
import { foldWord } from './people';

export type Treatment =
  /** Stays as it is: the subject's own words about themselves, or nothing personal. */
  | 'own'
  /** A text in which others may be named; a number stays. */
  | 'text'
  /** Nobody told us what it is: kept, unless it holds a mark of an agent. */
  | 'unknown'
  /** The same on the subject's card, where an address or number that stands alone is the subject's. */
  | 'own-unknown'
  | 'agent'
  | 'team'
  /** The number of one party of a call. */
  | 'party'
  /** The card that Aircall attached to a call. */
  | 'card'
  | 'participant'
  /** Another person, whoever it is. */
  | 'person'
  | 'link'
  | 'assessment'
  | 'transcript'
  | 'insight';

interface Row {
  readonly path: string;
  readonly use: Treatment;
}

/**
 * `[]` is an item of a list, `*` stands for letters of a name, `**` for any levels (at the end: at least one), `a|b` for either name. A name
 * stands for its other spellings too: `assigned_user` for `assignedUser` and `Assigned user`.
 */
export const TABLE: readonly Row[] = [
  { path: '**.recording|voicemail|asset|direct_link|*_short_url', use: 'link' },
  { path: '**.number.messages.*', use: 'link' },

  { path: '**.evaluation|evaluations|playbook|playbook_result|playbook_results', use: 'assessment' },

  { path: '**.user|users|*_user|*_users|agent|agents|*_agent|*_agents', use: 'agent' },
  { path: '**.assignee|assignees|owner|owners|author|authors', use: 'agent' },
  { path: '**.user_*|agent_*|assignee_*|owner_*|author_*', use: 'agent' },
  { path: '**.*_user_name|*_user_email|*_user_id|*_agent_name|*_agent_email|*_agent_id', use: 'agent' },
  { path: '**.*_by|*_by_name|*_by_email|*_by_id', use: 'agent' },
  { path: '**.assigned_to|assigned_to_name|assigned_to_email|assigned_to_id', use: 'agent' },
  { path: '**.transferred_to|transferred_to_name|transferred_to_email|transferred_to_id', use: 'agent' },
  { path: '**.team', use: 'team' },
  { path: '**.teams[]', use: 'team' },

  { path: 'contacts[].first_name|last_name|company_name', use: 'own' },
  { path: 'contacts[].emails|phone_numbers[].value', use: 'own' },
  { path: 'contacts[].emails|phone_numbers[].id|label', use: 'text' },
  { path: 'contacts[].id|created_at|updated_at|is_shared|information|description', use: 'text' },

  { path: 'calls[].raw_digits', use: 'party' },
  { path: 'calls[].contact', use: 'card' },
  { path: 'calls[].conference_participants|participants[]', use: 'participant' },
  { path: 'calls[].external_transferred_to', use: 'person' },
  { path: 'calls[].number.digits|e164_digits', use: 'own' },
  { path: 'calls[].number.id|name', use: 'text' },
  { path: 'calls[].comments[].id|content', use: 'text' },
  { path: 'calls[].tags[].id|name', use: 'text' },
  { path: 'calls[].ivr_options_selected[].id|title|key|branch', use: 'text' },
  { path: 'calls[].id|sid|direction|status|missed_call_reason|duration|archived|cost', use: 'text' },
  { path: 'calls[].country_code_a2|pricing_type|hangup_cause', use: 'text' },
  { path: '**.*_at', use: 'text' },

  { path: 'transcripts[].content.type', use: 'text' },
  { path: 'transcripts[].content.content.language', use: 'text' },

  { path: 'contacts[].**', use: 'own-unknown' },
  { path: 'calls[].**', use: 'unknown' },
  { path: 'transcripts[].**', use: 'transcript' },
  { path: 'insights[].**', use: 'insight' },
];

/** A place in the records. */
export interface Spot {
  /** Undefined at a root, and at a list of roots. */
  readonly use: Treatment | undefined;
  /** Whether a row names something further below, so that the object or list itself is known. */
  readonly hasKnownParts: boolean;
  /** @param segment a name, or `[]` */
  below(segment: string): Spot;
}

/** Above all records. */
export const TOP: Spot = spotOf(TABLE.map(({ path, use }) => ({ use, rest: segmentsOf(path) })));

/** Names that are remembered at one place. What a record calls its fields has no limit. */
const REMEMBERED_MAX = 200;

type Segment = '**' | ((name: string) => boolean);

interface Reading {
  readonly use: Treatment;
  readonly rest: readonly Segment[];
}

function segmentsOf(path: string): Segment[] {
  return path
    .replaceAll('[]', '.[]')
    .split('.')
    .map(segment => (segment === '**' ? segment : oneOf(segment.split('|'))));
}

function oneOf(names: readonly string[]): (name: string) => boolean {
  const whole = new Set(names.filter(name => !name.includes('*')));
  const parts = names.filter(name => name.includes('*')).map(name => name.split('*'));
  return name =>
    whole.has(name) ||
    (name !== '[]' && parts.some(([start = '', end = '']) => name.startsWith(start) && name.endsWith(end)));
}

/** As Aircall's own fields are spelled. */
function plainName(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .split(/[_\s.-]+/)
    .map(foldWord)
    .join('_');
}

/** @param readings in the order of the table */
function spotOf(readings: readonly Reading[]): Spot {
  const remembered = new Map<string, Spot>();
  return {
    use: readings.find(({ rest: [next, more] }) => next === undefined || (next === '**' && more === undefined))?.use,
    hasKnownParts: readings.some(({ rest: [next] }) => next !== undefined && next !== '**'),
    below(segment) {
      const known = remembered.get(segment);
      if (known !== undefined) return known;
      const name = segment === '[]' ? segment : plainName(segment);
      const spot = spotOf(readings.flatMap(reading => advance(reading, name)));
      if (remembered.size < REMEMBERED_MAX) remembered.set(segment, spot);
      return spot;
    },
  };
}

function advance(reading: Reading, segment: string): Reading[] {
  const { use, rest } = reading;
  const [next, ...more] = rest;
  if (next === undefined) return [];
  if (next === '**') return [...(more.length === 0 ? [] : advance({ use, rest: more }, segment)), reading];
  return next(segment) ? [{ use, rest: more }] : [];
}
