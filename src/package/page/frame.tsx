/**
 * The frame of every page: what it may load (nothing but its own style and the audio beside it), its head, and its footer. A page
 * must never run a script or send a request, whatever records hold.
 */
import { createHash } from 'node:crypto';
import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { STYLE } from './style';
import type { Words } from './words';

/** A file of the package. */
export interface PageFile {
  readonly path: string;
  /** The text of the file, made anew each time. */
  readonly pieces: () => Iterable<string>;
}

const STYLE_DIGEST = createHash('sha256').update(STYLE).digest('base64');
/** `file:` for browsers in which a page opened from a folder has no `'self'`. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_DIGEST}'`,
  "media-src 'self' file:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

interface FrameProps {
  readonly title: string;
  readonly words: Words;
  readonly header: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Frame({ title, words, header, children }: FrameProps) {
  const { catalog, language } = words;
  return (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <meta name="format-detection" content="telephone=no" />
        <title>{title}</title>
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <a class="skip" href="#content">
          {catalog.skipLink}
        </a>
        <header>
          <h1>{title}</h1>
          {header}
        </header>
        <main id="content">{children}</main>
        <footer>
          <p>{catalog.footer}</p>
        </footer>
      </body>
    </html>
  );
}

/** Where the parts of a page stand. Nothing else looks like it: no page has this element, and texts are escaped. */
export function Slot() {
  return <slot />;
}

const SLOT = renderToString(<Slot />);

/**
 * @param path in the package
 * @param parts rendered one by one, so that a large page is never one piece: of a page that has a slot
 */
export function pageFile(path: string, page: () => VNode, parts: () => Iterable<VNode> = () => []): PageFile {
  return {
    path,
    *pieces() {
      const [before = '', after = ''] = renderToString(page()).split(SLOT);
      yield `<!doctype html>\n${before}`;
      for (const part of parts()) yield renderToString(part);
      yield `${after}\n`;
    },
  };
}

/** A part of a page, to which its table of contents leads. */
export function Section(props: { readonly id: string; readonly title: string; readonly children: ComponentChildren }) {
  const { id, title, children } = props;
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}
