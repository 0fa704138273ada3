/** QEMU's events that tell of a move, with its own time stamps. */
import type { QmpEvent } from './qmp.js';

export type GuestEvent = { readonly at: number } & (
    | { readonly type: 'guest-stopped' }
    | { readonly type: 'guest-resumed' }
    | { readonly type: 'migration-status'; readonly status: string }
    | { readonly type: 'iteration'; readonly iteration: number }
);

export function guestEvent({ name, data, at }: QmpEvent): GuestEvent | undefined {
    switch (name) {
        case 'STOP':
            return { at, type: 'guest-stopped' };
        case 'RESUME':
            return { at, type: 'guest-resumed' };
        case 'MIGRATION': {
            const status = data.at('status').text;
            return status === undefined ? undefined : { at, type: 'migration-status', status };
        }
        case 'MIGRATION_PASS': {
            const iteration = data.at('pass').number;
            return iteration === undefined ? undefined : { at, type: 'iteration', iteration };
        }
        default:
            return undefined;
    }
}
