// What a fresh checkout needs before anything else runs. This file and what it imports run on Node 20.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const floor = [22, 13];

/** Environment of everything that is started from here: the project's own tools and Node come first. */
export const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}` };

/** Runs a command to its end; a failure ends this process with a message that names the command. */
export function run(command, args, options = {}) {
    const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: environment, ...options });
    if (result.error) fail(`${command}: ${result.error.message}`);
    if (result.status !== 0) fail(`\`${[command, ...args].join(' ')}\` ended with ${result.signal ?? result.status}`);
}

export function fail(message) {
    process.stderr.write(`${message}\n`);
    process.exit(1);
}

export const say = (message) => process.stderr.write(`${message}\n`);

/** Packages as the lock file has them, installed once a lock file. */
export function installPackages() {
    const lock = createHash('sha256')
        .update(readFileSync(join(root, 'package-lock.json')))
        .digest('hex');
    const stamp = join(root, 'node_modules', '.mig-installed');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
    say('Installing packages (once) ...');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(stamp, lock);
}

/** The Node that runs the project: the installed one where there is one, else this one if it is new enough. */
export function node() {
    const installed = join(bin, 'node');
    if (existsSync(installed)) return installed;
    const [major, minor] = process.versions.node.split('.').map(Number);
    if (major > floor[0] || (major === floor[0] && minor >= floor[1])) return process.execPath;
    return fail(`Node ${floor.join('.')} or newer is needed, and this is ${process.versions.node}: install a newer Node for this system.`);
}

export const isRoot = () => process.getuid?.() === 0;

/** Debian packages by the program that shows whether they are there. */
const programs = {
    mmdebstrap: 'mmdebstrap',
    ip: 'iproute2',
    tc: 'iproute2',
    unshare: 'util-linux',
    nsenter: 'util-linux',
    zstd: 'zstd',
    tcpdump: 'tcpdump',
};

/** Installs what the lab needs from Debian's packages, where that is possible; says nothing otherwise (the lab says what is missing). */
export function installLabPrograms() {
    const missing = [
        ...new Set(
            Object.entries(programs)
                .filter(([program]) => !has(program))
                .map(([, name]) => name),
        ),
    ];
    if (missing.length === 0 || !isRoot() || !has('apt-get')) return;
    aptInstall(missing);
}

export function aptInstall(names) {
    say(`Installing from Debian's packages: ${names.join(' ')} ...`);
    const apt = (args) =>
        spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
            .status === 0;
    const install = () => apt(['install', '-qq', '-y', '--no-install-recommends', ...names]);
    // A machine's package list may be old or absent; it is only read again where that is so.
    if (!install() && !(apt(['update', '-qq']) && install())) fail(`apt-get could not install ${names.join(' ')}`);
}

export function has(program) {
    return (
        spawnSync('sh', ['-c', `command -v ${program}`], {
            stdio: 'ignore',
            env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
        }).status === 0
    );
}
