import { attributes, findAttribute } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { describeAttribute } from './attribute-text.js';
import { describeQuantity } from './quantity-text.js';

describe('attributes', () => {
    test('the text of an attribute says what it is, where it is measured, what it costs and when it is absent', () => {
        const attribute = findAttribute('vm', 'dirty_rate');
        expect(attribute && describeAttribute('vm', attribute)).toBe(
            [
                '```mig\nvm.dirty_rate\n```',
                'Memory that the guest dirties.',
                [
                    '- **Value**: a rate, such as 100 MiB/s',
                    '- **Measured**: page sampling by the hypervisor, outside migrations',
                    '- **Costs**: the sampling window: the hypervisor samples pages; not possible during a migration',
                    '- **When absent**: needs libvirt 7.2, and no migration of the VM under way',
                ].join('\n'),
            ].join('\n\n'),
        );
    });

    test('a closed set of values is listed', () => {
        const state = findAttribute('vm', 'state');
        expect(state && describeAttribute('vm', state)).toContain('one of `"running"`, `"paused"`');
    });

    test('what belongs to a host is shown for source as it is written', () => {
        const zone = findAttribute('source', 'zone');
        expect(zone && describeAttribute('source', zone)).toContain('source.zone');
    });

    test.each(attributes.map((a) => [`${a.entity}.${a.name}`, a] as const))('%s has a text without a hole', (_, attribute) => {
        expect(describeAttribute(attribute.entity, attribute)).not.toMatch(/undefined|\*\*: *$/m);
    });
});

describe('quantities', () => {
    test.each([
        ['8 Gbit/s', '**8 Gbit/s**: a rate\n\n= 8000 Mbit/s = 953.7 MiB/s = 1000 MB/s'],
        ['300ms', '**300ms**: a duration\n\n= 0.3 s'],
        ['2 GiB', '**2 GiB**: a size\n\n= 2048 MiB = 2147 MB = 2.147 GB'],
        ['60%', '**60%**: a share'],
    ])('%s is shown in other units', (text, shown) => {
        expect(describeQuantity(text)).toBe(shown);
    });

    test('what is no quantity has no text', () => {
        expect(describeQuantity('300 parsecs')).toBeUndefined();
    });
});
