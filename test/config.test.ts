/** What environment variables mean, where no command shows it. */
import { createConfiguration } from '../src/config';

const DAY_MS = 86_400_000;

test.each([
  [{}, 30, 30],
  [{ AIRCALL_DSR_RETENTION_DAYS: '5' }, 5, 5],
  [{ AIRCALL_DSR_PACKAGE_DAYS: '2' }, 30, 2],
  [{ AIRCALL_DSR_RETENTION_DAYS: '5', AIRCALL_DSR_PACKAGE_DAYS: '9' }, 5, 5],
])('a package is never kept longer than its request: %j', (env, requestDays, packageDays) => {
  expect(createConfiguration(env).retention()).toEqual({
    requestMs: requestDays * DAY_MS,
    packageMs: packageDays * DAY_MS,
  });
});
