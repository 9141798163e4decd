/** Node built-ins and our TypeScript through swc; node-fetch 3, its parts and preact are ESM, so they are transformed too. */
const transform = {
  '^.+\\.tsx$': [
    '@swc/jest',
    {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', tsx: true },
        transform: { react: { runtime: 'automatic', importSource: 'preact' } },
      },
      module: { type: 'commonjs' },
    },
  ],
  '^.+\\.m?[jt]s$': [
    '@swc/jest',
    { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
  ],
};

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Each a process that runs many files; jest.files.config.js runs a file alone.
  testMatch: ['<rootDir>/test/groups/*.test.ts'],
  transform,
  // Modules that commands load when they run are named as they are in dist.
  moduleNameMapper: { '^(\\.{1,2}/.+)\\.js$': ['$1.js', '$1.ts'] },
  transformIgnorePatterns: ['/node_modules/(?!(node-fetch|data-uri-to-buffer|fetch-blob|formdata-polyfill|preact)/)'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Above the patience of test/support/patience.ts, which says what was waited for.
  testTimeout: 600_000 * Number(process.env.TEST_PATIENCE ?? '1'),
  // Most of a file is waiting for the server: more of them than processors.
  maxWorkers: 5,
};
