/**
 * Histories as JSON, as Temporal's own tools print and read them: enums by name, bytes in base64, times in RFC 3339, durations
 * in seconds. The SDK's functions for it need all its packages to share one copy of protobufjs, which npm does not ensure.
 */
import { temporal } from '@temporalio/proto';

export type History = temporal.api.history.v1.IHistory;

const HistoryMessage = temporal.api.history.v1.History;
/** Fields of histories that hold an instant, and those that hold a length of time. */
const INSTANT = /(Time|Timestamp)$/;
const DURATION = /(Timeout|Interval|Delay|Backoff|Ttl)$/;
const NANOS = 1_000_000_000;

export function historyToJson(history: History): string {
  const plain: unknown = HistoryMessage.toObject(HistoryMessage.fromObject(history), {
    longs: String,
    enums: String,
    bytes: String,
  });
  return JSON.stringify(mapped(plain, written), null, 1);
}

/** @throws {TypeError} if it is no history */
export function historyFromJson(text: string): History {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || !('events' in parsed) || !Array.isArray(parsed.events))
    throw new TypeError('a history has a list of events');
  const plain = mapped({ events: parsed.events }, read);
  const history = HistoryMessage.fromObject(isObject(plain) ? plain : {});
  if (history.events.length === 0) throw new TypeError('it has no events');
  return history;
}

type Change = (name: string, value: unknown) => unknown;

/** Every member of every object, replaced if `change` returns a value. */
function mapped(value: unknown, change: Change): unknown {
  if (Array.isArray(value)) return value.map(each => mapped(each, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, change(name, member) ?? mapped(member, change)]),
  );
}

function written(name: string, value: unknown): string | undefined {
  if (!isObject(value) || !(INSTANT.test(name) || DURATION.test(name))) return undefined;
  const seconds = Number(value.seconds ?? 0);
  const nanos = Number(value.nanos ?? 0);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0')}`;
  if (DURATION.test(name)) return `${seconds}${fraction}s`;
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, `${fraction}Z`);
}

function read(name: string, value: unknown): { readonly seconds: number; readonly nanos: number } | undefined {
  if (typeof value !== 'string') return undefined;
  const [, whole = '', fraction = ''] = /^(.*?)(?:\.(\d{1,9}))?[Zs]$/.exec(value) ?? [];
  const nanos = Math.round(Number(`0.${fraction || 0}`) * NANOS);
  if (DURATION.test(name) && /^\d+$/.test(whole)) return { seconds: Number(whole), nanos };
  const ms = INSTANT.test(name) ? Date.parse(`${whole}Z`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : { seconds: ms / 1000, nanos };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
