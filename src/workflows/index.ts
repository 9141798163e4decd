/**
 * The workflows of the bundle. Exported names are workflow types: permanent once released.
 */
export { accessRequest } from './access';
export { deletionRequest } from './deletion';
export { fetchPages } from './fetch-pages';
export { fetchParts } from './fetch-parts';
export { renewCredential } from './renew-credential';
export { retentionSweep } from './retention-sweep';
/** The SDK takes the default export for types that have no function. */
export { unknownType as default } from './unknown-type';
export { wakeRequests } from './wake-requests';
