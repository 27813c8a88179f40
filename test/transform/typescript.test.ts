import { parse } from 'acorn'
import { describe, expect, test } from 'vitest'
import { difference } from '../../src/transform/child/alike.js'
import { Refused } from '../../src/transform/child/refused.js'
import type { Tree } from '../../src/transform/child/syntax.js'
import { blanked } from '../../src/transform/child/typescript.js'

/** `«…»` is blanked, `‹…›` too but for a `;` at its beginning. */
const typedOf = (marked: string): string => marked.replace(/[«»‹›]/g, '')
const spaces = (text: string): string => text.replace(/[^\n\r\u2028\u2029]/g, ' ')
const plainOf = (marked: string): string =>
  marked.replace(/«([^»]*)»|‹.([^›]*)›/g, (_, blank?: string, ended?: string) =>
    blank === undefined ? `;${spaces(ended ?? '')}` : spaces(blank),
  )

const CASES: [what: string, cases: string[]][] = [
  [
    'annotations',
    [
      'let a«: string» = b, c«!»«: A.B<C>»',
      'const { a }«: { a: 1 }» = b, [c]«: [1]» = d',
      'function f(«this: A,» a«?»«: B», ...c«: D[]»)«: asserts a is E» {}',
      'function f(«this: A,»)«: this is B» {}',
      'const o = { get a()«: A» { return b }, set a(c«: A») {}, async *d(«this: A»)«: B» {} }',
      'const f = (a«?»«: A», b«: B» = c)«: a is C» => a',
      'const f = async (a«: A», ...b«: B[]»)«: Promise<void>» => {}',
      'try {} catch (e«: unknown») {}',
      'let a«: unique symbol», b«: typeof import("x")», c«: import("x").Y<Z>», d«: typeof e.f<G>»',
      'let a«: A extends infer B extends C ? D : E», b«: (c: D) => asserts c is E», f«: new () => G»',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: programs
      'let a«: `x${A}y`» = `x${b« as `${C}`»}y`',
      'let a«: { [K in keyof A as B]-?: C; }», b«: { readonly c?: 1, d?(): 2; new (): 3; get e(): 4 }»',
      'let a«: abstract new <T>(b: T) => C», b«: readonly A[]», c«: [d: 1, e?: 2, ...f: 3[]]»',
      'let a«: import("x").Y»\n«<T>»[b]\nlet c«: typeof import("x")»\n«<T>»[d]; let e«: import("x").Y<\n{ f\n<T>(): void }>»',
      'let a«: -1», b«: -1[]», c«: | 1 | 2n», d«: (A<B<C>>)»',
      'let a/*1*/«: A»/*2*/= b // : c',
    ],
  ],
  [
    'generics',
    [
      'f«<A>»(b); new C«<D<E>>»(); new F«<G>»; h«<I>»`j`; k?.«<L>»(m); n.o?.«<P>»(q)',
      'const a = f«<A>»; const b = (c)«<D>»\nconst e = f«<A>»',
      'const f = «<T,>»(a«: T») => a, g = async «<const T extends U = V>»(a«: T»)«: T» => a',
      'function f«<T>»() {} (function «<T>»() {}); async function* g«<T>»() { yield «<T>»(a«: T») => a }',
      'a < b && c > d; a(b < c, d > e); a < (b >> c)',
      '({ f«<T>»(a«: T»)«: T» {}, async *e«<T>»() {} })',
      '‹interface A { f<const T>(a: T): void }›',
      'async«<T>»(a)',
      'await import("a.json", { with: { type: "json" } }); import("a"« as string»,)',
    ],
  ],
  [
    'assertions',
    [
      '(a« as A»).b = c«!» + d«!».e«!»[0]«!»',
      'const a = { b }« as const»« satisfies C» || d« as const» && e',
      'a«!» = b; (c« as D») = e; [f« as G»] = [h]; i«!»++; ({ j: k« as L» } = m)',
      'const a = «<A>»b, c = «<const>»[d], e = («<F<G>>»{}).h, i = -«<J>»k, l = typeof «<M>»n',
      'for (const a of b« as C[]») d« as E»',
      'for (const a of /b/.exec(c)«!») {} for await (const d of /e/«!») {}',
      '(a)« as A»« as any»« as B»; (a« as (b: C) => D»)(e)',
      'a?.b«!».c«!»(d); a«!»?.b; a«!» !== b; a« as A» === b; !a«!»; new a«!».b(); (await a)« as A»',
      'let as = 1, satisfies = as« as A», type = satisfies; type = 2; type(3)',
      'a« as A» ? b« as B» : c« as C»; a ?? b« as B»; a * b« as B»',
    ],
  ],
  [
    'classes',
    [
      '«abstract» class A«<in out T>» extends B«<T>» «implements C<T>, D» {}',
      '(class extends a(b« as C»)«<D>» «implements E» {})',
      'class A { «private» static «readonly» a«?»«: B» = 1; ‹declare c: D;› e«!»«: F» }',
      'class A extends B { «override» «readonly» a = 1; static async *«»f() {} «public» static get g()«: C» { return d } }',
      '«abstract» class A { ‹abstract a: B;› ‹abstract c(): D;› ‹protected abstract get e(): F;› ‹abstract accessor: G;› }',
      'class A extends B { ‹f(): 1;› f(a«?»«: 2»)«: 3» {} «public» «override» async *g() {} }',
      'class A { ‹constructor();› constructor(a«: B») {} #c«?»«: D»; e«?»«<T>»()«: F» {} }',
      'class A { ‹[a: string]: B;› ‹static [c: string]: D;› [e]«: F» = 1; static { let g«: H» } }',
      'class A { «declare» f«<T>»() {} }',
      'class A { static\na«: B»; static\n*c()«: D» {} static\n[e] = 1; static\n#f = 1; static\n{} }',
      'class A { ‹static\na(b: C): D›\nstatic\na() {} }',
      'class A { public = 1; static readonly = 2; declare() {} abstract«: B»; override«?»«: C» }',
    ],
  ],
  [
    'statements and modules',
    [
      '‹interface A<T> extends B, C<T> { a: 1 }›\n‹type B = A›\ntype\nA = 1',
      '‹declare const a: 1;› ‹declare function b(): 2;› ‹declare enum C {}›; ‹declare class D { e(): F }›',
      '‹declare module "a" { const b: 1 }›\n‹declare global { var c: 2 }›\n‹declare namespace D { let e: 1 }›',
      '‹namespace A.B { export interface C {} type D = 1; namespace E {} }›',
      '‹function f(a: 1): 2›\nfunction f(a«: 3») {}',
      '‹export function f(): void;› export function f() {}',
      '‹export default function f(): void;› export default function f() {}',
      '‹import type { A } from "a";› ‹import type B from "b";› ‹import type C = require("c")›',
      'import a, { «type B,» c, «type D as E» } from "f"; import g from "h"; import * as i from "j"; import "k"',
      'import { «type as,» «type as as a,» type as as_, type } from "b"; import d, { type as from } from "c"',
      '‹export type { A } from "a";› ‹export type * from "b";› export { «type C,» d, «type E as F» }; let d; ‹interface C {}› ‹type E = C›',
      '‹export interface A {}› ‹export declare let b: C;› ‹export type D = 1;› export const e«: F» = 1',
      '‹export default interface A {}›',
      'export default «abstract» class A {}',
      'export default a« as A»',
      '"a"« as B»\n"b"',
      'if (a) ‹interface B {}›\nc',
      'switch (a) { case (b): { «abstract» class C { ‹declare d: 1› } } }',
    ],
  ],
  [
    'lines, and keeps them apart',
    [
      'a ‹as A›\n(b)',
      'const a = () => b ‹satisfies C›\n[d]',
      'a ‹as A› // b\n`c`',
      'const a = b« as any» ‹as B›\n(c)',
      'a\n‹interface B {}›\n(c)',
      'a\n‹type B = C›\n[d]',
      'a\n‹declare let b: C›\n`d`',
      '‹type A = -1›\n(b)',
      'let a«: A»\n(b)',
      'a« as A»\n+ b« as B»\n- c',
      'a«!»\n(b)',
      'return_: { a ‹as A›\n(b) }',
      'class A { a = 1\n‹public› [b] = 2\n‹private› *c() {} }',
      'class A { a = b ‹as C›\n[d] = 1 }',
      'class A { get‹: B›\nstatic‹?: C›\nset‹!: D›\nf() {} }',
      'class A { a\n‹[b: string]: C›\n[d] = 1 }',
      'let a«: {\r\n\u2028\u2029b: 1\r}» = c',
      '‹type A = "\u{1f600}";› let b // c\n«: D»',
      'a« as /* \n */ A»\n;(b)',
    ],
  ],
]

describe.each(CASES)('blanked() takes out %s', (_what, cases) => {
  test.each(cases)('%s', (marked) => {
    const typed = typedOf(marked)
    const text = blanked(typed, String)
    expect(text).toBe(plainOf(marked))
    expect(spaces(text)).toBe(spaces(typed))
    parse(text, { ecmaVersion: 'latest', sourceType: 'module' })
  })
})

describe('blanked() keeps an arrow function on its lines', () => {
  test.each([
    ['const f = (a)\n: A => b', 'const f = (a \n  ) => b'],
    ['const f = (a: B): {\n c: D\n} => e', 'const f = (a       \n     \n) => e'],
    ['const f = (a,): (\n|A) => b', 'const f = (a,    \n  ) => b'],
    ['const f = () // a\n: A =>\n b', 'const f = (  // a\n  ) =>\n b'],
    ['const f = async <\n T\n>(a: T) => a', 'const f = async (\n  \n  a   ) => a'],
    ['const f = () => { return <T\n>(a: T): A<\nB> => a }', 'const f = () => { return ( \n  a        \n ) => a }'],
    ['const f = async <T>( // a\n) => a', 'const f = async    ( // a\n) => a'],
  ])('%s', (typed, plain) => {
    expect(blanked(typed, String)).toBe(plain)
  })
})

/** The code of the refusal, the text of the program from its place on, and what it says. */
function refusal(source: string): [code: string, from: string, what: string] {
  try {
    blanked(source, String)
  } catch (error) {
    if (!Refused.is(error)) throw error
    const { at, what, problem } = error.facts
    return [error.code, source.slice(Number(at)), String(what ?? problem)]
  }
  throw new Error('nothing was refused')
}

describe('difference() finds where two programs part', () => {
  const tree = (source: string): Tree =>
    parse(source, { ecmaVersion: 'latest', sourceType: 'module' }) as unknown as Tree

  test.each([
    ['a;\nb', 'a\nb', undefined],
    ['[, a]', '[, a]', undefined],
    ['a; /b/g; 1n', 'a; /b/g; 1n', undefined],
    ['a; b', 'a', 0],
    ['a', 'a; b', 0],
    ['f(a, b)', 'f(a)', 0],
    ['a + b', 'a - b', 0],
    ['x; a + b * c', 'x; (a + b) * c', 3],
    ['a; b', 'a; c', 3],
    ['a; /b/g', 'a; /b/i', 3],
    ['a; 1n', 'a; 2n', 3],
    ['a; `b`', 'a; `c`', 4],
    ['() => { return a }', '() => { return }', 8],
    ['() => { return }', '() => { return 1n }', 8],
    ['class A { a }', 'class A { a() {} }', 10],
    ['(a?.b).c', 'a?.b.c', 0],
    ['for (a of b) c', 'for (a in b) c', 0],
  ])('%s and %s', (left, right, place) => {
    expect(difference(tree(left), tree(right))?.start).toBe(place)
  })
})

describe('blanked() refuses', () => {
  test.each([
    ['a; enum A { b }', 'enum A', '`enum`'],
    ['export const enum A {}', 'const enum', '`const enum`'],
    ['namespace A { export const b = 1 }', 'namespace A', 'a `namespace` with values'],
    ['namespace A { declare let b: 1 }', 'namespace A', 'a `namespace` with values'],
    ['namespace A.B { c() }', 'namespace A', 'a `namespace` with values'],
    ['class A { constructor(a: 1, private b: 2) {} }', 'private b', 'a parameter property'],
    ['class A { constructor(readonly b = 2) {} }', 'readonly b', 'a parameter property'],
    ['import a = require("b")', 'import a', '`import =`'],
    ['import a = b.c', 'import a', '`import =`'],
    ['let a; export = a', 'export =', '`export =`'],
    ['export as namespace A', 'export as', '`export as namespace`'],
    ['@a class B {}', '@a', 'a decorator'],
    ['class A { b; @c() d() {} }', '@c', 'a decorator'],
    ['class A { b(@c d) {} }', 'd)', 'a decorator'],
    ['class A { b; static accessor c = 1 }', 'static accessor', '`accessor`'],
  ])('%s, which is no type', (source, from, what) => {
    const [code, at, said] = refusal(source)
    expect([code, at.slice(0, from.length), said]).toEqual(['TRANSFORM_FORBIDDEN_SYNTAX', from, what])
  })

  const APART = 'Its types do not come off here: put parentheses around the expression with its type'

  test.each([
    ['a; 1 + 2 as any / 3', '1 + 2', APART],
    ['() => <A>{ b }', '{ b }', APART],
    ['<A>function () {}', '() {}', 'Unexpected token'],
    ['() => { return <\nA>b }', 'return <', APART],
    ['f<A>\n+ b', 'f<A>', APART],
    ['a\nof\n/b/! + 1', '! + 1', 'Unexpected token'],
    ['new A<B>\n- c', 'new A', APART],
    ['f<A> as (B)', 'as (B)', APART],
    ['f<A<B>> satisfies -1', 'satisfies', APART],
    ['a?.b<C<D>>`e`', 'a?.b', APART],
    ['a as const | b', 'a as', APART],
    ['a?.b<C>`d`', 'a?.b', APART],
    [
      'a ?? b as C || d',
      '|| d',
      'Logical expressions and coalesce expressions cannot be mixed. Wrap either by parentheses',
    ],
    ['let a: B\nlet c: = d', '= d', 'Unexpected token'],
    ['class A {\n  b() {}\n  readonly private c: 1 }', 'private c', 'private modifier must precede readonly modifier.'],
    ['a?.<B>c', 'c', 'Unexpected token'],
    ['type A = { b: 1', '', 'Unexpected token'],
    ['type A = -b', 'b', 'Unexpected token'],
    ['class A { @b; }', '}', 'Not readable as TypeScript'],
    ['type A = { public b: 1 }', 'b', 'Unexpected modifier'],
    ['const secret = "a@b.c"; const secret = 1', 'secret = 1', 'Identifier name has already been declared'],
  ])('%s, and says where', (source, from, problem) => {
    const [code, at, said] = refusal(source)
    expect([code, at.slice(0, from.length), said]).toEqual(['TRANSFORM_SYNTAX', from, problem])
  })

  test.each([
    ['that can be read in too many ways', `${'<A>('.repeat(30)}b${')'.repeat(30)}`, 'Too many ways to read this'],
    ['that is nested too deeply', `${'('.repeat(9999)}a`, 'Not enough stack space to parse input'],
    ['that is too long a chain', `a${'.a'.repeat(99_999)}`, 'Nested too deeply'],
  ])('a program %s', (_what, source, problem) => {
    const [code, , said] = refusal(source)
    expect([code, said]).toEqual(['TRANSFORM_SYNTAX', problem])
  })
})
