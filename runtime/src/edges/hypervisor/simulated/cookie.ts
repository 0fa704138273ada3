import type { HostName, SimulatedVm, VmUuid } from '../../../core/index.js';
import type { Cookie } from '../port.js';
import type { Copy } from './cluster.js';

/** What simulated hosts tell each other through the phases. */
export interface SimulatedCookie {
    readonly from: HostName;
    readonly uuid: VmUuid;
    readonly vm: SimulatedVm;
    readonly mover: Copy['mover'];
    /** libvirt does not carry it, and neither do simulated hosts. */
    readonly autostart: false;
}

export const writeCookie = (cookie: SimulatedCookie): Cookie => new TextEncoder().encode(JSON.stringify(cookie));

/** Only ever reads what `writeCookie` wrote. */
export const readCookie = (cookie: Cookie): SimulatedCookie => JSON.parse(new TextDecoder().decode(cookie)) as SimulatedCookie;
