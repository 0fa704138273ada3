export * from './hypervisor/port.js';
