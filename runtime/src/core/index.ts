export * from './errors.js';
export * from './inventory/parse.js';
export * from './inventory/schema.js';
export * from './model/events.js';
export * from './model/inventory.js';
export * from './model/plan.js';
export * from './model/snapshot.js';
