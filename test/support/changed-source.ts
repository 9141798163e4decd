/**
 * A room of src/ in which one passage is replaced, to see whether a test would notice. Modules that cannot reach the passage are those
 * of the product.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Options, transformSync } from '@swc/core';

export interface Change {
  /** Of the room, without its ending. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

const SRC = join(__dirname, '../../src');
const OPTIONS: Options = {
  swcrc: false,
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
};

/** By their source: most modules are the same in every change. */
const compiled = new Map<string, string>();

function compile(source: string): string {
  const code = compiled.get(source) ?? transformSync(source, OPTIONS).code;
  compiled.set(source, code);
  return code;
}

/** What a module exports after the change. @throws if the passage is not there once, or the module cannot reach it */
export function loadChanged(room: string, name: string, change: Change): unknown {
  const { file: changedFile, from, to } = change;
  const sources = new Map<string, string>();
  const loaded = new Map<string, unknown>();

  function sourceOf(file: string): string {
    const source = sources.get(file) ?? readFileSync(join(SRC, room, `${file}.ts`), 'utf8');
    sources.set(file, source);
    return source;
  }

  function reaches(file: string): boolean {
    const imported = [...sourceOf(file).matchAll(/ from '\.\/([a-z-]+)';$/gm)].map(([, each = '']) => each);
    return file === changedFile || imported.some(reaches);
  }

  function codeOf(file: string): string {
    if (file !== changedFile) return sourceOf(file);
    const parts = sourceOf(file).split(from);
    if (parts.length !== 2) throw new Error(`${room}/${file}.ts has ${parts.length - 1} times: ${from}`);
    return parts.join(to);
  }

  function load(file: string): unknown {
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const exported = {};
    loaded.set(file, exported);
    new Function('exports', 'require', compile(codeOf(file)))(exported, (path: string) => {
      const [, near] = /^\.\/([a-z-]+)$/.exec(path) ?? [];
      if (near !== undefined && reaches(near)) return load(near);
      return require(path.startsWith('.') ? join(SRC, room, path) : path);
    });
    return exported;
  }

  if (!reaches(name)) throw new Error(`${room}/${name}.ts does not reach ${changedFile}.ts`);
  return load(name);
}
