/** Tests that take minutes: what a killed worker leaves is found only after the time-out of the step it was at. */
process.env.TEST_PATIENCE ??= '4';
const config = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  testMatch: ['<rootDir>/test/slow/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/support/global-setup-slow.ts',
};
