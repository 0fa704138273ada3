/**
 * Program: a compiled policy file. Typed, resolved and serialisable; every node carries the range it came from,
 * so that a plan, an event or a finding can always point back at the clause that caused it.
 *
 * Quantities are base-unit numbers (ms, bytes, bytes/s, ratio, W, J). Names of params, lets, groups, techniques and
 * templates are resolved: a Program needs no scope to be evaluated.
 *
 * Versioning: `version` is raised when a reader of the older shape could misread the newer; readers refuse newer ones.
 */
import type { FeatureId } from './catalogue/features.js';

export const programVersion = 1;

export interface Position {
    /** Zero-based, as in the Language Server Protocol. */
    readonly line: number;
    readonly character: number;
}

export interface SourceRange {
    /** Index into `Program.sources`. */
    readonly source: number;
    readonly start: Position;
    readonly end: Position;
}

interface Node {
    readonly range: SourceRange;
}

export interface Program {
    readonly kind: 'mig-program';
    readonly version: typeof programVersion;
    /** The main file first, then its imports. `uri` is as the document was opened. */
    readonly sources: readonly { readonly uri: string }[];
    /** The inventory named in the file, relative to the file that names it. */
    readonly inventory: { readonly path: string; readonly range: SourceRange } | undefined;
    readonly params: readonly CompiledParam[];
    readonly groups: readonly CompiledGroup[];
    /** By priority, highest first, then as written. */
    readonly policies: readonly Policy[];
    readonly sequences: readonly HostSequence[];
    readonly scenarios: readonly Scenario[];
    /** Policies of imported files that a scenario runs; a program itself runs those of its main file only. */
    readonly imported?: readonly Policy[];
    /** Every capability of the language that the program uses, and where: what cannot be executed yet is refused by these. */
    readonly uses: readonly FeatureUse[];
    /** Every attribute that is read, once: what has to be observed. */
    readonly reads: readonly AttributeRead[];
    /** Names from the inventory that the text mentions. */
    readonly mentions: readonly Mention[];
}

export interface FeatureUse extends Node {
    readonly feature: FeatureId;
    /** The policy, sequence or scenario in which it stands, if any. */
    readonly within: string | undefined;
}

export interface AttributeRead {
    readonly entity: Entity;
    /** Dotted name without the entity and without a tag's key: `dirty_rate`, `memory.free`, `tag`. */
    readonly attribute: string;
    /** The longest `for` that is applied to a condition that reads it; 0 where only the present counts. */
    readonly historyMs: number;
}

export interface Mention extends Node {
    readonly of: 'host' | 'vm' | 'zone' | 'rack' | 'tag' | 'network';
    readonly name: string;
}

export interface CompiledParam extends Node {
    readonly name: string;
    readonly type: ValueType;
    /** After `--set` and the environment. */
    readonly value: number | string | boolean | readonly string[];
    readonly doc: string | undefined;
    /** What it may be set to. Absent: anything of its type. */
    readonly bounds?: ParamBounds;
}

/** `between 1 Gbit/s and 40 Gbit/s`, both included, in base units; or `one of "a", "b"`, which for a set is what it may hold. */
export interface ParamBounds {
    readonly least?: number;
    readonly most?: number;
    readonly oneOf?: readonly (number | string | boolean)[];
}

export interface CompiledGroup extends Node {
    readonly name: string;
    readonly of: 'vms' | 'hosts';
    /** Undefined: all. */
    readonly where: Expression | undefined;
}

// ---------------------------------------------------------------- expressions

/** Types of values. Quantities are named by their dimension; `number` is a bare count or factor. */
export type ValueType =
    | 'boolean'
    | 'string'
    | 'strings'
    | 'number'
    | 'duration'
    | 'size'
    | 'rate'
    | 'ratio'
    | 'power'
    | 'energy'
    | 'time-of-day';

/** What an attribute belongs to. `host` is the bound host, the candidate's host or the candidate destination, by clause (docs: language.md). */
export type Entity = 'vm' | 'host' | 'source' | 'cluster' | 'link' | 'move';

export type BinaryOperator = 'and' | 'or' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | 'contains' | 'in';

/**
 * Arithmetic is plain arithmetic on base units: where seconds and milliseconds meet (size / rate), the compiler has
 * written the factor into the expression. Texts that are ordered (`host.qemu >= "9.0"`) are versions.
 *
 * Evaluated with three-valued logic: an attribute that was not measured makes what depends on it unknown. */
export type Expression =
    | (Node & {
          readonly kind: 'literal';
          readonly type: ValueType;
          readonly value: number | string | boolean | readonly string[];
          /** Where each text stands of several that are written there. Absent: they come from a param, or there is one. */
          readonly textRanges?: readonly SourceRange[];
      })
    /** `vm.dirty_rate`; for tags `attribute` is `tag` and `key` the tag's name (`vm.tag.app`). */
    | (Node & {
          readonly kind: 'attribute';
          readonly type: ValueType;
          readonly entity: Entity;
          readonly attribute: string;
          readonly key: string | undefined;
      })
    | (Node & { readonly kind: 'not' | 'negate'; readonly type: ValueType; readonly operand: Expression })
    | (Node & {
          readonly kind: 'binary';
          readonly type: ValueType;
          readonly operator: BinaryOperator;
          readonly left: Expression;
          readonly right: Expression;
      })
    /** `condition for 5 min`: true when it has held without a break for that long. */
    | (Node & { readonly kind: 'held'; readonly type: 'boolean'; readonly condition: Expression; readonly forMs: number })
    /** A Prometheus expression. */
    | (Node & { readonly kind: 'metric'; readonly type: 'number'; readonly query: string });

// ---------------------------------------------------------------- policies

export interface Policy extends Node {
    readonly name: string;
    readonly nameRange: SourceRange;
    readonly doc: string | undefined;
    readonly priority: number;
    readonly preempt: boolean;
    /** Undefined: on demand only. */
    readonly trigger: Trigger | undefined;
    readonly selection: Selection;
    readonly destination: Destination;
    /** In order of preference: `using a otherwise b`. Never empty. */
    readonly technique: readonly TechniqueUse[];
    readonly dedup: Dedup | undefined;
    readonly bandwidth: Bandwidth | undefined;
    readonly concurrency: Concurrency;
    readonly requires: readonly Requirement[];
    readonly onFailure: OnFailure | undefined;
    readonly cooldownMs: number | undefined;
    readonly deadline: Deadline | undefined;
    readonly verify: readonly Verify[];
    readonly hooks: readonly Hook[];
    readonly exclusions: readonly Exclusion[];
    readonly ordering: readonly Ordering[];
    readonly afterwards: readonly Afterwards[];
}

export type Trigger = Node &
    (
        | {
              readonly kind: 'condition';
              readonly condition: Expression;
              /** Hysteresis: once fired it holds until this is true. */
              readonly until: Expression | undefined;
              /** What the condition names: one instance of the policy per host or per VM for which it holds. */
              readonly binds: 'host' | 'vm' | undefined;
          }
        | {
              readonly kind: 'schedule';
              /** Five-field cron; clock and calendar words are compiled to it. */
              readonly cron: string;
              /** IANA name; undefined means the inventory's. */
              readonly timeZone: string | undefined;
              /** It holds from its time for this long. */
              readonly windowMs: number;
              /** Which days it keeps to by date. Absent: those of the cron expression. */
              readonly days?: CalendarDays;
              /** What becomes of moves in flight when the window ends. Absent: they finish. The rate is in bytes/s. */
              readonly atEnd?: { readonly kind: 'abort' } | { readonly kind: 'cap'; readonly rate: number };
          }
        | { readonly kind: 'any' | 'all'; readonly of: readonly Trigger[] }
        | { readonly kind: 'not'; readonly of: Trigger }
    );

/**
 * Days by date, on the clock of what keeps to them. A window belongs to the day on which it opens; an excepted day opens
 * none, and ends one that is open.
 */
export interface CalendarDays {
    /** It opens on these days of the week (0 is Sunday) and on these dates. Absent: on every day that the clock names. */
    readonly on?: { readonly weekdays: readonly number[]; readonly dates: readonly DateSpan[] };
    /** By calendar, so that a plan can name it. */
    readonly except?: readonly { readonly calendar: string; readonly dates: readonly DateSpan[] }[];
    /** It holds for the whole of each day, from midnight to midnight, however long that day is. */
    readonly allDay?: true;
}

/** Days from one date to another, both included: `2026-12-24`. */
export interface DateSpan {
    readonly from: string;
    readonly to: string;
}

export interface Selection extends Node {
    readonly from: Node &
        (
            | { readonly kind: 'bound-host' }
            | { readonly kind: 'bound-vm' }
            | { readonly kind: 'all' }
            | { readonly kind: 'hosts'; readonly where: Expression | undefined }
            /** Its range is that of the name. */
            | { readonly kind: 'named-host'; readonly host: string }
            | { readonly kind: 'named-vms'; readonly vms: readonly string[]; readonly vmRanges?: readonly SourceRange[] }
        );
    /** All of them must be true; a group's definition is one of them. */
    readonly where: readonly Expression[];
    /** All of them must be false. */
    readonly except: readonly Expression[];
    readonly order: readonly { readonly by: Expression; readonly direction: 'ascending' | 'descending'; readonly range: SourceRange }[];
    readonly limit:
        | (Node & ({ readonly kind: 'count'; readonly count: number } | { readonly kind: 'share'; readonly share: number }))
        | undefined;
    /** VMs are taken one by one; this is judged on the snapshot as it would be after the moves taken so far. */
    readonly until: Expression | undefined;
    readonly together: (Node & { readonly by: Expression; readonly allOrNone: boolean }) | undefined;
    /** `quiet when …`: a VM starts only while this holds. */
    readonly quietWhen: Expression | undefined;
    readonly onlyIfEmptied: SourceRange | undefined;
    readonly immovable: Node & {
        readonly action: 'skip' | 'skip-host' | 'shut-down' | 'halt-plan';
        /** How long a guest has to shut down; undefined: as is usual. */
        readonly withinMs?: number;
    };
    readonly triage: (Node & { readonly by: Expression }) | undefined;
}

export interface Destination extends Node {
    readonly scope: 'hosts' | 'anywhere';
    /** All must be true; here `host` is the candidate and `source` the host being left, both as at that step of the plan. */
    readonly where: readonly Expression[];
    /** `keep 10% of memory free`. */
    readonly keepFree: readonly (Node & {
        readonly resource: 'memory' | 'cpu';
        readonly amount: Amount;
        /** Of memory in huge pages: of this size, or of the host's usual one where none is said. */
        readonly hugepages?: { readonly pageBytes?: number };
        /** On every NUMA node, and not only on the host as a whole. */
        readonly perNumaNode?: true;
    })[];
    /** Anti-affinity: no two VMs for which this is equal on one host. */
    readonly apart: readonly (Node & { readonly by: Expression })[];
    /** Affinity: VMs for which this is equal on one host. */
    readonly with: readonly (Node & { readonly by: Expression })[];
    readonly networks: readonly (Node & { readonly name: string })[];
    /** Devices and profiles that the host must offer, by the names that its inventory gives them. */
    readonly offers?: readonly (Node & { readonly kind: 'device' | 'profile'; readonly name: string })[];
    readonly preferences: readonly Preference[];
    /** `keep n hosts of spare capacity`. */
    readonly spareHosts: (Node & { readonly count: number }) | undefined;
    /** `otherwise restart elsewhere if fenced`. */
    readonly otherwise: (Node & { readonly kind: 'restart-if-fenced' }) | undefined;
}

export type Amount = { readonly kind: 'share'; readonly share: number } | { readonly kind: 'size'; readonly bytes: number };

export type Preference = Node & {
    readonly weight: number;
    /** `when gain > 5%`: a move is only made when it improves the ranking figure by this much. */
    readonly gain: number | undefined;
} & (
        | { readonly kind: 'least-loaded' | 'most-free-memory' | 'fullest' | 'even-load' }
        | { readonly kind: 'expression'; readonly by: Expression; readonly direction: 'lowest' | 'highest' }
    );

// ---------------------------------------------------------------- technique

export type TechniqueKind = 'precopy' | 'postcopy' | 'hybrid' | 'stop-and-copy' | 'scatter-gather' | 'agile' | 'rdma' | 'traffic-sensitive';

export type Goal = 'duration' | 'downtime' | 'traffic' | 'eviction time' | 'impact';

export type TechniqueUse = Node & {
    /** The name of the technique it was written as, if it was a declared one. */
    readonly name: string | undefined;
} & (
        | {
              readonly kind: 'technique';
              readonly technique: TechniqueKind;
              readonly options: TechniqueOptions;
              /** Top to bottom as written. */
              readonly ladder: readonly Rung[];
          }
        | {
              readonly kind: 'choose';
              readonly branches: readonly (Node & { readonly when: Expression | undefined; readonly use: TechniqueUse })[];
          }
        | { readonly kind: 'goal'; readonly goal: Goal; readonly bounds: readonly Requirement[] }
    );

/** Options as written; undefined means the hypervisor's default. Sizes in bytes, rates in bytes/s, times in ms, shares 0 to 1. */
export interface TechniqueOptions {
    readonly downtimeMs?: number;
    readonly streams?: number;
    readonly compression?: { readonly method: 'zlib' | 'zstd' | 'xbzrle' | 'mt' | 'none'; readonly level?: number };
    readonly xbzrleCache?: number;
    readonly throttle?: Throttle;
    readonly postcopyBandwidth?: number | 'unlimited';
    readonly holdPredictedDirty?: boolean;
    readonly storage?: readonly {
        readonly mode: 'copy' | 'shared' | 'preseeded';
        readonly disks: readonly string[];
        readonly cap?: number;
    }[];
    readonly tls?: boolean;
    readonly never?: readonly ('postcopy' | 'throttle')[];
    readonly zeroCopy?: boolean;
    readonly switchoverAck?: boolean;
    /** What each virtual CPU may write. */
    readonly dirtyLimit?: number;
    /** Intermediate hosts of scatter-gather: a number of them, or names. */
    readonly via?: { readonly count: number } | { readonly hosts: readonly string[]; readonly hostRanges?: readonly SourceRange[] };
}

export interface Throttle {
    /** Shares of CPU time, 0 to 1. */
    readonly initial: number;
    readonly step: number | undefined;
    readonly max: number | undefined;
}

export interface Rung extends Node {
    readonly on:
        | { readonly kind: 'stalled'; readonly iterations: number }
        | { readonly kind: 'iteration'; readonly iteration: number }
        | { readonly kind: 'after'; readonly ms: number }
        | { readonly kind: 'condition' };
    /** A further condition (`and iteration >= 2`), over `move.*` and `vm.*`. */
    readonly and: Expression | undefined;
    readonly action:
        | { readonly kind: 'downtime'; readonly ms: number }
        | { readonly kind: 'throttle'; readonly throttle: Throttle }
        | { readonly kind: 'switch-to-postcopy' | 'pause' | 'report' | 'abort' }
        | { readonly kind: 'bandwidth'; readonly rate: number | 'unlimited' };
}

export interface Dedup extends Node {
    readonly kinds: readonly ('none' | 'zero' | 'vm' | 'gang' | 'cluster' | 'disk')[];
    readonly storeBytes: number | undefined;
    readonly otherwise: readonly ('none' | 'zero' | 'vm' | 'gang' | 'cluster' | 'disk')[] | undefined;
}

// ---------------------------------------------------------------- limits

export type CapScope = 'total' | 'link' | 'host' | 'vm';

export type Cap = Node & {
    readonly scope: CapScope;
    /** `at least` is a floor, the rest are ceilings; a reserve is kept for the guests' own traffic. */
    readonly kind: 'cap' | 'floor' | 'reserve';
    readonly limit:
        | { readonly kind: 'rate'; readonly rate: number }
        | { readonly kind: 'share'; readonly share: number }
        | { readonly kind: 'unlimited' };
};

export interface Bandwidth extends Node {
    readonly caps: readonly Cap[];
    /** While a window is open its caps replace those of the same scope. */
    readonly windows: readonly (Node & {
        /** Minutes since midnight; `from` later than `to` spans midnight. */
        readonly from: number;
        readonly to: number;
        /** 0 is Sunday; all days when empty. */
        readonly days: readonly number[];
        /** Days by date, which then count instead of `days`, and those on which it stays closed. */
        readonly calendar?: CalendarDays;
        readonly timeZone: string | undefined;
        readonly caps: readonly Cap[];
        readonly atEnd: 'finish' | 'abort' | 'cap';
    })[];
}

export interface Concurrency {
    /** In and out together, in, and out, per host; on one link; in all. Undefined: as many as the daemon's workers allow. */
    readonly perHost: Limit | undefined;
    readonly intoHost: Limit | undefined;
    readonly outOfHost: Limit | undefined;
    readonly perLink: Limit | undefined;
    readonly inAll: Limit | undefined;
}
export type Limit = Node & { readonly count: number };

export type Promised = 'downtime' | 'blackout' | 'brownout' | 'eviction' | 'duration' | 'traffic' | 'energy';

export interface Requirement extends Node {
    readonly metric: Promised;
    readonly operator: '<' | '<=';
    /** In the metric's base unit: ms, bytes, J. */
    readonly value: number;
    readonly hard: boolean;
}

export interface OnFailure extends Node {
    readonly retry: { readonly times: number; readonly everyMs: number } | undefined;
    readonly then: readonly ('other-destination' | 'return-home' | 'leave' | 'report' | 'halt-plan')[];
    readonly budget: number | undefined;
}

export interface Deadline extends Node {
    readonly ms: number;
    readonly waives: readonly string[];
}

export interface Verify extends Node {
    readonly check:
        | { readonly kind: 'tcp'; readonly port: number }
        | { readonly kind: 'agent' }
        | { readonly kind: 'command'; readonly command: readonly string[] };
    readonly from: string | undefined;
    readonly fromRange?: SourceRange;
    readonly withinMs: number | undefined;
    readonly otherwise: 'report' | 'return-home' | 'halt-plan' | undefined;
}

export interface Hook extends Node {
    readonly when: 'before' | 'after';
    readonly command: readonly string[];
    readonly on: string | undefined;
    readonly onRange?: SourceRange;
    readonly withinMs: number | undefined;
}

export interface Exclusion extends Node {
    /** Never while any VM for which this holds is moving. */
    readonly during: Expression;
}

export interface Ordering extends Node {
    readonly first: Expression;
    readonly then: Expression;
}

export type Afterwards = Node & { readonly kind: 'power-off-emptied-hosts' };

// ---------------------------------------------------------------- sequences and scenarios

export interface HostSequence extends Node {
    readonly name: string | undefined;
    /** Absent: it has no name. */
    readonly nameRange?: SourceRange;
    readonly hosts: Expression | undefined;
    readonly waves: number;
    readonly spareHosts: number | undefined;
    readonly spareRange?: SourceRange;
    readonly steps: readonly SequenceStep[];
    readonly startBetween:
        | {
              readonly from: number;
              readonly to: number;
              /** 0 is Sunday; absent: all days. */
              readonly days?: readonly number[];
              /** Days by date, which then count instead of `days`, and those on which nothing starts. */
              readonly calendar?: CalendarDays;
              /** IANA name; absent: the inventory's. */
              readonly timeZone?: string;
          }
        | undefined;
    readonly finishInside: boolean;
    /** Hosts that a window had no time for are taken in the next one. */
    readonly continues?: true;
    readonly haltAfterFailedHosts: number | undefined;
}

export type SequenceStep = Node &
    (
        | { readonly kind: 'drain'; readonly technique: readonly TechniqueUse[] }
        | { readonly kind: 'run'; readonly command: readonly string[]; readonly withinMs: number | undefined }
        | { readonly kind: 'reboot'; readonly withinMs: number | undefined }
        | { readonly kind: 'wait-until'; readonly condition: Expression; readonly withinMs: number | undefined }
        | { readonly kind: 'return-moved-vms' }
    );

export interface Scenario extends Node {
    readonly name: string;
    readonly nameRange: SourceRange;
    readonly given: readonly Given[];
    readonly runs: readonly (Node & { readonly policy: string })[];
    readonly expects: readonly Expectation[];
}

export type Given = Node &
    (
        | {
              readonly kind: 'condition';
              readonly entity: 'host' | 'vm';
              readonly name: string;
              readonly attribute: string;
              readonly value: number | string | boolean;
          }
        | {
              readonly kind: 'facts';
              readonly entity: 'host' | 'vm' | 'link';
              readonly name: string;
              readonly facts: Readonly<Record<string, number | string | boolean | readonly string[]>>;
          }
    );

export type Expectation = Node & {
    /** `moved vms`, `duration`, `vm "db1" downtime`, `every host memory.used`. */
    readonly subject:
        | { readonly kind: 'run'; readonly metric: string }
        | { readonly kind: 'vm' | 'host'; readonly name: string; readonly metric: string }
        | { readonly kind: 'every'; readonly of: 'vm' | 'host'; readonly metric: string };
    readonly operator: BinaryOperator;
    readonly value: number | string | boolean;
    readonly type: ValueType;
};
