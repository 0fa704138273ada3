// Compiled code is kept between two starts. V8 keeps what was compiled by the end of the first process, so that each command
// has a cache of its own, made by a process of that command that had come to do something.
'use strict';
var fs = require('node:fs');
var os = require('node:os');
var path = require('node:path');

var commands = ['plan', 'apply', 'simulate', 'check', 'observe', 'status', 'abort', 'resume', 'report', 'lab'];

/** Ends before which nothing was done (see exit-codes.ts): what such a process compiled is not what the next one needs. */
var beforeAnything = [2, 3, 4, 5, 6, 7, 9, 70];

/** The command as far as it decides which code is used. */
exports.kindOf = function (words) {
    var first = words[0] || '--help';
    if (first === 'lab') return /^[a-z]+$/.test(words[1]) ? 'lab-' + words[1] : 'lab';
    if (first === 'simulate' || words.indexOf('--dry-run') >= 0) return 'simulate';
    if (commands.indexOf(first) >= 0) return first;
    return /^(-h|--help|-V|--version)$/.test(first) ? 'help' : 'run';
};

/** In the person's own directory, since whoever can write there decides what is run. Where it cannot be written, all is slower. */
exports.enable = function (bundle, words) {
    try {
        var base = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
        var directory = path.join(base, 'mig-run', exports.kindOf(words));
        var is = fs.statSync(bundle);
        var version = [process.version, is.size, is.mtimeMs].join(' ');
        var mark = path.join(directory, 'complete');
        if (read(mark) !== version) {
            fs.rmSync(directory, { recursive: true, force: true });
            process.on('exit', function (code) {
                if (beforeAnything.indexOf(code) < 0) write(mark, version);
            });
        }
        require('node:module').enableCompileCache(directory);
    } catch (error) {
        // There is no home, or it is not ours to write: a cache is not worth a message.
    }
};

function write(file, text) {
    try {
        fs.writeFileSync(file, text);
    } catch (error) {
        // The next process tries again.
    }
}

function read(file) {
    try {
        return fs.readFileSync(file, 'utf8');
    } catch (error) {
        return undefined;
    }
}
