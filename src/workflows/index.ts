/**
 * The workflows of the bundle. Exported names are workflow types: permanent once released.
 */
export { accessRequest } from './access';
export { deletionRequest } from './deletion';
export { fetchPages } from './fetch-pages';
export { renewCredential } from './renew-credential';
export { retentionSweep } from './retention-sweep';
