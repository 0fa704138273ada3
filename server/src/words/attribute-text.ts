import type { Attribute, Cost, Entity, ValueType } from '@mig/language';

const costs: Readonly<Record<Cost, string>> = {
    inventory: 'nothing: it stands in the inventory',
    listing: 'nothing more: it comes with the list of hosts and VMs that every run reads',
    statistics: 'one statistics call per host',
    'two samples': 'the sampling window: two readings some time apart',
    'dirty-rate': 'the sampling window: the hypervisor samples pages; not possible during a migration',
    run: 'nothing: it is known while a move runs',
    metric: 'a question to the monitoring system',
};

const types: Readonly<Record<ValueType, string>> = {
    boolean: 'true or false',
    string: 'text',
    strings: 'a set of texts',
    number: 'a count',
    duration: 'a duration, such as 300 ms',
    size: 'a size, such as 2 GiB',
    rate: 'a rate, such as 100 MiB/s',
    ratio: 'a share, such as 90%',
    power: 'a power, such as 350 W',
    energy: 'an energy, such as 2 kWh',
    'time-of-day': 'a time of day, such as 08:00',
};

/** What kind of value it is, in words with an example. */
export const describeType = (type: ValueType): string => types[type];

/** `vm.tag.NAME`, `source.memory.free`: as it is written in a policy. */
export const attributePath = (entity: Entity, attribute: Attribute): string =>
    `${entity}.${attribute.name}${attribute.keyed ? '.NAME' : ''}`;

/** The documentation of an attribute as Markdown, all of it from its row in the catalogue. */
export function describeAttribute(entity: Entity, attribute: Attribute): string {
    const values = attribute.values?.map((value) => `\`"${value}"\``).join(', ');
    return [
        `\`\`\`mig\n${attributePath(entity, attribute)}\n\`\`\``,
        `${attribute.meaning}.`,
        [
            `- **Value**: ${types[attribute.type]}${values === undefined ? '' : `; one of ${values}`}`,
            `- **Measured**: ${attribute.measured}`,
            `- **Costs**: ${costs[attribute.cost]}`,
            `- **When absent**: ${attribute.whenAbsent}`,
        ].join('\n'),
    ].join('\n\n');
}
