import { formatQuantity } from '@mig/language';
import { commandText } from '../../core/show/around.js';
import { downtimeSoFar, type MigrationEvent, type MoveView, type Palette, type RunView } from '../../core/index.js';

/** An event in a line, where a person would miss it; undefined for the others. */
export function importantText(event: MigrationEvent, view: RunView, palette: Palette): string | undefined {
    const move = 'move' in event && event.move !== undefined ? view.moves.get(event.move) : undefined;
    const vm = palette(move?.vm ?? '', 'strong');
    switch (event.type) {
        case 'run-started':
            return `${event.simulated ? 'simulated run' : 'run'} ${event.run}: ${event.plan.moves.length} ${event.plan.moves.length === 1 ? 'VM' : 'VMs'} to move`;
        case 'run-stopping':
            return palette(`no further move is started: ${event.detail}`, 'warning');
        case 'run-ended':
            return `run ended: ${event.outcome}`;
        case 'host-lost':
            return palette(`${event.host} is lost: ${event.why}`, 'bad');
        case 'link-counted':
            return undefined; // the report shows it
        case 'shutdown-started':
            return `${palette(event.vm, 'strong')}: cannot move, and is asked to shut down on ${event.host}`;
        case 'shutdown-ended':
            return event.outcome === 'off'
                ? `${palette(event.vm, 'strong')}: off on ${event.host}`
                : palette(`${event.vm}: ${event.error?.message ?? event.outcome}`, 'warning');
        case 'host-back':
            return palette(`${event.host} is back`, 'good');
        case 'note':
            // The end of a move has said already why it did not move.
            return event.level === 'info' || (move?.error !== undefined && event.text === `${move.vm} did not move: ${move.error.message}`)
                ? undefined
                : palette(event.text, event.level === 'alarm' ? 'bad' : 'warning');
        case 'move-started':
            return `${vm}: ${move?.source ?? ''} to ${move?.destination ?? ''}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`;
        case 'rung-fired':
            return `${vm}: ${event.action}, as ${event.because}`;
        case 'move-ended':
            return move === undefined ? undefined : endText(event, move, palette);
        case 'phase-ended':
            return event.error === undefined ? undefined : palette(`${vm}: ${event.phase} failed: ${event.error}`, 'warning');
        case 'setting-applied':
            return event.agrees ? undefined : palette(`${vm}: ${event.setting} was not taken as asked on ${event.on}`, 'warning');
        case 'postcopy-started':
            return `${vm}: switched to post-copy`;
        case 'hook-ended':
            return event.outcome === 'ok'
                ? undefined
                : palette(`${vm}: hook ${commandText(event.hook.command)} ${event.detail ?? 'failed'}`, 'warning');
        case 'move-redirected':
            return palette(`${vm}: goes to ${event.destination} instead, as ${event.because}`, 'warning');
        case 'move-returning':
            return palette(`${vm}: goes home to ${event.home}, as ${event.because}`, 'warning');
        case 'move-queued':
        case 'hook-started':
        case 'verified': // a check that fails is noted as well
        case 'blackout': // one that was not seen is noted as well
        case 'effort':
        case 'phase-entered':
        case 'iteration':
        case 'progress':
        case 'guest-stopped':
        case 'guest-resumed':
        case 'job-completed':
        case 'arrived':
            return undefined;
    }
}

function endText(event: Extract<MigrationEvent, { type: 'move-ended' }>, move: MoveView, palette: Palette): string {
    const vm = palette(move.vm, 'strong');
    if (event.outcome !== 'moved') {
        const hint = event.error?.hint === undefined ? '' : ` (${event.error.hint})`;
        return `${vm}: ${palette(event.outcome, 'bad')}${event.error === undefined ? '' : `: ${event.error.message}${hint}`}`;
    }
    const took = move.startedAt === undefined ? '' : ` in ${formatQuantity(event.at - move.startedAt, 'duration')}`;
    const stood = downtimeSoFar(move, event.at);
    const downtime = stood === undefined ? '' : `, downtime ${formatQuantity(stood, 'duration')}`;
    const sent = move.transferred === undefined ? '' : `, ${formatQuantity(move.transferred, 'size')} sent`;
    return `${vm}: ${palette('moved', 'good')} to ${move.destination}${took}${downtime}${sent}`;
}

/** Messages from hosts may hold line ends; colours stay. */
export const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
