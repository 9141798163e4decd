/** What each step takes and returns: first with those members only that it must have, then with others that it may have. */
import type {
  ApiActivities,
  LocalActivities,
  Opened,
  RetentionActivities,
  WakingActivities,
} from '../../src/request/contracts';
import type { RequestResult } from '../../src/request/model';

type All = ApiActivities & LocalActivities & RetentionActivities & WakingActivities;
type Samples = {
  readonly [Name in keyof All]: {
    readonly takes: readonly Parameters<All[Name]>[];
    readonly returns: readonly Awaited<ReturnType<All[Name]>>[];
  };
};

const request = { connection: 'acme', kind: 'access', requestId: 'r-1' } as const;
const object = { ref: '0'.repeat(24), digest: '0'.repeat(64), sizeBytes: 1_024 };
const at = '2026-01-31T12:00:00.000Z';
const counts = { distinct: 1, records: 1, unreadable: 0 };
const pageReport = { object, ...counts, rows: 1, total: 1, apiRequests: 1 };
const refused = { connection: 'acme', failedVersion: 1 };
const clock = { regime: 'gdpr', submittedAt: at } as const;
const fullClock = { ...clock, dueAt: at, extension: { at, reason: 'complexity', dueBefore: at } };
const contact = { request, people: object, contact: 0 };
const covered = { state: 'complete', gaps: [] } as const;
const gaps = [{ code: 'not-covered', count: 1 }];
const coverage = { contacts: covered, outOfReach: [] };
const fullCoverage = {
  contacts: { state: 'partial', gaps },
  calls: { state: 'failed', gaps, by: 'number', window: { from: at, to: at }, ambiguous: 0, ignoredNumbers: 0 },
  notice: { state: 'skipped', gaps: [{ code: 'notice-missing' }] },
  outOfReach: ['messages'],
} as const;
const packed = { uri: 'vault:x', sha256: '0'.repeat(64), sizeBytes: 1 };
const result: RequestResult = {
  ...request,
  status: 'completed',
  counts: { contacts: 0, refused: 0, failed: 0 },
  outcomes: [],
  coverage,
  apiRequests: 1,
  startedAt: at,
  completedAt: at,
  doubts: [],
  approvals: [],
};
const fullResult: RequestResult = {
  ...result,
  ...fullClock,
  status: 'purged',
  counts: { contacts: 1, calls: 1, deleted: 1, alreadyAbsent: 0, refused: 0, failed: 0 },
  outcomes: [{ record: 'contact 1', outcome: 'failed', code: 'cancelled' }],
  unlisted: [{ source: 'records', unreadable: true, outcome: 'failed', code: 'cancelled', count: 1 }],
  coverage: fullCoverage,
  package: packed,
  redactions: [{ reason: 'agent', count: 1 }],
  verification: { state: 'verified', checkedAt: at },
  planDigest: 'f00',
  dryRun: true,
  plan: { counts: { contacts: 1, numbers: 1, calls: 1 }, cost: { apiRequests: 8, pages: 1, hours: 0.01 } },
  doubts: [{ code: 'number-only', records: 1, taken: 0, kept: 1 }],
  approvals: [{ at, signed: false }],
  rejection: { keyId: 'a-1', at, signed: true, reason: 'x' },
  purged: { at, status: 'partial' },
  failure: { code: 'cancelled', message: 'x' },
};
const opened: Opened = {
  request,
  deadlineMs: 1,
  subject: object,
  subjectHash: 'f00',
  identityHashes: ['f00', 'f01'],
  spellings: 1,
  contacts: 'search',
  calls: { by: 'by-number', from: 1, to: 1 },
  include: ['recordings', 'insights'],
  notEntitled: ['summary'],
  lateMedia: false,
  language: 'en',
  timezone: 'UTC',
  dryRun: false,
  settleMs: 1,
  accessesOpen: false,
};
const approval = { planDigest: '0'.repeat(32), decisions: {}, at };
const fullApproval = { ...approval, decisions: { 'contact 1': 'take' } } as const;
const rejection = { planDigest: '0'.repeat(32), reason: 'not-hers', at };
const signed = { by: 'dpo', signature: `${'A'.repeat(86)}==` };
const alarm = { request, runId: 'run-1', alarm: 'overdue', regime: 'gdpr', dueAt: at } as const;
const found = [
  { outcome: 'none', apiRequests: 1 },
  { outcome: 'found', object, apiRequests: 1 },
] as const;
const swept = { kept: 1, unkept: 0, destroyed: 2, left: 0, foreign: 0 };

const gathering = {
  request,
  plan: object,
  calls: object,
  kinds: ['recording'],
  audio: [],
  late: false,
  nowMs: 1,
} as const;

export const SAMPLES: Samples = {
  searchContacts: {
    takes: [
      [{ request, subject: object, by: 'address', place: 0, window: {}, page: 1 }],
      [{ request, subject: object, numbers: object, by: 'number', place: 0, window: { from: 1, to: 2 }, page: 1 }],
    ],
    returns: [pageReport],
  },
  fetchCalls: {
    takes: [
      [{ request, people: object, number: 0, window: {}, page: 1 }],
      [{ request, people: object, number: null, window: { from: 1, to: 2 }, page: 1, audio: ['recording'] }],
    ],
    returns: [pageReport, { ...pageReport, spoken: 1, links: { object, count: 1 } }],
  },
  deleteContact: {
    takes: [[{ ...contact, plan: object }], [{ ...contact, plan: object, approval: object, reading: object }]],
    returns: [{ outcome: 'deleted', apiRequests: 1 }],
  },
  getContact: {
    takes: [[contact]],
    returns: [
      { present: 'no', apiRequests: 1 },
      { present: 'changed', reading: object, apiRequests: 1 },
    ],
  },
  ping: { takes: [[{ connection: 'acme' }], [refused]], returns: [{ replaced: false, apiRequests: 1 }] },
  refreshToken: { takes: [[refused]], returns: [{ apiRequests: 1 }] },
  renewMediaLink: { takes: [[{ request, media: object, place: 0 }]], returns: found },
  fetchTranscript: { takes: [[{ request, spoken: object, place: 0 }]], returns: found },
  fetchInsight: { takes: [[{ request, spoken: object, place: 0, insight: 'summary' }]], returns: found },
  openRequest: {
    takes: [[{ input: null, receivedAt: at, openedAt: at, runId: 'run-1' }]],
    returns: [
      { opened },
      {
        opened: {
          ...{ ...opened, priority: 'batch', plan: 'f00', clock: fullClock, requestsPerHour: 2_700 },
          calls: { ...opened.calls, from: null },
        },
      },
      { opened: { ...opened, notice: object } },
      { opened: { ...opened, notice: 'none' } },
      { ended: result },
      { ended: fullResult },
    ],
  },
  progressOf: { takes: [[{ activityId: '1' }]], returns: [{ sent: 1, uncertain: false }] },
  mergeListings: { takes: [[{ request, of: 'calls', objects: [object] }]], returns: [{ object, ...counts }] },
  identifyNumbers: {
    takes: [
      [{ request, subject: object, contacts: object }],
      [{ request, subject: object, contacts: object, before: object }],
    ],
    returns: [{ numbers: object, found: 1, unsearched: [0], spellings: 1 }],
  },
  judgePeople: {
    takes: [[{ request, subject: object, numbers: object, contacts: object, areAllByAddress: true, areAll: true }]],
    returns: [
      {
        people: object,
        ...{ contacts: 1, certain: 1, numbers: 1, spellings: 1 },
        ...{ ignoredNumbers: 0, numbersWithoutCountry: 0, numbersBeyond: 0 },
      },
    ],
  },
  makePlan: {
    takes: [[{ request, people: object }], [{ request, people: object, calls: object, audio: ['recording'] }]],
    returns: [
      { plan: object, planDigest: 'f00', certain: { contacts: 1, calls: 0 }, doubts: [] },
      {
        ...{ plan: object, planDigest: 'f00', certain: { contacts: 1, calls: 0 } },
        doubts: [{ code: 'shared-number', source: 'calls', records: 1 }],
      },
    ],
  },
  decidePlan: {
    takes: [[{ request, plan: object }], [{ request, plan: object, approval: object }]],
    returns: [
      {
        take: [0],
        taken: { contacts: 1, calls: 0 },
        exceptions: [{ code: 'shared-number', source: 'calls', taken: 0, kept: 1, undecided: 1, places: [0] }],
      },
    ],
  },
  pickSpoken: {
    takes: [
      [{ request, plan: object, calls: object, nowMs: 1 }],
      [{ request, plan: object, approval: object, calls: object, audio: object, nowMs: 1 }],
    ],
    returns: [{ blocks: [{ object, places: [3] }], mayFollow: 0 }],
  },
  downloadAudio: {
    takes: [[{ request, links: object }]],
    returns: [{ audio: object, recordings: 1, voicemails: 0, sizeBytes: 1 }],
  },
  gatherAudio: {
    takes: [[gathering], [{ ...gathering, approval: object, audio: [object], late: true }]],
    returns: [
      { audio: object, missing: [], files: {}, failed: [], failedMore: [], exceptions: [], mayFollow: 0 },
      {
        audio: object,
        missing: [1],
        files: { recordings: 2 },
        failed: [{ source: 'recordings', record: 'recording 1', code: 'gone' }],
        failedMore: [{ source: 'recordings', code: 'gone', count: 1 }],
        exceptions: [{ code: 'decided', source: 'recordings', taken: 0, kept: 1, undecided: 0, places: [0] }],
        mayFollow: 1,
        followUntil: at,
      },
    ],
  },
  noteMissingAudio: { takes: [[{ request, audio: object, place: 0, code: 'gone' }]], returns: [{ audio: object }] },
  gatherIntelligence: { takes: [[{ request, objects: [object] }]], returns: [object] },
  noteNotEntitled: {
    takes: [[{ connection: 'acme', what: 'transcription', nowMs: 1 }]],
    returns: [undefined],
  },
  recogniseContacts: {
    takes: [
      [{ request, subject: object, people: object, plan: object, found: object }],
      [{ request, subject: object, people: object, plan: object, approval: object, found: object }],
    ],
    returns: [
      { people: object, plan: object, known: [0], fresh: [{ contact: 1 }] },
      { people: object, plan: object, known: [0], fresh: [{ contact: 1, kept: 'number-only' }] },
      { people: object, plan: object, known: [0], fresh: [{ contact: 1, kept: 'after-plan' }] },
    ],
  },
  buildPackage: {
    takes: [{ coverage }, { coverage: fullCoverage, approval: object, audio: object, notice: object }].map(each => [
      {
        ...{ request, subject: object, people: object, calls: object, plan: object, intelligence: [object], ...each },
        withheld: [{ source: 'calls', code: 'shared-number', count: 1 }],
        language: 'en',
        timezone: 'Europe/Paris',
        startedAt: at,
      },
    ]),
    returns: [
      { package: packed, redactions: [] },
      { package: packed, redactions: [{ reason: 'agent', count: 1 }] },
    ],
  },
  awaitCredentials: { takes: [[refused]], returns: [undefined] },
  awaitResumption: { takes: [[{ connection: 'acme' }]], returns: [undefined] },
  awaitAccessRequests: { takes: [[{ connection: 'acme', identityHashes: ['f00', 'f01'] }]], returns: [undefined] },
  raiseAlarm: { takes: [[alarm], [{ ...alarm, waitingFor: 'paused' }]], returns: [undefined] },
  extendClock: {
    takes: [
      [{ request, runId: 'run-1', extension: { reason: 'complexity' }, nowMs: 1 }],
      [{ request, runId: 'run-1', extension: { reason: 'complexity', until: at }, nowMs: 1 }],
    ],
    returns: [clock, fullClock],
  },
  approvalNeeded: {
    takes: [[{ request, plan: object }]],
    returns: [{ needed: 1 }],
  },
  checkApproval: {
    takes: [
      [{ request, plan: object, given: approval, nowMs: 1 }],
      [{ request, plan: object, before: object, given: { ...fullApproval, ...signed }, nowMs: 1 }],
    ],
    returns: [
      { approval: object, approvals: [{ at, signed: false }], missing: 0 },
      { approval: object, approvals: [{ keyId: 's-0', at, signed: true }], missing: 1 },
    ],
  },
  checkRejection: {
    takes: [
      [{ request, plan: object, given: rejection, nowMs: 1 }],
      [{ request, plan: object, given: { ...rejection, ...signed }, nowMs: 1 }],
    ],
    returns: [
      { at, signed: false, reason: 'not-hers' },
      { keyId: 's-0', at, signed: true, reason: 'not-hers' },
    ],
  },
  brakeUntil: { takes: [[{ connection: 'acme', nowMs: 1 }]], returns: [{}, { until: at }] },
  awaitPlace: { takes: [[{ ...contact, until: at }]], returns: [{}, { until: at }] },
  noteCancellation: { takes: [[{ request, runId: 'run-1', at }]], returns: [undefined] },
  closeRequest: {
    takes: [
      [{ request, runId: 'run-1', result, phases: {} }],
      [{ request, runId: 'run-1', result: fullResult, phases: { opening: at, ended: at } }],
    ],
    returns: [result, undefined, fullResult],
  },
  sweepPage: {
    takes: [
      [{ nowMs: 1, way: 'unkept', after: '', failed: [] }],
      [{ nowMs: 1, way: 'missed', after: '25', failed: ['ended'] }],
    ],
    returns: [swept, { ...swept, next: 'ended/2026-01-31/101112131.access.04.acme.r-1' }],
  },
  wakeWaiting: { takes: [[{ connection: 'acme' }]], returns: [undefined] },
};
