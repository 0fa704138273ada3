/** The guest's stops and resumes as QEMU tells them, with its own time stamps; libvirt's lifecycle where QEMU's are not told. */
import type { LibvirtConnection } from './connect.js';
import { uuidFromBytes } from './domains.js';
import type { Domain, Message } from './procedures.js';

export type GuestEvent = { readonly at: number } & (
    | { readonly type: 'guest-stopped' }
    | { readonly type: 'guest-resumed' }
    | { readonly type: 'migration-status'; readonly status: string }
);

/** `dom` need not exist yet at a destination: events are told apart by its UUID. */
export async function followGuest(
    connection: LibvirtConnection,
    dom: Pick<Domain, 'uuid'>,
    now: () => number,
    tell: (event: GuestEvent) => void,
    signal: AbortSignal,
): Promise<void> {
    const { callbacks, rpc } = connection;
    const uuid = uuidFromBytes(dom.uuid);
    const monitored = await callbacks.onMonitorEvent(
        rpc,
        ['STOP', 'RESUME', 'MIGRATION'],
        undefined,
        (message) => {
            if (uuidFromBytes(message.dom.uuid) === uuid) fromMonitor(message).forEach(tell);
        },
        signal,
    );
    if (monitored) return;
    await callbacks.onDomainEvent(
        rpc,
        'lifecycle',
        undefined,
        (message) => {
            const type = lifecycle[message.event];
            if (type !== undefined && uuidFromBytes(message.dom.uuid) === uuid) tell({ at: now(), type });
        },
        signal,
    );
}

/** virDomainEventType: suspended and resumed. */
const lifecycle: Readonly<Record<number, 'guest-stopped' | 'guest-resumed'>> = { 3: 'guest-stopped', 4: 'guest-resumed' };

function fromMonitor(message: Message<'monitor'>): readonly GuestEvent[] {
    const at = Number(message.seconds) * 1000 + message.micros / 1000;
    switch (message.event) {
        case 'STOP':
            return [{ at, type: 'guest-stopped' }];
        case 'RESUME':
            return [{ at, type: 'guest-resumed' }];
        case 'MIGRATION': {
            const status = statusOf(message.details);
            return status === undefined ? [] : [{ at, type: 'migration-status', status }];
        }
        default:
            return [];
    }
}

function statusOf(details: string | undefined): string | undefined {
    const data: unknown = JSON.parse(details ?? '{}');
    return typeof data === 'object' && data !== null && 'status' in data && typeof data.status === 'string' ? data.status : undefined;
}
