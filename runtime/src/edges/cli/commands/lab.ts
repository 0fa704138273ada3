import {
    defaultLab,
    guestServices,
    labDown,
    labExec,
    type Leftover,
    leftovers,
    listLabs,
    labUp,
    openLab,
    removeLeftovers,
    startLinuxGuest,
} from '../../lab/door.js';
import type { Console } from '../console.js';
import { startDemoGuests } from './demo-guests.js';

/** Brings hosts up that stay until `lab down`. */
export async function labUpCommand(options: { readonly name: string; readonly guests?: boolean }, console: Console): Promise<void> {
    const lab = await labUp({ ...defaultLab, name: options.name }, { onProgress: (text) => console.err(text) });
    if (options.guests === true) await startDemoGuests(lab, console);
    console.out(`${lab.hosts.map((h) => h.name).join(', ')} are up.`);
    console.out(`Inventory: ${lab.inventoryPath}`);
    console.out('They are reached from inside the lab only:');
    console.out(
        `  mig-run lab exec${options.name === defaultLab.name ? '' : ` --name ${options.name}`} -- mig-run plan examples/evacuate.mig`,
    );
}

export interface LabGuestOptions {
    readonly name: string;
    readonly host?: string;
    readonly memory: number;
    readonly fill: number;
}

/** Starts a Linux VM in a lab that is up. */
export async function labGuestCommand(vm: string, options: LabGuestOptions, console: Console): Promise<void> {
    const lab = await openLab(options.name);
    const host = options.host ?? lab.hosts[0]?.name ?? '';
    const spec = { name: vm, memoryMiB: options.memory, fillMiB: options.fill };
    const { address } = await startLinuxGuest(lab, host, spec, { onProgress: (text) => console.err(text) });
    console.out(`${vm} runs on ${host} and answers at ${address}, on the lab's networks alone.`);
    const ports = Object.entries(guestServices).map(([service, port]) => `${port} (${service})`);
    console.out(`It listens on ports ${ports.join(', ')}.`);
}

/** Takes a lab down, and everything that a crashed one left. */
export async function labDownCommand(options: { readonly name: string }, console: Console): Promise<void> {
    const found = (await listLabs()).some((lab) => lab.name === options.name);
    if (found) await labDown(options.name);
    const removed = await removeLeftovers();
    for (const one of removed) console.out(`removed ${describe(one)}`);
    console.out(found ? `lab ${options.name} is down` : `no lab ${options.name} was up`);
}

export async function labListCommand(console: Console): Promise<void> {
    const labs = await listLabs();
    for (const lab of labs) console.out(`${lab.name}: ${lab.hosts.map((h) => `${h.name} (${h.release})`).join(', ')}`);
    const left = await leftovers();
    for (const one of left) console.out(`left over: ${describe(one)}`);
    if (left.length > 0) console.out('`mig-run lab down` removes what is left over');
    if (labs.length === 0 && left.length === 0) console.out('no lab is up');
}

const describe = (one: Leftover): string => `${one.lab}: ${one.what}`;

/** Runs a command inside the lab and ends as it ends. `mig-run` is this one, wherever it was started from. */
export async function labExecCommand(
    command: readonly string[],
    options: { readonly name: string; readonly host?: string },
): Promise<void> {
    const [first, ...rest] = command;
    const self = process.argv[1];
    const argv = first === 'mig-run' && options.host === undefined && self !== undefined ? [process.execPath, self, ...rest] : [...command];
    const { code } = await labExec(options.name, argv, { host: options.host });
    process.exit(code);
}
