/**
 * The source as text, for tests that say where something may stand: files, and their code without comments and without
 * the contents of strings. It parses no more TypeScript than that takes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROOT = join(__dirname, '../..');

export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below folders of the project. */
export function readSources(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .map(path => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') })),
  );
}

export function readProjectFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/**
 * The text without comments; with `strings: 'empty'` also without what strings, templates and regular expressions hold
 * (code in a template's `${}` stays). Line breaks stay.
 */
export function codeOf(text: string, strings: 'keep' | 'empty'): string {
  let code = '';
  let at = 0;
  /** Open braces since each template that code stands in. */
  const templates: number[] = [];
  const take = (end: number, kept: string) => {
    code += kept;
    at = end;
  };
  const until = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) throw new Error(`something that begins at ${at} never ends`);
    return pattern.lastIndex;
  };
  const takeQuoted = (end: number) => {
    const quoted = text.slice(at, end);
    take(end, strings === 'keep' ? quoted : `${quoted.slice(0, 1)}${quoted.slice(-1)}`);
  };
  const takeTemplate = () => {
    const end = until(/(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y);
    const part = text.slice(at, end);
    take(end, strings === 'keep' ? part : part.endsWith('`') ? '`' : '${');
    if (part.endsWith('`')) return;
    templates.push(0);
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    if (rest === '//') take(until(/[^\n]*/y), '');
    else if (rest === '/*') take(at + 2, '');
    else if (rest.startsWith("'")) takeQuoted(until(/'(?:[^'\\\n]|\\.)*'/y));
    else if (rest.startsWith('"')) takeQuoted(until(/"(?:[^"\\\n]|\\.)*"/y));
    // `/>` closes an element of a page.
    else if (rest.startsWith('/') && rest !== '/>' && /(?:^|[(,=:[!&|?{};>]|\breturn)\s*$/.test(code.slice(-40)))
      takeQuoted(until(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//y));
    else if (rest.startsWith('`')) {
      take(at + 1, '`');
      takeTemplate();
    } else if (rest.startsWith('}') && templates.at(-1) === 0) {
      templates.pop();
      take(at + 1, '}');
      takeTemplate();
    } else {
      const change = rest.startsWith('{') ? 1 : rest.startsWith('}') ? -1 : 0;
      if (templates.length > 0) templates.push((templates.pop() ?? 0) + change);
      take(at + 1, rest.slice(0, 1));
    }
    if (rest === '/*') {
      const comment = text.slice(at, until(/[\s\S]*?\*\//y));
      take(at + comment.length, comment.replace(/[^\n]/g, ''));
    }
  }
  return code;
}
