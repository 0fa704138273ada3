import { expect, test } from 'vitest';
import { type FeatureId, features } from '../catalogue/features.js';
import { bare, policyText, program } from '../testing/kit.js';
import { techniques, tour } from '../testing/tour.js';

/** What the tour of the language has no place for. */
const rest = policyText(`
    when metric "up" > 3
    move vms together by vm.tag.app all or none
    to hosts with same vm.tag.app
    using rdma { throttle 20% } otherwise stop-and-copy { compression mt } otherwise traffic-sensitive otherwise postcopy {
        postcopy bandwidth 1 Gbit/s; hold predicted dirty; xbzrle cache 64 MiB
        when iteration 9: pause
        when iteration 12: abort
    }
    dedup none
    bandwidth { per vm 1 Gbit/s; per host 1 Gbit/s; reserve per link 10% }
    at most 2 into each host, 2 out of each host, 1 per link
    require hard blackout < 1 s, brownout < 1 min, eviction < 5 min, traffic < 1 TiB, energy < 1 kJ
    on failure other destination, then return home, then halt plan, halt plan after 3 failures`);

test('every capability of the language is noticed where it is used', async () => {
    const read = (): Promise<string> => Promise.resolve(techniques);
    const used = new Set([...(await program(tour, { read })).uses, ...(await program(rest)).uses].map((use) => use.feature));
    const missing = (Object.keys(features) as FeatureId[]).filter((feature) => !used.has(feature));
    expect(missing).toEqual([]);
});

test('a use names its policy and stands where the text stands', async () => {
    const { uses } = await program('policy night {\n  move vms\n  to hosts\n  using precopy\n  cooldown 5 min\n}');
    expect(bare(uses)).toEqual([
        { feature: 'technique.precopy', within: 'night' },
        { feature: 'cooldown', within: 'night' },
    ]);
    expect(uses[0]?.range.start).toEqual({ line: 3, character: 8 });
});
