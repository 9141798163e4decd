/**
 * The notice of the company (Art. 15(1) GDPR) as a page, from Markdown. The operator wrote it; still no HTML of it is taken over, and
 * of an image only its text, so that the page loads nothing.
 */
import MarkdownIt from 'markdown-it';
import type { Language } from '../../request/options';
import { Frame, type PageFile, pageFile } from './frame';
import type { Words } from './words';

export const NOTICE_PATH = 'notice.html';

export interface Notice {
  /** Of the text; the page around it has that of the package. */
  readonly language: Language;
  /** Markdown. */
  readonly text: string;
}

/** In UTF-16 units. */
const NOTICE_LENGTH_MAX = 1_000_000;

const SAFE_LINK = /^(https?:\/\/|mailto:|tel:)/i;

/** @throws RangeError for a notice longer than a million characters */
export function noticePage({ language, text }: Notice, words: Words): PageFile {
  if (text.length > NOTICE_LENGTH_MAX) throw new RangeError('the notice is longer than a million characters');
  const { catalog } = words;
  return pageFile(NOTICE_PATH, () => (
    <Frame
      title={catalog.help.noticeTitle}
      words={words}
      header={
        <p>
          <a href="index.html">{catalog.paging.back}</a>
        </p>
      }
    >
      {/* Made by the Markdown library, with HTML off. */}
      <section class="notice" lang={language} dangerouslySetInnerHTML={{ __html: htmlOf(text) }} />
    </Frame>
  ));
}

function htmlOf(markdown: string): string {
  const library = new MarkdownIt({ html: false, linkify: false, typographer: false });
  const { escapeHtml } = library.utils;
  library.renderer.rules.image = (tokens, place) => escapeHtml(tokens[place]?.content ?? '');
  library.validateLink = (url: string) => SAFE_LINK.test(url);
  // The page has a heading of its own: those of the notice stand below it.
  library.core.ruler.push('lower-headings', ({ tokens }) => {
    for (const token of tokens)
      if (token.type === 'heading_open' || token.type === 'heading_close')
        token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 1)}`;
  });
  return library.render(markdown);
}
