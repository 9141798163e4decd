import { createNameFinder } from '../../src/redaction/scanning';
import { createTextMasker } from '../../src/redaction/texts';

const { mask } = createTextMasker(
  {
    emails: new Set(["o'brien@example.org", 'anna@example.org', '0612345679@example.org']),
    numbers: new Set(['33639981234', '442079460958', '4915123456789']),
    otherNumbers: new Set(['33612345679', '16175550144']),
  },
  [{ reason: 'agent', find: createNameFinder(['julie martin']), label: () => 'Agent 1' }],
);

test.each([
  ['anna@example.org'],
  ['mail=Anna@Example.org.'],
  ["write to o'brien@example.org, please"],
  ['<anna@example.org>'],
  ['a\u200bnna@example.org'],
  ['her number is +33 6 39 98 12 34'],
  ['+33639981234 12 Nov'],
  ['+44 (0)20 7946 0958'],
  ['call 020 7946 0958'],
  ['https://example.org/?to=%2B33639981234'],
  ['+49 1512 3456789 10:30'],
  ['0612345679@example.org'],
])('%j is the subject and stays', text => {
  expect(mask(text)).toEqual({ text, reasons: [] });
});

test.each([
  ['order 4500012345'],
  ['invoice 2026-11-30/0001'],
  ['0612345678'],
  ['061234567901'],
  ['DE88370400440532013000'],
  ['GB82 WEST 1234'],
  ['RF18 5390 0754 7034'],
  ['a @ b, 5 @ 3.50'],
  ['@handle'],
  ['+12'],
  ['2*2345678'],
  ['https://example.org/help?page=2'],
  ['https://example.org/?a=1%2B1&order=2B4500012345'],
  ['and/or, 1.5/2, aircall.io, example.org/aircall.io/a'],
  ['notaircall.io/v1/1'],
])('%j names nobody and stays', text => {
  expect(mask(text)).toEqual({ text, reasons: [] });
});

test.each([
  ['write to bob@example.org.', 'write to [email removed].', ['email']],
  ['bob%40example.org', '[email removed]', ['email']],
  ['"bob smith"@example.org', '[email removed]', ['email']],
  ['bob@münchen.example', '[email removed]', ['email']],
  ['x-anna@example.org', '[email removed]', ['email']],
  ['anna@example.org.uk', '[email removed]', ['email']],
  ['bob@example.org;anna@example.org', '[email removed];anna@example.org', ['email']],
  ['call +33 6 99 99 99 99!', 'call [phone number removed]!', ['phone']],
  ['call (+33) 699 99 99 99', 'call ([phone number removed]', ['phone']],
  ['https://x.example/?to=%2B33698765432&a=1', 'https://x.example/?to=[phone number removed]&a=1', ['phone']],
  ['%2b(33)698765432', '[phone number removed]', ['phone']],
  ['\uff0b33\u00a06\u201199 99 99 99', '[phone number removed]', ['phone']],
  ['+١٦١٧٥٥٥٠١٤٤', '[phone number removed]', ['phone']],
  ['06 12 34 56 79', '[phone number removed]', ['phone']],
  ['0033612345679', '[phone number removed]', ['phone']],
  ['33612345679', '[phone number removed]', ['phone']],
  ['(617) 555-0144', '([phone number removed]', ['phone']],
  ['12/05 06.12.34.56.79', '12/05 [phone number removed]', ['phone']],
  ['IBAN: de89 3704 0044 0532 0130 00, thanks', 'IBAN: [IBAN removed], thanks', ['iban']],
  ['GB82WEST12345698765432', '[IBAN removed]', ['iban']],
  ['see https://x.s3.amazonaws.com/a?b=1 now', 'see [link removed] now', ['link']],
  ['https://cdn.example/a.mp3?X-Amz-Signature=1', '[link removed]', ['link']],
  ['https://assets.aircall.io/calls/1/recording', '[link removed]', ['link']],
  ['see (short-urls.aircall.io/v1/abc now', 'see ([link removed] now', ['link']],
  ['at:Short-URLs.Aircall.io/v1/abc', 'at:[link removed]', ['link']],
  ['x.s3.amazonaws.com/a.mp3', '[link removed]', ['link']],
  ['https://x.aircall.io/?mail=anna@example.org', '[link removed]', ['link']],
])('%j becomes %j', (text, masked, reasons) => {
  expect(mask(text)).toEqual({ text: masked, reasons });
});

/** Of CPU, not of a clock: other processes may be busy. What goes by the square of the length takes minutes. */
const CPU_SECONDS_MAX = 1;

test.each([
  'a',
  '@',
  'a@',
  'a@b.c ',
  '@b.c',
  '%40example.org',
  '"@example.org ',
  '=a@b.cc',
  '+1 ',
  '+1234567 ',
  '1 ',
  '1',
  '+33 6 12 34 56 78, ',
  'DE11 ',
  'AL35 ',
  'MT31 ',
  'DE89370400440532013000 ',
  'https://',
  'https://x.y ',
  'x.y/',
  'x.y/ ',
  '%2B',
  '(',
  '"',
  '"@',
  '\u200b',
  'x-amz-',
  'a@b.\u3002',
  '\u0661 ',
  '\u00e9\u0301 ',
  'a ',
  'julie ',
  'julie martin ',
])('half a megabyte of %j takes no longer than their length allows', unit => {
  const text = unit.repeat(500_000 / unit.length);
  const before = process.cpuUsage();
  mask(text);
  const { user } = process.cpuUsage(before);
  expect(user / 1_000_000).toBeLessThan(CPU_SECONDS_MAX);
});
