export * from './protocol/index.js';
export { servePolicies } from './server.js';
