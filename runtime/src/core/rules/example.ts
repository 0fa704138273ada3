/**
 * Example policies and inventories for the pages of rules: a file says only what differs from the plain case, and the page
 * shows the whole text.
 */

interface ExamplePolicy {
    /** Name of the inventory's file; `none`: the policy names none. */
    readonly inventory?: string;
    readonly when?: string;
    readonly move?: string;
    readonly to?: string;
    /** A technique; lines after the first are set off as inside a policy. */
    readonly using?: string;
    readonly more?: string;
    /** `none`: the policy does not say. */
    readonly onFailure?: string;
}

/** A policy that empties a host, of which some clauses are said otherwise. */
export function evacuate(said: ExamplePolicy = {}): string {
    const { inventory = 'hosts.yaml', when = 'host is in maintenance', move = 'vms on host', to = 'hosts' } = said;
    const { using = 'precopy { after 5 min: abort }', more, onFailure = 'leave and report' } = said;
    const clauses = [
        `when ${when}`,
        `move ${move}`,
        `to ${to}`,
        `using ${using}`,
        ...(more === undefined ? [] : [more]),
        ...(onFailure === 'none' ? [] : [`on failure ${onFailure}`]),
    ];
    const named = inventory === 'none' ? '' : `inventory "${inventory}"\n\n`;
    return `${named}policy evacuate {\n${clauses.map((clause) => `  ${clause.replaceAll('\n', '\n  ')}\n`).join('')}}\n`;
}

interface ExampleHost {
    /** Lines of its own, such as `zone: east`. */
    readonly says?: readonly string[];
    /** Where no migration address is named. */
    readonly unnamed?: true;
    /** Of the host; 64 GiB unless said. */
    readonly memory?: string;
    /** As they stand between the brackets of `vms`. */
    readonly vms?: string;
}

/** An inventory of simulated hosts; `before` are lines beside `hosts`. */
export function hostsFile(hosts: Readonly<Record<string, ExampleHost>>, before = ''): string {
    const entries = Object.entries(hosts).map(([name, { says = [], unnamed, memory = '64 GiB', vms }], nth) => {
        const lines = [
            'driver: simulated',
            ...says,
            ...(unnamed === true ? [] : [`migration: { network: migration, address: 10.0.0.${nth + 1} }`]),
            `simulated: { memory: ${memory}, cpus: 16${vms === undefined ? '' : `, vms: [${vms}]`} }`,
        ];
        return `  ${name}:\n${lines.map((line) => `    ${line}\n`).join('')}`;
    });
    return `${before}hosts:\n${entries.join('')}`;
}

/** Two hosts, and a VM `db` on the first. */
export const hostsWithDb = (tags?: string): string =>
    hostsFile({ a: { vms: `{ name: db, memory: 4 GiB${tags === undefined ? '' : `, tags: [${tags}]`} }` }, b: {} });
