import type { Socket } from 'node:net';

/**
 * Makes a socket send at once what is written within one turn, from here on: `connect` undoes it. The SSH library writes each packet in three pieces; sent one
 * by one, with Nagle's algorithm off, each would be a system call here and would wake the server there.
 */
export function gatherWrites(socket: Socket): Socket {
    // On the socket itself: `connect` puts its own method before that of a class.
    const write = socket.write.bind(socket);
    let gathering = false;
    return Object.assign(socket, {
        write: (...args: Parameters<typeof write>): boolean => {
            if (!gathering) {
                gathering = true;
                socket.cork();
                process.nextTick(() => {
                    gathering = false;
                    socket.uncork();
                });
            }
            return write(...args);
        },
    });
}
