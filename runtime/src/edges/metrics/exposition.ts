/** Figures as text that Prometheus reads (exposition format 0.0.4): families with their help, type and samples. */

export interface Family {
    readonly name: string;
    readonly type: 'gauge' | 'counter';
    readonly help: string;
    readonly samples: readonly Sample[];
}

export interface Sample {
    readonly labels?: Readonly<Record<string, string>>;
    /** Undefined: not known, and left out. */
    readonly value: number | undefined;
}

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Families without a sample are left out. */
export function exposition(families: readonly Family[]): string {
    return families
        .map(({ name, type, help, samples }) => {
            const lines = samples.flatMap(({ labels = {}, value }) =>
                value === undefined ? [] : [`${name}${labelsText(labels)} ${numberText(value)}`],
            );
            return lines.length === 0 ? '' : `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
        })
        .join('');
}

function labelsText(labels: Readonly<Record<string, string>>): string {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
    return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeLabel = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
    if (Number.isNaN(value)) return 'NaN';
    if (Number.isFinite(value)) return String(value);
    return value > 0 ? '+Inf' : '-Inf';
}
