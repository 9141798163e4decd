/**
 * Which links somebody signed: whoever has one needs nothing else to open what it leads to. The one list, for records that are stored and
 * for packages. Pure. Facts: docs/aircall.md 7; the names are those of Amazon, Google and Azure, and what others call such a key.
 */

/** Within a query or fragment, also one that is part of HTML; Amazon's names also inside of another link's parameter. */
const SIGNATURE = /[?&;#](?:x-amz-|x-goog-|signature=|sig=|token=|access_token=|awsaccesskeyid=|key-pair-id=)|x-amz-/i;
const QUERY = /[?&;#]/;

/**
 * Where the part of a link begins in which its signature stands, in UTF-16 units; undefined if nobody signed it. Takes time by its length.
 * @param link one word, from its scheme on or not
 */
export function signedFrom(link: string): number | undefined {
  const signature = link.search(SIGNATURE);
  if (signature < 0) return undefined;
  const query = link.search(QUERY);
  return query < 0 ? signature : Math.min(query, signature);
}
