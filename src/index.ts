/**
 * The face of lakeloop, in the data's order:
 *
 *     source -> transform -> identity -> delta -> destination
 *
 * No logic lives here. Vendor parts have entries of their own: `lakeloop/sources/duckdb`, `lakeloop/stores/sqlite`,
 * `lakeloop/stores/postgres`, `lakeloop/identity/phones`.
 */

export type {
  ListChunk,
  ListDelta,
  Reconciled,
  ReconcileOptions,
  Scope as ListScope,
  Wish,
} from './delta/list-delta.js'
export { ListDeltaComputer } from './delta/list-delta.js'
export type {
  Creation,
  Delivery,
  Destination,
  Foreseen,
  Prepared,
  PreparedRequest,
  Refusal,
  Split,
} from './destinations/destination.js'
export {
  type ContractChange,
  contractChanges,
  type IterableCheck,
  type IterableContract,
  IterableDestination,
  type IterableDestinationOptions,
  type IterableEvent,
  type Likeness,
} from './destinations/iterable/iterable-destination.js'
export { accuse } from './destinations/suspects.js'
export { causeOf, ERRORS, type ErrorCode, type ErrorFacts, explain, isLakeloopError, LakeloopError } from './errors.js'
export type { BatchEntry } from './history/batches.js'
export type { HistoryOptions } from './history/options.js'
export type { OutcomeEntry } from './history/outcomes.js'
export type { EndKind } from './history/place.js'
export type { Pruned } from './history/prune.js'
export type { Outcomes } from './history/recorder.js'
export type { SeenSchema } from './history/schemas.js'
export {
  type AddressChange,
  type Advanced,
  type Conflict,
  type EvidenceLink,
  type Explanation,
  type ForgetOptions,
  type Forgotten,
  type HistoryEntry,
  IdentityResolver,
  type Ingested,
  type IngestGuard,
  type IngestMapping,
  type IngestOptions,
  type NamespaceRule,
  type Preview,
  type PreviewOptions,
  type Profile,
  type ProfileExplanation,
  type RecordName,
  type RefusedLink,
  type Resolution,
  type Step,
} from './identity/resolver.js'
export type { Action, ActionBlock, ActionKind, CommerceItem, FieldType, ListRef, Shape } from './model/action.js'
export { actionAt, actionBlock } from './model/action-block.js'
export type { Evidence, Identifier, Identifiers } from './model/identifier.js'
export type { Outcome, OutcomeStatus } from './model/outcome.js'
export type {
  DriftChange,
  ExpiredCount,
  ListCounts,
  Reads,
  ReasonCount,
  RowCounts,
  RunReport,
  RunStatus,
  SchemaCommit,
  Versions,
} from './model/report.js'
export type { Column, Cursor, Row, RowBlock, Schema } from './model/row.js'
export { keyText, rowBlock } from './model/row.js'
export type { Json, JsonObject, Reason } from './model/value.js'
export {
  type BrowsedColumn,
  type BrowsedObject,
  type BrowsedTable,
  type BrowseOptions,
  DatabricksCatalog,
  type DatabricksCatalogOptions,
  type FoundTable,
} from './sources/databricks/catalog.js'
export {
  type DatabricksAuth,
  type DatabricksEvent,
  DatabricksSource,
  type DatabricksSourceOptions,
  type PreflightCheck,
  type PreflightOptions,
  type PreflightReport,
} from './sources/databricks/databricks-source.js'
export { RowsSource } from './sources/from-rows.js'
export type { ColumnOrigin, LookOptions, Page, ReadOptions, Source } from './sources/source.js'
export { MemoryStore } from './stores/memory.js'
export type { Encryption, EncryptionKey } from './stores/sealed.js'
export { type Entry, type Key, type Op, type Range, type Store, TABLES, type Table } from './stores/store.js'
export type { Audience } from './sync/audience.js'
export type { RunMode } from './sync/checkpoint.js'
export { type Clock, SYSTEM_CLOCK } from './sync/clock.js'
export type { DeadLetter, ParkedAction, ReplayOptions } from './sync/dead-letters.js'
export { type DeliverOptions, deliver } from './sync/deliver.js'
export type { DriftPolicies, DriftPolicy } from './sync/drift-policy.js'
export type { Running, WhenHeld } from './sync/drive.js'
export type { EraseOptions, Erasure } from './sync/erase.js'
export type { Landed } from './sync/erase-landed.js'
export type { BatchEvent, Lag, ProgressEvent, SyncEvents } from './sync/events.js'
export type { Existing } from './sync/existing.js'
export type { GroupedFields } from './sync/field-groups.js'
export type { InboxBounds } from './sync/inbox.js'
export type { LetterQuery, LetterSelection } from './sync/letter-choice.js'
export type { LetterEdit } from './sync/letter-edit.js'
export type { OnAddresses } from './sync/list-phase.js'
export type { SyncOptions } from './sync/options.js'
export type { OutcomesRequest } from './sync/person-outcomes.js'
export {
  type Plan,
  type PlannedCreations,
  type PlannedEndpoint,
  type PlannedLoss,
  type PlannedRequest,
  type PlannedTime,
  type PlanPins,
  planJson,
  planText,
} from './sync/plan.js'
export type { PlanRequest } from './sync/planning.js'
export type { Pushed, PushOptions } from './sync/push.js'
export type { TypesRequest } from './sync/row-types.js'
export { type RunOptions, Sync } from './sync/sync.js'
export type { Held, ReconcileRequest, SyncParts } from './sync/upkeep.js'
export type { Watch, WatchReport } from './sync/watch.js'
export type { WatchOptions } from './sync/watch-options.js'
export { rowTypes } from './transform/declared/row-types.js'
export type { TransformOptions } from './transform/options.js'
export type { Spark } from './transform/spark.js'
export {
  type AskedSlice,
  type ColumnMapping,
  type RowFate,
  type RunContext as TransformContext,
  Transform,
  type Transformed,
  type TransformFacts,
  type Tried,
  type TriedRow,
} from './transform/transform.js'
