/**
 * Aircall's endpoints, one row each: method, path, and the place of the records in a reply. Page addresses are always built
 * here; a link in a reply is never followed. Facts: docs/aircall.md 1, 2, 5, 6, 7.
 */

export interface Endpoint {
  /** For messages and logs. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the base URL. `:id` stands for a numeric id. */
  readonly path: string;
  /** The key of the records: of the array of a list, or of the object of a single record. */
  readonly records?: string;
  /** Sent with every request to it. */
  readonly always?: Readonly<Record<string, string>>;
}

export const ENDPOINTS = {
  ping: { name: 'ping', method: 'GET', path: '/ping' },
  token: { name: 'token', method: 'POST', path: '/oauth/token' },
  company: { name: 'company', method: 'GET', path: '/company', records: 'company' },
  searchContacts: {
    name: 'contact search',
    method: 'GET',
    path: '/contacts/search',
    records: 'contacts',
    always: { order: 'desc' },
  },
  listContacts: {
    name: 'contact list',
    method: 'GET',
    path: '/contacts',
    records: 'contacts',
    always: { order: 'desc' },
  },
  getContact: { name: 'contact', method: 'GET', path: '/contacts/:id', records: 'contact' },
  deleteContact: { name: 'contact deletion', method: 'DELETE', path: '/contacts/:id' },
  searchCalls: {
    name: 'call search',
    method: 'GET',
    path: '/calls/search',
    records: 'calls',
    always: { order: 'desc', fetch_contact: 'true' },
  },
  listCalls: {
    name: 'call list',
    method: 'GET',
    path: '/calls',
    records: 'calls',
    always: { order: 'desc', fetch_contact: 'true' },
  },
  getCall: { name: 'call', method: 'GET', path: '/calls/:id', records: 'call' },
  transcription: { name: 'transcription', method: 'GET', path: '/calls/:id/transcription' },
  summary: { name: 'summary', method: 'GET', path: '/calls/:id/summary' },
  topics: { name: 'topics', method: 'GET', path: '/calls/:id/topics' },
  sentiments: { name: 'sentiments', method: 'GET', path: '/calls/:id/sentiments' },
  action_items: { name: 'action items', method: 'GET', path: '/calls/:id/action_items' },
  custom_summary_result: { name: 'custom summary', method: 'GET', path: '/calls/:id/custom_summary_result' },
  predicted_csat: { name: 'predicted satisfaction', method: 'GET', path: '/calls/:id/predicted_csat' },
} as const satisfies Record<string, Endpoint>;
