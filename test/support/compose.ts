/** What docker-compose.yml says, for tests that check it or do as it does. */
import { parse } from 'yaml';
import { z } from 'zod';
import { readProjectFile } from './source-text';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const serviceSchema = z.object({
  image: z.string(),
  build: z.string().optional(),
  profiles: z.array(z.string()).default([]),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).optional(),
  privileged: z.boolean().optional(),
  restart: z.string(),
  tmpfs: z.array(z.string()).default([]),
  environment: z.record(z.string(), text).default({}),
  secrets: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  networks: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  entrypoint: z.array(text).default([]),
  command: z.array(text).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});
export type ComposeService = z.infer<typeof serviceSchema>;

const fileSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
});
export type ComposeFile = z.infer<typeof fileSchema>;

/** As it is written, with its anchors put in place. */
export function readComposeDocument(): unknown {
  return parse(readProjectFile('docker-compose.yml'), { merge: true });
}

export function readComposeFile(): ComposeFile {
  return fileSchema.parse(readComposeDocument());
}

/** The variables of a service, as Compose fills them in from its own. */
export function environmentOf({ environment }: ComposeService, own: Readonly<Record<string, string>>) {
  const filled = (value: string) =>
    value.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => own[name] ?? otherwise);
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filled(value)]));
}

/** @throws on a name that is not there */
export function composeService(name: string): ComposeService {
  const found = readComposeFile().services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}
