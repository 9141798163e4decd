/**
 * How a package is worded for one person: the catalog of a language, and times, numbers, durations and sizes in that language and time
 * zone. All of it by `Intl`: the same input makes the same words under the same version of Node.
 */

import type { Language } from '../../request/options';
import type { Catalog } from './catalog';
import { catalogOf } from './catalogs';

export interface Words {
  readonly language: Language;
  readonly timezone: string;
  readonly catalog: Catalog;
  number(value: number): string;
  /** Date and time. @param at milliseconds since 1970 */
  time(at: number): string;
  /** @param at milliseconds since 1970 */
  date(at: number): string;
  /** As `3 min 20 sec`. */
  duration(seconds: number): string;
  /** As `2.4 MB`. */
  size(sizeBytes: number): string;
  /** The day in the time zone. @param at milliseconds since 1970 @returns midnight UTC of the same date, in milliseconds */
  dayOf(at: number): number;
  /** A day as `dayOf` returns it. */
  day(midnight: number): string;
  month(midnight: number): string;
  /** @param code ISO 3166-1, two letters; any other is returned as it is */
  country(code: string): string;
}

/** @throws RangeError for a time zone that does not exist */
export function wordsFor({ language, timezone }: { readonly language: Language; readonly timezone: string }): Words {
  const timeFormat = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: timezone });
  const dateFormat = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: timezone });
  const dayFormat = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' });
  const monthFormat = new Intl.DateTimeFormat(language, { month: 'short', year: 'numeric', timeZone: 'UTC' });
  const partsFormat = new Intl.DateTimeFormat('en', {
    calendar: 'gregory',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    timeZone: timezone,
  });
  const numberFormat = new Intl.NumberFormat(language);
  const countries = new Intl.DisplayNames(language, { type: 'region' });
  const units = unitFormats(language);

  return {
    language,
    timezone,
    catalog: catalogOf(language),
    number: value => numberFormat.format(value),
    time: at => timeFormat.format(at),
    date: at => dateFormat.format(at),
    duration: seconds => durationWords(seconds, units),
    size: sizeBytes => sizeWords(sizeBytes, units),
    dayOf(at) {
      const parts = new Map(partsFormat.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      return Date.UTC(parts.get('year') ?? 0, (parts.get('month') ?? 1) - 1, parts.get('day') ?? 1);
    },
    day: midnight => dayFormat.format(midnight),
    month: midnight => monthFormat.format(midnight),
    country: code => (/^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code),
  };
}

type Units = ReturnType<typeof unitFormats>;

function unitFormats(language: Language) {
  const unit = (name: string, digits: number) =>
    new Intl.NumberFormat(language, {
      style: 'unit',
      unit: name,
      unitDisplay: 'short',
      maximumFractionDigits: digits,
    });
  return {
    hour: unit('hour', 0),
    minute: unit('minute', 0),
    second: unit('second', 0),
    kilobyte: unit('kilobyte', 0),
    megabyte: unit('megabyte', 1),
  };
}

function durationWords(seconds: number, units: Units): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 3_600), units.hour],
    [Math.floor(whole / 60) % 60, units.minute],
    [whole % 60, units.second],
  ] as const;
  const shown = parts.filter(([value]) => value > 0);
  return (shown.length > 0 ? shown : parts.slice(2)).map(([value, format]) => format.format(value)).join(' ');
}

function sizeWords(sizeBytes: number, { kilobyte, megabyte }: Units): string {
  return sizeBytes < 1_000_000 ? kilobyte.format(Math.ceil(sizeBytes / 1_000)) : megabyte.format(sizeBytes / 1_000_000);
}
