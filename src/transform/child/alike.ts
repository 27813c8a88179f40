import { isErased, isThis, untyped } from './erasable.js'
import type { Tree } from './syntax.js'

/**
 * Positions may differ by an erased piece. `optional` and `directive` say nothing that blanks could change, and the
 * plugin sets the first where acorn does not.
 */
const NOT_COMPARED = new Set(['start', 'end', 'type', 'optional', 'directive'])

/** The first node of the typed program that the program without types reads otherwise; undefined if there is none. */
export function difference(typed: Tree, plain: Tree): Tree | undefined {
  const node = untyped(typed)
  if (plain.type === 'EmptyStatement' && isErased(node)) return undefined
  if (node.type !== plain.type) return node
  const fields = Object.keys(plain).filter((field) => !NOT_COMPARED.has(field))
  // What is held comes first: its place is nearer to the cause.
  const isHeld = (field: string): boolean => typeof plain[field] === 'object'
  const inOrder = [...fields.filter(isHeld), ...fields.filter((field) => !isHeld(field))]
  return firstOf(inOrder, (field) => between(node[field], plain[field], node))
}

function between(typed: unknown, plain: unknown, holder: Tree): Tree | undefined {
  if (Array.isArray(plain)) {
    const left = ((typed ?? []) as (Tree | null)[]).filter(stays)
    const right = (plain as (Tree | null)[]).filter(stays)
    const found = firstOf(left.slice(0, right.length), (one, place) => between(one, right[place], holder))
    return found ?? (left.length === right.length ? undefined : holder)
  }
  if (isTree(plain) && isTree(typed)) return difference(typed, plain)
  if (isTree(plain) || isTree(typed)) return holder
  return said(typed) === said(plain) ? undefined : holder
}

/** A position is a place, so a hole of an array stays. */
const stays = (node: Tree | null): boolean =>
  node === null || !(node.type === 'EmptyStatement' || isErased(node) || isThis(node))

function firstOf<T, R>(all: readonly T[], of: (one: T, place: number) => R | undefined): R | undefined {
  for (const [place, one] of all.entries()) {
    const found = of(one, place)
    if (found !== undefined) return found
  }
  return undefined
}

/** The plugin leaves out what is false. Of a regular expression nothing is said here: the text of the literal says it. */
const said = (value: unknown): unknown =>
  typeof value === 'object' ? JSON.stringify(value ?? false) : value || 'false'

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof (value as Tree).type === 'string'
