/**
 * The one error class, and the one table of codes: errors that stop something, and reasons why a row was not delivered.
 * Every code has a section of the same name in docs/errors.md.
 */

/** What the engine does about a failure: the same again, in smaller parts, leave this row out, or stop. */
export type Remedy = 'retry' | 'split' | 'reject' | 'halt'

interface CodeRow {
  readonly remedy: Remedy
  /** What happened; `{name}` is filled from the facts. */
  readonly says: string
  /** What to do about it. */
  readonly fix: string
}

const row = (remedy: Remedy, says: string, fix: string): CodeRow => ({ remedy, says, fix })

export const ERRORS = {
  // ── any part
  OPTION_INVALID: row('halt', '{part}: option {option} {problem}', 'Correct the option; its comment gives the bounds.'),
  PEER_MISSING: row('halt', 'the package {package} is not installed', 'Run: npm install {package}'),
  CLOSED: row('halt', '{part} was used after close()', 'Make a new one, or close it later.'),
  ABORTED: row('halt', 'the run was cancelled', 'Run it again: it goes on where it stood.'),
  CREDENTIALS_MISSING: row(
    'halt',
    '{part} has no credential for {option}',
    'Pass a string, or a function that returns one.',
  ),

  // ── sources
  SOURCE_UNREACHABLE: row(
    'retry',
    'the source {source} could not be reached{problem}',
    'Check the host, the path and the network, then run again.',
  ),
  SOURCE_UNAUTHORIZED: row(
    'halt',
    'the source {source} refused the credential{problem}',
    'Renew the credential or ask for the grant{hint}.',
  ),
  SOURCE_QUERY_INVALID: row(
    'halt',
    'the query of {source} was refused: {problem}',
    'Correct the SQL, or what stands in its way.',
  ),
  SOURCE_TABLE_MISSING: row(
    'halt',
    'the query of {source} names the table {table}, which is not there',
    'Check the name and the schema.',
  ),
  SOURCE_COLUMN_MISSING: row(
    'halt',
    'the query of {source} names the column {column}, which is not there',
    'Check the name; perhaps it was renamed{candidates}.',
  ),
  SOURCE_KEY_MISSING: row(
    'halt',
    'the source {source} declares {column} as {role}, and its rows have no such column',
    'Select the column, or change the declaration.',
  ),
  SOURCE_KEY_AMBIGUOUS: row(
    'halt',
    'the key {key} of {source} {problem}, so that no place in its rows can be found again',
    'Make the key unique and never NULL, or name another.',
  ),
  SOURCE_TYPE_UNKNOWN: row(
    'halt',
    'column {column} of {source} has the type {type}, which has no exact form here',
    'Cast the column in the query.',
  ),
  SOURCE_SPENT: row(
    'halt',
    'the rows of {source} can be read once only, and were',
    'Hand in an array, or a function that gives them anew.',
  ),
  SOURCE_FORBIDDEN: row(
    'halt',
    'the source {source} lacks {privilege} on {securable}',
    'Ask an admin for it; source.preflight() prints the statement.',
  ),
  SOURCE_HISTORY_GONE: row(
    'halt',
    'the changes of {source} since the last run cannot be read any more: {problem}',
    'A full sync is needed: run it once with mode: resync, or set onHistoryGone to resync.',
  ),
  SOURCE_HISTORY_SPLIT: row(
    'halt',
    'the schema of {source} changed within the versions asked for',
    'Read them in two parts, before and after the change.',
  ),
  SOURCE_TABLE_REPLACED: row(
    'halt',
    'the table {table} of {source} {problem} since the last run',
    'Check what was done to it; then run it once with mode: resync, or set onReplaced to resync.',
  ),
  SOURCE_MODE_UNAVAILABLE: row('halt', 'the source {source} cannot read {table} by {mode}: {problem}', '{remedy}'),
  SOURCE_DRIVER_UNKNOWN: row(
    'halt',
    'the source {source} does not know the results of the installed @databricks/sql',
    'Install a version of @databricks/sql that lakeloop names as its peer.',
  ),
  SOURCE_FAILED: row(
    'halt',
    'the source {source} failed while reading{problem}',
    'See causeOf(error) for what it threw.',
  ),
  CURSOR_INVALID: row(
    'halt',
    'the cursor kept for {source} does not belong to it',
    'Reset the cursor by a run with mode: resync, or give the sync a new name.',
  ),
  VALUE_NOT_EXACT: row(
    'reject',
    'column {column}: {problem}',
    'Give it as text, by a cast in the query for instance, or mend it at its source.',
  ),

  // ── schema
  SCHEMA_BREAKS_TRANSFORM: row(
    'halt',
    'column {column} is {change}{candidates}{commit}; the transform reads it at {at}',
    'Mend the transform or the query. Nothing was sent and the cursor has not moved.',
  ),
  SCHEMA_CHANGED: row(
    'halt',
    'column {column} is {change}{commit}, and drift.{kind} says stop',
    'Edit the transform for it, or set drift.{kind} to report. Nothing was sent and the cursor has not moved.',
  ),
  SCHEMA_PARKED: row(
    'reject',
    'column {column} is {change}{candidates}{commit}, and drift.{kind} says park',
    'Mend the transform: its rows are kept, and are read again by the first run that finds all it reads.',
  ),
  SOURCE_GUARDED: row(
    'halt',
    '{guard} stands before {what} of {source}, so that what is read may not be what is stored',
    'Ask for the stored values, or name it in {option} of the source to take what it gives.',
  ),

  SOURCE_GUARDS_UNSEEN: row(
    'halt',
    'Unity Catalog does not show {source} whether masks or a row filter stand before {table} ({why})',
    'Give the principal SELECT on it by a token that may ask Unity Catalog, or set allow.unseen of the source.',
  ),

  // ── row types
  ROW_TYPES_UNKNOWN: row(
    'halt',
    'the source {source} does not tell its columns, and gave no rows that show them',
    'Give it rows, or say its schema.',
  ),
  ROW_TYPES_UNWRITABLE: row(
    'halt',
    'the row types could not be written to {file}: {problem}',
    'Check the path and its permissions, or name another file.',
  ),
  ROW_TYPES_INVALID: row('halt', 'the row types {file} {problem}', 'Make them with sync.types({ file }).'),
  ROW_TYPES_UNUSED: row(
    'halt',
    'the program does not name its row types, so that its types cannot be checked',
    'Add {line} and make it the type of the function.',
  ),
  ROW_TYPES_UNCHECKED: row(
    'halt',
    'the types of {file} could not be checked: {problem}',
    'Run tsc by hand, or update typescript.',
  ),
  ROW_COLUMN_UNKNOWN: row(
    'halt',
    '{at}: the rows have no column {column}{nearest}',
    'Correct the name, or make the row types anew with sync.types({ file }).',
  ),

  // ── transform
  TRANSFORM_UNREADABLE: row('halt', 'the transform {file} could not be read', 'Check the path and its permissions.'),
  TRANSFORM_SYNTAX: row('halt', '{at}: {problem}', 'Correct the transform.'),
  TRANSFORM_FORBIDDEN_SYNTAX: row(
    'halt',
    '{at}: {what} is not available in a transform',
    'Remove it; a transform gets rows and returns actions.',
  ),
  TRANSFORM_UNKNOWN_IDENTIFIER: row('halt', '{at}: {name} is not defined', 'Correct the name{nearest}.'),
  TRANSFORM_ABSENT: row('halt', '{at}: {name} is not there in a transform', '{instead}.'),
  TRANSFORM_IMPORT_UNRESOLVED: row(
    'halt',
    '{at}: the file {specifier} {problem}',
    'Write the path as it is from the file that imports it.',
  ),
  TRANSFORM_ROW_STOPPED: row(
    'halt',
    'row {row} of the page was rejected, and rowErrors is stop: {reason}',
    'Or reject such rows alone, with rowErrors: reject.',
  ),
  TRANSFORM_PACKAGE_UNKNOWN: row(
    'halt',
    '{at}: there is no package {name} in the sandbox',
    'Use one of docs/packages.md{nearest}, or hand in a bundle of it with the option packages.',
  ),
  TRANSFORM_PACKAGE_UNREADABLE: row(
    'halt',
    'the bundle {file} of the package {slug} could not be read',
    'Check the path and its permissions.',
  ),
  TRANSFORM_PACKAGE_INVALID: row(
    'halt',
    'the bundle {file} of the package {slug} {problem}',
    'Bundle it as one CommonJS script, as docs/packages.md shows.',
  ),
  TRANSFORM_NO_FUNCTION: row(
    'halt',
    '{file} has neither a default export nor a function send',
    'Write `export default (row) => [...]` or `function send(payload) {...}`.',
  ),
  TRANSFORM_INIT_TIMEOUT: row(
    'halt',
    '{at}: the transform did not load within {limitMs} ms',
    'Move work out of the top level.',
  ),
  TRANSFORM_START_FAILED: row(
    'halt',
    'the transform process could not be started: {problem}',
    'Check that the host may start processes and has memory left.',
  ),
  TRANSFORM_KILLS_SPENT: row(
    'halt',
    'the transform {file} had to be stopped on {rows} rows of one page, the last time with {last}',
    'Mend the transform; nothing of the page was sent.',
  ),
  TRANSFORM_TIMEOUT: row(
    'reject',
    '{at}: the transform ran past {limitMs} ms on this row',
    'Look for a loop that does not end.',
  ),
  TRANSFORM_OUT_OF_MEMORY: row(
    'reject',
    '{at}: the transform ran out of its {limitMb} MB',
    'Look for data that grows without end.',
  ),
  TRANSFORM_CRASHED: row(
    'reject',
    '{at}: the process of the transform ended',
    'Run the row alone with the transform to see why.',
  ),
  TRANSFORM_NEVER_SETTLES: row(
    'reject',
    '{at}: the transform returned a promise that never settles',
    'Await only what settles: there is no timer and no network here.',
  ),
  TRANSFORM_THREW: row('reject', '{at}: the transform threw {name}', 'Mend the transform for rows of this kind.'),
  TRANSFORM_BAD_OUTPUT: row(
    'reject',
    '{at}: the transform returned {problem}',
    'Return actions: objects with identifiers, as docs/transform.md shows.',
  ),
  TRANSFORM_OUTPUT_TOO_LARGE: row(
    'reject',
    '{at}: the actions of this row take more than {limitBytes} bytes',
    'Return less per row.',
  ),
  TRANSFORM_SKIPPED: row('reject', 'the transform skipped the row', 'Nothing to do: the transform asked for it.'),
  TRANSFORM_NO_ACTION: row(
    'reject',
    'the transform returned nothing for the row',
    'Nothing to do, if that is what it should do.',
  ),

  // ── identity
  IDENTITY_RULES_INVALID: row('halt', 'identity rule {rule}: {problem}', 'Correct the rule.'),
  IDENTITY_RULES_CHANGED: row(
    'halt',
    'the stored profiles were made with other identity rules',
    'Put the old rules back, or look at preview() of the new ones and adopt them.',
  ),
  IDENTITY_VERSION_NEWER: row(
    'halt',
    'the identity {part} was written by a newer version of lakeloop, or is damaged',
    'Update lakeloop.',
  ),
  IDENTITY_PREVIEW_STALE: row(
    'halt',
    'the preview cannot be adopted: {problem}',
    'Preview again, and adopt before anything else is written to the graph.',
  ),
  IDENTITY_IMPORT_INVALID: row(
    'halt',
    'line {line} of the identity import {problem}',
    'Import a file that export() wrote, whole.',
  ),
  IDENTITY_COLUMN_MISSING: row(
    'halt',
    'the mapping of {source} takes {role} from the column {column}, which its rows do not have',
    'Correct the mapping{nearest}.',
  ),
  IDENTITY_INGEST_OVERTAKEN: row(
    'halt',
    'somebody else has read {source} into the same graph meanwhile',
    'Let one process at a time ingest a source. Run it again: it goes on where the other one stands.',
  ),
  EVIDENCE_KEY_NULL: row(
    'reject',
    'a column of the key is NULL, so that the record could not be found again',
    'Fill it at the source, or name other columns as mapping.key.',
  ),
  IDENTIFIER_MISSING: row(
    'reject',
    'the row names nobody: it has no identifier',
    'Give the action at least one identifier.',
  ),
  IDENTIFIER_UNUSABLE: row(
    'reject',
    'every identifier of the row is unusable: {namespaces}',
    'Correct the values at their source; what is undeclared, in the transform or in the rules.',
  ),
  IDENTIFIER_FORGOTTEN: row(
    'reject',
    'the row speaks of somebody who was forgotten: by {namespace}',
    'Nothing to do: nothing about them is kept or sent. Delete them at the source.',
  ),
  ADDRESS_UNKNOWN: row(
    'reject',
    'the person has no {target} yet',
    'Nothing to do: it is tried again when identity learns one.',
  ),
  ADDRESS_CLAIMED: row(
    'reject',
    'the only {target} of the person belongs to another profile',
    'Look at conflicts(); correct or retract the record that is wrong.',
  ),
  IDENTITY_AMBIGUOUS: row(
    'reject',
    'the identifiers of the row belong to {profiles} profiles',
    'Look at conflicts(); correct or retract the record that is wrong.',
  ),

  // ── lists
  LIST_UNKNOWN: row(
    'reject',
    'the list {list} is not there',
    'Create it in the destination, or set lists.create to true.',
  ),
  LIST_DYNAMIC: row('reject', 'the list {list} is {type}: its members follow a rule', 'Name a static list.'),
  LIST_AMBIGUOUS: row('reject', '{count} lists are called {list}', 'Name the list by its id.'),
  CATALOG_UNKNOWN: row(
    'reject',
    'there is no catalog {catalog}, or the account has no catalogs',
    'Correct the name, or let catalogs.create make it.',
  ),
  LIST_OWNED: row(
    'halt',
    'the list {list} belongs to the sync {owner}',
    'Use another list, or let one sync decide for both.',
  ),
  LIST_SPOOL: row(
    'halt',
    'the audience of a list could not be kept in a temporary file ({problem})',
    'Name a folder with room in spool.directory of ListDeltaComputer. Nothing is lost.',
  ),
  LIST_GUARD: row(
    'halt',
    'list {list}: {remove} of {members} members would be removed, more than the guard allows ({limit})',
    'Check the audience; then raise guard.removedShareMax for this run. No removal was sent.',
  ),

  LIST_GUARD_DAY: row(
    'halt',
    'list {list}: {remove} of {members} members would be removed, after {removed} within a day, more than the guard allows ({limit})',
    'Check the audience; then raise guard.removedShareMax, or go on when a day has passed. No removal was sent.',
  ),

  // ── destination: the request
  DESTINATION_UNREACHABLE: row(
    'retry',
    '{endpoint} could not be reached: {problem}',
    'Run again later: what was sent is asked again, identically.',
  ),
  DESTINATION_ANSWER_UNCLEAR: row(
    'retry',
    '{endpoint} answered {problem}',
    'Run again later: what was sent is asked again, identically.',
  ),
  DESTINATION_THROTTLED: row(
    'retry',
    '{endpoint} asked to slow down',
    'Lower the share of the rate that lakeloop may use.',
  ),
  DESTINATION_UNAUTHORIZED: row(
    'halt',
    '{endpoint} refused the credential ({status})',
    'Check the key, its type and its data center.',
  ),
  DESTINATION_PROJECT_TYPE: row(
    'halt',
    '{endpoint} knows nobody by the identifier that was sent, and makes nobody',
    'Compare projectType and addressBy with the project; nothing was stored.',
  ),
  DESTINATION_REDIRECTED: row(
    'halt',
    '{endpoint} answered with a redirect, which is never followed',
    'Check the base URL.',
  ),
  DESTINATION_REFUSED: row(
    'halt',
    '{endpoint} refused the request: {problem}',
    'See the vendor code; nothing of the request was applied.',
  ),
  REQUEST_TOO_LARGE: row(
    'split',
    '{endpoint} refused the request for its size',
    'Nothing to do: it is sent in smaller parts.',
  ),
  REQUEST_REFUSED: row(
    'split',
    '{endpoint} refused the whole request: {problem}',
    'Nothing to do: the row at fault is looked for.',
  ),
  DESTINATION_MISCOUNTED: row(
    'halt',
    '{endpoint} gave {answered} outcomes for {sent} actions',
    'A fault of the connector: run its conformance suite.',
  ),

  // ── destination: the row
  EMAIL_INVALID: row('reject', 'the address is no valid email', 'Correct it at its source.'),
  USER_ID_INVALID: row(
    'reject',
    'the userId is not 1 to 52 printable ASCII characters without a space at either end',
    'Correct it at its source.',
  ),
  USER_FORGOTTEN: row('reject', 'the person was forgotten and stays so', 'Nothing to do.'),
  FORGET_WAITING: row(
    'reject',
    '{limit} people were forgotten within a day, which is what the destination takes',
    'Nothing to do: runs after {after} try it again.',
  ),
  USER_UNKNOWN: row(
    'reject',
    'the destination does not know the person',
    'Send a profile first; if this is one, compare projectType with the project.',
  ),
  USER_CONFLICT: row('reject', 'another user has the identifier already', 'Merge or correct one of the two.'),
  DATA_INVALID: row(
    'reject',
    'the destination refused the data of the row',
    'Compare the fields with their types in the destination, and look for values over 32,000 characters.',
  ),
  FIELD_TYPE_CONFLICT: row(
    'reject',
    'field {field} is {expected} in the destination and the row has {got}',
    'Send the field as {expected}, or under a new name.',
  ),
  FIELD_NOT_ALLOWED: row(
    'reject',
    'field {field} does not exist in the destination and creating is off',
    'Create it, or set createNewFields to true.',
  ),
  FIELD_DATE_NEAR_MISS: row(
    'reject',
    'field {field} is new and its value is almost a date: it would become text for ever',
    'Send yyyy-MM-dd or an ISO time with milliseconds and Z, or declare the field.',
  ),
  FIELD_NUMBER_AMBIGUOUS: row(
    'reject',
    'field {field} is new and its value is a whole number: it would decide the type for ever',
    'Set newNumbers to double or long, or create the field.',
  ),
  FIELD_LIMIT: row(
    'reject',
    'field {field} is new and the project has as many fields as it may have',
    'Leave the field out, use one that is there, or ask Iterable for more.',
  ),
  FIELD_NAME_INVALID: row('reject', 'field {field} has a dot in its name', 'Nest it as an object instead.'),
  EVENT_NAME_DISALLOWED: row(
    'reject',
    'the event {eventName} is not allowed in the project',
    'Allow it in the destination.',
  ),
  EVENT_ID_INVALID: row(
    'reject',
    'the event id is not 1 to 512 letters, digits and hyphens',
    'Leave it out: one is made from the row.',
  ),
  CREATED_AT_INVALID: row(
    'reject',
    'createdAt is not a time in whole seconds since 1970',
    'Divide milliseconds by 1,000.',
  ),
  ROW_TOO_LARGE: row('reject', 'the row takes {bytes} bytes, more than a request may have', 'Send fewer fields.'),
  ROW_REFUSED: row('reject', 'the destination refused the row: {problem}', 'See the vendor code.'),
  ROW_FAILED_UNNAMED: row(
    'reject',
    'the destination counts a failure and names no row',
    'Nothing to do: the row was sent alone and still failed.',
  ),
  ACTION_INVALID: row('reject', 'the {kind} {problem}', 'Mend the transform.'),
  ACTION_UNSUPPORTED: row('reject', 'the destination takes no {kind}', 'Return another kind of action.'),

  // ── stores
  STORE_CONFLICT: row('retry', 'another process changed {table} first', 'Run again.'),
  STORE_CLOSED: row('halt', 'the store was used after close()', 'Close it after the syncs that use it.'),
  STORE_LOCKED: row('retry', 'the store {file} is locked by another process', 'End the other process, or wait.'),
  STORE_READ_ONLY: row(
    'halt',
    'the store {file} cannot be written',
    'Check the permissions of the file and its folder, or the grants of the role.',
  ),
  STORE_FULL: row('halt', 'the disk of the store {file} is full', 'Make room, then run again.'),
  STORE_CORRUPT: row(
    'halt',
    'the store {file} is damaged or no lakeloop store',
    'Restore a copy, or begin with a new file.',
  ),
  STORE_VERSION_NEWER: row('halt', 'the store {file} was written by a newer version ({version})', 'Update lakeloop.'),
  STORE_FAILED: row('halt', 'the store failed: {problem}', 'See causeOf(error) for what it threw.'),
  STORE_KEY_INVALID: row(
    'halt',
    'a key of {table} {problem}',
    'A fault of the caller: keys are 1 to 8 parts of well-formed text.',
  ),
  SEALED_KEY_MISSING: row(
    'halt',
    'the table {table} holds a value that none of the given keys has sealed',
    'Give the key that sealed it: as encryption.key, or, if another one has taken its place, in encryption.former.',
  ),
  SEALED_VALUE_DAMAGED: row(
    'halt',
    'a sealed value of the table {table} is not as it was sealed, or was put where it does not belong',
    'Restore a copy of the store.',
  ),

  // ── the run
  RUN_FAILED: row(
    'halt',
    'something outside of lakeloop threw {name}',
    'See causeOf(error) for what it was; run again to go on where it stood.',
  ),
  LEASE_HELD: row(
    'halt',
    'the sync {sync} is running already, here or in another process',
    'Wait for it, or for its lease to end in {afterMs} ms.',
  ),
  LEASE_LOST: row('halt', 'the sync {sync} lost its lease to another process', 'Nothing to do: the other run goes on.'),
  SUMS_BROKEN: row(
    'halt',
    '{read} rows were read and {settled} ended in an outcome',
    'A fault of lakeloop: please report it. The cursor has not moved past the gap.',
  ),
  CIRCUIT_OPEN: row(
    'halt',
    '{rejected} of the last {window} rows were rejected, more than {limit}',
    'Look at the reasons: it is the mapping and not the rows.',
  ),
  PUSH_INVALID: row(
    'halt',
    'row {row} of the push {problem}',
    'Push plain objects of JSON. Nothing of this push was kept.',
  ),
  INBOX_FULL: row(
    'retry',
    'the inbox of {sync} holds {waiting}, and {more} more would pass inbox.{option} ({limit})',
    'Push again once a run, drain() or a watch has taken some, or raise the bound. Nothing of this push was kept.',
  ),
  FEED_FAILED: row(
    'halt',
    'the feed of the watch {problem}',
    'Mend the feed and watch again: what it had given before is in the inbox.',
  ),
  RETRIES_SPENT: row(
    'halt',
    '{endpoint} was asked {attempts} times without a clear answer: {last}',
    'Run again later: nothing is lost.',
  ),
  SPLITS_SPENT: row(
    'halt',
    'looking for the rows that {endpoint} refuses took more than {limit} requests',
    'Look at the reasons; rows without an outcome are read again.',
  ),
  PLAN_STALE: row('halt', 'the {part} has moved on since the plan was made', 'Make a new plan.'),
  PLAN_TOO_LARGE: row(
    'halt',
    'the requests of the plan have more than {limit} bytes, too many to keep their bodies',
    'Plan without payloads, or fewer rows.',
  ),
  FIELD_OWNED: row(
    'halt',
    'the field {field} is written by the sync {owner}',
    'Leave it to one sync, or name it in sharedFields of both.',
  ),
  DEAD_LETTER_UNKNOWN: row(
    'halt',
    'there is no dead letter of this id',
    'List them with sync.deadLetters(): one that was accepted since is gone.',
  ),
  DEAD_LETTER_EDIT_INVALID: row(
    'halt',
    'a dead letter cannot be edited so: {problem}',
    'Give the whole action, or the whole row, as sync.deadLetter(id) shows it. Nothing was written.',
  ),
  DEAD_LETTER_UNCHANGED: row(
    'reject',
    'the source could not give the row exactly ({code}), and a replay reads it as it was kept',
    'Edit it with sync.editDeadLetter(), or mend the query and run the sync. A replay alone changes nothing.',
  ),
  DEAD_LETTER_OUTDATED: row(
    'reject',
    'the row was kept without the column {column}, which the transform reads at {at}',
    'Edit it with sync.editDeadLetter(), or let the source give the row again.',
  ),
  OTHER_REASONS: row('reject', 'further reasons, counted together', 'Look at the dead letters for each.'),
  LISTENER_FAILED: row('retry', 'a listener of {event} threw', 'Mend the listener; the run goes on.'),

  // ── the command
  CONFIG_MISSING: row(
    'halt',
    'there is no config {file}',
    'Write one as docs/cli.md shows, or name it by --config FILE.',
  ),
  CONFIG_TYPESCRIPT: row(
    'halt',
    'the config {file} is TypeScript, which Node {node} does not read by itself',
    'Run: npm install --save-dev tsx; or use Node 22.18 or later.',
  ),
  CONFIG_FAILED: row('halt', 'the config {file} {problem}', 'Mend it; the command runs it as it stands.'),
  CONFIG_INVALID: row(
    'halt',
    'the config {file} {problem}',
    'Export by default an array or an object of syncs, or a function that returns one.',
  ),
} as const satisfies Record<string, CodeRow>

export type ErrorCode = keyof typeof ERRORS

/**
 * Facts for the log: counts, names, types and codes. Never a field value, an identifier, an address or a credential,
 * so that an error may be printed anywhere (I7).
 */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>

const BRAND = Symbol.for('lakeloop.error')
const causes = new WeakMap<object, unknown>()

/** Why, and what to do, as one sentence each: the message of an error, the text of a reason. */
export function explain(code: string, facts: ErrorFacts = {}): string {
  const known = Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : undefined
  if (known === undefined) return code
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? ''))
  return `${fill(known.says)}. ${fill(known.fix)}`
}

/**
 * The only error class that lakeloop throws on purpose.
 *
 * The message is made of the table and the facts alone. What was caught is not on `error.cause`, which Node prints,
 * but behind {@link causeOf}: a vendor's error may quote the request with its addresses and its key (I7).
 */
export class LakeloopError extends Error {
  override readonly name = 'LakeloopError'
  readonly code: ErrorCode
  readonly remedy: Remedy
  readonly facts: ErrorFacts
  readonly [BRAND] = true

  constructor(code: ErrorCode, facts: ErrorFacts = {}, cause?: unknown) {
    super(`${code}: ${explain(code, facts)}`)
    this.code = code
    this.remedy = ERRORS[code].remedy
    this.facts = Object.freeze({ ...facts })
    causes.set(this, cause)
  }
}

/** What was caught, for a debugger. May hold addresses: do not log it. */
export function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? causes.get(error) : undefined
}

/** True for a `LakeloopError` of any copy of this package (ESM and CJS differ), unlike `instanceof`. For host code only. */
export function isLakeloopError(error: unknown, code?: ErrorCode): error is LakeloopError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as LakeloopError).code === code
}
