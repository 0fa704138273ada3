/** Which capability each technique, option and rung is: one row each, for the compiler and for what decides whether it can be carried out. */
import type { Rung, TechniqueKind, TechniqueOptions } from '../program.js';
import type { FeatureId } from './features.js';

export const techniqueFeature: Readonly<Record<TechniqueKind, FeatureId>> = {
    precopy: 'technique.precopy',
    postcopy: 'technique.postcopy',
    hybrid: 'technique.hybrid',
    'stop-and-copy': 'technique.stop-and-copy',
    'scatter-gather': 'technique.scatter-gather',
    agile: 'technique.agile',
    rdma: 'technique.rdma',
    'traffic-sensitive': 'technique.traffic-sensitive',
};

const optionFeatures: Readonly<Record<keyof TechniqueOptions, FeatureId>> = {
    downtimeMs: 'option.downtime',
    streams: 'option.streams',
    compression: 'option.compression',
    xbzrleCache: 'option.xbzrle',
    throttle: 'option.throttle',
    postcopyBandwidth: 'option.postcopy-bandwidth',
    holdPredictedDirty: 'option.hold-predicted-dirty',
    storage: 'option.storage',
    tls: 'option.tls',
    never: 'option.never',
    via: 'technique.scatter-gather',
    zeroCopy: 'option.zero-copy',
    switchoverAck: 'option.switchover-ack',
    dirtyLimit: 'option.dirty-limit',
};

const named = Object.entries(optionFeatures) as readonly (readonly [keyof TechniqueOptions, FeatureId])[];

/** What options ask for. */
export function featuresOfOptions(options: TechniqueOptions): readonly FeatureId[] {
    const found: FeatureId[] = [];
    for (const [option, feature] of named) {
        if (options[option] === undefined) continue;
        found.push(option === 'compression' && options.compression?.method === 'mt' ? 'option.compression-mt' : feature);
    }
    return found;
}

export function rungFeature(rung: Rung): FeatureId {
    switch (rung.action.kind) {
        case 'downtime':
            return 'rung.downtime';
        case 'throttle':
            return 'rung.throttle';
        case 'switch-to-postcopy':
            return 'rung.postcopy';
        case 'pause':
            return 'rung.pause';
        case 'report':
            return 'rung.report';
        case 'bandwidth':
            return 'rung.bandwidth';
        case 'abort':
            return rung.on.kind === 'after' ? 'rung.time-bound' : 'rung.abort';
    }
}
