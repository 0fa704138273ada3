import type { AstNode } from 'langium';
import type { Context } from './context.js';

/** What a clause is called in messages, by its kind. */
const clauseNames: Readonly<Record<string, string>> = {
    TriggerClause: 'when it runs',
    OnDemandClause: "'on demand'",
    MoveClause: "'move'",
    ToClause: "'to'",
    UsingClause: "'using'",
    DedupClause: "'dedup'",
    BandwidthClause: "'bandwidth'",
    FailureClause: "'on failure'",
    CooldownClause: "'cooldown'",
    DeadlineClause: "'deadline'",
    AfterwardsClause: "'then power off emptied hosts'",
    FromItem: "'on host' or 'on hosts'",
    LimitItem: "'limit'",
    UntilItem: "'until'",
    OrderItem: "'order by'",
    TogetherItem: "'together by'",
    QuietItem: "'quiet when'",
    OnlyIfItem: "'only if host becomes empty'",
    ImmovableItem: "'immovable'",
    TriageItem: "'triage by'",
    RestartItem: "'otherwise restart elsewhere if fenced'",
    DowntimeOption: "'downtime'",
    StreamsOption: "'streams'",
    CompressionOption: "'compression'",
    XbzrleOption: "'xbzrle cache'",
    ThrottleOption: "'throttle'",
    PostcopyBandwidthOption: "'postcopy bandwidth'",
    HoldOption: "'hold predicted dirty'",
    TlsOption: "'tls'",
    ZeroCopyOption: "'zero-copy'",
    SwitchoverAckOption: "'switchover-ack'",
    DirtyLimitOption: "'dirty-limit'",
    WavesSetting: "'in waves of'",
    SpareSetting: "'keep … of spare capacity'",
    StartSetting: "'start between'",
    HaltSetting: "'halt plan after'",
};

/** The only item of a kind among others. A second one is reported; the first counts. */
export function only<Item extends AstNode, Kind extends Item>(
    items: readonly Item[],
    is: (item: Item) => item is Kind,
    context: Context,
): Kind | undefined {
    const [first, ...others] = items.filter(is);
    for (const other of others) {
        const name = clauseNames[other.$type] ?? 'this';
        context.report('MIG004', context.range(other), `${name.replace(/^./, (c) => c.toUpperCase())} is given twice here.`, {
            hint: 'Keep one of the two.',
            fixes: [{ title: 'Remove the second', edits: [{ range: context.range(other), newText: '' }] }],
        });
    }
    return first;
}

/** A narrowing that `Array.filter` understands, by the kind itself: asked of every clause of every policy, once for each kind there is. */
export function kind<Item extends AstNode, Type extends Item['$type']>(
    type: Type,
): (item: Item) => item is Extract<Item, { readonly $type: Type }> {
    return (item): item is Extract<Item, { readonly $type: Type }> => item.$type === type;
}
