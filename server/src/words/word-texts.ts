/**
 * What the words of the language mean: one row a word, shown by hover and beside completions.
 * Only words whose meaning a reader could doubt have a row.
 */
const rows = {
    // techniques
    precopy: 'Pre-copy: memory is sent while the VM runs, in passes over what it has written meanwhile; then a short stop for the rest.',
    postcopy:
        'Post-copy: the VM goes on at the destination at once, and its memory follows, on demand and in the background. After the switch nothing may abort.',
    hybrid: 'Hybrid copy: one pass of pre-copy, then post-copy.',
    'stop-and-copy': 'Stop-and-copy: the VM stands still while all of its memory is sent. The least traffic, the longest downtime.',
    'scatter-gather':
        'Scatter-gather: the source scatters memory to intermediate hosts, from which the destination gathers it; the source is emptied at the speed of its own link.',
    agile: 'Agile migration: only the working set is moved; cold memory follows from where it was put before.',
    rdma: 'RDMA: pages are written straight into the memory of the destination.',
    'traffic-sensitive': 'Pre-copy or post-copy, by whichever competes least with the traffic of the VM itself.',
    choose: 'The first branch whose condition holds names the technique.',

    // clauses of a policy
    when: 'The trigger. One that names `host` holds for a host, and the policy has one instance per host for which it holds; one that names `vm` binds a VM. Without a trigger a policy runs on demand only.',
    every: 'A schedule: the policy holds from this time for its window, one hour unless said otherwise. Time zone: that of the inventory unless named.',
    calendar:
        'Days by date, on the clock of what keeps to them: a change freeze, holidays. Named after `except`, where nothing is to run, or after `on`.',
    workdays: 'Monday to Friday. What else is not worked on is said by a calendar: `on workdays except holidays`.',
    weekends: 'Saturday and Sunday.',
    set: '`set of string`: texts in brackets, as in `["east", "west"]`; set from outside with commas, `--set zones=east,west`.',
    until: 'After `when`: the release condition; once fired, the trigger holds until this is true. After `move`: VMs are taken one by one until this would be true.',
    move: 'The selection: which VMs, filtered first, then ordered, then limited.',
    except: 'VMs that stay. A VM is taken only if every `except` is known to be false. In a schedule or window: days of calendars, which open no window and end one that is open.',
    order: 'The order in which VMs are taken; ties break by name.',
    together: 'A gang: VMs with the same value start together and share bandwidth.',
    limit: 'At most so many VMs, or such a share of them.',
    immovable: 'What happens to VMs that cannot move: `skip`, `skip host`, `shut down vm within 5 min` or `halt plan`.',
    to: 'The destinations: constraints exclude, preferences rank; both judged at that step of the plan.',
    keep: 'Headroom that must stay on the destination after the move.',
    hugepages: 'Memory in huge pages: of the size after `of`, or of the usual one of the host.',
    numa: 'After `per`: on every NUMA node of the host, and not only on the host as a whole.',
    device: 'Devices that the destination must offer, by the names that its inventory gives them.',
    profile: 'Profiles that the destination must offer, by the names that its inventory gives them.',
    'at end':
        'What becomes of moves in flight when the window ends: they `finish`, unless said otherwise, are ended by `abort`, or go on under a `cap`.',
    continue: 'Hosts that the window had no time for are taken in the next one.',
    apart: 'Anti-affinity: no two VMs with the same value on one host.',
    with: 'Affinity: VMs with the same value on one host.',
    prefer: 'A preference: it ranks the destinations that the constraints leave.',
    'when gain': 'The least benefit, against the cost of the move, for which a VM moves.',
    using: 'How VMs move. After `otherwise`: the technique for where the one before cannot run.',
    dedup: 'Where the destination may get a page from instead of the wire.',
    bandwidth: 'Caps that all hold at the same time. Shares are max-min fair, and are shared out again as moves start and end.',
    total: 'A cap on all moves of the policy together.',
    reserve: 'Bandwidth of the link that is left to the guests.',
    between: 'A window by clock and day: its caps replace those of the same scope while it is open.',
    unlimited: 'No cap. Written out, since 0 would be read as nothing at all.',
    require:
        'A promise: tested by prediction, reported as held or broken; a broken one makes the exit code non-zero. `hard` refuses or aborts the move before it would be broken.',
    hard: 'The move is refused or aborted before the promise would be broken.',
    'on failure':
        'What happens when a move fails, step by step: retry, another destination, return home, leave the VM where it is, report, halt the plan.',
    cooldown: 'After it has run, the policy does not run again for this long.',
    priority: 'Policies run by priority, highest first. A VM belongs to the first policy that takes it.',
    preempt: 'Running moves of policies with lower priority yield.',
    deadline: 'By when all moves must have ended; named promises may be waived to meet it.',
    verify: 'A check after the move, from a place that is named, within a time.',

    'before each move': 'A command of yours before each move; it must end well for the move to start.',
    'after each move': 'A command of yours after each move.',
    'then power off emptied hosts': 'Hosts that the policy has emptied are switched off.',

    // a technique's ladder and options
    stalled:
        'No progress: the lowest remaining bytes of the last n iterations are not at least 4% below the lowest before them. The count goes on across rungs.',
    throttle: 'Takes CPU time from the guest, so that it dirties less memory. Felt by the guest: brownout.',
    abort: 'Ends the move; the VM goes on at the source as if nothing had happened. Not possible after a switch to post-copy.',
    switch: 'Switches the running move to post-copy.',
    iteration: 'A pass over the memory that was dirtied during the pass before.',
    streams: 'Parallel streams for memory pages.',
    compression: 'Compresses pages on the wire, at the cost of CPU time.',
    mt: "QEMU's old compression (`compress`), by threads of its own. Deprecated in QEMU 8.2 and gone from 9.1: `zstd` on several streams does better.",
    'zero-copy':
        'Pages go from the memory of the guest to the network without being copied first. Only on several streams, without TLS and without compression; the source host has to let the memory be locked.',
    'switchover-ack':
        'The guest is stopped only when the destination says that it is ready to take over: what its devices have to load first is no downtime then. For passed-through devices that can be moved; QEMU 8.1 or later.',
    'dirty-limit':
        'What each virtual CPU may write: those that write more are slowed, and no others, unlike `throttle`. The VM needs a dirty ring of KVM; QEMU 8.1 or later.',
    xbzrle: 'Sends the difference to a page that was sent before, kept in a cache of this size.',

    // measures
    downtime: "The time in which the guest's CPUs stand still.",
    blackout: 'The time in which the guest does not answer on the network.',
    brownout: 'The time in which the guest runs slowed: throttled or waiting for pages.',
    eviction: 'The time until the source holds nothing of the VM.',
    duration: 'The time from the first phase of a move to its last.',
    traffic: 'Bytes on the wire.',
} as const;

const texts: ReadonlyMap<string, string> = new Map(Object.entries(rows));

/** Every word that has a text. */
export const documentedWords: readonly string[] = [...texts.keys()];

/** What a word of the language means, as Markdown; undefined for words that say what they mean. */
export function describeWord(word: string): string | undefined {
    return texts.get(word.replaceAll(/\s+/g, ' '));
}
