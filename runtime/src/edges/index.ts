export * from './hypervisor/port.js';
export * from './lab/door.js';
