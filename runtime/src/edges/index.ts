export * from './execute/clock.js';
export * from './hypervisor/port.js';
export * from './journal/errors.js';
export * from './journal/journal.js';
export * from './journal/place.js';
export * from './journal/records.js';
export * from './journal/status.js';
export * from './lab/door.js';
