/** The disks that go along with one VM, at its source: from their first mirror to the last word of it. */
import type { BytesPerSecond } from '@mig/language';
import type { HostAccess } from '../../ssh/access.js';
import type { MoveParameters, MoveSetting, Prepared } from '../port.js';
import type { CopiedDisk } from './disks.js';
import { clearMirrors, type DiskFigures, Mirrors } from './mirrors.js';
import { addressOf, mustReach, readDoor } from './nbd.js';
import type { QmpConnection } from './qmp.js';

export class DiskCopy {
    readonly disks: readonly CopiedDisk[];
    readonly #access: HostAccess;
    readonly #qmp: QmpConnection;
    readonly #vm: string;
    #mirrors: Mirrors | undefined;

    constructor(access: HostAccess, qmp: QmpConnection, vm: string, disks: readonly CopiedDisk[]) {
        this.disks = disks;
        this.#access = access;
        this.#qmp = qmp;
        this.#vm = vm;
    }

    /** Settles when all have caught up: before any of the memory is sent, so that the switch waits for little. */
    async mirror(
        { migrateUri, technique }: MoveParameters,
        { cookie }: Prepared,
        share: BytesPerSecond | undefined,
        signal: AbortSignal,
    ): Promise<void> {
        if (this.disks.length === 0) return;
        const [door, address] = [readDoor(this.#access.host, cookie), addressOf(migrateUri)];
        await mustReach(this.#access, this.#vm, address, door, signal);
        this.#mirrors = await Mirrors.begin(this.#qmp, this.disks, { vm: this.#vm, address, door, technique, share }, signal);
        await this.#mirrors.ready(signal);
    }

    /** At `pre-switchover`: the guest stands still, its disks are brought to their end, and QEMU goes on. */
    async letSwitch(signal: AbortSignal): Promise<void> {
        await this.#mirrors?.end(signal);
        await this.#qmp.execute('migrate-continue', { state: 'pre-switchover' }, signal);
    }

    /** Rejects when a mirror ends by itself; none where nothing is mirrored. */
    get broken(): readonly Promise<never>[] {
        return this.#mirrors ? [this.#mirrors.broken] : [];
    }

    async figures(signal: AbortSignal): Promise<DiskFigures | undefined> {
        return this.#mirrors?.figures(signal);
    }

    async setShare(share: BytesPerSecond | undefined, signal: AbortSignal): Promise<void> {
        await this.#mirrors?.setShare(share, signal);
    }

    async settings(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        return (await this.#mirrors?.settings(signal)) ?? [];
    }

    /** The guest's disks are its source's alone again. */
    async breakOff(signal: AbortSignal): Promise<void> {
        this.#mirrors?.close();
        if (this.disks.length > 0) await clearMirrors(this.#qmp, signal);
    }

    close(): void {
        this.#mirrors?.close();
    }
}
