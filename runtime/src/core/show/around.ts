/** Who runs what where around the moves of a plan, in words. */
import { formatQuantity } from '@mig/language';
import { probeEvery } from '../decide/blackout.js';
import type { PlannedCheck, PlannedHook, PlannedMove } from '../model/plan.js';

/** Where something is run that no place is named for. */
export const hereText = 'the machine of mig-run';

/** The program and its arguments, as they would be typed in a shell so that none of them is taken for more than text. */
export const commandText = (command: readonly string[]): string =>
    command.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');

export function checkText({ check }: Pick<PlannedCheck, 'check'>): string {
    if (check.kind === 'agent') return 'agent';
    return check.kind === 'tcp' ? `tcp ${check.address}:${check.port}` : commandText(check.command);
}

export const placeOfHook = ({ on }: Pick<PlannedHook, 'on'>): string => on ?? hereText;

export function placeOfCheck({ check, from }: PlannedCheck, destination: string): string {
    return check.kind === 'agent' ? destination : (from ?? hereText);
}

const otherwiseWords: Readonly<Record<PlannedCheck['otherwise'], string>> = {
    report: 'report',
    'return-home': 'return home',
    'halt-plan': 'halt plan',
};

/** One line for each command or check, with all the places where it will run. */
export function aroundLines(moves: readonly PlannedMove[]): readonly { readonly label: string; readonly text: string }[] {
    const lines = new Map<string, { readonly label: string; readonly text: string; readonly places: Set<string> }>();
    const add = (label: string, text: string, place: string): void => {
        const key = `${label}\n${text}`;
        const line = lines.get(key) ?? { label, text, places: new Set<string>() };
        line.places.add(place);
        lines.set(key, line);
    };
    const within = (ms: number): string => `within ${formatQuantity(ms, 'duration')}`;
    for (const move of moves) {
        for (const hook of move.hooks ?? [])
            add(`${hook.when} each move: `, `${commandText(hook.command)}, ${within(hook.withinMs)}`, placeOfHook(hook));
        for (const check of move.checks ?? []) {
            // An address of its own for every VM would be a line for every VM.
            const what = check.check.kind === 'tcp' ? `tcp port ${check.check.port} answers` : `${checkText(check)} answers`;
            add(
                'verify: ',
                `${what}, ${within(check.withinMs)}, otherwise ${otherwiseWords[check.otherwise]}`,
                placeOfCheck(check, move.destination),
            );
        }
    }
    for (const { probe } of moves)
        if (probe)
            add(
                'blackout: ',
                `VMs are asked every ${formatQuantity(probeEvery, 'duration')} whether they answer, on TCP port ${probe.port}`,
                probe.from ?? hereText,
            );
    return [...lines.values()].map(({ label, text, places }) => ({ label, text: `on ${[...places].join(', ')}: ${text}` }));
}
