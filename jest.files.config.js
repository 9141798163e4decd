/** Test files one by one, as `npx jest --config jest.files.config.js test/service/access`. */
const config = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/test/groups/', '/test/slow/'],
};
