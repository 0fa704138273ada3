import fc from 'fast-check';
import { mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { attachments, commandLineBlockers, identityOf, keyValues, passedThrough, processorOf, socketBy } from './command-line.js';

const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
const words = (text: string): readonly string[] => text.split(' ');
const db1 = words(
    `/usr/bin/qemu-system-x86_64 -name guest=db1,debug-threads=on -uuid ${uuid} -machine pc,accel=tcg -m 192 -nodefaults -display none ` +
        '-bios /roms/a.rom -serial unix:/run/db1.serial,server=on,wait=off -qmp unix:/run/qemu/db1.qmp,server=on,wait=off -daemonize',
);

describe('a command line of QEMU', () => {
    test('tells who the VM is, and where it can be asked', () => {
        expect(identityOf(db1)).toEqual({
            name: 'db1',
            uuid,
            memory: 192 * mebibyte,
            sockets: ['/run/qemu/db1.qmp'],
            otherMonitors: [],
            isLibvirts: false,
        });
        expect(identityOf(words('qemu -m size=2G,slots=2,maxmem=8G')).memory).toBe(2048 * mebibyte);
        expect(identityOf(words('qemu')).uuid).toBeUndefined();
    });

    test.each([
        ['-qmp unix:/a,server,nowait', ['/a']],
        ['--qmp unix:/a,server=on', ['/a']],
        ['-chardev socket,id=m,path=/a,server=on,wait=off -mon chardev=m,mode=control', ['/a']],
        ['-chardev socket,id=m,path=/a,server=on -mon m,mode=control', ['/a']],
        ['-chardev socket,id=m,path=/a,server=on -qmp chardev:m', ['/a']],
        ['-chardev socket,id=m,path=/a,server=on -mon chardev=m,mode=readline', []],
        ['-monitor unix:/a,server=on', []],
        ['-qmp unix:/a,server=on -qmp unix:/b,server=on', ['/a', '/b']],
        ['-qmp unix:/a', []],
        ['-qmp tcp:127.0.0.1:4444,server=on', []],
        ['-qmp stdio', []],
    ])('finds the QMP sockets of %s', (text, sockets) => {
        const found = identityOf(words(`qemu ${text}`));
        expect(found.sockets).toEqual(sockets);
        if (sockets.length === 0 && text.includes('qmp')) expect(found.otherMonitors).toHaveLength(1);
    });

    test('knows one that libvirt has started', () => {
        const argv = words(
            'qemu -name guest=a -chardev socket,id=charmonitor,fd=23,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control',
        );
        expect(identityOf(argv)).toMatchObject({ isLibvirts: true, sockets: [] });
    });

    test('commas that are doubled belong to the value', () => {
        const value = fc
            .string({ minLength: 1, unit: fc.constantFrom(',', '=', 'a', '/', ' ', '"') })
            .filter((text) => !text.startsWith('{') && !/^\s/.test(text));
        fc.assert(
            fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
                const text = values.map((one, i) => `k${String(i)}=${one.replaceAll(',', ',,')}`).join(',');
                expect([...keyValues(text, 'first').values()]).toEqual(values);
            }),
        );
        expect([...keyValues('socket,path=/a,,b,server', 'backend')]).toEqual([
            ['backend', 'socket'],
            ['path', '/a,b'],
            ['server', 'on'],
        ]);
        expect(keyValues('{"driver":"virtio-net-pci","id":"n0"}', 'driver').get('id')).toBe('n0');
    });

    test('what cannot be started elsewhere is told', () => {
        expect(commandLineBlockers(db1)).toEqual([]);
        expect(commandLineBlockers(words('qemu -snapshot'))[0]?.cure).toBe('start it without -snapshot');
        expect(commandLineBlockers(words('qemu -netdev tap,id=n,fd=3'))[0]?.reason).toMatch(/handed open files.*-netdev tap,id=n,fd=3/);
        expect(passedThrough(words('qemu -device vfio-pci,host=0000:01:00.0 -device virtio-net-pci'))).toEqual(['vfio-pci 0000:01:00.0']);
    });

    test('tells what it is attached to, and what CPU it has', () => {
        expect(
            attachments(
                words('qemu -netdev bridge,id=a,br=vms -netdev bridge,id=b -netdev tap,id=c,ifname=tap7,script=no -netdev user,id=d'),
            ),
        ).toEqual({
            bridges: ['vms', 'br0'],
            interfaces: ['tap7'],
        });
        expect(processorOf(words('qemu -cpu host -enable-kvm'))).toEqual({ cpu: 'host', accelerator: 'kvm' });
        expect(processorOf(words('qemu -machine pc,accel=kvm:tcg'))).toEqual({ cpu: undefined, accelerator: 'kvm:tcg' });
        expect(processorOf(db1)).toEqual({ cpu: undefined, accelerator: 'tcg' });
    });

    test('the socket of a VM by a pattern or a directory', () => {
        const vm = { name: 'db1', uuid };
        expect(socketBy('/run/qemu', vm)).toBe('/run/qemu/db1.qmp');
        expect(socketBy('/run/qemu/', vm)).toBe('/run/qemu/db1.qmp');
        expect(socketBy('/vm/{name}/{uuid}.sock', vm)).toBe(`/vm/db1/${uuid}.sock`);
    });
});
