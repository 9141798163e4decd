/** What one request may read of lists, whatever Aircall says that there is. */
import { WINDOWS_MAX } from '../../src/request/paging';
import { countWindows } from '../../src/workflows/windows';

test('no more windows are given than one request may read, however many are wanted and however often', () => {
  const windows = countWindows();
  expect(windows.take(2)).toBe(2);
  expect(windows.take(Number.MAX_SAFE_INTEGER)).toBe(WINDOWS_MAX - 2);
  expect([windows.take(1), windows.take(0)]).toEqual([0, 0]);
});

test('the request itself reads up to 20 pages of its first windows, and then single pages only', () => {
  const windows = countWindows();
  windows.take(50);
  expect(windows.pagesInline).toBe(20);
  windows.take(1);
  expect(windows.pagesInline).toBe(1);
});
