import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { optionsOf } from './command-line.js';
import { receiverArgv } from './receiver.js';

const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
const words = (text: string): readonly string[] => text.split(' ');
const db1 = words(
    `/usr/bin/qemu-system-x86_64 -name guest=db1,debug-threads=on -uuid ${uuid} -machine pc,accel=tcg -m 192 -nodefaults -display none ` +
        '-bios /roms/a.rom -serial unix:/run/db1.serial,server=on,wait=off -qmp unix:/run/qemu/db1.qmp,server=on,wait=off -daemonize',
);

describe('the machine that receives a VM', () => {
    test('elsewhere it is the same machine: its own type, its own socket, waiting, its guest not started', () => {
        const argv = receiverArgv(db1, {
            machine: 'pc-i440fx-10.0',
            socket: { from: '/run/qemu/db1.qmp', to: '/run/other/db1.qmp' },
            pidFile: '/run/mig-run/x.pid',
        });
        expect(argv.join(' ')).toBe(
            `/usr/bin/qemu-system-x86_64 -name guest=db1,debug-threads=on -uuid ${uuid} -machine pc-i440fx-10.0,accel=tcg -m 192 -nodefaults ` +
                '-display none -bios /roms/a.rom -serial unix:/run/db1.serial,server=on,wait=off ' +
                '-qmp unix:/run/other/db1.qmp,server=on,wait=off -pidfile /run/mig-run/x.pid -S -incoming defer',
        );
    });

    test('one that has arrived moves on as the same machine again, whatever it was started with', () => {
        const receiver = { machine: 'q35-10.0', socket: { from: '/a', to: '/a' }, pidFile: '/p' };
        const tokens = fc.constantFrom(
            '-S',
            '-daemonize',
            '-nographic',
            '-M',
            '-machine',
            '-incoming',
            '-loadvm',
            '-pidfile',
            '-smp',
            'disk.img',
        );
        const values: Readonly<Record<string, string>> = {
            '-M': 'q35,accel=tcg',
            '-machine': 'type=q35,usb=off',
            '-incoming': 'tcp:0:4444',
            '-loadvm': 'before',
            '-pidfile': '/run/p.pid',
            '-smp': '2',
        };
        fc.assert(
            fc.property(fc.array(tokens, { maxLength: 8 }), (chosen) => {
                const argv = ['qemu', ...chosen.flatMap((word) => (values[word] === undefined ? [word] : [word, values[word]]))];
                const once = receiverArgv(argv, receiver);
                expect(receiverArgv(once, receiver)).toEqual(once);
                const options = optionsOf(once);
                expect(options.filter(({ name }) => name === 'incoming')).toEqual([{ name: 'incoming', value: 'defer' }]);
                expect(options.filter(({ name }) => name === 'S')).toHaveLength(1);
                expect(options.some(({ name }) => ['loadvm', 'daemonize'].includes(name))).toBe(false);
                for (const { name, value = '' } of options) if (name === 'machine') expect(value).toMatch(/^(type=)?q35-10\.0/);
                expect(options.some(({ name }) => name === 'pidfile')).toBe(true);
                expect(options.filter(({ name }) => name === '')).toHaveLength(chosen.filter((word) => word === 'disk.img').length);
            }),
        );
    });

    test('properties of a further -machine stay', () => {
        const argv = receiverArgv(words('qemu -machine q35 -machine usb=off'), {
            machine: 'pc-q35-9.2',
            socket: { from: '', to: '' },
            pidFile: '/p',
        });
        expect(argv.join(' ')).toBe('qemu -machine pc-q35-9.2 -machine usb=off -pidfile /p -S -incoming defer');
    });

    test.each([
        ['-chardev socket,id=a,path=/run/a,server=on', '-chardev socket,id=a,path=/run/a,server=on,wait=off'],
        ['-chardev socket,id=a,wait=on,path=/run/a,server=on', '-chardev socket,id=a,path=/run/a,server=on,wait=off'],
        ['-chardev socket,id=a,path=/run/a,server,nowait', '-chardev socket,id=a,path=/run/a,server,nowait'],
        ['-serial unix:/run/s,server=on', '-serial unix:/run/s,server=on,wait=off'],
        ['-chardev socket,id=a,path=/run/a', '-chardev socket,id=a,path=/run/a'],
        ['-chardev file,id=a,path=/run/wait', '-chardev file,id=a,path=/run/wait'],
        ['-netdev socket,id=n,listen=:1234', '-netdev socket,id=n,listen=:1234'],
    ])('waits for nobody at its sockets: %s', (given, becomes) => {
        const receiver = { machine: 'pc', socket: { from: '/q', to: '/q' }, pidFile: '/p' };
        expect(receiverArgv(words(`qemu ${given}`), receiver).join(' ')).toBe(`qemu ${becomes} -machine pc -pidfile /p -S -incoming defer`);
    });
});
