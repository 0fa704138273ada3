/** The figures of a run, from its events: what is under way now, and counts of what has happened. */
import type { EpochMs } from '@mig/language';
import {
    downtimeSoFar,
    type MigrationEvent,
    type MoveId,
    type MoveStatus,
    type MoveView,
    nothingYet,
    progressOf,
    type RunView,
} from '../../core/index.js';
import { exposition, type Family, type Sample } from './exposition.js';

const statuses: readonly MoveStatus[] = ['waiting', 'running', 'moved', 'failed', 'aborted', 'skipped', 'held'];
/** How a move may end; each is told from the start, so that a rate over it is right from the first. */
const outcomes: readonly MoveStatus[] = ['moved', 'failed', 'aborted', 'skipped', 'held'];

export class RunMetrics {
    #view: RunView = nothingYet;
    /** Sent in attempts that are over. */
    #sentBefore = 0;
    readonly #sent = new Map<MoveId, number>();
    readonly #counts = new Map<CounterName, Map<string, { readonly labels: Readonly<Record<string, string>>; n: number }>>();

    hear(event: MigrationEvent): void {
        this.#view = progressOf(this.#view, event);
        switch (event.type) {
            case 'run-started':
                for (const outcome of outcomes) this.#count('mig_moves_total', { outcome }, 0);
                return;
            case 'move-started':
                this.#sentBefore += this.#sent.get(event.move) ?? 0;
                this.#sent.delete(event.move);
                return this.#count('mig_attempts_total', {});
            case 'progress':
            case 'job-completed':
                this.#sent.set(event.move, event.transferred);
                return;
            case 'move-ended':
                return this.#count('mig_moves_total', { outcome: event.outcome });
            case 'hook-ended':
                return this.#count('mig_hooks_total', { when: event.hook.when, outcome: event.outcome });
            case 'verified':
                return this.#count('mig_checks_total', { kind: event.check.check.kind, outcome: event.outcome });
            case 'blackout':
                return this.#count('mig_blackouts_total', { seen: String(event.blackoutMs !== undefined) });
            case 'rung-fired':
                return this.#count('mig_rungs_fired_total', {});
            case 'postcopy-started':
                return this.#count('mig_postcopy_switches_total', {});
            case 'setting-applied':
                return this.#count('mig_settings_total', { setting: event.setting, agrees: String(event.agrees) });
            case 'note':
                return this.#count('mig_notes_total', { level: event.level });
            case 'effort':
                return this.#count('mig_cpu_seconds_total', { host: event.on, side: event.side }, event.cpuMs / 1000);
            case 'link-counted':
                this.#count('mig_link_bytes_total', { host: event.host, network: event.network, direction: 'sent' }, event.sent);
                return this.#count(
                    'mig_link_bytes_total',
                    { host: event.host, network: event.network, direction: 'received' },
                    event.received,
                );
            case 'shutdown-ended':
                return this.#count('mig_shutdowns_total', { outcome: event.outcome });
            case 'shutdown-started':
            case 'run-stopping':
            case 'run-ended':
            case 'host-lost':
            case 'host-back':
            case 'move-queued':
            case 'move-redirected':
            case 'move-returning':
            case 'phase-entered':
            case 'phase-ended':
            case 'iteration':
            case 'guest-stopped':
            case 'guest-resumed':
            case 'hook-started':
            case 'arrived':
                return; // what they say is in the view
        }
    }

    /** All figures as Prometheus reads them. */
    text(now: EpochMs): string {
        const families = [...this.#ofRun(now), ...this.#ofMoves(now), ...this.#counters()];
        return exposition(families);
    }

    #ofRun(now: EpochMs): readonly Family[] {
        const { run, startedAt, outcome, moves, lostHosts } = this.#view;
        const all = [...moves.values()];
        const ended = outcome !== undefined;
        return [
            gauge('mig_run_info', 'The run that these figures are of.', [
                { labels: { run: run ?? '' }, value: run === undefined ? undefined : 1 },
            ]),
            gauge('mig_run_active', 'Whether the run is under way.', [{ value: run === undefined ? undefined : ended ? 0 : 1 }]),
            gauge('mig_run_start_time_seconds', 'When the run began, since the epoch.', [
                { value: startedAt === undefined ? undefined : startedAt / 1000 },
            ]),
            gauge('mig_run_end_time_seconds', 'When the run ended, since the epoch.', [
                { value: ended ? (this.#view.now ?? now) / 1000 : undefined },
            ]),
            gauge(
                'mig_run_outcome',
                'How the run ended: 1 for the outcome that it had.',
                ended
                    ? (['complete', 'incomplete', 'stopped'] as const).map((one) => ({
                          labels: { outcome: one },
                          value: one === outcome ? 1 : 0,
                      }))
                    : [],
            ),
            gauge('mig_update_time_seconds', 'When these figures were told, since the epoch.', [{ value: now / 1000 }]),
            gauge('mig_hosts_lost', 'Hosts that do not answer.', [{ value: run === undefined ? undefined : lostHosts.length }]),
            gauge(
                'mig_moves',
                'Moves of the plan by what they are at.',
                run === undefined
                    ? []
                    : statuses.map((status) => ({ labels: { status }, value: all.filter((m) => m.status === status).length })),
            ),
        ];
    }

    /** Of moves that have begun; what is only true while a move is under way is left out when it is not. */
    #ofMoves(now: EpochMs): readonly Family[] {
        const begun = [...this.#view.moves.values()].filter((m) => m.startedAt !== undefined);
        const at = this.#view.outcome === undefined ? now : (this.#view.now ?? now);
        return moveFigures.map(({ name, help, value }) =>
            gauge(
                name,
                help,
                begun.map((move): Sample => ({ labels: labelsOf(move), value: value(move, at) })),
            ),
        );
    }

    #counters(): readonly Family[] {
        const sent = this.#sentBefore + [...this.#sent.values()].reduce((sum, n) => sum + n, 0);
        return [
            {
                name: 'mig_transferred_bytes_total',
                type: 'counter',
                help: 'Bytes sent by all moves and attempts, as the hypervisors count them.',
                samples: [{ value: this.#view.run === undefined ? undefined : sent }],
            },
            ...[...this.#counts].map(
                ([name, by]): Family => ({
                    name,
                    type: 'counter',
                    help: counterHelp[name],
                    samples: [...by.values()].map(({ labels, n }) => ({ labels, value: n })),
                }),
            ),
        ];
    }

    #count(name: CounterName, labels: Readonly<Record<string, string>>, by = 1): void {
        const of = this.#counts.get(name) ?? new Map<string, { readonly labels: Readonly<Record<string, string>>; n: number }>();
        this.#counts.set(name, of);
        const key = JSON.stringify(labels);
        const counter = of.get(key) ?? { labels, n: 0 };
        counter.n += by;
        of.set(key, counter);
    }
}

const counterHelp = {
    mig_moves_total: 'Moves that have ended, by outcome.',
    mig_attempts_total: 'Attempts at moves.',
    mig_hooks_total: 'Hooks that were run, by outcome.',
    mig_checks_total: 'Arrived VMs that were asked for an answer, by outcome.',
    mig_blackouts_total: 'VMs whose blackout a probe was to see, by whether it did.',
    mig_rungs_fired_total: 'Rungs of ladders that fired.',
    mig_postcopy_switches_total: 'Switches to post-copy.',
    mig_settings_total: 'Settings that were made, by whether the hypervisor says the same when it is asked.',
    mig_shutdowns_total: 'VMs that cannot move and were to be shut down, by outcome.',
    mig_notes_total: 'Notes, warnings and alarms.',
    mig_cpu_seconds_total: "CPU time of the hypervisors' processes for sending and receiving, beside that of the guests.",
    mig_link_bytes_total: "Bytes that a host's link carried while moves went over it, by its own counters.",
} as const;

type CounterName = keyof typeof counterHelp;

const labelsOf = ({ vm, source, destination }: MoveView): Readonly<Record<string, string>> => ({ vm, source, destination });

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
const underWay = (move: MoveView, value: number | undefined): number | undefined => (move.status === 'running' ? value : undefined);

const moveFigures: readonly {
    readonly name: string;
    readonly help: string;
    readonly value: (move: MoveView, now: EpochMs) => number | undefined;
}[] = [
    { name: 'mig_move_active', help: 'Whether the move is under way.', value: (m) => (m.status === 'running' ? 1 : 0) },
    { name: 'mig_move_memory_bytes', help: 'Memory of the VM.', value: (m) => m.memory },
    { name: 'mig_move_transferred_bytes', help: 'Sent in this attempt.', value: (m) => m.transferred },
    { name: 'mig_move_remaining_bytes', help: 'Memory that is still to be sent.', value: (m) => underWay(m, m.remaining) },
    { name: 'mig_move_done_ratio', help: 'Share of the memory that has arrived; it never goes back.', value: (m) => m.done },
    { name: 'mig_move_rate_bytes_per_second', help: 'How fast it is sent.', value: (m) => underWay(m, m.rate) },
    { name: 'mig_move_dirty_rate_bytes_per_second', help: 'How fast the guest writes to memory.', value: (m) => underWay(m, m.dirtyRate) },
    { name: 'mig_move_bandwidth_cap_bytes_per_second', help: 'The cap in force.', value: (m) => underWay(m, m.cap) },
    { name: 'mig_move_throttle_ratio', help: "Share by which the guest's CPUs are slowed.", value: (m) => underWay(m, m.throttle) },
    { name: 'mig_move_eta_seconds', help: 'Until it is expected to end.', value: (m) => underWay(m, seconds(m.eta)) },
    { name: 'mig_move_iteration', help: 'Pass over the memory that it is at.', value: (m) => m.iteration },
    { name: 'mig_move_attempt', help: 'Attempt that it is at.', value: (m) => m.attempt },
    { name: 'mig_move_postcopy', help: 'Whether it has switched to post-copy.', value: (m) => (m.postcopy ? 1 : 0) },
    {
        name: 'mig_move_downtime_seconds',
        help: 'How long the guest has stood still so far.',
        value: (m, now) => seconds(downtimeSoFar(m, now)),
    },
    { name: 'mig_move_blackout_seconds', help: 'How long it did not answer on the network.', value: (m) => seconds(m.blackout) },
    {
        name: 'mig_move_duration_seconds',
        help: 'Since its first start.',
        value: (m, now) => (m.startedAt === undefined ? undefined : Math.max(0, (m.endedAt ?? now) - m.startedAt) / 1000),
    },
];

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: 'gauge', help, samples });
