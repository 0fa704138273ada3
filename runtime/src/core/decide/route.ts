/** Where a move goes over, and what it holds at its source. */
import type { MigrationAddress } from '../model/inventory.js';
import { bracketed } from './qmp-call.js';

/** Where the lock of a VM stands on its source host. */
export const lockFile = (uuid: string): string => `/run/mig-run/${uuid}.lock`;

/** What the source's hypervisor connects to; the destination adds a port. */
export const uriOf = (route: MigrationAddress): string => `tcp:${bracketed(route.address)}`;
