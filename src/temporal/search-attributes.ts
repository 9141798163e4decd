/**
 * Our search attributes on a server: registers missing ones, and waits until the server lists them. If a
 * worker polled earlier, the server would refuse its workflow tasks.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../request/names';

const { IndexedValueType } = temporal.api.enums.v1;
const TYPES = {
  Keyword: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Datetime: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
} as const;
const LISTED_WITHIN_MS = 20_000;
const POLL_EVERY_MS = 200;

export class SearchAttributesMissing extends Error {
  readonly code = 'search-attributes-missing' as const;
  override readonly name = 'SearchAttributesMissing';
}

/** @throws {SearchAttributesMissing} with the command that registers them */
export async function ensureSearchAttributes(connection: ConnectionLike, namespace: string): Promise<void> {
  const missing = await missingOn(connection, namespace);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(name => [name, TYPES[SEARCH_ATTRIBUTES[name]]]));
  let refused = 'the server does not list them in time';
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    refused = error instanceof Error ? error.message : String(error);
  }
  const deadlineMs = Date.now() + LISTED_WITHIN_MS;
  while (Date.now() < deadlineMs) {
    if ((await missingOn(connection, namespace)).length === 0) return;
    await delay(POLL_EVERY_MS);
  }
  const flags = missing.map(name => `--name ${name} --type ${SEARCH_ATTRIBUTES[name]}`).join(' ');
  throw new SearchAttributesMissing(
    `The Temporal namespace ${namespace} lacks search attributes (${refused}). Run: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
  );
}

async function missingOn(connection: ConnectionLike, namespace: string): Promise<(keyof typeof SEARCH_ATTRIBUTES)[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.keys(SEARCH_ATTRIBUTES)
    .filter(isOurs)
    .filter(name => !Object.hasOwn(customAttributes ?? {}, name));
}

function isOurs(name: string): name is keyof typeof SEARCH_ATTRIBUTES {
  return Object.hasOwn(SEARCH_ATTRIBUTES, name);
}
