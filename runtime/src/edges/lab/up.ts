import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, cp, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { labDown } from './down.js';
import { LabError } from './errors.js';
import { labCommand } from './exec.js';
import { hostFiles, knownHostsText } from './host-files.js';
import { ensureImage, type Image, type ImageOptions } from './image.js';
import { inventoryText } from './inventory-file.js';
import { newKeyPair } from '../ssh/key-pair.js';
import { labPaths, labsDir } from './paths.js';
import { hostVariable, identify, isFirst, isSame, markedProcesses, markVariable, type ProcessId } from './processes.js';
import type { Release } from './recipe.js';
import { assertSupported } from './requirements.js';
import { mustRun } from './run.js';
import { hostScript, labScript, releaseWord, tieWord, type HostScriptInput } from './scripts.js';
import { defaultLab, placeHosts, type LabSpec } from './spec.js';
import { hostRecord, isRunning, pathInHost, readState, writeState, type Lab } from './state.js';

export interface LabUpOptions extends ImageOptions {
    /** The lab ends when this process does, however it ends. */
    readonly tied?: boolean;
}

/** A lab of one's own: disposing of it takes it down. */
export type OwnedLab = Lab & AsyncDisposable;

/**
 * Builds a lab and returns when every host's libvirt answers. What a dead lab of the same name left is cleared away first.
 * If anything fails, or the signal fires, nothing is left.
 * @throws LabError `lab-unsupported`, `lab-image-failed`, `lab-exists`, `lab-start-failed`, `lab-bad-options`
 */
export async function labUp(spec: LabSpec = defaultLab, options: LabUpOptions = {}): Promise<OwnedLab> {
    const hosts = placeHosts(spec);
    await assertSupported({ cacheDir: options.cacheDir, releases: hosts.map((host) => host.release) });
    await clearTheWay(spec.name);
    const images = new Map<Release, Image>();
    for (const release of new Set(hosts.map((host) => host.release))) images.set(release, await ensureImage(release, options));

    const paths = labPaths(spec.name);
    await takeDirectory(paths.dir, spec.name);
    try {
        const inputs = hosts.map((host): HostScriptInput => {
            const image = imageOf(images, host.release);
            const guestTraffic = spec.guestTraffic ?? 'own-link';
            return {
                host,
                paths: paths.host(host.name),
                guestTraffic,
                imageRoot: image.root,
                capabilities: image.capabilities,
                bootId: randomUUID(),
            };
        });
        const owner = identify(process.pid);
        if (owner === undefined)
            throw new LabError('lab-start-failed', 'this process cannot be found under /proc', { hint: 'mount /proc' });
        const starting: Lab = {
            kind: 'mig-lab',
            version: 1,
            name: spec.name,
            mark: `${spec.name}:${randomBytes(8).toString('hex')}`,
            phase: 'starting',
            owner,
            tied: options.tied ?? false,
            hosts: inputs.map((input) => hostRecord(input.host, input.imageRoot, input.bootId)),
            inventoryPath: paths.inventory,
            identityPath: paths.identity,
            knownHostsPath: paths.knownHosts,
        };
        await writeState(starting);
        await writeFiles(spec, inputs);
        options.onProgress?.(`starting ${hosts.length} hosts`);
        const started = await spawnLab(starting, paths.script, paths.log);
        await waitForHosts(spec.name, inputs, started.process, options.signal);
        const lab = withProcesses(starting);
        await warm(lab, [...images.values()], options.signal);
        await writeState(lab);
        await started.tell(lab.tied ? tieWord : releaseWord);
        return { ...lab, [Symbol.asyncDispose]: () => labDown(lab.name) };
    } catch (error) {
        await labDown(spec.name);
        throw error;
    }
}

async function clearTheWay(name: string): Promise<void> {
    const old = await readState(name);
    if (old !== undefined && (isRunning(old) || (old.phase === 'starting' && isSame(old.owner)))) throw alreadyThere(name);
    await labDown(name);
}

/** The directory is the lab's lock: who makes it, starts the lab. */
async function takeDirectory(dir: string, name: string): Promise<void> {
    await mkdir(labsDir, { recursive: true, mode: 0o755 });
    await mkdir(dir, { mode: 0o700 }).catch((error: unknown) => {
        throw error instanceof Error && 'code' in error && error.code === 'EEXIST' ? alreadyThere(name) : error;
    });
}

const alreadyThere = (name: string): LabError =>
    new LabError('lab-exists', `a lab '${name}' is there already`, { hint: `use it, or end it with: mig-run lab down --name ${name}` });

function imageOf(images: ReadonlyMap<Release, Image>, release: Release): Image {
    const image = images.get(release);
    if (image === undefined) throw new LabError('lab-image-failed', `no image of ${release}`, { hint: 'report this as a defect' });
    return image;
}

async function writeFiles(spec: LabSpec, inputs: readonly HostScriptInput[]): Promise<void> {
    const paths = labPaths(spec.name);
    const hosts = inputs.map((input) => input.host);
    const identity = newKeyPair(`lab ${spec.name}`);
    const hostKeys = new Map(hosts.map((host) => [host.name, newKeyPair(host.name)] as const));
    const knownHosts = knownHostsText(hosts, new Map([...hostKeys].map(([name, pair]) => [name, pair.public])));
    await writeFile(paths.identity, identity.private, { mode: 0o600 });
    await writeFile(`${paths.identity}.pub`, `${identity.public}\n`);
    await writeFile(paths.knownHosts, knownHosts);
    await writeFile(paths.inventory, inventoryText(spec));
    await mkdir(paths.tools);
    await writeFile(paths.script, labScript(inputs, paths.tools));
    for (const input of inputs) {
        await mkdir(input.paths.files, { recursive: true });
        await mkdir(input.paths.stage);
        await writeFile(input.paths.status, '');
        await writeFile(input.paths.script, hostScript(input, paths.tools));
        const keys = {
            hostKey: hostKeys.get(input.host.name)?.private ?? '',
            identity: identity.private,
            identityPublic: identity.public,
            knownHosts,
        };
        for (const file of hostFiles(input.host, hosts, keys)) {
            const path = join(input.paths.files, file.path);
            await mkdir(dirname(path), { recursive: true, mode: 0o755 });
            await writeFile(path, file.text, { mode: file.mode });
        }
        await chmod(join(input.paths.files, 'root/.ssh'), 0o700);
        await chmod(join(input.paths.files, 'root'), 0o700);
    }
}

interface StartedLab {
    readonly process: ProcessId;
    /** Says what is to become of the lab: `releaseWord` or `tieWord`. */
    readonly tell: (word: typeof releaseWord | typeof tieWord) => Promise<void>;
}

/** Starts the lab's first process, out of reach of the terminal's Ctrl-C: it ends by its closed standard input instead. */
async function spawnLab(lab: Lab, script: string, logPath: string): Promise<StartedLab> {
    const argv = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--', 'sh', script];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C', [markVariable]: lab.mark, [hostVariable]: '' };
    await using log = await open(logPath, 'a', 0o600);
    const child = spawn('unshare', argv, { detached: true, cwd: '/', env, stdio: ['pipe', log.fd, log.fd] });
    const input: Writable | null = child.stdin;
    await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
    });
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined || input === null) throw await startFailure(lab.name, 'the lab ended at once', logPath);
    // The lab may outlive this process or end with it; either way it does not keep it waiting.
    child.unref();
    if (input instanceof Socket) input.unref();
    // A lab that ends early is noticed by its process, not by its input.
    input.on('error', () => undefined);
    const tell: StartedLab['tell'] = (word) =>
        new Promise((resolve) => {
            if (word === releaseWord) input.end(`${word}\n`, resolve);
            else input.write(`${word}\n`, () => resolve());
        });
    return { process: identity, tell };
}

async function waitForHosts(
    name: string,
    inputs: readonly HostScriptInput[],
    root: ProcessId,
    signal: AbortSignal | undefined,
): Promise<void> {
    const waiting = new Set(inputs);
    for (let waited = 0; waiting.size > 0; waited += statusPollMs) {
        signal?.throwIfAborted();
        for (const input of waiting) {
            const status = await readFile(input.paths.status, 'utf8');
            if (status.includes('ready')) waiting.delete(input);
            else if (status.includes('failed')) throw await startFailure(name, `host ${input.host.name} did not start`, input.paths.log);
        }
        if (!isSame(root)) throw await startFailure(name, 'the lab ended while it was starting', labPaths(name).log);
        const slow = [...waiting][0];
        if (slow !== undefined && waited > startPatienceMs)
            throw await startFailure(name, `host ${slow.host.name} is not ready after a minute`, slow.paths.log);
        if (slow !== undefined) await new Promise((resolve) => setTimeout(resolve, statusPollMs));
    }
}

const statusPollMs = 15;
const startPatienceMs = 60_000;

async function startFailure(name: string, what: string, log: string): Promise<LabError> {
    const said = (await readFile(log, 'utf8')).trim().split('\n').slice(-5).join('\n');
    return new LabError('lab-start-failed', `lab '${name}': ${what}: ${said === '' ? 'nothing was logged' : said}`, {
        hint: 'mig-run doctor and mig-run lab list tell what this system lacks and what is left over',
    });
}

function withProcesses(lab: Lab): Lab {
    const first = markedProcesses().filter((process) => process.mark === lab.mark && isFirst(process));
    const find = (host: string): ProcessId => {
        const found = first.find((process) => process.host === host);
        if (found === undefined)
            throw new LabError('lab-start-failed', `lab '${lab.name}': ${host || 'the lab'} ended at once`, { hint: 'try again' });
        return { pid: found.pid, startTime: found.startTime };
    };
    return { ...lab, phase: 'running', process: find(''), hosts: lab.hosts.map((host) => ({ ...host, process: find(host.name) })) };
}

/** Has libvirt probe each image's QEMU once, and keeps what it found for all hosts of this lab and later ones. */
async function warm(lab: Lab, images: readonly Image[], signal: AbortSignal | undefined): Promise<void> {
    for (const image of images) {
        const known = await stat(image.capabilities).catch(() => undefined);
        const [first, ...others] = lab.hosts.filter((host) => host.imageRoot === image.root);
        if (known !== undefined || first === undefined) continue;
        const probe = labCommand(lab, ['virsh', '--connect', 'qemu:///system', 'domcapabilities', '--virttype', 'qemu'], first.name);
        await mustRun(probe, `host ${first.name}: libvirt does not answer`, { signal });
        const found = pathInHost(lab, first.name, cacheInHost);
        for (const other of others)
            await cp(found, pathInHost(lab, other.name, cacheInHost), { recursive: true, preserveTimestamps: true });
        const part = `${image.capabilities}.${process.pid}`;
        await cp(found, part, { recursive: true, preserveTimestamps: true });
        await rm(image.capabilities, { recursive: true, force: true });
        await cp(part, image.capabilities, { recursive: true, preserveTimestamps: true });
        await rm(part, { recursive: true, force: true });
    }
}

const cacheInHost = '/var/cache/libvirt/qemu/capabilities';
