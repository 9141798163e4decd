import { expect, test } from '@jest/globals';
import { endedWell, endOf } from '../../src/request/endings';

test('a request keeps its end after its data was purged', () => {
  expect(endOf({ status: 'purged', purged: { status: 'failed' } })).toBe('failed');
  expect(endOf({ status: 'purged', purged: { status: 'completed' } })).toBe('completed');
  expect(endOf({ status: 'partial' })).toBe('partial');
});

test('only failed and partial do not end well', () => {
  const statuses = ['completed', 'partial', 'no-match', 'cancelled', 'failed'];
  expect(statuses.filter(status => !endedWell(status))).toEqual(['partial', 'failed']);
});
