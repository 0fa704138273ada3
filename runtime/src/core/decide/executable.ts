import type { FeatureId, TechniqueKind } from '@mig/language';

/**
 * The capabilities of the language that the runtime carries out today. What is not on this list is a warning in `check`
 * and an error in `plan` and run (rules/not-built.ts): it is never silently ignored.
 */
export const executable: ReadonlySet<FeatureId> = new Set<FeatureId>([
    'trigger.condition',
    'trigger.held',
    'trigger.release',
    'trigger.schedule',
    'select.filter',
    'select.order',
    'select.limit',
    'select.until',
    'destination.where',
    'destination.keep-free',
    'destination.apart',
    'destination.with',
    'destination.networks',
    'destination.prefer',
    'destination.gain',
    'technique.precopy',
    'technique.otherwise',
    'option.downtime',
    'rung.time-bound',
    'rung.abort',
    'rung.downtime',
    'rung.report',
    'dedup.none',
    'bandwidth.total',
    'bandwidth.link',
    'bandwidth.host',
    'bandwidth.vm',
    'limit.per-host',
    'limit.in',
    'limit.out',
    'limit.per-link',
    'limit.in-all',
    'require.downtime',
    'require.duration',
    'require.traffic',
    'failure.retry',
    'failure.leave',
    'failure.report',
    'failure.halt-plan',
    'cooldown',
    'priority',
]);

/** Techniques as capabilities. */
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
