/** Capabilities and parameters of QEMU's migration: set, read back and compared. */
import { type InventoryHost, qmpCapabilitiesOf, qmpParametersOf, type MigrateSide, type MoveTechnique } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { QmpConnection } from './qmp.js';
import { takeCredentials } from './tls.js';

/**
 * Errors: refused where one was taken otherwise than asked, or where QEMU does not take the certificates of the host. A level of compression that is not what was asked is none:
 * QEMU before 9.0 takes any and uses 1 (core/versions/matrix.ts).
 */
export async function prepareMigration(
    qmp: QmpConnection,
    at: InventoryHost,
    technique: MoveTechnique,
    side: MigrateSide,
    signal: AbortSignal,
): Promise<void> {
    const capabilities = Object.entries(qmpCapabilitiesOf(technique, side));
    const parameters = Object.entries(qmpParametersOf(technique, side));
    if (technique.options.tls === true) await takeCredentials(qmp, at, side === 'source' ? 'client' : 'server', signal);
    await qmp.execute(
        'migrate-set-capabilities',
        { capabilities: capabilities.map(([capability, state]) => ({ capability, state })) },
        signal,
    );
    await qmp.execute('migrate-set-parameters', Object.fromEntries(parameters), signal);
    const [capable, set] = await Promise.all([
        qmp.execute('query-migrate-capabilities', undefined, signal),
        qmp.execute('query-migrate-parameters', undefined, signal),
    ]);
    const states = new Map(capable.list.map((one) => [one.at('capability').text, one.at('state').flag]));
    const differing = [
        ...capabilities.filter(([name, asked]) => states.get(name) !== asked).map(([name, asked]) => `${name}: ${String(asked)}`),
        ...parameters
            .filter(([name, asked]) => !name.endsWith('-level') && (set.at(name).value ?? '') !== asked)
            .map(([name, asked]) => `${name}: ${String(asked)} (it says ${String(set.at(name).value)})`),
    ];
    if (differing.length === 0) return;
    const { host } = qmp.name;
    throw new HypervisorError('refused', host, `QEMU on ${host} did not take what the migration was set to: ${differing.join(', ')}`, {
        hint: 'take the option out of the technique, or see what this version of QEMU can do (docs/versions.md)',
    });
}
