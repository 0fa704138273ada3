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

/** Those of one kind. Asked of every clause of every policy, once for each kind there is, and mostly there is none. */
export function all<Item extends AstNode, Type extends Item['$type']>(items: readonly Item[], type: Type): readonly OfKind<Item, Type>[] {
    let found: OfKind<Item, Type>[] | undefined;
    for (const item of items) if (isOfKind(item, type)) (found ??= []).push(item);
    return found ?? none;
}

/** The only one of a kind among others. A second one is reported; the first counts. */
export function only<Item extends AstNode, Type extends Item['$type']>(
    items: readonly Item[],
    type: Type,
    context: Context,
): OfKind<Item, Type> | undefined {
    return first(all(items, type), context);
}

/** The first of items of which there should be one. The others are reported. */
export function first<Item extends AstNode>(items: readonly Item[], context: Context): Item | undefined {
    if (items.length < 2) return items[0];
    for (const other of items.slice(1)) {
        const name = clauseNames[other.$type] ?? 'this';
        context.report('MIG004', context.range(other), `${name.replace(/^./, (c) => c.toUpperCase())} is given twice here.`, {
            hint: 'Keep one of the two.',
            fixes: [{ title: 'Remove the second', edits: [{ range: context.range(other), newText: '' }] }],
        });
    }
    return items[0];
}

type OfKind<Item extends AstNode, Type> = Extract<Item, { readonly $type: Type }>;

const none: readonly never[] = [];

const isOfKind = <Item extends AstNode, Type>(item: Item, type: Type): item is OfKind<Item, Type> => item.$type === type;
