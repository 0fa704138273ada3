import { defineConfig } from 'vitest/config';

/** Workspace packages are tested from their sources, so that a test never runs against a stale build. */
const resolve = { conditions: ['source', 'module', 'node', 'development|production'] };
const ssr = { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } };

export default defineConfig({
    test: {
        reporters: ['default', './test/kit/closing-line-reporter.ts'],
        projects: [
            {
                resolve,
                ssr,
                test: {
                    name: 'unit',
                    include: ['{language,runtime,server,extension,scripts}/**/*.test.ts', 'test/house/**/*.test.ts'],
                    exclude: ['**/node_modules/**', '**/dist/**'],
                    testTimeout: 20_000,
                },
            },
            {
                resolve,
                ssr,
                test: {
                    name: 'lab',
                    include: ['test/lab/**/*.test.ts'],
                    fileParallelism: false,
                    testTimeout: 180_000,
                    hookTimeout: 300_000,
                },
            },
            {
                resolve,
                ssr,
                test: {
                    name: 'editor',
                    include: ['test/editor/**/*.test.ts'],
                    fileParallelism: false,
                    testTimeout: 180_000,
                    hookTimeout: 300_000,
                },
            },
        ],
    },
});
