/** QEMU's own monitor, through libvirt: for what libvirt has no call for. Its use taints the domain (inventory: `monitor`). */
import { type QemuSettings, readingCommands } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { LibvirtConnection } from './connect.js';
import { type Domain, procedures } from './procedures.js';

/** What a command is for, in the words of its errors. */
export interface Asking {
    /** `to throttle`. */
    readonly what: string;
    /** What to leave out where the monitor is denied. */
    readonly leave: string;
    /** What QEMU takes. */
    readonly bounds: string;
}

export class QemuMonitor {
    readonly #control: LibvirtConnection;
    readonly #dom: Domain;
    readonly #policy: 'allow' | 'deny';

    constructor(control: LibvirtConnection, dom: Domain, policy: 'allow' | 'deny') {
        this.#control = control;
        this.#dom = dom;
        this.#policy = policy;
    }

    get allowed(): boolean {
        return this.#policy === 'allow';
    }

    /** Why it is not asked, where it is denied. */
    get denial(): string {
        return `the inventory denies QEMU's monitor on ${this.#control.rpc.host}`;
    }

    /** Errors: `feature-missing` where the inventory denies it, `refused` with QEMU's words. */
    async execute(command: string, values: Readonly<Record<string, unknown>>, asking: Asking, signal: AbortSignal): Promise<unknown> {
        const { host } = this.#control.rpc;
        const { name } = this.#dom;
        if (!this.allowed) {
            throw new HypervisorError(
                'feature-missing',
                host,
                `${asking.what} ${name} while it is sent, QEMU's monitor on ${host} must be used, and the inventory denies it`,
                { hint: `write monitor: allow at ${host}, or leave out ${asking.leave}`, vm: name },
            );
        }
        const answer = await this.#ask(command, values, signal);
        if (answer.error === undefined) return answer.return;
        throw new HypervisorError('refused', host, `QEMU on ${host} refuses ${asking.what} ${name}: ${answer.error.desc ?? command}`, {
            hint: `${asking.bounds}; asked for: ${JSON.stringify(values)}`,
            vm: name,
        });
    }

    /** What the migration is set to. Undefined where QEMU does not say. */
    async settings(signal: AbortSignal): Promise<QemuSettings | undefined> {
        const [parameters, capabilities] = await Promise.all(readingCommands.map((command) => this.#ask(command, undefined, signal)));
        if (parameters?.error !== undefined || capabilities?.error !== undefined) return undefined;
        const on = (capabilities?.return ?? []) as readonly { readonly capability: string; readonly state: boolean }[];
        return {
            parameters: (parameters?.return ?? {}) as QemuSettings['parameters'],
            capabilities: new Set(on.filter(({ state }) => state).map(({ capability }) => capability)),
        };
    }

    async #ask(command: string, values: Readonly<Record<string, unknown>> | undefined, signal: AbortSignal): Promise<Answer> {
        const text = JSON.stringify({ execute: command, ...(values && { arguments: values }) });
        const { result } = await this.#control.call(procedures.monitorCommand, { dom: this.#dom, command: text, flags: 0 }, signal);
        return JSON.parse(result) as Answer;
    }
}

interface Answer {
    readonly return?: unknown;
    readonly error?: { readonly desc?: string };
}
