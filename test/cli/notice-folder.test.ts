/** The folder of `connect --notice`: its texts by language, or the reason why it is not taken. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noticeIn } from '../../src/commands/notices';
import { LANGUAGES } from '../../src/request/options';
import { NOTICE_BYTES_MAX } from '../../src/vault/notices';
import { makeFolder, removeFolder } from '../support/folders';

let folder: string;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => removeFolder(folder));

const write = (name: string, content: string | Uint8Array = '# Hello') => writeFileSync(join(folder, name), content);

test('a text for each language, byte by byte, without the mark at the beginning of some files', async () => {
  write('en.md', '# Who we are\n\n<b>Acme</b>\r\n');
  write('fr.md', '\uFEFFÀ propos de nous');
  write('notes.txt', 'not ours');
  expect(await noticeIn(folder)).toEqual({ en: '# Who we are\n\n<b>Acme</b>\r\n', fr: 'À propos de nous' });
  for (const language of LANGUAGES) write(`${language}.md`, language);
  expect(await noticeIn(folder)).toEqual(Object.fromEntries(LANGUAGES.map(language => [language, language])));
});

test('a text as long as it may be', async () => {
  write('de.md', 'ü'.repeat(NOTICE_BYTES_MAX / 2));
  expect((await noticeIn(folder)).de).toHaveLength(NOTICE_BYTES_MAX / 2);
});

test.each<[string, () => void, RegExp]>([
  ['no Markdown file', () => write('en.txt'), /no Markdown file/],
  ['a file of a language that packages do not have', () => write('sv.md'), /another name than en\.md, fr\.md/],
  ['a file in capital letters', () => write('EN.md'), /another name/],
  ['a file whose ending is in capital letters', () => write('en.MD'), /another name/],
  ['a file of a region', () => write('en-GB.md'), /another name/],
  ['an empty file', () => write('it.md', ''), /it\.md .* is empty/],
  ['a blank file', () => write('it.md', '\uFEFF \n\t\n'), /it\.md .* is empty/],
  ['a file that is not UTF-8', () => write('fr.md', Buffer.from('Procédé', 'latin1')), /fr\.md .* is not UTF-8/],
  ['a file that is too large', () => write('fr.md', 'é'.repeat(NOTICE_BYTES_MAX / 2 + 1)), /larger than 128 KiB/],
  ['a folder in the place of a file', () => mkdirSync(join(folder, 'es.md')), /es\.md .* is no file/],
])('is refused with %s, also beside good files', async (_, spoil, words) => {
  if (words.source !== 'no Markdown file') write('nl.md', 'Goed');
  spoil();
  const refused: unknown = await noticeIn(folder).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'usage', exit: 2, message: expect.stringMatching(words) });
  expect(String(refused)).not.toContain(folder);
});

test('is refused if it is no folder', async () => {
  write('en.md');
  for (const place of ['', join(folder, 'missing'), join(folder, 'en.md')])
    await expect(noticeIn(place)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('folder') });
});
