/**
 * Takes the links that are keys out of a record: anybody who has one can open the file. A record must never be stored before.
 * Facts: docs/aircall.md 7.
 */

import { MASKS } from './reasons';
import { findLinks } from './scanning';
import { type Spot, TOP } from './table';

/** Records are read to this depth; deeper parts are left out. */
export const DEPTH_MAX = 48;

/**
 * The record without links that are keys, in fields and in texts. A link becomes a mark, an absent one stays null: so the record still says
 * whether there is a recording. Parts nested deeper than 48 levels become null.
 */
export function stripLinks<R extends object>(source: 'contacts' | 'calls', record: R): R {
  const strip = (value: unknown, spot: Spot, depth: number): unknown => {
    if (typeof value === 'string') return spot.use === 'link' ? maskLink(value) : maskLinks(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > DEPTH_MAX) return null;
    if (Array.isArray(value)) return value.map(item => strip(item, spot.below('[]'), depth + 1));
    return stripFields(value, spot, depth);
  };
  // Generic over what is known of the record: fields keep their names, and only texts change.
  const stripFields = <O extends object>(fields: O, spot: Spot, depth: number): O => {
    const copy = { ...fields };
    for (const [name, value] of Object.entries(fields))
      Object.defineProperty(copy, name, { value: strip(value, spot.below(name), depth + 1) });
    return copy;
  };
  return stripFields(record, TOP.below(source).below('[]'), 1);
}

/** A field that holds nothing but a link. */
export function maskLink(value: string): string {
  return value === '' ? value : MASKS.link;
}

function maskLinks(text: string): string {
  let masked = '';
  let done = 0;
  for (const { from, to } of findLinks(text).filter(({ name }) => isKeyLink(name))) {
    masked += text.slice(done, from) + MASKS.link;
    done = to;
  }
  return masked + text.slice(done);
}

/** Hosts of Aircall and of its store, and links that somebody signed, whatever their host. */
const HOSTS = /(?:^|\.)(?:aircall\.io|amazonaws\.com)\.?$/i;
const SIGNED = /[?&;](?:x-amz-|x-goog-|signature=|sig=|token=|access_token=|awsaccesskeyid=|key-pair-id=)|x-amz-/i;

/** Whether a link opens a file for anybody who has it, as far as it shows. @param link from its scheme on, if it has one */
export function isKeyLink(link: string): boolean {
  return SIGNED.test(link) || HOSTS.test(hostOf(link));
}

function hostOf(link: string): string {
  // Not URL: it refuses what a browser still opens, and is slow on long texts.
  const [, host = ''] = /^https?:\/\/(?:[^/?#@]*@)?([^/?#:\\]*)/i.exec(link) ?? [];
  return host;
}
