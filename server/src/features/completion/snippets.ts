/**
 * Whole clauses that are offered where their first word may stand: one row a clause. `rule` is the rule of the grammar
 * in which the word stands, so that `on` offers what fits the place and nothing else.
 */
export interface Snippet {
    readonly rule: string;
    readonly word: string;
    readonly label: string;
    /** In the syntax of the Language Server Protocol: `${1:default}`, `$0`. */
    readonly insert: string;
}

const row = (rule: string, word: string, label: string, insert: string): Snippet => ({ rule, word, label, insert });

export const snippets: readonly Snippet[] = [
    row('Inventory', 'inventory', 'inventory "…"', 'inventory "${1:inventory.yaml}"'),
    row('Import', 'import', 'import "…"', 'import "${1:techniques.mig}"'),
    row(
        'Param',
        'param',
        'param name: type = value',
        'param ${1:uplink}: ${2|rate,duration,size,ratio,number,string,boolean|} = ${3:1 Gbit/s}',
    ),
    row('Let', 'let', 'let name = expression', 'let ${1:hot} = ${2:vm.dirty_rate > 100 MiB/s}'),
    row('Group', 'group', 'group name = vms where …', 'group ${1:web} = ${2|vms,hosts|} where ${3:vm.tags contains "web"}'),
    row(
        'Technique',
        'technique',
        'technique name = precopy { … }',
        'technique ${1:patient} = precopy {\n\tdowntime ${2:300 ms}\n\tafter ${3:10 min}: abort$0\n}',
    ),
    row(
        'Policy',
        'policy',
        'policy name { … }',
        'policy ${1:evacuate} {\n\twhen ${2:host is in maintenance}\n\tmove vms on host\n\tto hosts where ${3:host.zone == source.zone}\n\tusing ${4:precopy}$0\n}',
    ),
    row(
        'Scenario',
        'scenario',
        'scenario "…" { given, run, expect }',
        'scenario "${1:what should hold}" {\n\tgiven host "${2:host1}" is in maintenance\n\trun ${3:evacuate}\n\texpect ${4:duration < 10 min}$0\n}',
    ),

    row('TriggerClause', 'when', 'when … until …', 'when ${1:host.memory.used > 90%} for ${2:1 min} until ${3:host.memory.used < 75%}'),
    row('CalendarSchedule', 'every', 'every day at …', 'every ${1|day,Sat,Mon..Fri|} at ${2:02:00}'),
    row('MoveClause', 'move', 'move vms on host', 'move vms on host'),
    row('MoveClause', 'move', 'move vms where …', 'move vms where ${1:vm.tags contains "web"}'),
    row('ToClause', 'to', 'to hosts where …', 'to hosts where ${1:host.zone == source.zone}'),
    row('BandwidthClause', 'bandwidth', 'bandwidth { total …; per vm … }', 'bandwidth { total ${1:1 Gbit/s}; per vm ${2:500 Mbit/s} }$0'),
    row('AtMostClause', 'at', 'at most … at once per host', 'at most ${1:2} at once per host'),
    row('RequireClause', 'require', 'require downtime <= …', 'require downtime <= ${1:500 ms}'),
    row('FailureClause', 'on failure', 'on failure …', 'on failure ${1|leave and report,retry 2 times every 30 s then leave,halt plan|}'),
    row('CooldownClause', 'cooldown', 'cooldown …', 'cooldown ${1:10 min}'),
    row('DeadlineClause', 'deadline', 'deadline …', 'deadline ${1:30 min}'),
    row('UsingClause', 'using', 'using … otherwise …', 'using ${1:precopy} otherwise ${2:postcopy}'),
    row('OrderItem', 'order', 'order by …', 'order by ${1:vm.memory} ${2|ascending,descending|}'),
    row('ExceptItem', 'except', 'except vm.tags contains …', 'except vm.tags contains "${1:pinned}"'),
    row('KeepItem', 'keep', 'keep …% of memory free', 'keep ${1:10%} of memory free'),
    row('ApartItem', 'apart', 'apart by vm.tag…', 'apart by vm.tag.${1:role}'),
    row('PreferItem', 'prefer', 'prefer …', 'prefer ${1|least loaded,most free memory,fullest,even load|}'),

    row('DowntimeOption', 'downtime', 'downtime …', 'downtime ${1:300 ms}'),
    row('DirtyLimitOption', 'dirty-limit', 'dirty-limit …', 'dirty-limit ${1:40 MiB/s}'),
    row('AfterMoment', 'after', 'after …: abort', 'after ${1:10 min}: abort'),
    row('StalledMoment', 'when', 'when stalled for … iterations: …', 'when stalled for ${1:3} iterations: downtime ${2:450 ms}'),
];

/** What is inserted when every default is accepted; of a choice the first. */
export function defaultText(insert: string): string {
    return insert
        .replaceAll(/\$\{\d+\|([^,|]*)[^|]*\|\}/g, '$1')
        .replaceAll(/\$\{\d+:([^}]*)\}/g, '$1')
        .replaceAll(/\$\d+/g, '');
}
