import type { ActionBlock, ActionKind } from '../model/action.js'
import type { Key } from '../stores/store.js'
import type { RunContext } from './context.js'

/** Key of what is remembered about one action: project, sync, row key, kind and how-manieth of that kind in its row. */
export function actionKeys(block: ActionBlock, { scope }: RunContext): readonly (Key | undefined)[] {
  const keys: (Key | undefined)[] = []
  const { project, sync } = scope
  let row = -1
  let first: ActionKind | undefined
  /** Of the kinds of the row; most rows have one action and need no counting. */
  let counts: Map<string, number> | undefined
  for (let action = 0; action < block.length; action++) {
    const kind = block.kind(action)
    let nth = 0
    if (block.row(action) !== row) {
      row = block.row(action)
      first = kind
      counts = undefined
    } else {
      counts ??= new Map([[first as ActionKind, 1]])
      nth = counts.get(kind) ?? 0
      counts.set(kind, nth + 1)
    }
    const key = block.key(action)
    keys.push(key === undefined ? undefined : [project, sync, key, nth === 0 ? kind : `${kind}#${nth}`])
  }
  return keys
}
