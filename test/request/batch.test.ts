/** A batch file becomes requests, or every problem by its line; whatever it holds, nothing of it is told but good ids. */
import { createHmac } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import {
  BATCH_ROWS_MAX,
  BATCH_SIZE_BYTES_MAX,
  type Batch,
  BatchRefused,
  CELL_LENGTH_MAX,
  parseBatch as parseWith,
} from '../../src/request/batch';
import { NAME_PATTERN } from '../../src/request/names';

const SEED = { seed: 8, numRuns: 200 };
const keyed = (key: string) => (value: string) => createHmac('sha256', key).update(value).digest('hex').slice(0, 32);
const hash = keyed('a key');

const parseBatch = (text: string | Uint8Array, connection = 'acme'): Batch =>
  parseWith({ bytes: Buffer.from(text), connection, hash });

function refusal(text: string | Uint8Array): string {
  try {
    parseBatch(text);
  } catch (error) {
    if (error instanceof BatchRefused) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

/** The problems, without the sentence before them. */
const problemsOf = (text: string | Uint8Array) => refusal(text).split('\n').slice(1);

const HEADER = 'requestId,kind,email,phone';
const file = (...rows: string[]) => [HEADER, ...rows, ''].join('\n');
const ONE = file('case-1,access,anna.secret@example.com,+33123456789');

describe('a file', () => {
  test('may say which rows a person must approve; a row that says so is another request', () => {
    const row = (cell: string) => `kind,requestId,email,requireApproval\ndeletion,,a@example.com,${cell}\n`;
    const requests = ['yes', 'no', ''].map(cell => parseBatch(row(cell)).requests[0]);
    expect(requests.map(request => request?.input.requireApproval)).toEqual([true, false, undefined]);
    expect(new Set(requests.map(request => request?.workflowId)).size).toBe(3);
    const [without] = parseBatch('kind,requestId,email\ndeletion,,a@example.com\n').requests;
    expect(requests[2]?.workflowId).toBe(without?.workflowId);
    expect(problemsOf(row('perhaps'))).toEqual(['line 2: requireApproval takes yes, no, or nothing']);
  });

  test('may say when each person asked; the law is that of all', () => {
    const text =
      'kind,requestId,email,submittedAt\naccess,,a@example.com,2026-01-05\naccess,,a@example.com,2026-02-05\n';
    const { requests } = parseWith({ bytes: Buffer.from(text), connection: 'acme', regime: 'gdpr', hash });
    expect(requests.map(({ input: { regime, submittedAt } }) => [regime, submittedAt])).toEqual([
      ['gdpr', '2026-01-05'],
      ['gdpr', '2026-02-05'],
    ]);
    expect(problemsOf('kind,requestId,email,submittedAt\naccess,,a@example.com,soon\n')).toEqual([
      expect.stringContaining('line 2: submittedAt takes a date or time in ISO 8601'),
    ]);
  });

  test('becomes one request a row, in its order, with the lines that ask for each', () => {
    expect(parseBatch(file('case-1,access,anna@example.com,+33123456789', 'case-2,deletion,ben@example.com,'))).toEqual(
      {
        rows: 2,
        requests: [
          {
            kind: 'access',
            workflowId: 'dsr:acme:access:case-1',
            lines: [2],
            input: {
              kind: 'access',
              requestId: 'case-1',
              connection: 'acme',
              subject: { emails: ['anna@example.com'], phoneNumbers: ['+33123456789'] },
              priority: 'batch',
            },
          },
          {
            kind: 'deletion',
            workflowId: 'dsr:acme:deletion:case-2',
            lines: [3],
            input: {
              kind: 'deletion',
              requestId: 'case-2',
              connection: 'acme',
              subject: { emails: ['ben@example.com'], phoneNumbers: [] },
              priority: 'batch',
            },
          },
        ],
      },
    );
  });

  test.each([
    ['with a byte order mark', `\uFEFF${ONE}`],
    ['with the line breaks of Windows', ONE.replaceAll('\n', '\r\n')],
    ['with those of old Macs', ONE.replaceAll('\n', '\r')],
    ['without a line break at its end', ONE.trimEnd()],
    ['with empty lines', ONE.replaceAll('\n', '\n\n')],
    ['with empty rows of a spreadsheet', `${ONE},,,\n,,,\n`],
    ['with empty columns of a spreadsheet', ONE.replaceAll('\n', ',,\n').replace(/\n,,\n?$/, '\n')],
    ['with every cell in quotes', ONE.trimEnd().replace(/[^,\n]+/g, '"$&"')],
    ['with blanks around the cells', ONE.trimEnd().replace(/[^,\n]+/g, ' $& ')],
    ['with quotes and blanks', ONE.trimEnd().replace(/[^,\n]+/g, ' " $& " ')],
    ['separated by semicolons', ONE.replaceAll(',', ';')],
    [
      'with its columns in another order',
      'phone,email,kind,requestId\n+33123456789,anna.secret@example.com,access,case-1',
    ],
  ])('%s is the same file', (_, text) => {
    expect(parseBatch(text).requests.map(({ input }) => input)).toEqual(
      parseBatch(ONE).requests.map(({ input }) => input),
    );
  });

  test('needs no column for phones, nor a cell for them at the end of a row', () => {
    const bare = 'requestId,kind,email\ncase-1,access,anna@example.com\n';
    expect(parseBatch(bare)).toEqual(parseBatch(file('case-1,access,anna@example.com')));
  });

  test.each([
    ['+33123456789 +4930123456'],
    ['+33 1 23 45 67 89 +49 30 123456'],
    ['+33123456789;+4930123456'],
    ['"+33123456789, +4930123456"'],
    ['"+33123456789\n+4930123456"'],
    ['+33123456789 / +49 30 123456 ;'],
    ['+33123456789 /| / +49 30 123456 | /'],
  ])('may give several numbers in one cell: %j', cell => {
    const [request] = parseBatch(file(`,access,anna@example.com,${cell}`)).requests;
    const numbers = request?.input.subject.phoneNumbers.map(number => number.replaceAll(' ', ''));
    expect(numbers).toEqual(['+33123456789', '+4930123456']);
  });
});

describe('a row', () => {
  test.each([
    ['anna@example.com;anna@work.example'],
    ['"anna@example.com, anna@work.example"'],
    ['"anna@example.com\nanna@work.example"'],
    [' anna@example.com ; anna@work.example ; '],
  ])('may give several addresses of one person in one cell: %j', cell => {
    const [request] = parseBatch(file(`,access,${cell},`)).requests;
    expect(request?.input.subject.emails).toEqual(['anna@example.com', 'anna@work.example']);
  });

  test('may give numbers alone, with a column for addresses or without one', () => {
    const subject = { emails: [], phoneNumbers: ['+33123456789'] };
    const [request] = parseBatch(file(',deletion,,+33123456789')).requests;
    expect(request?.input.subject).toEqual(subject);
    expect(parseBatch('requestId,kind,phone\n,deletion,+33123456789\n').requests).toEqual([request]);
  });
});

describe('the same row', () => {
  test('twice is one request, and both lines are told', () => {
    const { rows, requests } = parseBatch(
      file(
        'case-1,access,anna@example.com,',
        ',access,ben@example.com,',
        'case-1,access,ANNA@example.com ,',
        ',access,ben@example.com,',
      ),
    );
    expect(rows).toBe(4);
    expect(requests.map(({ lines }) => lines)).toEqual([
      [2, 4],
      [3, 5],
    ]);
  });

  test('without a request id has the same one in every file, whatever is written around it', () => {
    const idOf = (row: string, connection = 'acme') => parseBatch(file(row), connection).requests[0]?.input.requestId;
    const id = idOf(',access,anna@example.com,+33123456789 +4930123456');
    expect(id).toMatch(/^row-[0-9a-f]{32}$/);
    expect(idOf('"" , access,Anna@Example.COM,+49 30 123456;+33 1 23 45 67 89')).toBe(id);
    expect(idOf(',access,a@b.example;c@d.example,')).toBe(idOf(',access,C@d.example;a@b.example;A@b.example,'));
    const others = [
      idOf(',deletion,anna@example.com,+33123456789 +4930123456'),
      idOf(',access,anna@example.com,+33123456789'),
      idOf(',access,anna@example.org,+33123456789 +4930123456'),
      idOf(',access,anna@example.com,+33123456789 +4930123456', 'globex'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  test('has an id that nobody without the key can find out', () => {
    const row = file(',access,anna@example.com,');
    const theirs = parseWith({ bytes: Buffer.from(row), connection: 'acme', hash: keyed('another key') });
    expect(theirs.requests[0]?.input.requestId).not.toBe(parseBatch(row).requests[0]?.input.requestId);
  });
});

describe('a file that is not good', () => {
  test.each<[string, string | Uint8Array, string[]]>([
    ['nothing in it', '', [expect.stringMatching(/^the header takes/)]],
    ['no rows', HEADER, ['it has a header and no rows']],
    [
      'bytes of another encoding',
      Buffer.from(file('case-1,access,ren\u00e9@example.com,'), 'latin1'),
      [expect.stringContaining('UTF-8')],
    ],
    ['UTF-16', Buffer.from(`\uFEFF${ONE}`, 'utf16le'), [expect.stringContaining('UTF-8')]],
    ['too many bytes', Buffer.alloc(BATCH_SIZE_BYTES_MAX + 1, 'x'), [expect.stringContaining('8 MiB')]],
    [
      'too many rows',
      file(...Array.from({ length: BATCH_ROWS_MAX + 1 }, (_, row) => `r${row},access,a@b.c,`)),
      [expect.stringContaining(`at most ${BATCH_ROWS_MAX}`)],
    ],
    [
      'no header',
      'case-1,access,anna.secret@example.com',
      [1, 2, 3]
        .map(column => expect.stringMatching(`^line 1: column ${column} is unknown`))
        .concat(
          ['requestId', 'kind', 'email or phone'].map(name =>
            expect.stringMatching(`^line 1: column ${name} is missing`),
          ),
        ),
    ],
    [
      'an unknown column',
      'requestId,kind,email,name\nx,access,a@b.c,Anna',
      [expect.stringMatching(/^line 1: column 4 is unknown/)],
    ],
    ['a column twice', 'requestId,kind,email,email\nx,access,a@b.c,d@e.f', ['line 1: column email occurs twice']],
    ['no column for kinds', 'requestId,email\nx,a@b.c', [expect.stringMatching(/^line 1: column kind is missing/)]],
    [
      'a kind that is none',
      file('x,delete,a@b.c,', 'y,Access,a@b.c,'),
      ['line 2: kind takes access or deletion', 'line 3: kind takes access or deletion'],
    ],
    ['nobody', file('x,access,,'), ['line 2: email and phone are empty: one of them takes an identity']],
    [
      'an address that nobody can have',
      file('x,access,a@b..c,', 'y,access,good@b.c;mailto:a@b.c;*@b.c,'),
      [
        expect.stringMatching(/^line 2: email takes one e-mail address.*: correct its dots/),
        expect.stringMatching(
          /^line 3: email takes one .*: leave out mailto:; email takes one .*: give the address itself/,
        ),
      ],
    ],
    [
      'a header without addresses and numbers',
      'requestId,kind\nx,access',
      [expect.stringMatching(/^line 1: column email or phone is missing/)],
    ],
    [
      'an address as request id',
      file('anna.secret@example.com,access,a@b.c,'),
      [expect.stringMatching(/^line 2: requestId takes 1 to 64/)],
    ],
    [
      'a national number',
      file('x,access,a@b.c,+33123456789;0612345678'),
      [expect.stringMatching(/^line 2: phone takes telephone numbers/)],
    ],
    [
      'two numbers, one without its country',
      file('x,access,a@b.c,+33123456789 0612345678'),
      [expect.stringMatching(/^line 2: phone takes/)],
    ],
    [
      'a number that a spreadsheet has spoilt',
      file('x,access,a@b.c,3.31235E+10'),
      [expect.stringMatching(/^line 2: phone takes/)],
    ],
    ['more cells than columns', file('x,access,a@b.c,,z'), ['line 2: has 5 cells, and the header 4']],
    [
      'one request id for two requests',
      file('case-1,access,anna@b.c,', ',access,ben@b.c,', 'case-1,access,cara@b.c,'),
      ['line 4: request id case-1 is on line 2 with another request'],
    ],
    [
      'one request id for both kinds',
      file('case-1,access,anna@b.c,', 'case-1,deletion,anna@b.c,'),
      ['line 3: request id case-1 is on line 2 with another request'],
    ],
    [
      'a stray quote',
      file('x,access,"a"@b.c,', 'y,nothing,a@b.c,'),
      [expect.stringMatching(/^line 2: a quote is at a place where no quote may be/)],
    ],
    [
      'a quote that never closes',
      file('x,nothing,a@b.c,', '', '"y,access,a@b.c,', 'z,access,a@b.c'),
      [
        'line 2: kind takes access or deletion',
        expect.stringMatching(/^line 4: a quoted cell of this row never closes/),
      ],
    ],
  ])('because of %s is refused, with the line and what would be right', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  test('holds no cell beyond 6,144 characters: a longer one is not looked into', () => {
    const blanks = (length: number) => `+33123456789${' '.repeat(length - 24)}+33123456780`;
    const [request] = parseBatch(file(`case-1,access,anna@example.com,${blanks(CELL_LENGTH_MAX)}`)).requests;
    expect(request?.input.subject.phoneNumbers).toEqual(['+33123456789', '+33123456780']);
    const long = 'x'.repeat(CELL_LENGTH_MAX + 1);
    expect(problemsOf(file(`case-1,access,anna@example.com,${blanks(80_000)}`, `,access,${long},${long}`))).toEqual([
      'line 2: phone takes at most 6144 characters',
      'line 3: email takes at most 6144 characters',
      'line 3: phone takes at most 6144 characters',
    ]);
  });

  test('is told with all its problems, counted, by the lines that an editor shows', () => {
    const text = [
      HEADER,
      '"case\r\n\r\n1",x,,',
      '',
      ',access,good@example.com,"+33123456789',
      '+4930123456"',
      'y,access,a@b.c,12',
    ].join('\r\n');
    expect(refusal(text)).toMatch(/^Nothing was started: the file has 3 problems:\nline 2: /);
    expect(problemsOf(text).map(problem => problem.split(':')[0])).toEqual(['line 2', 'line 2', 'line 8']);
  });

  test('is refused in words that hold nothing of it', () => {
    const secret = fc
      .tuple(fc.constantFrom('anna.secret', '"anna.secret', 'anna.secret;', '\nanna.secret'), fc.string())
      .map(([first, rest]) => `${first}${rest}@@`);
    const cell = fc.oneof(secret, fc.constantFrom('', 'access', 'deletion', HEADER, '+33 12', '"'));
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { maxLength: 5 }), { minLength: 1, maxLength: 5 }),
        secret,
        (rows, header) => {
          const body = rows.map(row => row.join(',')).join('\n');
          for (const text of [`${HEADER}\nx,access,${header},\n${body}`, `${header}\n${body}`])
            expect(refusal(text)).not.toMatch(/anna|secret|@@/);
        },
      ),
      SEED,
    );
  });
});

describe('any file of good rows', () => {
  const name = fc
    .string({ unit: fc.constantFrom(...'ABCxyz019._-'), minLength: 1, maxLength: 20 })
    .filter(text => NAME_PATTERN.test(text));
  const email = fc
    .tuple(fc.stringMatching(/^[a-zé0-9+'-]{1,6}(\.[a-zé0-9+'-]{1,6})?$/), fc.domain())
    .map(([user, domain]) => `${user}@${domain}`);
  const phone = fc.array(fc.stringMatching(/^\+49 30 [1-9]\d{5,7}$/), { maxLength: 3 });
  const row = fc.record({ kind: fc.constantFrom('access', 'deletion'), email, phone, named: fc.boolean() });
  const rows = fc
    .uniqueArray(name, { minLength: 1, maxLength: 20 })
    .chain(ids => fc.tuple(...ids.map(id => row.map(each => ({ ...each, requestId: each.named ? id : '' })))));
  const written = fc.record({
    quoted: fc.boolean(),
    bom: fc.boolean(),
    delimiter: fc.constantFrom(',', ';'),
    record_delimiter: fc.constantFrom<'unix' | 'windows' | 'mac'>('unix', 'windows', 'mac'),
    columns: fc.shuffledSubarray(['requestId', 'kind', 'email', 'phone'], { minLength: 4 }),
  });

  test('is read as it was written, however it is written, and each row is one request', () => {
    fc.assert(
      fc.property(rows, written, (given, how) => {
        const cells = given.map(({ phone: numbers, ...each }) => ({ ...each, phone: numbers.join(' ') }));
        const { rows: read, requests } = parseBatch(stringify(cells, { header: true, ...how }));
        expect(read).toBe(given.length);
        expect(requests.flatMap(({ lines }) => lines).sort((a, b) => a - b)).toEqual(
          given.map((_, index) => index + 2),
        );
        for (const { kind, input, lines, workflowId } of requests) {
          const wanted = given[(lines[0] ?? 0) - 2];
          expect(kind).toBe(wanted?.kind);
          expect(input.subject).toEqual({ emails: [wanted?.email], phoneNumbers: [...new Set(wanted?.phone)] });
          expect(input.requestId).toMatch(wanted?.requestId || /^row-[0-9a-f]{32}$/);
          expect(workflowId).toBe(`dsr:acme:${kind}:${input.requestId}`);
        }
      }),
      SEED,
    );
  });

  test('gives the same ids again, in any order of its rows', () => {
    fc.assert(
      fc.property(
        rows.chain(given => fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length }))),
        ([given, shuffled]) => {
          const idsOf = (some: typeof given) => {
            const cells = some.map(({ phone: numbers, ...each }) => ({
              ...each,
              phone: [...numbers].reverse().join(';'),
            }));
            return parseBatch(stringify(cells, { header: true, columns: ['requestId', 'kind', 'email', 'phone'] }))
              .requests.map(({ workflowId }) => workflowId)
              .sort();
          };
          expect(idsOf(shuffled)).toEqual(idsOf(given));
        },
      ),
      SEED,
    );
  });
});
