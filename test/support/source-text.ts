/**
 * The source as text, for tests that say where something may stand: files, their code without comments and without the
 * contents of strings, and what they import. It parses no more TypeScript than that takes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';

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
      .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
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
    else if (rest.startsWith('/') && /(?:^|[(,=:[!&|?{};>]|\breturn)\s*$/.test(code.slice(-40)))
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

export interface Import {
  /** A path from the project's root without its ending, `node:...`, or the name of a package. */
  readonly target: string;
  /** As it is written. */
  readonly specifier: string;
  /** Gone when the file is compiled. */
  readonly typeOnly: boolean;
}

const STATIC = /^\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*'([^']+)'/gm;
const BARE = /^\s*import\s*'([^']+)'/gm;
const DYNAMIC = /\b(?:import|require(?:\.resolve)?)\(\s*'([^']+)'\s*\)(\s*\.\s*[A-Z])?/g;

/** Static imports and re-exports, dynamic imports, `require.resolve`, and types written as `import('...').Name`. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const code = codeOf(text, 'keep');
  const found = (specifier: string, typeOnly: boolean): Import => ({
    specifier,
    target: specifier.startsWith('.')
      ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '')
      : specifier.startsWith('node:')
        ? specifier
        : (/^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier),
    typeOnly,
  });
  const onlyTypes = (names: string) => /^\{\s*(type\s[^,}]*,?\s*)+\}$/.test(names);
  return [
    ...[...code.matchAll(STATIC)].map(([, type, names = '', from = '']) =>
      found(from, type !== undefined || onlyTypes(names)),
    ),
    ...[...code.matchAll(BARE)].map(([, from = '']) => found(from, false)),
    ...[...code.matchAll(DYNAMIC)].map(([, from = '', name]) => found(from, name !== undefined)),
  ];
}

/** Cycles of a graph, each once, as the names along the way. */
export function cyclesOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const cycles = new Set<string>();
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]) => {
    const place = way.indexOf(name);
    if (place >= 0) {
      cycles.add([...way.slice(place), name].join(' -> '));
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) visit(next, [...way, name]);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
  return [...cycles];
}
