/** What the command line says, and which room does it. */
import { existsSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { nearest } from '@mig/language';
import { hanging, isMigrationError } from '../../core/index.js';
import type { CheckOptions } from './commands/check.js';
import type { FormatOptions } from './commands/fmt.js';
import type { LabGuestOptions } from './commands/lab.js';
import { Compiling } from './compile/compiling.js';
import { type Console, Exit, processConsole } from './console.js';
import { exitCodes, type ExitName } from './exit-codes.js';
import { exitOf } from './failures.js';
import type { PlanOptions, PolicyOptions, RunOptions } from './options.js';
import { showError } from './show.js';
import { version } from './version.js';

/** Sub-commands that the design names and that are not built yet: they say so instead of being taken for a file. */
const notBuilt = ['compare', 'test', 'watch', 'rehearse', 'doctor'];

export function commandLine(console: Console): Command {
    const program = new Command('mig-run')
        .description('Carries live-migration policies out on KVM hosts.')
        .version(version)
        .enablePositionalOptions()
        .helpCommand('help [command]', 'display help for command')
        .allowExcessArguments(false)
        .showHelpAfterError('(mig-run --help shows all options)')
        .configureOutput({
            writeOut: (text) => console.out(text),
            writeErr: (text) => console.err(text),
            getOutHelpWidth: () => console.width,
            getErrHelpWidth: () => console.width,
        })
        .addHelpText('after', `\nExit codes:\n${exitCodeTable(console.width)}`)
        .exitOverride();

    policyOptions(program)
        .argument('[policy.mig]', 'the policy to carry out')
        .option('-y, --yes', 'run the plan without asking')
        .addOption(metricsOption().conflicts('dryRun'))
        .option('--dry-run', 'play the plan on simulated hosts; nothing is touched')
        .option('--actions', 'show the exact calls of each move')
        .option('--snapshot <file>', 'with --dry-run: decide on a saved snapshot instead of the hosts')
        .addOption(new Option('--seed <n>', 'of the simulation').default(1).argParser(wholeNumber))
        .action(async (file: string | undefined, options: RunOptions) => {
            if (file === undefined) {
                program.outputHelp({ error: true });
                throw new Exit('usage');
            }
            if (notBuilt.includes(file)) {
                console.err(`mig-run ${file} is not built yet.`);
                throw new Exit('usage');
            }
            const meant = /[./\\]/.test(file) || existsSync(file) ? undefined : nearest(file, namesOf(program));
            if (meant !== undefined || program.args.length > 1) {
                const more = program.args.slice(1).join(' ');
                console.err(
                    meant === undefined
                        ? `mig-run carries out one policy at a time: ${more} would be left out.`
                        : `mig-run has no command '${file}': did you mean ${meant}?`,
                );
                throw new Exit('usage');
            }
            const compiling = new Compiling();
            const { runPolicy } = await import('./commands/run.js');
            await runPolicy(file, options, console, compiling);
        });

    policyOptions(program.command('plan').description('show what would be done, and why'))
        .argument('<policy.mig>')
        .option('--actions', 'show the exact calls of each move')
        .option('--save <file>', 'save the plan, to be carried out by `mig-run apply`')
        .option('--snapshot <file>', 'decide on a saved snapshot instead of the hosts')
        .action(async (file: string, options: PlanOptions) => {
            const compiling = new Compiling();
            const { planPolicy } = await import('./commands/plan.js');
            await planPolicy(file, options, console, compiling);
        });

    program
        .command('apply')
        .description('carry out a saved plan, if it still holds')
        .argument('<plan.json>')
        .requiredOption('--inventory <file>', 'the hosts')
        .option('-y, --yes', 'run it without asking')
        .addOption(metricsOption())
        .option('--json', 'events as JSON, one a line')
        .action(async (file: string, options: { inventory: string; yes?: boolean; json?: boolean; metrics?: string }) => {
            const { applyPlan } = await import('./commands/apply.js');
            await applyPlan(file, options, console);
        });

    policyOptions(program.command('simulate').description('play the plan on simulated hosts; the same as --dry-run'))
        .argument('<policy.mig>')
        .option('--actions', 'show the exact calls of each move')
        .option('--snapshot <file>', 'decide on a saved snapshot instead of the hosts')
        .addOption(new Option('--seed <n>', 'of the simulation').default(1).argParser(wholeNumber))
        .action(async (file: string, options: RunOptions) => {
            const compiling = new Compiling();
            const { runPolicy } = await import('./commands/run.js');
            await runPolicy(file, { ...options, dryRun: true }, console, compiling);
        });

    program
        .command('check')
        .alias('lint')
        .description('find what is wrong with policies and their inventories, without touching a host')
        .argument(
            '<files...>',
            'policies, directories with policies below them, patterns such as "teams/**/*.mig", or - for standard input',
        )
        .option('--inventory <file>', 'instead of the one that the policy names')
        .option('--snapshot <file>', 'hosts and VMs as they are there, instead of as they were seen last')
        .addOption(settingOption())
        .addOption(new Option('--format <format>', 'of what is found').choices(['text', 'json', 'sarif']).default('text'))
        .addOption(new Option('--json', 'the same as --format json').conflicts('format'))
        .option('--fix', 'mend what can be mended, in the files that are named')
        .action(async (files: string[], options: CheckOptions) => {
            const compiling = new Compiling();
            const { checkPolicies } = await import('./commands/check.js');
            await checkPolicies(files, options, console, compiling);
        });

    program
        .command('fmt')
        .description('bring policies into the canonical style, in place')
        .argument(
            '[files...]',
            'policies, directories with policies below them, patterns such as "teams/**/*.mig", or - for standard input',
        )
        .option('--check', 'write nothing; list what would change, and end with 1 if something would')
        .option('--stdin', 'the same as -: from standard input to standard output')
        .action(async (files: string[], options: FormatOptions) => {
            const { formatPolicies } = await import('./commands/fmt.js');
            await formatPolicies(files, options, console);
        });

    program
        .command('explain')
        .description('what a rule finds, why it matters, and how to do better')
        .argument('[rule]', 'its id or name; all rules unless said')
        .option('--json', 'as JSON')
        .action(async (rule: string | undefined, options: { json?: boolean }) => {
            const { explainRule } = await import('./commands/explain.js');
            explainRule(rule, options, console);
        });

    policyOptions(program.command('observe').description('read what a policy needs from the hosts'))
        .argument('<policy.mig>')
        .option('--all', 'read everything, not only what the policy reads')
        .option('--save <file>', 'save the snapshot')
        .action(async (file: string, options: PolicyOptions & { all?: boolean; save?: string }) => {
            const compiling = new Compiling();
            const { observeHosts } = await import('./commands/observe.js');
            await observeHosts(file, options, console, compiling);
        });

    program
        .command('status')
        .description('what runs, what ran, and what is where')
        .argument('[run]', 'the latest unless said')
        .option('--json', 'as JSON')
        .action(async (run: string | undefined, options: { json?: boolean }) => {
            const { showStatus } = await import('./commands/status.js');
            showStatus(run, options, console);
        });

    program
        .command('abort')
        .description('ask a running mig-run to stop what can still be stopped safely')
        .argument('[run]', 'the latest unless said')
        .action(async (run: string | undefined) => {
            const { abortRun } = await import('./commands/status.js');
            abortRun(run, console);
        });

    program
        .command('resume')
        .description('bring a run whose mig-run died to a safe end: both hosts are asked about every VM')
        .argument('[run]', 'the latest unfinished one unless said')
        .requiredOption('--inventory <file>', 'the hosts')
        .option('--json', 'events as JSON, one a line')
        .action(async (run: string | undefined, options: { inventory: string; json?: boolean }) => {
            const { resumeRun } = await import('./commands/resume.js');
            await resumeRun(run, options, console);
        });

    program
        .command('report')
        .description('the report of a run, from its journal')
        .argument('[run]', 'the latest unless said')
        .option('--json', 'as JSON')
        .action(async (run: string | undefined, options: { json?: boolean }) => {
            const { showReport } = await import('./commands/status.js');
            showReport(run, options, console);
        });

    labCommands(program, console);
    // A word too many here may be a command that is misspelt, which is told above.
    program.allowExcessArguments();
    return program;
}

function labCommands(program: Command, console: Console): void {
    const lab = program
        .command('lab')
        .description('real hosts on this machine, in namespaces: for trying and testing')
        .enablePositionalOptions();
    const name = () => new Option('--name <name>', 'of the lab').default('default');
    lab.command('up')
        .description('bring three hosts up')
        .addOption(name())
        .option('--guests', 'start the six VMs of examples/evacuate.mig on the first host')
        .action(async (options: { name: string; guests?: boolean }) => (await import('./commands/lab.js')).labUpCommand(options, console));
    lab.command('guest')
        .description('start a VM with Linux in it, which answers the network wherever it is')
        .argument('<vm>', 'its name')
        .addOption(name())
        .option('--host <host>', 'where; the first unless said')
        .option('--memory <MiB>', 'of its own', positiveNumber, 128)
        .option('--fill <MiB>', 'of its memory, with random content', positiveNumber, 16)
        .action(async (vm: string, options: LabGuestOptions) => (await import('./commands/lab.js')).labGuestCommand(vm, options, console));
    lab.command('down')
        .description('take the hosts down, also what a crash left')
        .addOption(name())
        .action(async (options: { name: string }) => (await import('./commands/lab.js')).labDownCommand(options, console));
    lab.command('list')
        .description('labs that are up, and leftovers')
        .action(async () => (await import('./commands/lab.js')).labListCommand(console));
    lab.command('exec')
        .description('run a command where the hosts can be reached')
        .addOption(name())
        .option('--host <host>', 'inside a host instead')
        .argument('<command...>')
        .passThroughOptions()
        .action(async (command: string[], options: { name: string; host?: string }) =>
            (await import('./commands/lab.js')).labExecCommand(command, options),
        );
    lab.command('demo')
        .description('bring the lab up, start six VMs, drain a host, prove that nothing was lost, and take everything down')
        .addOption(name())
        .action(async (options: { name: string }) => (await import('./commands/demo.js')).demo(options, console));
}

const namesOf = (program: Command): readonly string[] => program.commands.flatMap((one) => [one.name(), ...one.aliases()]);

function policyOptions(command: Command): Command {
    return command
        .option('--inventory <file>', 'the hosts, instead of the inventory that the policy names')
        .addOption(settingOption())
        .option('--policy <name>', 'only this policy, whatever its trigger')
        .option('--host <name>', 'with --policy: the host that it is bound to')
        .addOption(maintenanceOption())
        .option('--window <seconds>', 'how long rates are sampled', positiveNumber)
        .option('--json', 'results as JSON');
}

// Without words for its default, the help would show an empty list.
const settingOption = (): Option =>
    new Option('--set <name=value>', 'give a param another value').argParser(collectSetting).default({}, 'none');
const metricsOption = (): Option =>
    new Option('--metrics <where>', 'figures for Prometheus while the run lasts: a file (textfile collector) or HOST:PORT');
const maintenanceOption = (): Option =>
    new Option('--maintenance <host>', 'count a host as in maintenance')
        .argParser((host, all: string[]) => [...all, host])
        .default([], 'none');

function collectSetting(text: string, all: Record<string, string>): Record<string, string> {
    const at = text.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Write name=value, such as --set uplink=2Gbit/s.');
    return { ...all, [text.slice(0, at)]: text.slice(at + 1) };
}

function positiveNumber(text: string): number {
    const n = Number(text);
    if (!(n > 0)) throw new InvalidArgumentError('Write a number of seconds above 0.');
    return n;
}

function wholeNumber(text: string): number {
    const n = Number(text);
    if (!Number.isSafeInteger(n)) throw new InvalidArgumentError('Write a whole number.');
    return n;
}

const exitCodeTable = (width: number): string =>
    Object.values(exitCodes)
        .flatMap(({ code, meaning }) => hanging(`  ${String(code).padStart(3)}  `, meaning, width))
        .join('\n');

/** Runs the command line and says what the process should end with. */
export async function main(argv: readonly string[], console: Console): Promise<ExitName> {
    try {
        await commandLine(console).parseAsync([...argv], { from: 'user' });
        return 'ok';
    } catch (error) {
        if (error instanceof Exit) return error.exit;
        // Commander has said what is wrong already.
        if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage';
        if (isMigrationError(error)) {
            showError(error, console);
            return exitOf(error);
        }
        console.err(`mig-run has a fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        return 'internal';
    }
}

/** Runs the command line in this process, and returns what the process should end with. All is written and closed by then. */
export async function run(words: readonly string[]): Promise<number> {
    const console = processConsole();
    const exit = await main(words, console);
    const unwritten = await console.finish();
    return exitCodes[exit === 'ok' && unwritten !== undefined ? 'unwritten' : exit].code;
}
