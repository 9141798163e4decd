/**
 * The legal clock of a request: by when the law requires an answer, when alarms come before, and how far it may be put
 * off. It alarms and ends nothing: what ends a request is its own deadline. Pure.
 *
 * GDPR Art. 12(3): one month from receipt; two further months if the person is informed, with the reason, within the first.
 * CCPA, Cal. Civ. Code 1798.130(a)(2) and 11 CCR 7021: 45 calendar days; 45 more, once, with notice within the first 45.
 * Both are counted in UTC from the instant of the submission, and never moved behind a weekend or a holiday: the due date
 * by law may be later than the one here, never earlier. Workflow-safe.
 */
import { allOptional, instant as instantShape, matching, object, oneOf, optional, type Shaped } from './shapes';

export const REGIMES = ['gdpr', 'ccpa', 'none'] as const;
export type Regime = (typeof REGIMES)[number];

export const REASON_PATTERN = /^[a-z][a-z0-9-]{0,63}$/;
export const reasonShape = matching(REASON_PATTERN);

const extensionShape = object({
  at: instantShape,
  /** One or more words, joined by hyphens. They stay in the receipt. */
  reason: reasonShape,
  /** The due date before the extension. */
  dueBefore: instantShape,
});
export type Extension = Shaped<typeof extensionShape>;

const clockFields = {
  regime: oneOf(...REGIMES),
  /** When the person made the request: as given, otherwise when the request was received. */
  submittedAt: instantShape,
  /** Absent if the regime is `none`. */
  dueAt: optional(instantShape),
  extension: optional(extensionShape),
};
export const clockShape = object(clockFields);
export type Clock = Shaped<typeof clockShape>;
/** Of a request that may have no clock. */
export const clockIfAny = allOptional(clockFields);

export const extensionInputShape = object({ reason: reasonShape, until: optional(instantShape) });
/** The extension that an operator requests; `until` absent: as far as the law allows. */
export type ExtensionInput = Shaped<typeof extensionInputShape>;

/** `due-soon`: a week or less is left. */
export const ALARMS = ['due-soon', 'overdue'] as const;
export type Alarm = (typeof ALARMS)[number];

export class ExtensionRefused extends Error {
  readonly code = 'extension-refused' as const;
  override readonly name = 'ExtensionRefused';
}

export const REASON_RULE =
  'takes 1 to 64 lower-case letters, digits and hyphens, for instance complexity or number-of-requests';

const DAY_MS = 86_400_000;
/** A request is due soon within this time of its due date. */
export const SOON_MS = 7 * DAY_MS;

const LAWS = {
  gdpr: { due: (fromMs: number) => monthsAfter(fromMs, 1), latest: (fromMs: number) => monthsAfter(fromMs, 3) },
  ccpa: { due: (fromMs: number) => fromMs + 45 * DAY_MS, latest: (fromMs: number) => fromMs + 90 * DAY_MS },
} as const satisfies Record<Exclude<Regime, 'none'>, unknown>;

/** An extension that reached a run, whoever sent it. @throws {ExtensionRefused} */
export function extensionIn(input: object): ExtensionInput {
  const { reason, until }: { reason?: unknown; until?: unknown } = input;
  if (!reasonShape(reason)) throw new ExtensionRefused(`the reason ${REASON_RULE}`);
  if (until === undefined) return { reason };
  if (instantShape(until)) return { reason, until };
  throw new ExtensionRefused('until takes a time, for instance 2026-01-31T12:00:00Z');
}

/** Undefined if nothing of it was given. A submission that seems to lie ahead, between two machines' clocks, is now. */
export function clockOf(
  { regime = 'none', submittedMs }: { readonly regime?: Regime | undefined; readonly submittedMs?: number | undefined },
  receivedMs: number,
): Clock | undefined {
  if (regime === 'none' && submittedMs === undefined) return undefined;
  const fromMs = Math.min(submittedMs ?? receivedMs, receivedMs);
  const submittedAt = instant(fromMs);
  return regime === 'none'
    ? { regime, submittedAt }
    : { regime, submittedAt, dueAt: instant(LAWS[regime].due(fromMs)) };
}

/**
 * The clock with a later due date; the same one if that very extension was made before.
 * @throws {ExtensionRefused} naming the limit
 */
export function extended(clock: Clock | undefined, { reason, until }: ExtensionInput, nowMs: number): Clock {
  if (clock?.dueAt === undefined || clock.regime === 'none')
    throw new ExtensionRefused('this request has no due date: it was started without --regime');
  const latestMs = LAWS[clock.regime].latest(Date.parse(clock.submittedAt));
  const untilMs = until === undefined ? latestMs : Date.parse(until);
  const dueAt = Number.isFinite(untilMs) ? instant(untilMs) : '';
  if (clock.extension !== undefined) {
    if (clock.dueAt === dueAt && clock.extension.reason === reason) return clock;
    throw new ExtensionRefused(`it was extended before, until ${clock.dueAt}; the law allows it once`);
  }
  if (nowMs > Date.parse(clock.dueAt))
    throw new ExtensionRefused(
      `it was due at ${clock.dueAt}: you must inform the person of an extension before that date`,
    );
  if (!(untilMs > Date.parse(clock.dueAt) && untilMs <= latestMs))
    throw new ExtensionRefused(`until takes a time after ${clock.dueAt} and not after ${instant(latestMs)}`);
  return { ...clock, dueAt, extension: { at: instant(nowMs), reason, dueBefore: clock.dueAt } };
}

/** In order of time, past ones too. Once the due date has passed, the warning before it is left out. */
export function alarmsOf({ dueAt }: Clock, nowMs: number): { readonly alarm: Alarm; readonly atMs: number }[] {
  if (dueAt === undefined) return [];
  const dueMs = Date.parse(dueAt);
  return [
    ...(nowMs < dueMs ? [{ alarm: 'due-soon', atMs: dueMs - SOON_MS } as const] : []),
    { alarm: 'overdue', atMs: dueMs },
  ];
}

/** The same day of a later month, or its last one; the same time. */
function monthsAfter(fromMs: number, months: number): number {
  const from = new Date(fromMs);
  const day = from.getUTCDate();
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0)).getUTCDate();
  const to = new Date(fromMs);
  to.setUTCDate(1);
  to.setUTCMonth(to.getUTCMonth() + months);
  to.setUTCDate(Math.min(day, lastDay));
  return to.getTime();
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
