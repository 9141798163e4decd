/**
 * The command line: names, options and help of every command. It has no logic of its own: each command is loaded when it
 * runs, so that help is printed at once. docs/ describes the commands.
 */
import { Command, CommanderError, Option } from 'commander';
import type { Environment } from '../config';
import { LOG_FORMATS, type LogFormat } from '../log';
import type { Kind } from '../request/names';
import { commandLineOptions, LANGUAGE_DEFAULT, LANGUAGES } from '../request/options';
import { VERSION } from '../version';
import type { Context } from './context';
import { type CommandEnd, EXIT, exitOf } from './errors';
import { createTerminal, type Io, inLines, jsonText } from './terminal';

const BATCH_HELP = `
The file is CSV in UTF-8, at most 8 MiB and 20000 rows, with the columns requestId and kind, at least one of email and
phone, and optionally submittedAt and requireApproval (yes, no, or empty):

  requestId,kind,email,phone
  case-17,access,person@example.com;person@example.org,+33123456789 +33123456780
  ,deletion,other@example.com,
  ,deletion,,+33123456781

kind is access or deletion. If requestId is empty, the same row is the same request, in every file. If one row has a
mistake, no request is started. If the command is interrupted, run it again: it starts no request twice.
Exit code: 0 if all completed or matched nobody, 1 if a request failed or is partial, 2 if the file is refused.`;

const PERSON_HELP =
  'the person has at least one address or number; with - as email they come from stdin, one a line, so that no other user of the machine sees them';

/** Of a command that asks a person at a terminal before it does what nobody can undo. */
const YES = ['--yes', 'answer yes to the question that it asks on a terminal'] as const;

/** Of a command that runs until it is stopped. */
const logOption = () =>
  new Option('--log <format>', 'format of the lines on stderr: text for a person, json for a log store')
    .choices(LOG_FORMATS)
    .default('text');

const repeat = (value: string, before: string[] | undefined) => [...(before ?? []), value];

function subcommand(parent: Command, spec: string, description: string): Command {
  return parent.command(spec).description(description).option('--json', 'one JSON document on stdout');
}

/** Runs one command line and returns how the process ends. It prints and reads only through `io`. */
export async function runCli(argv: readonly string[], io: Io, env: Environment): Promise<CommandEnd> {
  let ending: CommandEnd = EXIT.done;

  /** Commander passes the arguments, then the options, then itself. */
  function run<A extends readonly unknown[]>(
    load: () => Promise<(context: Context, ...given: A) => Promise<CommandEnd>>,
  ): (...given: A) => Promise<void> {
    return async (...given) => {
      // Loaded here, because they load Temporal.
      const { createConfiguration } = await import('../config.js');
      const { createContext } = await import('./context.js');
      const config = createConfiguration(env);
      const { json = false, log } = given.find(isGlobal) ?? {};
      const terminal = createTerminal(io, { json, log, debug: config.debug() });
      const context = createContext(terminal, config);
      try {
        ending = await (await load())(context, ...given);
      } catch (error) {
        terminal.error(error);
        ending = exitOf(error);
      } finally {
        await context.close();
      }
    };
  }

  try {
    await createProgram(io, run).parseAsync([...argv], { from: 'user' });
    return ending;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with 0; everything else is wrong usage, which commander has printed on stderr.
    if (error.exitCode === 0) return EXIT.done;
    if (argv.includes('--json')) {
      const document = { error: { code: 'usage', message: withoutValues(error.message) } };
      io.stdout.write(`${jsonText(document)}\n`);
    }
    return EXIT.usage;
  }
}

export type RunAction = <A extends readonly unknown[]>(
  load: () => Promise<(context: Context, ...given: A) => Promise<CommandEnd>>,
) => (...given: A) => Promise<void>;

/** Options that every command may have. */
interface Global {
  readonly json?: boolean;
  readonly log?: LogFormat;
}

function isGlobal(value: unknown): value is Global {
  return typeof value === 'object' && value !== null && !(value instanceof Command);
}

/** Commander quotes the typed text, which may be an e-mail address in the wrong place. Only a text that looks like a name is printed. */
function withoutValues(message: string): string {
  return message.replace(/(unknown (?:option|command)) '([\s\S]*)'/, (_, what: string, typed: string) => {
    const [name = ''] = typed.split('=');
    return /^-{0,2}[a-z]+(-[a-z]+)*$/.test(name) ? `${what} '${name}'` : what;
  });
}

/** Every command, its options and help; `run` makes the action of a command from what loads it. */
export function createProgram(io: Pick<Io, 'stdout' | 'stderr'>, run: RunAction): Command {
  const program = new Command('aircall-dsr')
    .version(VERSION)
    .description('Fulfils access and deletion requests, by e-mail addresses and telephone numbers, against Aircall.')
    .showHelpAfterError('(see --help)')
    .enablePositionalOptions() // an option belongs to the command that it follows
    .configureOutput({
      writeOut: text => void io.stdout.write(inLines(text)),
      writeErr: text => void io.stderr.write(inLines(text)),
      outputError: (text, write) => write(withoutValues(text)),
    })
    .exitOverride();

  const command = (spec: string, description: string) => subcommand(program, spec, description);

  function startCommand(kind: Kind, spec: string, description: string): Command {
    const started = command(spec, description)
      .option('--request-id <id>', 'your id of the request; the same id never runs twice')
      .option('--email <address>', 'a further address of the person; may be repeated', repeat)
      .option('--phone <number>', 'a number of the person, with country code; may be repeated', repeat);
    for (const { flag, help } of commandLineOptions(kind)) started.option(flag, help);
    return started.option('--wait', 'wait for the result');
  }

  command('demo', 'run everything on this machine: server, sandbox, worker, one access, one deletion').action(
    run(async () => (await import('./demo.js')).demo),
  );

  command('worker', 'serve all connections of the vault until SIGTERM')
    .option('--health-port <port>', 'answer GET /healthz and /readyz on this port, for an orchestrator')
    .option('--metrics <address>', 'Prometheus metrics at http://HOST:PORT/metrics')
    .addOption(logOption())
    .action(run(async () => (await import('./worker.js')).worker));

  command('sandbox', 'run the sandbox that replaces Aircall')
    .option('--port <number>', 'port to listen on; any free one by default')
    .option('--seed <number>', 'seed of its data (default: 1)')
    .option('--faults <file>', 'fault plan, a JSON file; see sandbox/README.md')
    .action(run(async () => (await import('./sandbox.js')).sandbox));

  command(
    'connect <name>',
    'check credentials of an Aircall company and store them sealed; run it again to replace them',
  )
    .option('--api-id <id>', 'API id; better: AIRCALL_API_ID')
    .option('--api-token <token>', 'API token; better: AIRCALL_API_TOKEN')
    .option('--access-token <token>', 'OAuth access token; better: AIRCALL_ACCESS_TOKEN')
    .option(
      '--oauth',
      'let an admin of the company authorize this service; paste the address at which the browser ends',
    )
    .option('--listen <address>', 'with --oauth: receive that address over HTTP at HOST:PORT instead')
    .option('--base-url <url>', 'API base with its version (default: https://api.aircall.io/v1)')
    .option(
      '--limit-per-minute <number>',
      'API requests a minute that Aircall allows the company, 1 to 10000, or auto: the limit that Aircall names (default: 60)',
    )
    .option('--share <number>', 'part of the limit that is used, at most 0.8 (default: 0.75)')
    .option('--country <code>', 'country of numbers without a country code: ISO 3166, two letters, or none')
    .option('--language <code>', `language of access packages: ${LANGUAGES.join(', ')} (default: ${LANGUAGE_DEFAULT})`)
    .option(
      '--notice <folder>',
      'what access packages say of your processing (Art. 15(1) GDPR): a folder with a Markdown file for each language, en.md and so on; or none: you inform people in another way',
    )
    .option(
      '--approvals <number>',
      'approvers who must approve each deletion, 0 to 2 (default: 0); no request lowers it',
    )
    .option(
      '--deletions-per-day <number>',
      'contacts that may be deleted within 24 hours, 1 to 10000, or none; further deletions wait',
    )
    .option('--same-company', 'confirm that this is the same company: it was renamed, or its name is not known')
    .option('--replace', 'replace the company by another one; refused while requests of the old one are open')
    .action(run(async () => (await import('./connect.js')).connect));

  const connections = command('connections', 'list connections, their state and their budgets')
    .enablePositionalOptions()
    .action(run(async () => (await import('./connections.js')).connections));

  subcommand(connections, 'pause <name>', 'hold all API requests of a company; its requests wait').action(
    run(async () => (await import('./connections.js')).pause),
  );

  subcommand(
    connections,
    'resume <name>',
    'resume the API requests of a company; also tries refused credentials again',
  ).action(run(async () => (await import('./connections.js')).resume));

  command('ping <name>', 'check with Aircall that the credentials of a connection work').action(
    run(async () => (await import('./connections.js')).ping),
  );

  command('disconnect <name>', 'destroy the credentials of a connection; refused while its requests are open')
    .option('--force', 'disconnect even if requests are open: they wait until the company is connected again')
    .option(...YES)
    .action(run(async () => (await import('./connections.js')).disconnect));

  startCommand('access', 'access <name> [email]', `start an access request; ${PERSON_HELP}`)
    .option('--out <file>', 'wait, and save the package to this file')
    .action(run(async () => (await import('./start.js')).access));

  startCommand('deletion', 'delete <name> [email]', `start a deletion; ${PERSON_HELP}`)
    .option(...YES)
    .action(run(async () => (await import('./start.js')).remove));

  command(
    'batch <name> <file>',
    'start one request for each row of a CSV file, some at a time and after single requests, and wait for all',
  )
    .option('--regime <law>', 'gdpr, ccpa or none: the law that sets the due date of all (default: none)')
    .option('--dry-run', 'check the file and print what would be started; start nothing, send nothing to Aircall')
    .option(
      '--open-max <number>',
      'requests that are open at the same time, 1 to 1000; the next one is started when one has ended',
      '100',
    )
    .option('--no-wait', 'end when the last request is started, without its result')
    .option('--out <file>', 'save the result to this file, one line for each request, instead of printing it')
    .addHelpText('after', BATCH_HELP)
    .action(run(async () => (await import('./batch.js')).batch));

  command(
    'status <id>',
    'print the state of a request, by its workflow id, or its request id if only one request has it',
  ).action(run(async () => (await import('./requests.js')).status));

  command('list', 'list requests, newest first').action(run(async () => (await import('./requests.js')).list));

  command('cancel <id>', 'cancel a request').action(run(async () => (await import('./requests.js')).cancel));

  command('extend <id>', 'extend the legal due date of a request, once, before it has passed')
    .requiredOption('--reason <words>', 'why, in lower-case words joined by hyphens; it stays in the receipt')
    .option('--until <time>', 'ISO 8601 (default: as far as the law allows)')
    .action(run(async () => (await import('./requests.js')).extend));

  command(
    'plan <id>',
    'print what a request is about to hand over or delete, row by row, and how to approve it',
  ).action(run(async () => (await import('./plans.js')).plan));

  command('approve <id>', 'approve the plan that a request waits with, and decide its doubtful rows')
    .requiredOption('--plan <digest>', 'digest that aircall-dsr plan printed')
    .option('--take <refs>', 'rows to hand over or delete, separated by commas, for instance contact-3,call-12')
    .option('--keep <refs>', 'rows to withhold or leave')
    .option('--by <name>', 'name under which your key is registered (default: found by the key)')
    .option('--key <file>', 'your private key, Ed25519 in PEM; better: AIRCALL_DSR_APPROVER_KEY')
    .action(run(async () => (await import('./plans.js')).approve));

  command('reject <id>', 'reject the plan that a request waits with: it ends as denied, and nothing is done')
    .requiredOption('--reason <words>', 'why, in lower-case words joined by hyphens')
    .option('--by <name>', 'name under which your key is registered (default: found by the key)')
    .option('--key <file>', 'your private key, Ed25519 in PEM; better: AIRCALL_DSR_APPROVER_KEY')
    .action(run(async () => (await import('./plans.js')).reject));

  const approvers = program.command('approvers').description('people who may approve plans');

  subcommand(approvers, 'add <name>', 'register the public key of an approver; from then on approvals must be signed')
    .requiredOption('--key <file>', 'public key, Ed25519 in PEM')
    .action(run(async () => (await import('./approvers.js')).add));

  subcommand(approvers, 'list', 'list approvers and the ids of their keys').action(
    run(async () => (await import('./approvers.js')).list),
  );

  subcommand(
    approvers,
    'remove <name>',
    'remove an approver; refused if a connection requires more than would be left',
  ).action(run(async () => (await import('./approvers.js')).remove));

  command('package <id>', 'save the package of an access request')
    .requiredOption('--out <file>', 'file to write')
    .action(run(async () => (await import('./package.js')).savePackageOf));

  command('receipt [id]', 'print the signed receipt of a request that has ended, or all receipts of a connection')
    .option('--chain <name>', 'all receipts of a connection, as one JSON array')
    .option('--repair <name>', 'state in the chain of a connection which of its receipts nobody can read')
    .option('--out <file>', 'save it to this file instead of printing it')
    .action(run(async () => (await import('./receipts.js')).receipt));

  command('verify <file>', 'verify a receipt or a package (zip file or its folder), with neither vault nor server')
    .option('--key <file>', 'public keys, one of which must have signed: the output of `keys public`')
    .option('--chain', 'the file holds all receipts of a connection; refuse it if one is missing')
    .option(
      '--since <digest>',
      'with --chain: the digest that it printed the last time; the chain must still hold that receipt',
    )
    .option('--against <file>', 'the chain of its connection: it must hold the receipt, and not revoke its key')
    .action(run(async () => (await import('./verify.js')).verify));

  command('purge <id>', 'destroy the data of a request that has ended: case file, package, history')
    .option(...YES)
    .action(run(async () => (await import('./purge.js')).purge));

  command('codec-server', 'decrypt payloads for the Temporal Web UI and the temporal command')
    .option('--listen <address>', 'HOST:PORT; beyond this machine it needs a token (default: 127.0.0.1:8888)')
    .option('--ui-origin <url>', 'the Web UI that may send requests (default: http://localhost:8233)')
    .option('--encode', 'encrypt too: anyone who may send requests can then make inputs that workers accept')
    .addOption(logOption())
    .action(run(async () => (await import('./codec-server.js')).codecServer));

  const audit = program.command('audit').description('evidence for an auditor');

  subcommand(audit, 'export <id>', 'save the evidence of a request that has ended in a folder; audit replay checks it')
    .requiredOption('--out <folder>', 'folder to make; it must not exist')
    .action(run(async () => (await import('./audit.js')).auditExport));

  subcommand(audit, 'replay [id]', 'replay histories of a request, a file, a folder, or all, with this version')
    .option('--all', 'all histories of this service on the Temporal server')
    .option('--key <file>', 'with the folder of a bundle: file of public keys; one of them must have signed it')
    .option('--since <time>', 'with --all: only runs that are open or ended from this time on, ISO 8601')
    .action(run(async () => (await import('./audit.js')).auditReplay));

  const keys = program.command('keys').description('the key file named by AIRCALL_DSR_KEYS');

  subcommand(keys, 'generate', 'make a new key file (mode 0600); refuses to overwrite one').action(
    run(async () => (await import('./keys.js')).generateKeys),
  );

  subcommand(keys, 'rotate', 'add a key that decrypts at once and encrypts later; the others still decrypt')
    .option('--after <minutes>', 'minutes until it encrypts: by then every process must have the file (default: 60)')
    .action(run(async () => (await import('./keys.js')).rotate));

  subcommand(keys, 'export', 'write a key file that holds only what a role needs (mode 0600); refuses to overwrite one')
    .requiredOption(
      '--role <role>',
      'client: starts requests; viewer: reads payloads; approver: reads payloads and the vault. None of them signs',
    )
    .requiredOption('--out <file>', 'file to write')
    .action(run(async () => (await import('./keys.js')).exportRole));

  subcommand(keys, 'list', 'list the ids of the keys').action(run(async () => (await import('./keys.js')).list));

  subcommand(keys, 'public', 'print the public keys that verify receipts').action(
    run(async () => (await import('./keys.js')).publicKeys),
  );

  subcommand(
    keys,
    'rotate-signing',
    'replace the key that signs receipts; the old one signs a statement that introduces it',
  ).action(run(async () => (await import('./keys.js')).rotateSigning));

  subcommand(
    keys,
    'revoke <id>',
    'state in every chain that a replaced signing key must not be trusted, if it was stolen',
  )
    .requiredOption('--from <time>', 'since when it may be in wrong hands, ISO 8601')
    .action(run(async () => (await import('./keys.js')).revoke));

  subcommand(keys, 'retire', 'destroy keys that stopped encrypting long ago; refused while a request needs one')
    .option('--older-than <days>', 'days since a key stopped encrypting (default: AIRCALL_DSR_RETENTION_DAYS, or 30)')
    .action(run(async () => (await import('./retire-keys.js')).retire));

  return program;
}
