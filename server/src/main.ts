/**
 * The language server as a process of its own. How it speaks is chosen by the client: `--stdio`, `--node-ipc`,
 * `--socket=PORT` or `--pipe=NAME`. It ends when its client does: by `exit`, by a closed connection, or when the process
 * that started it is gone; and on input that is no message, since nothing that follows it could be trusted.
 */
import { Console } from 'node:console';
import { homedir } from 'node:os';
import { lookDirectoryOf, stateDirectoryOf } from '@mig/runtime/core';
import { NodeFileSystem } from 'langium/node';
import { type Connection, createConnection, ProposedFeatures, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { servePolicies } from './server.js';

servePolicies(process.argv.includes('--stdio') ? standardStreams() : createConnection(ProposedFeatures.all), {
    ...NodeFileSystem,
    looks: lookDirectoryOf(stateDirectoryOf(process.env, homedir())),
});

function standardStreams(): Connection {
    // Standard output carries the protocol and nothing else.
    globalThis.console = new Console(process.stderr);
    const reader = new StreamMessageReader(process.stdin);
    reader.onError((error) => end(`cannot read what the client sends: ${error.message}`));
    reader.onClose(() => end('the client has closed the connection without an exit'));
    return createConnection(ProposedFeatures.all, reader, new StreamMessageWriter(process.stdout));
}

function end(why: string): never {
    process.stderr.write(`mig language server: ${why}\n`);
    process.exit(1);
}
