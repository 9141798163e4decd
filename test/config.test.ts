/** What environment variables mean, where no command shows it. */
import { ConfigurationError, createConfiguration } from '../src/config';

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

test.each([
  [{}, 'aircall-dsr'],
  [{ AIRCALL_DSR_TASK_QUEUE: '' }, 'aircall-dsr'],
  [{ AIRCALL_DSR_TASK_QUEUE: 'other' }, 'other'],
])('the main task queue, of %j, is %s', (env, taskQueue) => {
  expect(createConfiguration(env).taskQueue()).toBe(taskQueue);
});

test('the token of the codec server has 16 characters at least', () => {
  const tokenOf = (AIRCALL_DSR_CODEC_TOKEN: string) => createConfiguration({ AIRCALL_DSR_CODEC_TOKEN }).codecToken();
  expect(tokenOf('t'.repeat(16))).toBe('t'.repeat(16));
  expect(() => tokenOf('t'.repeat(15))).toThrow(ConfigurationError);
});

test.each([
  ['https://dsr.example.com/cb?from=aircall', true],
  ['http://localhost:8080/cb', true],
  ['https://dsr.example.com/cb#part', false],
  ['ftp://dsr.example.com/cb', false],
  ['dsr.example.com/cb', false],
])('an address that Aircall sends a browser back to, which keeps no part after #: %s is %s', (address, good) => {
  const client = { AIRCALL_OAUTH_CLIENT_ID: 'id', AIRCALL_OAUTH_CLIENT_SECRET: 'secret' };
  const read = () => createConfiguration({ ...client, AIRCALL_OAUTH_REDIRECT_URI: address }).oauthClient().redirectUri;
  if (good) expect(read()).toBe(address);
  else expect(read).toThrow(ConfigurationError);
});

test.each([
  ['https://hooks.example.com/dsr', true],
  ['http://127.0.0.1:9000/dsr', true],
  ['http://hooks.example.com/dsr', false],
  ['https://user:secret@hooks.example.com/dsr', false],
])('an address that alarms are sent to, which nobody on the way reads: %s is %s', (address, good) => {
  const read = () => createConfiguration({ AIRCALL_DSR_ALARM_WEBHOOK: address }).alarmWebhook();
  if (good) expect(read()).toBe(address);
  else expect(read).toThrow(ConfigurationError);
});

test('hosts of media are names with a port or without one, as URLs spell them; a URL, or what is no host, is refused', () => {
  const hostsOf = (AIRCALL_DSR_MEDIA_HOSTS: string) => createConfiguration({ AIRCALL_DSR_MEDIA_HOSTS }).mediaHosts();
  expect(createConfiguration({}).mediaHosts()).toEqual([]);
  expect(hostsOf(' Media.Example.com , 10.0.0.7:9000,[::1]:80 ')).toEqual([
    { hostname: 'media.example.com' },
    { hostname: '10.0.0.7', port: 9000 },
    { hostname: '[::1]', port: 80 },
  ]);
  for (const bad of ['https://media.example.com', 'a.example/path', 'a b', 'a:99999', 'user@a', 'a:', '*.example.com'])
    expect(() => hostsOf(bad)).toThrow(ConfigurationError);
  expect(hostsOf(Array(100).fill('a').join())).toHaveLength(100);
  expect(() => hostsOf(Array(101).fill('a').join())).toThrow(ConfigurationError);
});

test('traces are sent if a collector is named, and OpenTelemetry is not disabled', () => {
  const named = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };
  const isTraced = (env: Readonly<Record<string, string>>) => createConfiguration(env).tracing();
  expect([{}, named, { ...named, OTEL_SDK_DISABLED: 'true' }].map(isTraced)).toEqual([false, true, false]);
});
