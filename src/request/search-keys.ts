/**
 * Our search attributes in the SDK's form, for clients and workflows alike. Workflow-safe.
 */
import { defineSearchAttributeKey } from '@temporalio/common';

export const SEARCH_KEYS = {
  kind: defineSearchAttributeKey('DsrKind', 'KEYWORD'),
  connection: defineSearchAttributeKey('DsrConnection', 'KEYWORD'),
  status: defineSearchAttributeKey('DsrStatus', 'KEYWORD'),
  dueAt: defineSearchAttributeKey('DsrDueAt', 'DATETIME'),
  /** The alarm that stands; absent if there is none. */
  alarm: defineSearchAttributeKey('DsrAlarm', 'KEYWORD'),
  subject: defineSearchAttributeKey('DsrSubject', 'KEYWORD'),
};
