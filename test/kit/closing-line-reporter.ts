import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with one plain line of counts, so that any tool that reads test output can tell that tests ran. */
export default class ClosingLineReporter implements Reporter {
    onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
        const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
        for (const module of modules) {
            if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed++;
            for (const test of module.children.allTests()) {
                const state = test.result().state;
                if (state === 'passed' || state === 'failed' || state === 'skipped') count[state]++;
            }
        }
        // After the default reporter's own summary.
        setImmediate(() => process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`));
    }
}
