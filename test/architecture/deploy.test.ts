/**
 * docker-compose.yml, Dockerfile and deploy/: that they are what Docker takes, harden every container in the same way, keep
 * secrets in files, and say the same as the code. Real linters, and a rehearsal of all of it, are in test/slow.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { parse } from 'yaml';
import { z } from 'zod';
import { DYNAMIC_CONFIG } from '../../dev-server';
import { readComposeDocument, readComposeFile } from '../support/compose';
import { COMMANDS } from '../support/program';
import { readProjectFile } from '../support/source-text';

const ROOT = join(__dirname, '../..');
const compose = readComposeFile();
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);
/** They do one thing and end; others wait for it. */
const jobs = services.filter(([, { restart }]) => restart.startsWith('on-failure')).map(([name]) => name);
const dockerfile = readProjectFile('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'));
const stages = dockerfile.filter(line => line.startsWith('FROM '));
const manifest = z.object({ version: z.string() }).parse(JSON.parse(readProjectFile('package.json')));

const UID = `\${AIRCALL_DSR_UID:-1000}`;
const GID = `\${AIRCALL_DSR_GID:-1000}`;
const defaultOf = (variable: string) => /:-(\d+)\}$/.exec(variable)?.[1];

const namesOf = (found: readonly (readonly [string, unknown])[]) => found.map(([name]) => name);

describe('docker-compose.yml', () => {
  test('is a Compose file, by the schema that Docker Compose has', () => {
    const schema: unknown = JSON.parse(readProjectFile('test/fixtures/compose-spec/compose-spec.json'));
    const check = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(
      z.looseObject({}).parse(schema),
    );
    check(readComposeDocument());
    expect(check.errors).toBeNull();
    expect(check({ services: { worker: { images: 'a typing error' } } })).toBe(false);
  });

  test('has the services that the documentation names', () => {
    expect(namesOf(services)).toEqual([
      ...['postgres', 'schema', 'temporal', 'namespace', 'ui'],
      ...['codec-server', 'gate', 'worker', 'sandbox'],
    ]);
    expect(namesOf(ours)).toEqual(['codec-server', 'worker', 'sandbox']);
    expect(jobs).toEqual(['schema', 'namespace']);
    expect(namesOf(services.filter(([, { profiles }]) => profiles.length > 0))).toEqual(['sandbox']);
  });

  test.each(services)(
    'runs %s without root, capabilities, a way to more, or a file system to write to',
    (_, service) => {
      expect(service).toMatchObject({
        user: `${UID}:${GID}`,
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect(service.privileged).toBeUndefined();
      expect(service.tmpfs).toContain('/tmp');
      const mayBind = service.image.startsWith('caddy:') ? ['NET_BIND_SERVICE'] : [];
      expect(service.cap_add).toEqual(mayBind);
    },
  );

  test.each(services)('pins the exact version of the image of %s', (_, { image }) => {
    // A release of PostgreSQL has two numbers, one of the others three: a tag with fewer moves on by itself.
    const version = image.startsWith('postgres:') ? /^postgres:\d+\.\d+-[a-z]+$/ : /^[a-z/-]+:\d+\.\d+\.\d+(-[a-z]+)?$/;
    expect(image).toMatch(version);
  });

  test('has one version of Temporal, which is the one that is rehearsed, and one of our image, which is the package’s', () => {
    const [, server] =
      /go\.temporal\.io\/server v(\S+)/.exec(readProjectFile('dev-server/temporal-server/go.mod')) ?? [];
    const [, ui] = /temporalio\/ui-server\/v2 v(\S+)/.exec(readProjectFile('dev-server/temporal-cli/go.mod')) ?? [];
    const { temporal, schema, namespace } = compose.services;
    expect(temporal?.image).toBe(`temporalio/server:${server}`);
    for (const job of [schema, namespace]) expect(job?.image).toBe(`temporalio/admin-tools:${server}`);
    // The Web UI that the browser tests drive, and the one of the rehearsal.
    expect(readProjectFile('dev-server/ui-server/go.mod')).toContain(`temporalio/ui-server/v2 v${ui} `);
    expect(compose.services.ui?.image).toBe(`temporalio/ui:${ui}`);
    for (const [, { image }] of ours) expect(image).toBe(`aircall-dsr:${manifest.version}`);
  });

  test.each(services.filter(([name]) => !jobs.includes(name)))('looks after the health of %s', (_, service) => {
    expect(service.restart).toBe('unless-stopped');
    expect(service.healthcheck?.test[0]).toBe('CMD');
    expect(service.healthcheck?.test.length).toBeGreaterThan(2);
  });

  test('starts a service when what it needs is ready: a health check that passed, a job that ended well', () => {
    const waits = services.flatMap(([name, { depends_on }]) =>
      Object.entries(depends_on).map(([on, { condition }]) => ({ name, on, condition })),
    );
    expect(waits.length).toBeGreaterThan(6);
    for (const { on, condition } of waits)
      expect(condition).toBe(jobs.includes(on) ? 'service_completed_successfully' : 'service_healthy');
  });

  test('has no secret in a variable or an argument: each is a file, outside of image and repository', () => {
    for (const [, { environment, command, entrypoint, secrets }] of services) {
      for (const [name, value] of Object.entries(environment)) {
        if (!/PASSWORD|PWD|SECRET|TOKEN|_KEYS?$|CREDENTIAL/.test(name)) continue;
        expect(value).toMatch(/^\/run\/secrets\/[a-z_]+$/);
        expect(secrets).toContain(value.replace('/run/secrets/', ''));
      }
      expect([...command, ...entrypoint].join(' ')).not.toMatch(/password=|token=|secret=/i);
    }
    const files = Object.values(compose.secrets).map(({ file }) => file);
    expect(files).toHaveLength(4);
    for (const file of files) expect(file).toMatch(/^\.\/secrets\/[a-z.-]+$/);
    expect(readProjectFile('.gitignore').split('\n')).toContain('secrets/');
    expect(readProjectFile('deploy/Caddyfile')).toContain('/run/secrets/codec_token');
  });

  test('gives all keys to workers only, and to the codec server those of a viewer', () => {
    const holders = (secret: string) => namesOf(services.filter(([, { secrets }]) => secrets.includes(secret)));
    expect(holders('dsr_keys')).toEqual(['worker']);
    expect(holders('dsr_viewer_keys')).toEqual(['codec-server']);
    expect(compose.services['codec-server']?.environment.AIRCALL_DSR_KEYS).toBe('/run/secrets/dsr_viewer_keys');
    const { dsr_viewer_keys: viewer } = compose.secrets;
    expect(readProjectFile('docs/operate/install.md')).toContain(
      `keys export --role viewer --out ${viewer?.file.replace('./', '/')}`,
    );
  });

  test('publishes ports on this machine only, and lets only Temporal at the database', () => {
    const published = services.flatMap(([, { ports }]) => ports);
    expect(published.length).toBeGreaterThan(1);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const reach = (network: string) => namesOf(services.filter(([, { networks }]) => networks.includes(network)));
    expect(reach('storage')).toEqual(['postgres', 'schema', 'temporal']);
    expect(reach('outside')).toEqual(['temporal', 'gate', 'worker']);
    expect(compose.networks).toMatchObject({ storage: { internal: true }, inside: { internal: true } });
  });

  test('mounts only files that are there, and for reading only', () => {
    const mounts = services.flatMap(([, { volumes }]) => volumes).filter(volume => volume.startsWith('.'));
    expect(mounts.length).toBeGreaterThan(3);
    for (const mount of mounts) {
      const [from = '', , mode] = mount.split(':');
      expect(existsSync(join(ROOT, from))).toBe(true);
      expect(mode).toBe('ro');
    }
    const named = services.flatMap(([, { command, entrypoint, environment }]) =>
      [...command, ...entrypoint, ...Object.values(environment)].filter(value => value.startsWith('/deploy/')),
    );
    expect(named.length).toBeGreaterThan(3);
    for (const path of named) expect(existsSync(join(ROOT, path))).toBe(true);
  });

  test('runs commands that the command line has, with options that they have', () => {
    for (const [, { command }] of ours) {
      const [name, ...args] = command;
      const known = COMMANDS.find(each => each.name === name);
      expect(known?.options).toEqual(expect.arrayContaining(args.filter(arg => arg.startsWith('--'))));
    }
  });

  test('shows the codec server to the Web UI through the gate, under the origin that it lets in', () => {
    const { ui, gate, 'codec-server': codec } = compose.services;
    const origin = codec?.command.at(-1) ?? '';
    expect(origin).toBe(`\${AIRCALL_DSR_UI_ORIGIN:-http://localhost:${gate?.ports[0]?.split(':')[1]}}`);
    expect(ui?.environment.TEMPORAL_CODEC_ENDPOINT).toBe(`${origin}/codec`);
    expect(ui?.environment.TEMPORAL_CORS_ORIGINS).toBe(origin);
    expect(gate?.environment.UI_ORIGIN).toBe(origin);
    const [, port] = codec?.command[2]?.split(':') ?? [];
    expect(readProjectFile('deploy/Caddyfile')).toContain(`:codec-server:${port}}`);
  });
});

test('the Web UI changes nothing unless that is switched on, and the codec server of Compose encrypts nothing', () => {
  const { ui, 'codec-server': codec } = compose.services;
  expect(ui?.environment.TEMPORAL_DISABLE_WRITE_ACTIONS).toBe(`\${AIRCALL_DSR_UI_READ_ONLY:-true}`);
  expect(codec?.command).not.toContain('--encode');
});

describe('the settings of the server', () => {
  test('are those of the dev server', () => {
    const file = z
      .record(z.string(), z.tuple([z.strictObject({ value: z.union([z.number(), z.boolean()]) })]))
      .parse(parse(readProjectFile('deploy/dynamicconfig.yaml')));
    const settings = Object.entries(file).map(([name, [{ value }]]) => `${name}=${value}`);
    expect(settings.sort()).toEqual([...DYNAMIC_CONFIG].sort());
  });
});

describe('Dockerfile', () => {
  test('is of one pinned Node, ends as a user that is not root, and runs the command line', () => {
    expect(stages.length).toBe(2);
    for (const stage of stages) expect(stage).toMatch(/^FROM node:24\.\d+\.\d+-bookworm-slim( AS build)?$/);
    expect(new Set(stages.map(stage => stage.split(' ')[1])).size).toBe(1);
    // No other image comes in through a copy.
    const copied = dockerfile.flatMap(line => /^COPY --from=(\S+)/.exec(line)?.[1] ?? []);
    expect(copied).toEqual(['build', 'build']);
    expect(dockerfile.filter(line => line.includes('--mount'))).toEqual([]);
    expect(dockerfile.filter(line => line.startsWith('USER '))).toEqual([
      `USER ${[UID, GID].map(defaultOf).join(':')}`,
    ]);
    expect(dockerfile.at(-1)).toBe('ENTRYPOINT ["node", "/app/dist/src/cli.js"]');
  });

  test('copies only what is there and what .dockerignore lets through', () => {
    const copied = dockerfile
      .filter(line => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap(line => line.split(' ').slice(1, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) expect(existsSync(join(ROOT, path))).toBe(true);
    const [everything, ...exceptions] = readProjectFile('.dockerignore')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'));
    expect(everything).toBe('*');
    const letThrough = exceptions.filter(line => line.startsWith('!')).map(line => line.slice(1));
    expect(letThrough.sort()).toEqual([...new Set(copied)].sort());
  });

  test('compiles all that the build needs', () => {
    const { include } = z
      .object({ include: z.array(z.string()) })
      .parse(JSON.parse(readProjectFile('tsconfig.build.json')));
    for (const folder of include) expect(dockerfile).toContain(`COPY ${folder} ${folder}`);
  });
});
