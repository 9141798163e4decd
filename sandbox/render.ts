/**
 * Renders records as the JSON that Aircall would send, with the keys in the order of the recordings.
 * It must never show data that was not requested: contact and short URLs are null without their flags.
 * Facts: docs/aircall.md 6 and 7; the samples in test/fixtures/aircall-samples.
 */
import { countryOf } from './phones';
import { hexOf } from './random';
import type {
  BriefUser,
  Call,
  CallRecord,
  Contact,
  ContactRecord,
  Line,
  LineRecord,
  Tag,
  User,
  UserRecord,
} from './wire';

export interface RenderContext {
  /** With the version, without a final slash. */
  readonly baseUrl: string;
  /** UNIX seconds. */
  readonly now: number;
  readonly users: ReadonlyMap<number, UserRecord>;
  readonly lines: ReadonlyMap<number, LineRecord>;
  /** Undefined if it was deleted, is private or was not requested. */
  contact(id: number): ContactRecord | undefined;
  /** Null if the call has no such file. */
  media(call: CallRecord, kind: 'recording' | 'voicemail'): string | null;
  shortUrl(call: CallRecord, kind: 'recording' | 'voicemail'): string | null;
}

/** Cost and price appear some time after a call has ended, without any mark of the change. */
const FINAL_AFTER_SECONDS = 1_200;
const MADE_AT = '2026-01-05T09:00:00.000Z';
const GREETINGS = 'https://media-web.aircall.io/tracks/tts/languages/en/voices/Joanna';

export const TAGS: readonly Tag[] = [
  'Billing',
  'Called Back',
  'Complaint',
  'Follow Up',
  'Lead',
  'Renewal',
  'Spam',
  'Support',
  'Wrong Number',
].map((name, index) => ({
  id: 3_037_353 + index,
  name,
  color: '#B285D1',
  description: `queue_${name.toLowerCase().replace(' ', '_')}`,
}));

export function renderContact(record: ContactRecord, baseUrl: string): Contact {
  return {
    id: record.id,
    created_at: record.created_at,
    updated_at: record.updated_at,
    first_name: record.first_name,
    last_name: record.last_name,
    information: record.information,
    company_name: record.company_name,
    is_shared: record.is_shared,
    direct_link: `${baseUrl}/contacts/${record.id}`,
    phone_numbers: record.phone_numbers.map(({ value, id, label }) => ({ value, id, label })),
    emails: record.emails.map(({ value, id, label }) => ({ value, id, label })),
  };
}

export function renderCall(record: CallRecord, context: RenderContext): Call {
  const { baseUrl, users, lines } = context;
  const { id, contactId, started_at: startedAt, ended_at: endedAt, answered_at: answeredAt } = record;
  const user = record.userId === null ? undefined : users.get(record.userId);
  const contact = contactId === null ? undefined : context.contact(contactId);
  const recording = context.media(record, 'recording');
  const voicemail = context.media(record, 'voicemail');
  const final = endedAt !== null && context.now - endedAt > FINAL_AFTER_SECONDS;
  const brief = (userId: number | null) => renderBriefUser(userId === null ? undefined : users.get(userId), baseUrl);
  const full = (userId: number | undefined) => {
    const named = userId === undefined ? undefined : users.get(userId);
    return named === undefined ? null : renderUser(named, baseUrl);
  };
  return {
    id,
    sid: `CA${hexOf(32, 'sid', id)}`,
    direct_link: `${baseUrl}/calls/${id}`,
    direction: record.direction,
    status: endedAt !== null ? 'done' : answeredAt === null ? 'initial' : 'answered',
    missed_call_reason: record.missed_call_reason,
    started_at: startedAt,
    answered_at: answeredAt,
    ended_at: endedAt,
    duration: endedAt === null ? 0 : endedAt - startedAt,
    archived: record.archived,
    cost: final && answeredAt !== null ? '3.0' : '0.0',
    voicemail,
    recording,
    asset: assetOf(record, recording, voicemail),
    raw_digits: record.raw_digits,
    user: user === undefined ? null : renderUser(user, baseUrl),
    contact: contact === undefined ? null : renderContact(contact, baseUrl),
    assigned_to: null,
    transferred_by: full(record.transferredBy),
    transferred_to: full(record.transferredTo),
    comments: record.comments.map(({ id, content, userId, posted_at }) => ({
      id,
      content,
      posted_by: brief(userId),
      posted_at,
    })),
    number: renderLine(lines.get(record.lineId), baseUrl),
    teams:
      record.direction === 'inbound' && answeredAt !== null
        ? [{ id: 204_848, name: 'Front desk', direct_link: `${baseUrl}/teams/204848`, created_at: MADE_AT }]
        : [],
    tags: record.tagIds.flatMap(tagId => {
      const tag = TAGS.find(each => each.id === tagId);
      const taggedBy = brief(record.userId ?? [...users.keys()][0] ?? null);
      return tag === undefined || taggedBy === null
        ? []
        : [{ id: tag.id, name: tag.name, created_at: startedAt + 90, tagged_by: taggedBy }];
    }),
    recording_short_url: context.shortUrl(record, 'recording'),
    voicemail_short_url: context.shortUrl(record, 'voicemail'),
    country_code_a2: countryOf(record.raw_digits),
    pricing_type: final ? 'in_bundle' : null,
    ...(record.participants === undefined ? {} : { conference_participants: record.participants }),
  };
}

function assetOf({ id, shownOnly }: CallRecord, recording: string | null, voicemail: string | null): string | null {
  const linked = recording !== null ? 'recording' : voicemail !== null ? 'voicemail' : undefined;
  const kind = linked ?? shownOnly;
  return kind === undefined ? null : `https://assets.aircall.io/calls/${id}/${kind}`;
}

function renderBriefUser(user: UserRecord | undefined, baseUrl: string): BriefUser | null {
  if (user === undefined) return null;
  return {
    id: user.id,
    direct_link: `${baseUrl}/users/${user.id}`,
    name: user.name,
    email: user.email,
    available: true,
    availability_status: 'available',
    created_at: MADE_AT,
  };
}

function renderUser(user: UserRecord, baseUrl: string): User {
  return {
    id: user.id,
    direct_link: `${baseUrl}/users/${user.id}`,
    name: user.name,
    email: user.email,
    available: true,
    availability_status: 'available',
    created_at: MADE_AT,
    time_zone: 'Etc/UTC',
    language: 'en-US',
    state: 'always_opened',
    wrap_up_time: 0,
    extension: user.extension,
  };
}

function renderLine(line: LineRecord | undefined, baseUrl: string): Line {
  if (line === undefined) throw new Error('a call of the seed names a line that the seed does not have');
  return {
    id: line.id,
    direct_link: `${baseUrl}/numbers/${line.id}`,
    name: line.name,
    digits: line.digits,
    country: line.country,
    time_zone: line.time_zone,
    open: true,
    availability_status: 'open',
    is_ivr: false,
    live_recording_activated: true,
    priority: null,
    messages: {
      welcome: `${GREETINGS}/welcome.mp3`,
      waiting: 'https://media-web.aircall.io/tracks/library/bensound-retrosoul-normalized.mp3',
      ivr: `${GREETINGS}/ivr.mp3`,
      voicemail: `${GREETINGS}/voicemail.mp3`,
      closed: `${GREETINGS}/closed.mp3`,
      callback_later: `${GREETINGS}/callback-later.mp3`,
      unanswered_call: `${GREETINGS}/unanswered-call.mp3`,
      after_hours: `${GREETINGS}/after-hours.mp3`,
      ringing_tone: `https://media-web.aircall.io/tracks/ringing_tones/${line.country}.mp3`,
    },
    created_at: MADE_AT,
    flow_editor_enabled: true,
  };
}
