import { expect, test } from '@jest/globals';
import { ENDED_STATUSES, endedWell, endOf } from '../../src/request/endings';

test('a request keeps its end after its data was purged', () => {
  expect(endOf({ status: 'purged', purged: { status: 'failed' } })).toBe('failed');
  expect(endOf({ status: 'purged', purged: { status: 'completed' } })).toBe('completed');
  expect(endOf({ status: 'partial' })).toBe('partial');
});

test('only failed, partial and denied do not end well', () => {
  expect(ENDED_STATUSES).toHaveLength(7);
  expect(ENDED_STATUSES.filter(status => !endedWell(status))).toEqual(['partial', 'denied', 'failed']);
});
