import fc from 'fast-check'

type Text = fc.Arbitrary<string>

const either = (...texts: string[]): Text => fc.constantFrom(...texts)

/** A text with holes: `%` takes the next part. */
const filled = (pattern: string, ...parts: Text[]): Text =>
  fc.tuple(...parts).map((all) => all.reduce((text, part) => text.replace('%', () => part), pattern))

const oneOf = (...shapes: [pattern: string, ...parts: Text[]][]): Text =>
  fc.oneof(...shapes.map(([pattern, ...parts]) => filled(pattern, ...parts)))

/** What may stand between two tokens. The ends of lines are what a fault hides behind. */
const gap = either('', ' ', ' ', ' ', '\n', '\r\n', '/*a*/', '/*\n*/', '// a\n')
const end = either('\n', '\n', '\n', ';', ' ;', '\r\n', '\u2028', '/*\n*/', ' // a\n')

const NAME = either('a', 'b', 'c', 'async', 'type', 'as', 'declare', 'of', 'get')

/** A name can have type arguments and a keyword cannot, which esbuild does not mind: so no keyword ends a type before `<`. */
const plainType = either('T', 'A.B', 'number', 'A<B>', 'A<B<C>>', 'this', "'t'", '-1', 'typeof a.b', "import('a').T")

const type: Text = fc.letrec<{ type: string }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    plainType,
    oneOf(
      ['%[]', plainType],
      ['{%a?:%%%}', gap, gap, tie('type'), gap],
      ['(a:%%) =>%%', gap, tie('type'), gap, tie('type')],
      ['<T>(a: T) => %', tie('type')],
      ['A<%%%>', gap, tie('type'), gap],
      ['(%%%)', gap, tie('type'), gap],
      ['T extends % ? % : %', plainType, tie('type'), tie('type')],
      ['|%% | %', gap, tie('type'), tie('type')],
      ['`a$%`', filled('{%}', tie('type'))],
      ['[a: %, b?: %]', tie('type'), tie('type')],
      ['{ -readonly [K in % as K]-?: % }', plainType, tie('type')],
      ['{ (a: %): T; new (): T; b?(): T;%readonly [k: string]: %; get c(): T }', tie('type'), gap, tie('type')],
      ['new () => %', tie('type')],
      ['keyof %', plainType],
    ),
  ),
})).type

const annotation = fc.oneof(either(''), filled(':%%', gap, type), filled('%:%', gap, type))
const generics = fc.oneof(either('', '', '<T,>', '<const T>'), filled('<%T extends %%>', gap, type, gap))
const parameters = fc.oneof(
  either('', 'a', 'a, b = 1'),
  oneOf(
    ['a?%', annotation],
    ['a%, { b }%', annotation, annotation],
    ['[a]% = b, ...c%', annotation, annotation],
    ['%a%,', gap, annotation],
  ),
)

interface Parts {
  expression: string
  statement: string
  member: string
}

type Tie = <K extends keyof Parts>(key: K) => fc.Arbitrary<Parts[K]>

const expression = (tie: Tie): Text => {
  const inner = tie('expression')
  return fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(NAME, either('1', "'s'.a", '`t`', '/r/', '(a)', '[a]', '{}', 'a.b', 'f()')),
    oneOf(
      ['%%as%%', inner, either(' ', ' ', '\n'), either(' ', '\n'), type],
      ['% as const', inner],
      ['% satisfies %', inner, type],
      ['%!', inner],
      ['%!.a', inner],
      ['<%%%>%%', gap, type, gap, gap, inner],
    ),
    oneOf(
      ['%%(%%%)%%=> %', generics, gap, gap, parameters, gap, annotation, either(' ', ' ', '\n'), inner],
      ['async %%(%)% => %', generics, gap, parameters, annotation, inner],
      ['function %(%)%%{ % }', generics, parameters, annotation, gap, tie('statement')],
      ['{ a: %, b%(%)% {}, get c()% { return % } }', inner, generics, parameters, annotation, annotation, inner],
      [
        'class%% {%%%}',
        generics,
        either('', ' extends A<T>', ' implements A, B<T>'),
        gap,
        tie('member'),
        tie('member'),
      ],
    ),
    oneOf(
      ['%<%>%(%)', inner, type, gap, inner],
      ['new A<%>%(%)', type, gap, inner],
      ['%<%>', inner, type],
      ['%<%>`t`', inner, type],
      ['%?.<%>(%)', inner, type, inner],
    ),
    oneOf(
      ['% %%%', inner, either('+', '-', '*', '/', '<', '>', '&&', '??', 'in', '=', '**', '>>', '|', ','), gap, inner],
      ['% ? % : %', inner, inner, inner],
      ['(%%%)', gap, inner, gap],
      ['%%(%)', inner, gap, inner],
      ['%%[%]', inner, gap, inner],
      ['%%.a', inner, gap],
      ['%%', either('-', 'typeof ', '!', '++', 'await '), inner],
      ['`a$%`', filled('{%}', inner)],
    ),
  )
}

const KEY = either('a', 'b', 'get', 'set', 'static', 'async', 'in', '[a]', "'a'", '1', 'declare', 'readonly', '#a')
const MODIFIERS = either('', '', 'public ', 'private static ', 'readonly ', 'static ', 'declare ', 'abstract ')

const member = (tie: Tie): Text =>
  filled(
    '%%',
    oneOf(
      ['%%%%', MODIFIERS, KEY, either('', '?', '!'), annotation],
      ['%%%% = %', MODIFIERS, KEY, either('', '?', '!'), annotation, tie('expression')],
      ['%%%(%)% {}', MODIFIERS, KEY, generics, parameters, annotation],
      ['%%(%)%', MODIFIERS, KEY, parameters, annotation],
      ['%*%(%) { yield %%}', MODIFIERS, KEY, parameters, tie('expression'), gap],
      ['get %()% { return 1 }', KEY, annotation],
      ['async %(this: A, %) {}', KEY, parameters],
      ['[k: string]: %', type],
      ['static { % }', tie('statement')],
    ),
    either('\n', '\n', ';', ';\n'),
  )

const statement = (tie: Tie): Text => {
  const value = tie('expression')
  return fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    value,
    oneOf(
      ['var a%% = %', either('', '!'), annotation, value],
      ['var b%', annotation],
      ['type X = %', type],
      ['interface I% { a: % }', either('', '<T>'), type],
      ['declare var d: %', type],
      ['declare function e(%)%', parameters, annotation],
      ['function f(%)%', parameters, annotation],
      ['function g%(%)%%{ return %%}', generics, parameters, annotation, gap, value, gap],
      ['namespace N { export type T = % }', type],
    ),
    oneOf(
      ['if (%) { % }', value, tie('statement')],
      ['for (const h of %) { % }', value, tie('statement')],
      ['{ abstract class C% { %% } }', generics, tie('member'), tie('member')],
      ['{ %%}', tie('statement'), gap],
      ['throw %', value],
      ['() => { return %%}', value, gap],
      ['try {} catch (e: unknown) { % }', tie('statement')],
      ['switch (%) { case %: % }', value, value, tie('statement')],
    ),
  )
}

const parts = fc.letrec<Parts>((tie) => ({
  expression: expression(tie as Tie),
  statement: statement(tie as Tie),
  member: member(tie as Tie),
}))

/** Programs of TypeScript and what is nearly so: no checker has seen them, only a parser can say which are some. */
export const typedProgram: Text = fc
  .array(fc.tuple(parts.statement, end), { minLength: 1, maxLength: 3 })
  .map((all) => all.map((one) => one.join('')).join(''))
