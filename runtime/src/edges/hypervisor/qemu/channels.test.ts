import { expect, test } from 'vitest';
import { agentOf, listenedAt } from './channels.js';

const words = (text: string): readonly string[] => `qemu ${text}`.split(' ');
const port = '-device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0';

test.each([
    ['-chardev socket,id=qga0,path=/run/a.sock,server=on,wait=off', { socket: '/run/a.sock', id: 'qga0' }],
    ['-chardev socket,path=a.sock,server,nowait,id=qga0', { socket: 'a.sock', id: 'qga0' }],
    ['-chardev socket,id=other,path=/o,server=on -chardev socket,id=qga0,path=/b,,c,server=on', { socket: '/b,c', id: 'qga0' }],
])('the agent is asked at the socket of its channel: %s', (chardev, found) => {
    expect(agentOf(words(`-device virtio-serial ${chardev} ${port}`))).toEqual(found);
    const asJson = '-device {"driver":"virtserialport","chardev":"qga0","name":"org.qemu.guest_agent.0"}';
    expect(agentOf(words(`${chardev} ${asJson}`))).toEqual(found);
});

test.each([
    ['', /no channel org\.qemu\.guest_agent\.0/],
    ['-chardev socket,id=v,path=/v,server=on -device virtserialport,chardev=v,name=com.redhat.spice.0', /no channel/],
    [port, /there is no -chardev qga0/],
    [`-chardev socket,id=qga0,path=/a ${port}`, /\/a is one that QEMU connects to/],
    [`-chardev spicevmc,id=qga0,name=x ${port}`, /is no socket/],
])('where it has none, it is said why and what to add: %s', (text, why) => {
    expect(agentOf(words(text))).toEqual({
        reason: expect.stringMatching(why) as unknown,
        cure: expect.stringMatching(/-chardev socket,.*server=on,wait=off -device virtserialport/) as unknown,
    });
});

test('every unix socket at which it listens is told once, and no other', () => {
    const listens =
        '-serial unix:/s,server=on,wait=off -qmp unix:q,server=on -monitor unix:/m,server,nowait -chardev socket,id=a,path=/a,server=on';
    const others =
        '-serial stdio -chardev socket,id=c,path=/c -chardev socket,id=t,host=0,port=1,server=on -chardev socket,id=x,path=x,abstract=on,server=on ' +
        '-chardev socket,id=f,fd=3,server=on -qmp chardev:a -chardev file,id=l,path=/l -netdev socket,id=n,listen=:1';
    expect(listenedAt(words(`${listens} ${others} -chardev socket,id=again,path=/a,server=on`))).toEqual(['/s', 'q', '/m', '/a']);
});
