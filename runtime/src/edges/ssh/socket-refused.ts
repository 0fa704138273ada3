/**
 * A unix socket on a host could not be opened.
 * - `forwarding-off`: the SSH server forbids stream-local forwarding
 * - `missing`, `forbidden`, `unanswered`: no such path; no permission; nobody listens there
 * - `failed`: the SSH server says no more than that it failed
 */
export class SocketRefused extends Error {
    readonly path: string;
    readonly reason: 'forwarding-off' | 'missing' | 'forbidden' | 'unanswered' | 'failed';

    constructor(path: string, reason: SocketRefused['reason'], options?: ErrorOptions) {
        super(`${path}: ${reason}`, options);
        this.name = 'SocketRefused';
        this.path = path;
        this.reason = reason;
    }
}
