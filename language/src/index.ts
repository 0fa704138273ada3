/**
 * The door of the language. What the editor needs stands behind a door of its own: '@mig/language/lsp'.
 * Files that need the parser are exported whole: one that is exported by name comes into every part of the bundle.
 */
export * from './catalogue/attributes.js';
export * from './catalogue/check-docs.js';
export * from './catalogue/checks.js';
export * from './catalogue/features.js';
export * from './catalogue/technique-features.js';
export * from './compile-text.js';
export * from './finding.js';
export * from './format/format-text.js';
export * from './lint/fixes.js';
export * from './lint/rules.js';
export * from './lint/suppress.js';
export { suppressingEdit } from './lint/suppressions.js';
export * from './nearest.js';
export * from './places.js';
export * from './program.js';
export * from './rules/index.js';
// With names, esbuild would put what these files hold beside the compiler, and every command would load it.
export * from './rules/alone.js';
export * from './rules/intervals.js';
export type { CompilePhase, ReportOptions } from './compile/context.js';
export { createMigCoreServices, type MigCoreServices } from './services.js';
export * from './units.js';
