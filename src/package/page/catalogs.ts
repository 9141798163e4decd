/** The catalogs by language. */
import type { Language } from '../../request/options';
import type { Catalog } from './catalog';
import { de } from './catalogs/de';
import { en } from './catalogs/en';
import { es } from './catalogs/es';
import { fr } from './catalogs/fr';
import { it } from './catalogs/it';
import { nl } from './catalogs/nl';
import { pt } from './catalogs/pt';

const CATALOGS = { en, fr, de, es, it, nl, pt } as const satisfies Readonly<Record<Language, Catalog>>;

export function catalogOf(language: Language): Catalog {
  return CATALOGS[language];
}
