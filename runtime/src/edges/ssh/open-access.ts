import type { InventoryHost } from '../../core/index.js';
import type { HostAccess } from './access.js';
import { ownEnvironment, type SshEnvironment } from './environment.js';
import { openLocal } from './local-access.js';
import { openSsh } from './ssh-access.js';

/** Opens the way to a host of the inventory. Errors are `HypervisorError`s: unreachable, host key, authentication. */
export async function openAccess(
    host: InventoryHost,
    signal: AbortSignal,
    environment: SshEnvironment = ownEnvironment(),
): Promise<HostAccess> {
    const { connection } = host;
    return connection.kind === 'local' ? openLocal(host.name) : openSsh(host.name, connection, signal, environment);
}
