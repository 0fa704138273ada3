/** What a {@link CompilerThread} runs: it makes the compiler ready, and answers each request. */
import module from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { CompileRequest } from './request.js';
import type { ThreadData } from './thread.js';

const { compileCache } = workerData as ThreadData;
// Each thread has its own; what was compiled before this line is not in it.
if (compileCache !== undefined) module.enableCompileCache(compileCache);
const { answer, makeReady } = await import('./compiler.js');

const port = parentPort;
if (port === null) throw new Error('this file is run by a thread that compiles');
port.on('message', (request: CompileRequest) => {
    void answer(request).then((compiled) => port.postMessage(compiled));
});
makeReady();
