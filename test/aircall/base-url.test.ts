/** Where credentials may be sent, and where not. */
import { parseBaseUrl } from '../../src/aircall/base-url';

test.each([
  ['https://api.aircall.io/v1', 'https://api.aircall.io/v1'],
  ['https://api.aircall.io/v1//', 'https://api.aircall.io/v1'],
  ['http://127.0.0.1:8080/v1', 'http://127.0.0.1:8080/v1'],
  ['http://[::1]:8080/v1', 'http://[::1]:8080/v1'],
])('%s is taken as %s', (text, baseUrl) => {
  expect(parseBaseUrl(text)).toBe(baseUrl);
});

test.each([
  'http://api.aircall.io/v1',
  'https://user@api.aircall.io/v1',
  'https://api.aircall.io/v1?a=b',
  'https://api.aircall.io/v1?',
  'https://api.aircall.io/v1#',
  'https://api.aircall.io/v1?#',
  'api.aircall.io',
])('%s is refused', text => {
  expect(parseBaseUrl(text)).toBeUndefined();
});
