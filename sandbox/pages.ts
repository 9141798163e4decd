/**
 * Aircall's pagination: page and per_page with their clamps, the 10,000 cap, `meta` and its links.
 * It must stay positional over the live list: a row deleted between two pages shifts the rest. Facts: docs/aircall.md 5.
 * Unverified: that links keep the filters; `linksDropFilters` turns that off.
 */
import type { Reply } from './wire';

const ROWS_MAX = 10_000;

export interface Listing {
  /** Key of the envelope. */
  readonly name: 'calls' | 'contacts' | 'tags';
  /** Absolute, without a query. */
  readonly url: string;
  readonly query: URLSearchParams;
  /** Further parameters that links carry: defaults to inject and filters that were sent. */
  readonly linked: Readonly<Record<string, string>>;
}

/** Answers one page of rows that are sorted ascending; `render` is called for the rows of the page only. */
export function answerPage<T>(listing: Listing, rows: readonly T[], render: (row: T) => unknown): Reply {
  const { name, query } = listing;
  const page = wholeNumber(query.get('page')) ?? 1;
  const perPage = Math.min(50, wholeNumber(query.get('per_page')) ?? 20);
  if (page * perPage > ROWS_MAX) return CAPPED;
  const order = query.get('order') === 'desc' ? 'desc' : 'asc';
  const start = (page - 1) * perPage;
  const shown =
    order === 'asc'
      ? rows.slice(start, start + perPage)
      : rows.slice(Math.max(0, rows.length - start - perPage), Math.max(0, rows.length - start)).reverse();
  const link = (n: number) => linkTo(listing, { order, page: String(n), per_page: String(perPage) });
  const meta = {
    count: shown.length,
    total: rows.length,
    current_page: page,
    per_page: perPage,
    next_page_link: page * perPage < rows.length ? link(page + 1) : null,
    previous_page_link: page > 1 ? link(page - 1) : null,
  };
  const items = shown.map(render);
  // The contact service puts `meta` first, the others last.
  return { status: 200, json: name === 'contacts' ? { meta, [name]: items } : { [name]: items, meta } };
}

/** Sorted by name, but the contact service appends `page`. */
function linkTo({ name, url, linked }: Listing, paging: Readonly<Record<string, string>>): string {
  const parameters = Object.entries({ ...linked, ...paging }).sort(([a], [b]) => (a < b ? -1 : 1));
  const last = name === 'contacts' ? parameters.filter(([key]) => key === 'page') : [];
  const query = new URLSearchParams([...parameters.filter(each => !last.includes(each)), ...last]);
  return `${url}?${query}`;
}

/** At least 1; undefined if the parameter is absent or unusable. */
export function wholeNumber(value: string | null): number | undefined {
  const number = value !== null && /^\d{1,15}$/.test(value) ? Number(value) : 0;
  return number >= 1 ? number : undefined;
}

const CAPPED: Reply = {
  status: 400,
  json: {
    error: 'Bad Request',
    data: null,
    message: 'BAD_REQUEST',
    errors:
      'Your query is limited to 10k results and pagination is out of bound, please use timestamps or other filters.',
    troubleshoot: 'BAD_REQUEST',
    success: false,
  },
};
