/** The names of what a request has in the vault: `requests/<connection>/<kind>/<requestId>/<name>`, and what a name says. */
import { KINDS, type RequestRef, requestRefShape } from '../request/names';

export const REQUESTS = 'requests';
export const RECORD = 'record';
/** Marks of when the request ended: `ended/<UNIX ms>`. */
export const MARKS = 'ended';

export function folderOf({ connection, kind, requestId }: RequestRef): string {
  return `${REQUESTS}/${connection}/${kind}/${requestId}`;
}

/** Where its objects lie that are keys to something outside: none of them outlives the request. */
export function linksOf(request: RequestRef): string {
  return `${folderOf(request)}/links`;
}

export function markOf(request: RequestRef, endedMs: number): string {
  return `${folderOf(request)}/${MARKS}/${endedMs}`;
}

export interface Named {
  readonly request: RequestRef;
  /** Whether it is of the case file or the package: of what is destroyed before the record. */
  readonly isData: boolean;
  /** Of a mark. */
  readonly endedMs?: number;
}

const TIME = /^\d{1,14}$/;

/** What the name of an object says; undefined if it is none of a request, also if it is that of the folder itself. */
export function namedBy(key: string): Named | undefined {
  const [, connection = '', kind, requestId = '', name, time = ''] = key.split('/');
  const request = { connection, kind: KINDS.find(known => known === kind), requestId };
  if (name === undefined || !requestRefShape(request)) return undefined;
  if (name === MARKS && TIME.test(time)) return { request, isData: false, endedMs: Number(time) };
  return { request, isData: name !== RECORD && name !== MARKS };
}
