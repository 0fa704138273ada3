/** Reads a document as the steps that it asks its reader to take. */
export type Step =
    | {
          readonly kind: 'policy';
          /** What it is saved as, where the document says so. */
          readonly file: string | undefined;
          /** Ids of what `check` finds in it, where it is there to be wrong. */
          readonly finds: readonly string[];
          /** Capabilities that this version cannot carry out (MIG090). */
          readonly lacks: readonly string[];
          readonly text: string;
      }
    | { readonly kind: 'command'; readonly args: readonly string[]; readonly ends: number }
    /** What the command before it prints: these lines in this order, `...` for lines that are left out. */
    | { readonly kind: 'output'; readonly lines: readonly string[] };

/**
 * Above a block of ```mig may stand `<!-- file: NAME; finds: MIGnnn; lacks: FEATURE, FEATURE -->`, each part if need be. Of
 * ```sh the lines with `npx mig-run` count, and `# ends with N` behind one is its exit code (0 unless said); a block without a language
 * right after it is its output.
 */
export function stepsOf(markdown: string): readonly Step[] {
    const blocks = markdown.matchAll(/(?:^<!-- (.*?) -->\n)?^```(\w*)\n([\s\S]*?)^```/gm);
    const steps: Step[] = [];
    for (const [, notes = '', language = '', text = ''] of blocks) {
        if (language === 'mig') {
            const [file] = listed(notes, 'file');
            steps.push({ kind: 'policy', file, finds: listed(notes, 'finds'), lacks: listed(notes, 'lacks'), text });
        }
        if (language === 'sh') steps.push(...text.split('\n').flatMap(commandOf));
        if (language === '' && steps.at(-1)?.kind === 'command') {
            const lines = text.split('\n').map((line) => line.trim());
            steps.push({ kind: 'output', lines: lines.filter((line) => line !== '' && line !== '...') });
        }
    }
    return steps;
}

function listed(notes: string, name: string): readonly string[] {
    const part = notes.split(';').find((one) => one.trim().startsWith(`${name}:`));
    return part === undefined
        ? []
        : part
              .slice(part.indexOf(':') + 1)
              .split(',')
              .map((one) => one.trim());
}

function commandOf(line: string): readonly Step[] {
    const [, command, ends = '0'] = /^npx mig-run (.*?)(?:\s+#(?: ends with (\d+)| .*))?$/.exec(line) ?? [];
    return command === undefined ? [] : [{ kind: 'command', args: command.split(/\s+/), ends: Number(ends) }];
}
