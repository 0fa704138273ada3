import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { epochMs } from '@mig/language';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { guest, moveOf, planOf } from '../execute/testing.js';
import { openJournal, type Journal } from './journal.js';
import { liveness, thisProcess } from './owner.js';
import { journalPath } from './place.js';
import { status, statusOf } from './status.js';

const plan = planOf([moveOf(guest('db'), 'a', 'b'), moveOf(guest('web'), 'a', 'b')]);
const run = { id: 'r1', at: epochMs(1000), controller: 'me@here', simulated: true, plan };
const boots = { source: 'boot-a', destination: 'boot-b' };

let directory = '';
const file = () => join(directory, 'journal.db');
beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mig-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A small file system of one's own needs more than an ordinary user may do. */
function canMount(): boolean {
    const probe = mkdtempSync(join(tmpdir(), 'mig-mount-'));
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'mig-journal-test', probe], { stdio: 'ignore' });
        execFileSync('umount', [probe]);
        return true;
    } catch {
        return false;
    } finally {
        rmSync(probe, { recursive: true, force: true });
    }
}

/** Gives a run to another process. */
function giveAway(path: string, pid: number, started: string): void {
    using db = new DatabaseSync(path);
    db.prepare('UPDATE runs SET owner_pid = ?, owner_started = ?').run(pid, started);
}

describe('a journal', () => {
    test('tells a run as it was written, also after it was closed', () => {
        {
            using journal = openJournal({ path: file() });
            journal.startRun(run);
            expect(journal.startAttempt('r1', 'db', 1, boots, epochMs(2000))).toEqual({ epoch: 1 });
            journal.enter('r1', 'db', ['begin'], epochMs(2001));
            journal.enter('r1', 'db', ['finish', 'finish-sent'], epochMs(2002));
            journal.enter('r1', 'db', ['finish-started', 'confirm'], epochMs(2003));
            journal.endMove('r1', 'web', { outcome: 'skipped', vmOn: 'a', error: { code: 'stopped', message: 'why', hint: undefined } });
        }
        using journal = openJournal({ path: file() });
        const { moves, plan: kept, endedAt } = journal.run('r1');
        expect(kept).toEqual(JSON.parse(JSON.stringify(plan)));
        expect(endedAt).toBeUndefined();
        expect(moves).toMatchObject([
            { id: 'db', state: 'running', phase: 'confirm', finish: 'started', epoch: 1, sourceBoot: 'boot-a', destinationBoot: 'boot-b' },
            { id: 'web', state: 'ended', outcome: 'skipped', vmOn: 'a', error: { code: 'stopped' } },
        ]);
    });

    test('of a new attempt knows nothing of the finish of the one before, and counts its epoch on', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        journal.startAttempt('r1', 'db', 1, boots, epochMs(1));
        journal.enter('r1', 'db', ['finish-sent', 'finish-not-started'], epochMs(2));
        expect(journal.startAttempt('r1', 'db', 2, boots, epochMs(3))).toEqual({ epoch: 2 });
        expect(journal.run('r1').moves[0]).toMatchObject({ attempt: 2, finish: 'not-sent', phase: 'claim' });
    });

    test('can be read by another process while this one writes', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        journal.startAttempt('r1', 'db', 1, boots, epochMs(1));
        journal.enter('r1', 'db', ['perform'], epochMs(2));
        const script = `const { DatabaseSync } = require('node:sqlite');
            console.log(new DatabaseSync(process.argv[1], { readOnly: true }).prepare("SELECT phase FROM moves WHERE id = 'db'").get().phase);`;
        const seen = execFileSync(process.execPath, ['--no-warnings', '-e', script, file()], { encoding: 'utf8' });
        expect(seen.trim()).toBe('perform');
    });

    test('keeps events in their order', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        for (const outcome of ['complete', 'stopped'] as const) journal.note('r1', { at: epochMs(1), type: 'run-ended', outcome });
        expect(journal.events('r1')).toMatchObject([{ outcome: 'complete' }, { outcome: 'stopped' }]);
    });

    test('stands in the state directory of its user', () => {
        expect(journalPath({ XDG_STATE_HOME: '/state', HOME: '/home/me' })).toBe('/state/mig-run/journal.db');
        expect(journalPath({ HOME: '/home/me' })).toBe('/home/me/.local/state/mig-run/journal.db');
        expect(journalPath({ XDG_STATE_HOME: 'relative', HOME: '/home/me' })).toBe('/home/me/.local/state/mig-run/journal.db');
    });

    test('can be read by its user alone', () => {
        using _journal = openJournal({ path: join(directory, 'deep', 'er', 'journal.db') });
        expect(readdirSync(join(directory, 'deep', 'er'))).toContain('journal.db');
    });
});

describe('the owner of a run', () => {
    test('is this process when it starts one, and its status says that it runs', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        expect(journal.run('r1').owner).toEqual(thisProcess());
        expect(status(journal)).toMatchObject([{ id: 'r1', state: 'running' }]);
    });

    test('that was killed leaves an interrupted run, which another process may take over', async () => {
        const child = spawn('sleep', ['60']);
        const { pid = 0 } = child;
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        giveAway(file(), pid, '');
        expect(statusOf(journal, 'r1').state).toBe('running');
        expect(() => journal.claimRun('r1')).toThrow(/is being carried out by process/);
        child.kill('SIGKILL');
        await once(child, 'exit');
        expect(statusOf(journal, 'r1').state).toBe('interrupted');
        expect(journal.claimRun('r1').owner).toEqual(thisProcess());
    });

    test('is told from a later process with the same number by its start', () => {
        const { machine, pid, started } = thisProcess();
        expect(liveness({ machine, pid, started })).toBe('alive');
        expect(liveness({ machine, pid, started: `${started}0` })).toBe('dead');
        expect(liveness({ machine: 'elsewhere', pid, started })).toBe('elsewhere');
    });
});

describe('requests', () => {
    test('reach the run that they are for, each once', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        journal.startRun({ ...run, id: 'r2' });
        journal.requestAbort('r1', 'stop', 'you@there', epochMs(5));
        journal.requestAbort('r1', 'cancel', 'you@there', epochMs(6));
        const [first, second] = journal.requests('r1', 0);
        expect([first?.ask, second?.ask]).toEqual(['stop', 'cancel']);
        expect(journal.requests('r1', first?.seq ?? 0).map((r) => r.ask)).toEqual(['cancel']);
        expect(journal.requests('r2', 0)).toEqual([]);
    });

    test('to a run that has ended are refused', () => {
        using journal = openJournal({ path: file() });
        journal.startRun(run);
        journal.endRun('r1', 'complete', epochMs(9));
        expect(() => journal.requestAbort('r1', 'stop', 'you@there', epochMs(10))).toThrow(/has ended already/);
    });
});

describe('pruning', () => {
    const runs = (journal: Journal) => journal.runs().map((r) => r.id);

    test('forgets old runs that have ended, never the newest and never an unfinished or held one', () => {
        using journal = openJournal({ path: file() });
        for (const [i, id] of ['old', 'held', 'open', 'recent', 'newest'].entries()) {
            journal.startRun({ ...run, id, at: epochMs(i * 1000) });
            if (id === 'held') journal.endMove(id, 'db', { outcome: 'held', vmOn: undefined, error: undefined });
            if (id !== 'open') journal.endRun(id, 'complete', epochMs(i * 1000 + 1));
        }
        expect(journal.prune({ keep: 1, before: epochMs(3500) })).toBe(2);
        expect(runs(journal)).toEqual(['newest', 'open', 'held']);
    });
});

describe('a journal that cannot be kept', () => {
    test('because its directory cannot be written is an error with the path and a cure', () => {
        const blocked = join(directory, 'blocked');
        writeFileSync(blocked, 'a file where a directory should be');
        expect(() => openJournal({ path: join(blocked, 'journal.db') })).toThrow(
            expect.objectContaining({
                code: 'journal-unwritable',
                where: { file: join(blocked, 'journal.db') },
                hint: expect.stringContaining('XDG_STATE_HOME'),
            }),
        );
    });

    test('because a newer program wrote it is refused with both versions', () => {
        openJournal({ path: file() })[Symbol.dispose]();
        {
            using db = new DatabaseSync(file());
            db.exec('PRAGMA user_version = 99');
        }
        expect(() => openJournal({ path: file() })).toThrow(/is of version 99; this mig-run reads up to 1/);
    });

    test('because it is something else is refused and left as it is', () => {
        {
            using db = new DatabaseSync(file());
            db.exec('CREATE TABLE recipes (name TEXT)');
        }
        expect(() => openJournal({ path: file() })).toThrow(expect.objectContaining({ code: 'journal-damaged' }));
        writeFileSync(join(directory, 'text.db'), 'no database at all, but long enough to look like one '.repeat(50));
        expect(() => openJournal({ path: join(directory, 'text.db') })).toThrow(expect.objectContaining({ code: 'journal-damaged' }));
    });

    describe.skipIf(!canMount())('on a full disk', () => {
        const small = () => join(directory, 'small');
        const mount = (size: string): void => {
            mkdirSync(small());
            execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'mig-journal-test', small()]);
        };
        afterEach(() => execFileSync('umount', [small()]));

        test('is an error with the path before a run begins', () => {
            mount('64k');
            expect(() => {
                using journal = openJournal({ path: join(small(), 'journal.db') });
                journal.startRun(run);
            }).toThrow(expect.objectContaining({ code: 'journal-full', where: { file: join(small(), 'journal.db') } }));
        });

        test('leaves nothing of a run that could not begin, however little room was missing', () => {
            mount('4m');
            using journal = openJournal({ path: join(small(), 'journal.db') });
            const filler = join(small(), 'filler');
            const begun: string[] = [];
            for (let free = 0; free <= 1024; free += 16) {
                const { bavail, bsize } = statfsSync(small());
                writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free * 1024)));
                try {
                    journal.startRun({ ...run, id: `r${free}` });
                    begun.push(`r${free}`);
                } catch (error) {
                    expect(error).toMatchObject({ code: 'journal-full' });
                }
                rmSync(filler);
            }
            expect(begun.length).toBeGreaterThan(1);
            expect(begun.length).toBeLessThan(65);
            expect(
                journal
                    .runs()
                    .map(({ id }) => id)
                    .toSorted(),
            ).toEqual(begun.toSorted());
        });

        test('that fills up during a run, the phases can still be written down', () => {
            mount('4m');
            using journal = openJournal({ path: join(small(), 'journal.db') });
            journal.startRun(run);
            expect(() => writeFileSync(join(small(), 'filler'), Buffer.alloc(8 * 1024 * 1024))).toThrow(/ENOSPC/);
            for (const move of ['db', 'web']) {
                journal.startAttempt('r1', move, 1, boots, epochMs(1));
                for (const phase of ['begin', 'prepare', 'perform', 'finish', 'finish-sent', 'finish-started', 'confirm'] as const) {
                    journal.enter('r1', move, [phase], epochMs(2));
                }
                journal.endMove('r1', move, { outcome: 'moved', vmOn: 'b', error: undefined });
            }
            journal.endRun('r1', 'complete', epochMs(3));
            expect(journal.run('r1').moves.map((m) => m.outcome)).toEqual(['moved', 'moved']);
        });
    });
});
