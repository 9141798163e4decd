/** What may be said of a package as a whole, on its first page and in README.txt: never that there is nothing, if something may have been missed. */
import { isWhole } from '../../request/whole';
import { PAGE_SOURCES, type PageContent } from './content';

/** Nothing is in it, nothing was withheld, and all was searched. */
export function isEmpty(content: PageContent): boolean {
  return isComplete(content) && PAGE_SOURCES.every(source => content[source].length === 0);
}

/** No record was withheld, and all was searched. */
export function isComplete(content: PageContent): boolean {
  return isSearched(content) && content.withheld.every(({ count }) => count === 0);
}

/** Each source was searched to its end, or there was nothing to search for. */
export function isSearched({ coverage }: PageContent): boolean {
  return PAGE_SOURCES.every(source => isWhole(coverage[source]));
}
