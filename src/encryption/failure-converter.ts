/**
 * Failures travel with their message and stack encrypted; only the type stays readable. Temporal loads this file by its
 * path, inside the workflow isolate too: it must import only the converter.
 */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
