/**
 * Packages without a CommonJS form, with what they bring: our CommonJS build takes them in. Node can `require` them from
 * 20.19 on; the loaders of Jest and of older bundlers cannot (docs/decisions/0006-esm-only-packages-in-cjs.md).
 */
export const ONLY_ESM = ['ky', 'p-queue', 'p-timeout']
