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
                    sequence: { groupOrder: 0 },
                },
            },
            serial('cli', 1, 60_000),
            serial('lab', 2, 180_000),
            serial('editor', 3, 180_000),
        ],
    },
});

/** Tests that start processes, hosts or an editor: one file after the other, and one project after the other. */
function serial(name: string, groupOrder: number, testTimeout: number) {
    return {
        resolve,
        ssr,
        test: {
            name,
            include: [`test/${name}/**/*.test.ts`],
            globalSetup: ['test/kit/build-once.ts'],
            fileParallelism: false,
            testTimeout,
            hookTimeout: 300_000,
            sequence: { groupOrder },
        },
    };
}
