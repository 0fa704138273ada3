import type { Inventory } from '../../core/index.js';
import { systemClock } from '../execute/clock.js';
import type { OpenSession } from './sessions.js';

/**
 * Opens sessions by each host's driver. Drivers are loaded when the first host needs them. Simulated hosts live as long
 * as what is returned here.
 */
export function openSessionOf(
    inventory: Inventory,
    options: { /** They are opened to observe. */ readonly lookAhead?: boolean } = {},
): OpenSession {
    let simulated: Promise<OpenSession> | undefined;
    return async (host, signal) => {
        switch (host.driver) {
            case 'libvirt': {
                const { createLibvirtSession } = await import('./libvirt/session.js');
                return createLibvirtSession(host, signal, options);
            }
            case 'simulated':
                simulated ??= simulatedHosts(inventory);
                return (await simulated)(host, signal);
            case 'qemu': {
                const { createQemuSession } = await import('./qemu/session.js');
                return createQemuSession(host, signal);
            }
        }
    };
}

async function simulatedHosts(inventory: Inventory): Promise<OpenSession> {
    const { createSimulatedHypervisors } = await import('./simulated/hypervisors.js');
    const hypervisors = createSimulatedHypervisors(inventory, { clock: systemClock, seed: 1 });
    return (host, signal) => hypervisors.session(host, signal);
}
