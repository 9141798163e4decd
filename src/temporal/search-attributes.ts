/**
 * Our search attributes in a namespace: finds out which ones are missing, registers them where the server lets us, and waits until
 * it knows them. If a worker polled earlier, the server would refuse its workflow tasks. A managed server has no operator service,
 * so whether an attribute is there is asked of the workflow service: it refuses a query that names an unknown one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../request/names';
import { grpcErrorOf, INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED, UNIMPLEMENTED } from './grpc-status';

const { IndexedValueType } = temporal.api.enums.v1;
const TYPES = {
  Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Datetime: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
} as const;
const LISTED_WITHIN_MS = 20_000;
const POLL_EVERY_MS = 200;
/** Matches no run, so that the server has nothing to count. */
const NOTHING = "WorkflowId = 'aircall-dsr/nothing'";

type Name = keyof typeof SEARCH_ATTRIBUTES;

export class SearchAttributesMissing extends Error {
  readonly code = 'search-attributes-missing' as const;
  override readonly name = 'SearchAttributesMissing';
}

/**
 * @returns `unknown` if the server tells us nothing about them
 * @throws {SearchAttributesMissing} if some are missing, with the commands that register them
 */
export async function ensureSearchAttributes(
  connection: ConnectionLike,
  namespace: string,
): Promise<'there' | 'unknown'> {
  const missing = await missingOn(connection, namespace);
  if (missing === 'unknown') return missing;
  if (missing.length === 0) return 'there';
  const refusal = await register(connection, namespace, missing);
  const deadlineMs = Date.now() + (refusal?.isFinal ? 0 : LISTED_WITHIN_MS);
  do {
    if ((await missingOn(connection, namespace)).length === 0) return 'there';
    await delay(POLL_EVERY_MS);
  } while (Date.now() < deadlineMs);
  throw new SearchAttributesMissing(
    `The Temporal namespace ${namespace} lacks search attributes (${refusal?.message ?? 'the server does not list them in time'}). On a server of your own run: ${ownCommand(namespace, missing)} On Temporal Cloud run: ${cloudCommand(namespace, missing)}`,
  );
}

interface Refusal {
  readonly message: string;
  /** Trying again, or waiting for another worker that does the same, is in vain. */
  readonly isFinal: boolean;
}

async function register(
  connection: ConnectionLike,
  namespace: string,
  names: readonly Name[],
): Promise<Refusal | undefined> {
  const searchAttributes = Object.fromEntries(names.map(name => [name, TYPES[SEARCH_ATTRIBUTES[name]]]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    return undefined;
  } catch (error) {
    return {
      message: error instanceof Error ? error.message : String(error),
      isFinal: isRefused(error) || grpcErrorOf(error)?.code === UNAUTHENTICATED,
    };
  }
}

async function missingOn(connection: ConnectionLike, namespace: string): Promise<readonly Name[] | 'unknown'> {
  const accepts = async (conditions: readonly string[]) => {
    const query = [NOTHING, ...conditions].join(' AND ');
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return true;
    } catch (error) {
      if (grpcErrorOf(error)?.code === INVALID_ARGUMENT) return false;
      throw error;
    }
  };
  const isNull = (name: Name) => `${name} IS NULL`;
  const names = Object.keys(SEARCH_ATTRIBUTES).filter(isOurs);
  try {
    if (await accepts(names.map(isNull))) return [];
    if (!(await accepts([]))) return 'unknown'; // it refuses every query
    const missing: Name[] = [];
    for (const name of names) if (!(await accepts([isNull(name)]))) missing.push(name);
    return missing;
  } catch (error) {
    if (isRefused(error)) return 'unknown';
    throw error;
  }
}

/** The server has no such call, or not for us. */
function isRefused(error: unknown): boolean {
  const code = grpcErrorOf(error)?.code;
  return code === PERMISSION_DENIED || code === UNIMPLEMENTED;
}

function ownCommand(namespace: string, names: readonly Name[]): string {
  const flags = names.map(name => `--name ${name} --type ${SEARCH_ATTRIBUTES[name]}`).join(' ');
  return `temporal operator search-attribute create --namespace ${namespace} ${flags}`;
}

function cloudCommand(namespace: string, names: readonly Name[]): string {
  const flags = names.map(name => `--search-attribute ${name}=${SEARCH_ATTRIBUTES[name]}`).join(' ');
  return `tcld namespace search-attributes add --namespace ${namespace} ${flags}`;
}

function isOurs(name: string): name is Name {
  return Object.hasOwn(SEARCH_ATTRIBUTES, name);
}
