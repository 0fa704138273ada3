/** Whether a host's libvirt and QEMU can do what a technique asks for: refused here, before anything is touched. */
import { copiedDisks, isIncremental, type MigrateSide, type MoveTechnique, within } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import { askedOf, named, refuseByVersion, unsuited } from '../suited.js';
import type { Versions } from './connect.js';

/** Errors: `feature-missing`, with the option, the host and what would do instead. */
export function refuseUnsuited(host: string, versions: Versions, technique: MoveTechnique, side: MigrateSide): void {
    refuseByVersion(host, versions, technique, side);
    const modes = new Set(technique.options.storage?.map(({ mode }) => mode));
    if (modes.has('copy') && isIncremental(technique)) {
        throw unsuited(
            host,
            `libvirt on ${host} copies the disks of one move either whole or above their base, not some so and some so`,
            `write all of ${copiedDisks(technique).join(', ')} as copy, or all as preseeded`,
        );
    }
}

/**
 * prepare3 with POSTCOPY_RESUME follows a null pointer in qemuProcessIncomingDefNew of libvirt 11.3, and the destination's
 * daemon dies with it: the guests run on, but nothing can be asked until it is back. It worked in 9.0. Which version put
 * it right is not known, so everything from 11.2 on, where that function changed, is left alone.
 */
const dies = { from: '11.2' } as const;

/** Errors: `feature-missing` where the daemon of the destination would not live through it. */
export function refuseDeadlyResume(host: string, versions: Versions): void {
    if (!within(versions.libvirt, dies)) return;
    throw unsuited(
        host,
        `a post-copy that broke cannot be taken up again on ${host}: its libvirt ${versions.libvirt} may crash on that call`,
        'the guest waits at the destination with the rest of its memory at the source: touch neither, bring the network between them ' +
            'back, and let QEMU go on by hand (migrate-recover at the destination, while its daemon is stopped, then migrate with ' +
            'resume at the source: docs/safety.md has the steps); then `mig-run resume` settles it',
    );
}

/** What an error of a phase was about, added to what libvirt says: it seldom names the option, or how to mend it. */
export function withOptions(error: unknown, technique: MoveTechnique): unknown {
    if (!(error instanceof HypervisorError) || error.native === undefined) return error;
    const { host, native, message } = error;
    const cause = causes.find(({ asked, says }) => asked(technique) && says.test(message));
    if (cause !== undefined)
        return new HypervisorError('feature-missing', host, `${message}; ${cause.what}`, { cause: error, native, hint: cause.cure(host) });
    const uses = [...askedOf(technique)];
    if (error.code !== 'feature-missing' || uses.length === 0) return error;
    return new HypervisorError('feature-missing', host, `${message}; the move asked for ${named(uses)}`, {
        cause: error,
        native,
        hint: `take it out of the technique, or see what ${host} runs: mig-run doctor`,
    });
}

interface Cause {
    readonly asked: (technique: MoveTechnique) => boolean;
    /** What libvirt says then. */
    readonly says: RegExp;
    readonly what: string;
    readonly cure: (host: string) => string;
}

const causes: readonly Cause[] = [
    {
        asked: ({ options }) => options.tls === true,
        says: /tls|x509|certificate|credential|-cert\.pem/i,
        what: 'the move asked for TLS',
        cure: (host) =>
            `put ca-cert.pem, server-cert.pem and server-key.pem for ${host} into the directory migrate_tls_x509_cert_dir of its ` +
            'qemu.conf (/etc/pki/libvirt-migrate), and those of a client beside them',
    },
    {
        asked: (technique) => copiedDisks(technique).length > 0,
        says: /pre-?creat|storage (target|pool|vol)|no such file|cannot access storage file/i,
        what: 'the move asked for a copy of disks',
        cure: (host) =>
            `make each image on ${host} at the same path and of the same size, or put it into a storage pool that both hosts have`,
    },
];
