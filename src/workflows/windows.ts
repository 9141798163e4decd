/** How many windows of lists a request may still read, so that its history stays within the server's limits. Pure; Workflow-safe. */
import { WINDOWS_MAX } from '../request/paging';

/** More pages than this run in a child workflow, so that a history stays short. */
export const PAGES_INLINE_MAX = 20;
/** After so many windows all but single pages run in child workflows: 20 pages in the request itself take 130 events. */
const WINDOWS_INLINE_MAX = 50;

export interface Windows {
  /** Takes as many of the wanted windows as are left. */
  take(wanted: number): number;
  /** How many pages of a window the request itself may read. */
  readonly pagesInline: number;
}

export function countWindows(): Windows {
  let taken = 0;
  return {
    take(wanted) {
      const given = Math.min(wanted, WINDOWS_MAX - taken);
      taken += given;
      return given;
    },
    get pagesInline() {
      return taken <= WINDOWS_INLINE_MAX ? PAGES_INLINE_MAX : 1;
    },
  };
}
