/** Commands about plans: `plan` opens one, `approve` and `reject` answer the request that waits with it. Decision D16. */
import { publicHalfOf, signingKeyId } from '../encryption/signing-key';
import { DOUBTS } from '../judgement/doubts';
import { type DecidedRow, type Decisions, decideRows, type PlanRow } from '../judgement/plan';
import { signStatement } from '../receipt/approval';
import type { CaseRef } from '../request/contracts';
import { parseApproval, parseRejection } from '../request/input';
import { type RequestRef, requestOf } from '../request/names';
import { approvalContent, objectOf, planContent } from '../request/plan-content';
import { serverNowMs } from '../temporal/server-time';
import type { Approvers } from '../vault/approvers';
import { CaseFileBroken, type Cases } from '../vault/cases';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { privateKeyOf } from './given-files';
import { noSuchRequest, resolveId } from './request-id';
import { table } from './terminal';

export interface OpenedPlan {
  readonly planDigest: string;
  readonly rows: readonly DecidedRow[];
}

/** Certain rows in the table of a terminal; doubtful ones are all in it. */
const CERTAIN_SHOWN_MAX = 50;

export async function plan({ terminal, parts }: Context, id: string): Promise<Exit> {
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const request = requestOf(workflowId);
  if (request === undefined) throw noSuchRequest();
  const opened = await openPlan(all.cases, request);
  if (opened === undefined)
    throw new CommandError(
      'no-plan',
      'This request has no plan in this vault: it has not finished its search, or found nothing. See aircall-dsr status.',
      EXIT.failed,
    );
  const { planDigest, rows } = opened;
  const { waitingFor } = await all.client.status(workflowId);
  terminal.print({ requestId: request.requestId, workflowId, planDigest, rows }, [
    `Plan ${planDigest} of ${workflowId}`,
    ...planLines(rows),
    ...(waitingFor?.cause === 'approval' ? answerLines(request, opened) : []),
  ]);
  return EXIT.done;
}

/** The plan that a request came to, with the decisions of its approval. @throws {CaseFileBroken} */
export async function openPlan(cases: Cases, request: RequestRef): Promise<OpenedPlan | undefined> {
  const noted = await cases.notedPlan(request);
  if (noted === undefined) return undefined;
  const { planDigest } = noted;
  const { rows } = await read(cases, request, noted.plan, objectOf('plan', planContent));
  const decisions =
    noted.approval === undefined
      ? {}
      : (await read(cases, request, noted.approval, objectOf('approval', approvalContent))).decisions;
  const decided = decideRows(rows, decisions);
  return { planDigest, rows: [...decided.filter(({ doubt }) => doubt), ...decided.filter(({ doubt }) => !doubt)] };
}

interface Readable<T> {
  safeParse(
    value: unknown,
  ): { readonly success: true; readonly data: { readonly content: T } } | { readonly success: false };
}

async function read<T>(cases: Cases, request: RequestRef, ref: CaseRef, schema: Readable<T>): Promise<T> {
  const parsed = schema.safeParse(await cases.read(request, ref));
  if (parsed.success) return parsed.data.content;
  throw new CaseFileBroken(
    'case-file-broken',
    'The plan in the case file does not have the shape in which it was written.',
  );
}

/** The rows as a table, doubtful ones first. */
export function planLines(rows: OpenedPlan['rows']): string[] {
  const doubtful = rows.filter(({ doubt }) => doubt !== undefined);
  const certain = rows.filter(({ doubt }) => doubt === undefined);
  const shown = [...doubtful, ...certain.slice(0, CERTAIN_SHOWN_MAX)];
  const more = certain.length - CERTAIN_SHOWN_MAX;
  return [
    ...table([
      ['REF', 'AIRCALL ID', 'WILL', 'BECAUSE', 'DOUBT'],
      ...shown.map(row => [row.ref, String(row.id), willOf(row), becauseOf(row), doubtOf(row)]),
    ]),
    ...(more > 0 ? [`and ${more} more without a doubt; --json prints all`] : []),
  ];
}

/** What becomes of a row by its present decision. */
function willOf({ verb, decision }: OpenedPlan['rows'][number]): string {
  if (decision === 'take') return verb;
  return verb === 'delete' ? 'leave' : 'withhold';
}

function becauseOf({ because }: PlanRow): string {
  return because.map(({ identity, field }) => `${identity} in ${field}`).join(', ');
}

function doubtOf({ doubt }: PlanRow): string {
  return doubt === undefined ? '-' : DOUBTS[doubt].words;
}

function answerLines({ requestId }: RequestRef, { planDigest, rows }: OpenedPlan): string[] {
  const doubtful = rows.find(({ doubt }) => doubt !== undefined);
  const decide = doubtful === undefined ? '' : ` --take "${doubtful.ref}"`;
  return [
    'It waits for an approval:',
    `  aircall-dsr approve ${requestId} --plan ${planDigest}${decide}`,
    `  aircall-dsr reject ${requestId} --reason not-the-same-person`,
    ...(doubtful === undefined ? [] : ['A doubtful row that nobody takes is kept: withheld, or left.']),
  ];
}

interface Signing {
  readonly by?: string;
  readonly key?: string;
}

export interface ApproveOptions extends Signing {
  readonly plan: string;
  readonly take?: string;
  readonly keep?: string;
}

export async function approve(context: Context, id: string, options: ApproveOptions): Promise<Exit> {
  const { terminal, parts } = context;
  const decisions = decisionsOf(options);
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const given = { planDigest: options.plan, decisions, at: await nowOf(all) };
  parseApproval(given, 0);
  const signed = await signedBy(context, options, all.approvers, by => ({ workflowId, ...given, by }));
  const { planDigest, approvals, missing } = await all.client.approve(workflowId, { ...given, ...signed });
  const { requestId } = requestOf(workflowId) ?? {};
  terminal.print({ requestId, workflowId, planDigest, approvals, missing }, [
    missing === 0
      ? `Approved ${workflowId}: it resumes with this plan, and with nothing else.`
      : `Your approval of ${workflowId} counts. ${missing} more is needed, with another key and the same decisions.`,
  ]);
  return EXIT.done;
}

export interface RejectOptions extends Signing {
  readonly reason: string;
}

export async function reject(context: Context, id: string, options: RejectOptions): Promise<Exit> {
  const { terminal, parts } = context;
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const { planDigest } = await all.client.status(workflowId);
  if (planDigest === undefined)
    throw new CommandError(
      'approval-refused',
      `Request ${workflowId} has no plan yet. Nothing was changed.`,
      EXIT.failed,
    );
  const given = { planDigest, reason: options.reason, at: await nowOf(all) };
  parseRejection(given, 0);
  const signed = await signedBy(context, options, all.approvers, by => ({ workflowId, ...given, by }));
  const rejection = await all.client.reject(workflowId, { ...given, ...signed });
  const { requestId } = requestOf(workflowId) ?? {};
  terminal.print({ requestId, workflowId, planDigest, rejection }, [
    `Rejected ${workflowId}: it ends as denied, and nothing was done.`,
  ]);
  return EXIT.done;
}

/** By the server: the clock of this machine may be wrong. */
async function nowOf({ temporal, taskQueue }: Awaited<ReturnType<Context['parts']>>): Promise<string> {
  return new Date(await serverNowMs(temporal, taskQueue)).toISOString();
}

/** Empty if no key was given: then it is not signed. */
async function signedBy(
  { config }: Context,
  { by: given, key = config.approverKey() }: Signing,
  approvers: Approvers,
  statementOf: (by: string) => Parameters<typeof signStatement>[0],
): Promise<{ readonly by?: string; readonly signature?: string }> {
  if (key === undefined) return given === undefined ? {} : { by: given };
  const privateKey = await privateKeyOf(key);
  const by = given ?? (await nameOf(approvers, signingKeyId(publicHalfOf(privateKey))));
  return { by, signature: signStatement(statementOf(by), privateKey) };
}

async function nameOf(approvers: Approvers, keyId: string): Promise<string> {
  const approver = (await approvers.list()).find(each => each.keyId === keyId);
  if (approver !== undefined) return approver.name;
  throw usage('No approver is registered with this key: see aircall-dsr approvers list. Nothing was changed.');
}

function decisionsOf({ take, keep }: Pick<ApproveOptions, 'take' | 'keep'>): Decisions {
  const [taken, kept] = [refsIn(take), refsIn(keep)];
  if (taken.some(ref => kept.includes(ref))) throw usage('A row is in --take and in --keep.');
  return Object.fromEntries([...taken.map(ref => [ref, 'take'] as const), ...kept.map(ref => [ref, 'keep'] as const)]);
}

/** `contact 3,call 12`; `contact-3` means the same, which no shell splits. */
function refsIn(list: string | undefined): string[] {
  if (list === undefined) return [];
  return list.split(',').map(ref => ref.trim().replace(/^([a-z]+)[-\s]+(\d+)$/, '$1 $2'));
}
