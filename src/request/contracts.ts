/**
 * What each step takes and returns: the one table, for both sides. A worker refuses what a step does not take, before it does
 * anything; a workflow uses no result that its step does not return. The types of the steps are made from it, so a step that
 * it lacks does not compile. Decision D8. Workflow-safe.
 */
import { DOUBTS } from '../judgement/doubts';
import { inputFor, returnedBy } from './addressed';
import { approvalInputShape, approvedByShape, rejectedShape, rejectionInputShape } from './approval';
import { ALARMS, clockShape, extensionInputShape, REGIMES } from './clock';
import { INSIGHTS, INTELLIGENCE } from './insights';
import { coverageShape, packageRefShape, phaseTimesShape, resultShape } from './model';
import { nameShape, requestRefShape } from './names';
import { LANGUAGES, OPTIONS } from './options';
import { redactionCountsShape } from './redactions';
import {
  anything,
  eachOf,
  either,
  flag,
  instant,
  keyOf,
  listOf,
  matching,
  nothing,
  number,
  object,
  oneOf,
  optional,
  type Shape,
  type Shaped,
  text,
  whole,
} from './shapes';
import { AUDIO_NAMES, isSource, LIST_NAMES, PART_NAMES, SOURCES } from './sources';
import { sweptFields } from './swept';
import { WAITS } from './waits';

const request = requestRefShape;

export const caseRefShape = object({
  ref: matching(/^[0-9a-f]{24}$/),
  digest: matching(/^[0-9a-f]{64}$/),
  sizeBytes: whole,
});
/** Names one write-once object of a case file; digest and size are those of its plain bytes. */
export type CaseRef = Shaped<typeof caseRefShape>;

export const progressShape = object({
  /** API requests, all attempts together. */
  sent: whole,
  /** One of them may have taken effect at Aircall although its reply was lost. */
  uncertain: flag,
});
/** State that an attempt of an API step passes to the next. */
export type StepProgress = Shaped<typeof progressShape>;

/** What is to be sent for a request, and until when. */
export const budgetFields = {
  request,
  /** When the request gives up steps that still fail or wait; UNIX ms. */
  deadlineMs: number,
  /** The option of the request's input. */
  priority: optional(oneOf(...OPTIONS.priority.takes.oneOf)),
};

export const receivedShape = object({
  /** As its starter gave it: the step itself judges it. */
  input: anything,
  /** When it reached the server. */
  receivedAt: instant,
  /** The time of the workflow, which is the server's: the deadline counts from it, and calls count up to it. */
  openedAt: instant,
  /** The run id that it began with. */
  runId: text,
});
export type Received = Shaped<typeof receivedShape>;

const openedShape = object({
  ...budgetFields,
  subject: caseRefShape,
  subjectHash: text,
  /** Keyed hashes of all identities of the subject. */
  identityHashes: listOf(text),
  /** How many spellings of all addresses together are searched for. */
  spellings: whole,
  /** How contacts are found. */
  contacts: oneOf(...OPTIONS.contacts.takes.oneOf),
  calls: object({ by: oneOf(...OPTIONS.calls.takes.oneOf), from: either(number, oneOf(null)), to: number }),
  /** What is handed over besides contacts and calls; of an access request. */
  include: listOf(oneOf(...PART_NAMES)),
  /** What of transcripts and insights Aircall refused the company within a day; of an access request. */
  notEntitled: listOf(oneOf(...INTELLIGENCE)),
  /** API requests an hour that the budget of the connection allowed when the request began; absent: nobody knew. */
  requestsPerHour: optional(number),
  /** Whether it waits for recordings that Aircall may still store. */
  lateMedia: flag,
  /** Of the package. */
  language: oneOf(...LANGUAGES),
  /** Of the package; IANA name. */
  timezone: text,
  /** Of the company, for the package; `none`: it informs people in another way; absent: there is none. */
  notice: optional(either(caseRefShape, oneOf('none'))),
  dryRun: flag,
  /** The digest of the only plan that may be executed. */
  plan: optional(text),
  clock: optional(clockShape),
  settleMs: number,
  /** Whether a deletion has an access request of the same subject to wait for. */
  accessesOpen: flag,
});
export type Opened = Shaped<typeof openedShape>;

const openingShape = either(object({ opened: openedShape }), object({ ended: resultShape }));
/** A request that continues, or the result of one that has ended before. */
export type Opening = Shaped<typeof openingShape>;

const listCounts = {
  /** Different rows seen. */
  distinct: whole,
  records: whole,
  unreadable: whole,
};
export const mergedShape = object({ object: caseRefShape, ...listCounts });
export type Merged = Shaped<typeof mergedShape>;

export const audioKindsShape = listOf(oneOf(...AUDIO_NAMES.map(name => SOURCES[name].noun)));

export const windowShape = object({ from: optional(number), to: optional(number) });
/** A part of a list: UNIX seconds, both inclusive; without a bound, all that Aircall serves. */
export type Window = Shaped<typeof windowShape>;

const sent = { apiRequests: whole };

const page = { request, window: windowShape, page: whole };
const pageReport = object({
  ...sent,
  object: caseRefShape,
  rows: whole,
  /** Rows of the whole list, by Aircall's count. */
  total: whole,
  ...listCounts,
  /** Of calls: records of which there may be a transcript. */
  spoken: optional(whole),
  /** Links of their recordings and voicemails, if they were to be sealed and there are any. */
  links: optional(object({ object: caseRefShape, count: whole })),
});

/** Lists that are searched. */
export const contactListFields = {
  subject: caseRefShape,
  /** The subject's numbers as far as they are known; absent: those of the request. */
  numbers: optional(caseRefShape),
  by: oneOf('address', 'number', 'company'),
  /** Which spelling of the addresses or numbers is searched for, from 0. */
  place: whole,
};
export const callListFields = {
  people: caseRefShape,
  /** Which spelling of the subject's numbers is searched for, from 0; null lists all calls of the company. */
  number: either(whole, oneOf(null)),
};

/** A call of which there may be a transcript. */
const spokenCall = {
  request,
  /** A block of `pickSpoken`. */
  spoken: caseRefShape,
  /** Which call of the block, from 0. */
  place: whole,
};

const foundShape = object({
  ...sent,
  /**
   * `not-entitled`: within a day Aircall refused it to the company; nothing was sent. `unreadable`: the reply is whole and does not fit.
   * `withheld`: others may be heard in it, and nobody has decided.
   */
  outcome: oneOf('found', 'none', 'not-entitled', 'unreadable', 'withheld'),
  /** Present if it was found. */
  object: optional(caseRefShape),
});
/** What a step found of one call at Aircall. */
export type Found = Shaped<typeof foundShape>;

const oneContact = {
  request,
  people: caseRefShape,
  /** Which of the judged contacts, from 0. */
  contact: whole,
};

const planned = {
  plan: caseRefShape,
  /** What people decided about the plan; absent: nobody was asked. */
  approval: optional(caseRefShape),
};

const refused = {
  connection: nameShape,
  /** The version of the credential that a step was refused with. */
  failedVersion: whole,
};
const refusedShape = object(refused);

export const renewableShape = object({ ...refused, renewAt: instant });
/** The credential that is about to expire, and when it is to be renewed. */
export type Renewable = Shaped<typeof renewableShape>;

const numbersShape = object({
  numbers: caseRefShape,
  /** Those of the subject's contacts that the request does not name. */
  found: whole,
  /** Spellings of all of them, by their places, which a search has not been made for. */
  unsearched: listOf(whole),
  /** How many spellings there are. */
  spellings: whole,
});
export type Numbers = Shaped<typeof numbersShape>;

const peopleShape = object({
  people: caseRefShape,
  /** That are, or may be, the subject's; the others are doubtful. */
  contacts: whole,
  certain: whole,
  numbers: whole,
  /** Of these numbers: each is searched for. */
  spellings: whole,
  ignoredNumbers: whole,
  /** Numbers of which nobody knows the country: they are not searched. */
  numbersWithoutCountry: whole,
  /** Numbers beyond the most that are searched for one person. */
  numbersBeyond: whole,
});
export type People = Shaped<typeof peopleShape>;

const rowsOf = <T>(shape: Shape<T>) => object({ contacts: shape, calls: shape });
const madeShape = object({
  plan: caseRefShape,
  /** Keyed hash of its rows. */
  planDigest: text,
  certain: rowsOf(whole),
  /** How many rows are doubtful, by reason and source. */
  doubts: listOf(object({ code: keyOf(DOUBTS), source: isSource, records: whole })),
});
export type MadePlan = Shaped<typeof madeShape>;

const exceptionsShape = listOf(
  object({
    code: either(keyOf(DOUBTS), oneOf('decided')),
    source: isSource,
    taken: whole,
    kept: whole,
    /** Of the kept ones: those that nobody decided about. */
    undecided: whole,
    /** The places of the first of the kept ones. */
    places: listOf(whole),
  }),
);
const decidedShape = object({
  /** Contacts to delete or deliver, by their places. */
  take: listOf(whole),
  /** How many rows are taken. */
  taken: rowsOf(whole),
  /** Rows that are doubtful, or that somebody decided to keep. */
  exceptions: exceptionsShape,
});
/** The rows of a plan, as they are decided. */
export type Decided = Shaped<typeof decidedShape>;

const recognisedShape = object({
  people: caseRefShape,
  plan: caseRefShape,
  /** Contacts that were found before, by their places. */
  known: listOf(whole),
  /** Others, by their new places. `kept`: why the plan does not take it; absent: the plan takes it from now on. */
  fresh: listOf(object({ contact: whole, kept: optional(either(keyOf(DOUBTS), oneOf('after-plan'))) })),
});
/** What a search found, compared with what is known. */
export type Recognised = Shaped<typeof recognisedShape>;

const gatheredShape = object({
  /** The files, each in the vault or with the code of why not. */
  audio: caseRefShape,
  /** The places of those that a new link may give. */
  missing: listOf(whole),
  /** How many there are, those that failed too. */
  files: object(eachOf(SOURCES, whole)),
  failed: listOf(object({ source: oneOf(...AUDIO_NAMES), record: text, code: text })),
  /** Those that failed beyond the limit of a list. */
  failedMore: listOf(object({ source: oneOf(...AUDIO_NAMES), code: text, count: whole })),
  /** Files without a row of their own in the plan, of calls that are doubtful or that somebody decided to keep: by the code of their call. */
  exceptions: exceptionsShape,
  /** Answered calls of the last day without a recording. */
  mayFollow: whole,
  /** When no recording of these follows any more. */
  followUntil: optional(instant),
});
/** The audio that a request has so far. */
export type GatheredAudio = Shaped<typeof gatheredShape>;

const alarmShape = object({
  request,
  /** The run id that it began with. */
  runId: text,
  alarm: oneOf(...ALARMS),
  regime: oneOf(...REGIMES),
  dueAt: instant,
  /** The cause of its wait, if it waits. */
  waitingFor: optional(keyOf(WAITS)),
});
/** A due date that is near, or has passed, of a request that is still open. */
export type RaisedAlarm = Shaped<typeof alarmShape>;

/**
 * Where a sweep looks for requests, in this order: those whose evidence could not be kept, runs that closed since the last sweep,
 * entries of the vault by the time of the end, old runs of the server, and what none of these names.
 */
export const WAYS = ['unkept', 'closed', 'ended', 'emptied', 'runs', 'missed'] as const;
export type Way = (typeof WAYS)[number];

const placeFields = {
  way: oneOf(...WAYS),
  /** Where the page begins; empty for the first one. */
  after: text,
};
export const placeShape = object(placeFields);
/** How far a sweep has come. */
export type Place = Shaped<typeof placeShape>;

export const waysShape = listOf(oneOf(...WAYS));
const soughtShape = object({
  nowMs: number,
  ...placeFields,
  /** Ways of this sweep whose step failed: who has an entry there was not tried. */
  failed: waysShape,
});
export type Sought = Shaped<typeof soughtShape>;

const sweptPageShape = object({
  ...sweptFields,
  /** Where the next page of this way begins; absent after the last one. */
  next: optional(text),
});
export type SweptPage = Shaped<typeof sweptPageShape>;

interface Contract {
  readonly takes: readonly Shape<unknown>[];
  readonly returns: Shape<unknown>;
}

/** One API request each. */
const API = {
  searchContacts: { takes: [object({ ...page, ...contactListFields })], returns: pageReport },
  fetchCalls: {
    /** `audio`: links of which the live ones are kept, apart from the calls, if the call is certain and nobody else is heard in it. */
    takes: [object({ ...page, ...callListFields, audio: optional(audioKindsShape) })],
    returns: pageReport,
  },
  deleteContact: {
    takes: [object({ ...oneContact, ...planned, reading: optional(caseRefShape) })],
    returns: object({ ...sent, outcome: oneOf('deleted', 'already-absent') }),
  },
  /** The reading is absent if there is no such contact. */
  getContact: {
    takes: [object(oneContact)],
    returns: object({ ...sent, present: oneOf('as-judged', 'changed', 'no'), reading: optional(caseRefShape) }),
  },
  ping: {
    takes: [object({ ...refused, failedVersion: optional(whole) })],
    returns: object({ ...sent, replaced: flag }),
  },
  refreshToken: { takes: [refusedShape], returns: object(sent) },
  /** A new link to a file, by its place in an object `media`; the object that it returns is one of `links`. */
  renewMediaLink: {
    takes: [object({ request, media: caseRefShape, place: whole })],
    returns: foundShape,
  },
  fetchTranscript: { takes: [object(spokenCall)], returns: foundShape },
  fetchInsight: { takes: [object({ ...spokenCall, insight: oneOf(...INSIGHTS) })], returns: foundShape },
} as const satisfies Record<string, Contract>;

/** Vault only. */
const LOCAL = {
  openRequest: { takes: [receivedShape], returns: openingShape },
  progressOf: { takes: [object({ activityId: text })], returns: progressShape },
  mergeListings: {
    takes: [object({ request, of: oneOf(...LIST_NAMES), objects: listOf(caseRefShape) })],
    returns: mergedShape,
  },
  identifyNumbers: {
    takes: [object({ request, subject: caseRefShape, contacts: caseRefShape, before: optional(caseRefShape) })],
    returns: numbersShape,
  },
  judgePeople: {
    takes: [
      object({
        request,
        subject: caseRefShape,
        numbers: caseRefShape,
        contacts: caseRefShape,
        /** Whether the searches for addresses were complete. */
        areAllByAddress: flag,
        /** Whether those for numbers were complete too. */
        areAll: flag,
      }),
    ],
    returns: peopleShape,
  },
  makePlan: {
    takes: [
      object({
        request,
        people: caseRefShape,
        calls: optional(caseRefShape),
        /** Audio that is asked for: recordings in which others may be heard are rows of their own. */
        audio: optional(audioKindsShape),
      }),
    ],
    returns: madeShape,
  },
  decidePlan: { takes: [object({ request, ...planned })], returns: decidedShape },
  downloadAudio: {
    takes: [object({ request, links: caseRefShape })],
    /** How many files were downloaded, and their size together. */
    returns: object({ audio: caseRefShape, recordings: whole, voicemails: whole, sizeBytes: whole }),
  },
  gatherAudio: {
    takes: [
      object({
        request,
        ...planned,
        calls: caseRefShape,
        kinds: audioKindsShape,
        /** What is known of the files, the oldest first. */
        audio: listOf(caseRefShape),
        /** Whether recordings that may follow are asked for now. */
        late: flag,
        nowMs: number,
      }),
    ],
    returns: gatheredShape,
  },
  noteMissingAudio: {
    takes: [object({ request, audio: caseRefShape, place: whole, code: text })],
    returns: object({ audio: caseRefShape }),
  },
  gatherIntelligence: { takes: [object({ request, objects: listOf(caseRefShape) })], returns: caseRefShape },
  /** Calls that the plan takes and of which there may be a transcript, newest first, in blocks of at most 500. */
  pickSpoken: {
    takes: [
      object({
        request,
        ...planned,
        calls: caseRefShape,
        /** What `gatherAudio` gathered: a call of which it has a recording was spoken, whatever its row in the list said. */
        audio: optional(caseRefShape),
        nowMs: number,
      }),
    ],
    returns: object({
      /** With the places of the calls in the plan, from 0. */
      blocks: listOf(object({ object: caseRefShape, places: listOf(whole) })),
      /** Answered calls of the last day without a recording. */
      mayFollow: whole,
    }),
  },
  /** Remembers for a day that Aircall refused it although it accepts the credential; `nowMs`: the server's time. */
  noteNotEntitled: {
    takes: [object({ connection: nameShape, what: oneOf(...INTELLIGENCE), nowMs: number })],
    returns: nothing,
  },
  recogniseContacts: {
    takes: [object({ request, subject: caseRefShape, people: caseRefShape, ...planned, found: caseRefShape })],
    returns: recognisedShape,
  },
  buildPackage: {
    takes: [
      object({
        request,
        subject: caseRefShape,
        people: caseRefShape,
        calls: caseRefShape,
        ...planned,
        /** Absent: none was asked for. */
        audio: optional(caseRefShape),
        /** Absent: the package has none. */
        notice: optional(caseRefShape),
        /** Transcripts and insights. */
        intelligence: listOf(caseRefShape),
        language: oneOf(...LANGUAGES),
        timezone: text,
        /** Records that may be somebody else's and are not handed over, by reason. */
        withheld: listOf(object({ source: isSource, code: text, count: whole })),
        coverage: coverageShape,
        startedAt: instant,
      }),
    ],
    returns: object({ package: packageRefShape, redactions: redactionCountsShape }),
  },
  awaitCredentials: { takes: [refusedShape], returns: nothing },
  awaitResumption: { takes: [object({ connection: nameShape })], returns: nothing },
  awaitAccessRequests: { takes: [object({ connection: nameShape, identityHashes: listOf(text) })], returns: nothing },
  raiseAlarm: { takes: [alarmShape], returns: nothing },
  extendClock: {
    takes: [object({ request, runId: text, extension: extensionInputShape, nowMs: number })],
    returns: clockShape,
  },
  /** How many people must approve a plan before it is executed. */
  approvalNeeded: {
    takes: [object({ request, plan: caseRefShape })],
    returns: object({ needed: whole }),
  },
  checkApproval: {
    takes: [
      object({
        request,
        plan: caseRefShape,
        /** What was approved before, by another. */
        before: optional(caseRefShape),
        given: approvalInputShape,
        nowMs: number,
      }),
    ],
    returns: object({ approval: caseRefShape, approvals: listOf(approvedByShape), missing: whole }),
  },
  checkRejection: {
    takes: [object({ request, plan: caseRefShape, given: rejectionInputShape, nowMs: number })],
    returns: rejectedShape,
  },
  /** When the next contact may be deleted; absent: now. */
  brakeUntil: {
    takes: [object({ connection: nameShape, nowMs: number })],
    returns: object({ until: optional(instant) }),
  },
  /** `until`: when the next place was to be free. It returns a later time if others took that one, and nothing if the contact has its place. */
  awaitPlace: { takes: [object({ ...oneContact, until: instant })], returns: object({ until: optional(instant) }) },
  noteCancellation: { takes: [object({ request, runId: text, at: instant })], returns: nothing },
  /** The stored result if it differs from the given one. */
  closeRequest: {
    takes: [object({ request, runId: text, result: resultShape, phases: phaseTimesShape })],
    returns: either(resultShape, oneOf(undefined)),
  },
} as const satisfies Record<string, Contract>;

/** Of a retention sweep; `nowMs` is its time. */
const RETENTION = {
  sweepPage: { takes: [soughtShape], returns: sweptPageShape },
} as const satisfies Record<string, Contract>;

/** Of a run that wakes requests. */
const WAKING = {
  wakeWaiting: { takes: [object({ connection: nameShape })], returns: nothing },
} as const satisfies Record<string, Contract>;

type StepsOf<Table extends Record<string, Contract>> = {
  readonly [Name in keyof Table]: (...input: Taken<Table[Name]['takes']>) => Promise<Shaped<Table[Name]['returns']>>;
};
type Taken<Shapes extends readonly Shape<unknown>[]> = { readonly [At in keyof Shapes]: Shaped<Shapes[At]> };

export type ApiActivities = StepsOf<typeof API>;
export type LocalActivities = StepsOf<typeof LOCAL>;
export type RetentionActivities = StepsOf<typeof RETENTION>;
export type WakingActivities = StepsOf<typeof WAKING>;

const CONTRACTS: ReadonlyMap<string, Contract> = new Map(Object.entries({ ...API, ...LOCAL, ...RETENTION, ...WAKING }));

/** The arguments of a step, or undefined if the message was not made for it, or lacks anything that it takes. */
export function argumentsIn(step: string, message: unknown): readonly unknown[] | undefined {
  const takes = CONTRACTS.get(step)?.takes;
  const input = inputFor(step, message);
  const fits = takes?.length === input?.length && takes?.every((shape, at) => shape(input?.[at]));
  return fits ? input : undefined;
}

/** What a step returned, or undefined if the message is not its own, or lacks anything that it returns. */
export function resultIn(step: string, message: unknown): { readonly result?: unknown } | undefined {
  const own = returnedBy(step, message);
  return own !== undefined && CONTRACTS.get(step)?.returns(own.result) ? own : undefined;
}
