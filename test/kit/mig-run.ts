/** Runs the built `mig-run` as a person would, with a state directory of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { MigrationEvent, Report } from '@mig/runtime/core';

export const root = path.resolve(import.meta.dirname, '../..');
export const migRunPath = path.join(root, 'runtime/bin/mig-run.cjs');

export interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
    /** Both, as they came: what a person sees. */
    readonly all: string;
}

export interface MigRunOptions {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    /** What stands before it on the command line, such as the way into a lab. */
    readonly through?: readonly string[];
}

/** What `mig-run ... --json` told: events, a line each, and the report last. */
export function toldBy({ stdout }: Pick<Ended, 'stdout'>): { readonly events: readonly MigrationEvent[]; readonly report: Report } {
    const lines = stdout.trim().split('\n');
    const events = lines.slice(0, -1).map((line) => JSON.parse(line) as MigrationEvent);
    return { events, report: JSON.parse(lines.at(-1) ?? '') as Report };
}

/** A place for the files of one test: policies, inventories, the journal. Removed when disposed. */
export class Desk implements AsyncDisposable {
    readonly directory: string;

    private constructor(directory: string) {
        this.directory = directory;
    }

    static async clear(): Promise<Desk> {
        return new Desk(await mkdtemp(path.join(os.tmpdir(), 'mig-desk-')));
    }

    /** Writes a file and returns its path. */
    async write(name: string, text: string): Promise<string> {
        const file = path.join(this.directory, name);
        await writeFile(file, text);
        return file;
    }

    at(name: string): string {
        return path.join(this.directory, name);
    }

    async migRun(args: readonly string[], options: MigRunOptions = {}): Promise<Ended> {
        const [command = '', ...rest] = [...(options.through ?? []), process.execPath, migRunPath, ...args];
        const child = spawn(command, rest, {
            cwd: options.cwd ?? this.directory,
            stdio: ['ignore', 'pipe', 'pipe'],
            env: {
                PATH: process.env['PATH'] ?? '',
                HOME: this.directory,
                XDG_STATE_HOME: this.at('state'),
                // Compiled code and the lab's images are kept between tests, and out of what a test looks at.
                XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'),
                NO_COLOR: '1',
                COLUMNS: '100',
                ...options.env,
            },
        });
        let stdout = '';
        let stderr = '';
        let all = '';
        child.stdout.on('data', (chunk: Buffer) => {
            stdout += chunk.toString();
            all += chunk.toString();
        });
        child.stderr.on('data', (chunk: Buffer) => {
            stderr += chunk.toString();
            all += chunk.toString();
        });
        const [code] = (await once(child, 'close')) as [number | null];
        return { code, stdout, stderr, all };
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await rm(this.directory, { recursive: true, force: true });
    }
}
