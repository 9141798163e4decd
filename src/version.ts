/** The version of the product, as receipts state it; a test compares it with package.json. Workflow-safe: plain data. */
export const VERSION = '0.1.0';
