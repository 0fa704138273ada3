export * from './catalogue/attributes.js';
export * from './catalogue/features.js';
export * from './finding.js';
export * from './nearest.js';
export * from './program.js';
export * from './units.js';
