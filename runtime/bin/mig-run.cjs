#!/usr/bin/env node
// Runs on any Node, so that an old one is told what is needed instead of failing on syntax it does not know.
'use strict';
var floor = [22, 13];
var parts = process.versions.node.split('.').map(Number);
if (parts[0] < floor[0] || (parts[0] === floor[0] && parts[1] < floor[1])) {
    process.stderr.write(
        'mig-run needs Node ' +
            floor.join('.') +
            ' or newer, and this is Node ' +
            process.versions.node +
            '.\n' +
            'In a checkout, `npx mig-run` uses the Node that `npm ci` put into node_modules; elsewhere install a newer Node.\n',
    );
    process.exit(2);
}
var path = require('node:path');
var fs = require('node:fs');
var bundle = path.join(__dirname, '..', 'dist', 'bundle', 'mig-run.js');
if (!fs.existsSync(bundle)) {
    process.stderr.write('mig-run is not built yet: run `npm run build` in the checkout.\n');
    process.exit(2);
}
require('./compile-cache.cjs').enable(bundle, process.argv.slice(2));
import(require('node:url').pathToFileURL(bundle).href);
