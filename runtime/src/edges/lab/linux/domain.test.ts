import { expect, test } from 'vitest';
import { linuxDomainXml, planLinuxGuest } from './domain.js';

const files = { kernel: '/k/vmlinuz', initramfs: '/k/initramfs' };

test('a guest has its address in its tags, on its kernel command line and, as a number, in its card', () => {
    const guest = planLinuxGuest({ name: 'web1', memoryMiB: 128, fillMiB: 16, number: 101, tags: { role: 'web' } }, 'lab:1');
    expect(guest).toMatchObject({ address: '10.66.2.101', mac: '52:54:00:66:02:65', tags: { role: 'web', address: '10.66.2.101' } });
    const xml = linuxDomainXml(guest, files);
    expect(xml).toContain('<mig:tag name="address" value="10.66.2.101"/>');
    expect(xml).toContain('GUEST_ADDRESS=10.66.2.101/24 GUEST_GATEWAY=10.66.2.1 GUEST_FILL=16<');
    expect(xml).toContain("<mac address='52:54:00:66:02:65'/>");
    expect(xml).toContain("<target type='virtio' name='org.qemu.guest_agent.0'/>");
});

test('the same guest of the same lab has the same UUID, and of another lab another', () => {
    const uuid = (mark: string): string => planLinuxGuest({ name: 'a', memoryMiB: 96, number: 100 }, mark).uuid;
    expect(uuid('lab:1')).toBe(uuid('lab:1'));
    expect(uuid('lab:1')).not.toBe(uuid('lab:2'));
});

test.each([
    [{ memoryMiB: 64 }, /memory must be at least 96 MiB/],
    [{ memoryMiB: 128, fillMiB: 100 }, /it can fill 0 to 48 MiB/],
    [{ number: 11 }, /its number must be 100 to 250/],
    [{ name: '../x' }, /a name is letters/],
])('%o is refused', (wrong, message) => {
    expect(() => planLinuxGuest({ name: 'a', memoryMiB: 128, number: 100, ...wrong }, 'lab:1')).toThrow(message);
});
