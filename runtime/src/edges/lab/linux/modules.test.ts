import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { dependsOf, loadOrder } from './modules.js';

test('what a module needs is read out of its file, whatever stands around it', () => {
    const file = Buffer.from('\x7fELF..\0license=GPL\0depends=virtio_ring,virtio-pci-modern-dev\0name=virtio_pci\0', 'latin1');
    expect(dependsOf(file)).toEqual(['virtio_ring', 'virtio_pci_modern_dev']);
    expect(dependsOf(Buffer.from('license=GPL\0depends=\0', 'latin1'))).toEqual([]);
});

test('the card comes after the bus, and the bus after its rings', () => {
    const needs = new Map([
        ['virtio_net', ['net_failover', 'virtio', 'virtio_ring']],
        ['virtio_pci', ['virtio_ring', 'virtio']],
        ['net_failover', ['failover']],
        ['failover', []],
        ['virtio_ring', ['virtio']],
        ['virtio', []],
    ]);
    expect(loadOrder(needs)).toEqual(['failover', 'net_failover', 'virtio', 'virtio_ring', 'virtio_net', 'virtio_pci']);
});

const graph = fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { maxLength: 20 }).map(
    // Each needs only later ones, so that there is an order.
    (rows) => new Map<string, readonly string[]>(rows.map((row, i) => [`m${i}`, row.map((step) => `m${i + 1 + step}`)])),
);
property.prop([graph])('each is loaded once, after everything that it needs', (needs) => {
    const order = loadOrder(needs);
    expect([...order].toSorted()).toEqual([...needs.keys()].toSorted());
    for (const [name, needed] of needs)
        for (const one of needed) if (needs.has(one)) expect(order.indexOf(one)).toBeLessThan(order.indexOf(name));
});
