/** What comes back from Iterable. */

export type { ExportDataType, IterableExportOptions } from './export-options.js'
export { IterableExport } from './iterable-export.js'
