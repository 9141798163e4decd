/**
 * The names other programs rely on: workflow types, workflow ids, task queues, search attributes.
 * A name here is permanent once released: running workflows, recorded histories and other languages use it.
 * It must never build a name from personal data. Workflow-safe.
 */
import { keyOf, matching, object, oneOf, type Shaped } from './shapes';

export const KINDS = ['access', 'deletion'] as const;
export type Kind = (typeof KINDS)[number];

export const WORKFLOW_TYPES = { access: 'accessRequest', deletion: 'deletionRequest' } as const;

/** Children of a request, each with the part of its id: they read a long list, or much of many calls. */
export const CHILD_WORKFLOWS = { fetchPages: 'pages', fetchParts: 'parts' } as const;
export type ChildWorkflow = keyof typeof CHILD_WORKFLOWS;
export const isChildWorkflow = keyOf(CHILD_WORKFLOWS);
export const RETENTION_WORKFLOW = 'retentionSweep';
export const RENEWAL_WORKFLOW = 'renewCredential';
export const WAKE_WORKFLOW = 'wakeRequests';
/** All workflow types of this service. */
export const WORKFLOW_NAMES = [
  ...Object.values(WORKFLOW_TYPES),
  ...Object.keys(CHILD_WORKFLOWS),
  RETENTION_WORKFLOW,
  RENEWAL_WORKFLOW,
  WAKE_WORKFLOW,
] as const;

/** Makes a request that waits, for whatever cause, look again; makes the run that wakes them go over the list once more. */
export const CREDENTIALS_UPDATED = 'credentialsUpdated';

/** Extends the legal due date of a request. */
export const EXTEND = 'extend';
/** Approve or reject the plan of a request. */
export const APPROVE = 'approve';
export const REJECT = 'reject';

/** The workflow id of a child of a request. */
export function childId(workflowId: string, type: ChildWorkflow, child: string): string {
  return `${workflowId}:${CHILD_WORKFLOWS[type]}:${child}`;
}

const CHILD = /^:(pages|parts):\d{1,9}(-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})*$/;

/** Whether an id is one that the run gives its children. */
export function isChildId(workflowId: string, id: string): boolean {
  return id.startsWith(`${workflowId}:`) && CHILD.test(id.slice(workflowId.length));
}

/** The workflow id of the renewal of a connection's credential of this version. */
export function renewalId(taskQueue: string, connection: string, credentialVersion: number): string {
  return `${taskQueue}/renewal/${connection}/${credentialVersion}`;
}

/** The workflow id of the run that wakes the requests of a connection. */
export function wakeId(taskQueue: string, connection: string): string {
  return `${taskQueue}/wake/${connection}`;
}

/** The connection whose requests a run with this workflow id wakes; undefined if it is no such run. */
export function wokenBy(workflowId: string): string | undefined {
  const [connection, wake] = workflowId.split('/').reverse();
  return wake === 'wake' && nameShape(connection) ? connection : undefined;
}

export const DEFAULT_TASK_QUEUE = 'aircall-dsr';

/** Names of connections and request ids: 1 to 64 characters, no `:`, `/` or `@`, so that an e-mail address cannot be one. */
export const NAME_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/;
export const NAME_RULE = 'takes 1 to 64 letters, digits, dots, underscores or hyphens';

export const nameShape = matching(NAME_PATTERN);
export const requestRefFields = { connection: nameShape, kind: oneOf(...KINDS), requestId: nameShape };
export const requestRefShape = object(requestRefFields);
/** Names a request. Every activity, vault object and id is derived from it. Holds no personal data. */
export type RequestRef = Shaped<typeof requestRefShape>;

/** The prefix of the workflow ids of all requests of a connection. */
export function requestIdsOf(connection: string): string {
  return `dsr:${connection}:`;
}

/** `dsr:<connection>:<kind>:<requestId>` */
export function workflowIdOf({ connection, kind, requestId }: RequestRef): string {
  return `${requestIdsOf(connection)}${kind}:${requestId}`;
}

/** The request that a workflow id names, or undefined if it is not one of ours. */
export function requestOf(workflowId: string): RequestRef | undefined {
  const [prefix, connection, kind, requestId, ...rest] = workflowId.split(':');
  const known = KINDS.find(k => k === kind);
  if (prefix !== 'dsr' || rest.length > 0 || known === undefined) return undefined;
  if (!NAME_PATTERN.test(connection ?? '') || !NAME_PATTERN.test(requestId ?? '')) return undefined;
  return { connection: connection ?? '', kind: known, requestId: requestId ?? '' };
}

/** The request that a workflow or a child of it works for. */
export function requestBehind(workflowId: string): RequestRef | undefined {
  return requestOf(workflowId.split(':', 4).join(':'));
}

/** The queue of one company's API requests; its rate limit is that company's API budget. */
export function apiTaskQueue(taskQueue: string, connection: string): string {
  return `${taskQueue}/${connection}`;
}

/** Plain text in the server's database: hashes, names and dates only. */
export const SEARCH_ATTRIBUTES = {
  DsrKind: 'Keyword',
  DsrConnection: 'Keyword',
  DsrStatus: 'Keyword',
  DsrSubject: 'Keyword',
  DsrDueAt: 'Datetime',
  DsrAlarm: 'Keyword',
} as const;
