/** An example that a package gives of itself, and what it says comes out. */
export interface Example {
  readonly name: string
  /** Where it stands: README.md unless said; another file of the package where the README shows no output. */
  readonly file?: string
  /** A stretch of that file which holds what comes out. */
  readonly quote: string
  /** Body of an async function of `require` and `names`, which stands for `import * as`. */
  readonly body: string
  readonly gives: unknown
}

const BOOKS = `[
  { category: 'reference', author: 'Nigel Rees', title: 'Sayings of the Century', price: 8.95 },
  { category: 'fiction', author: 'Evelyn Waugh', title: 'Sword of Honour', price: 12.99 },
  { category: 'fiction', author: 'Herman Melville', title: 'Moby Dick', isbn: '0-553-21311-3', price: 8.99 },
  { category: 'fiction', author: 'J. R. R. Tolkien', title: 'The Lord of the Rings', isbn: '0-395-19395-8', price: 22.99 },
]`

export const EXAMPLES: readonly Example[] = [
  {
    name: 'ajv',
    quote: 'const valid = validate(data)\nif (!valid) console.log(validate.errors)',
    body: `const Ajv = require('ajv')
      const validate = new Ajv().compile({ type: 'object', properties: { foo: { type: 'integer' }, bar: { type: 'string' } },
        required: ['foo'], additionalProperties: false })
      return [validate({ foo: 1, bar: 'abc' }), validate({ bar: 'abc' }), validate({ foo: 1, baz: 1 })]`,
    gives: [true, false, false],
  },
  {
    name: 'big.js',
    quote: 'z = x.div(y)                           // "0.6666666667"',
    body: `const Big = require('big.js'); Big.DP = 10; Big.RM = Big.roundHalfUp
      const z = new Big(2).div(new Big(3)); return [z, z.sqrt(), z.pow(-3), z.times(z)]`,
    gives: ['0.6666666667', '0.8164965809', '3.3749999995', '0.44444444448888888889'],
  },
  {
    name: 'bignumber.js',
    quote: 'c = a.plus(b)                       // "1306.25"',
    body: `const { default: BigNumber } = names('bignumber.js')
      return new BigNumber('1011', 2).plus(new BigNumber('zz.9', 36))`,
    gives: '1306.25',
  },
  {
    name: 'camelcase',
    file: 'readme.md',
    quote: "camelCase('розовый_пушистый_единорог');\n//=> 'розовыйПушистыйЕдинорог'",
    body: `const { default: camelCase } = names('camelcase'); return [camelCase('foo-bar'), camelCase('розовый_пушистый_единорог')]`,
    gives: ['fooBar', 'розовыйПушистыйЕдинорог'],
  },
  {
    name: 'change-case',
    quote: 'changeCase.camelCase("TEST_VALUE"); //=> "testValue"',
    body: `return names('change-case').camelCase('TEST_VALUE')`,
    gives: 'testValue',
  },
  {
    name: 'currency.js',
    file: 'readme.md',
    quote: 'currency("2,573,693.75").add("100,275.50").format();  // "$2,673,969.25"',
    body: `return require('currency.js')('2,573,693.75').add('100,275.50').format()`,
    gives: '$2,673,969.25',
  },
  {
    name: 'date-fns',
    quote: 'format(new Date(2014, 1, 11), "yyyy-MM-dd");\n//=> \'2014-02-11\'',
    body: `const { compareAsc, format } = names('date-fns')
      const dates = [new Date(1995, 6, 2), new Date(1987, 1, 11), new Date(1989, 6, 10)]
      return [format(new Date(2014, 1, 11), 'yyyy-MM-dd'), dates.sort(compareAsc).map((date) => date.getFullYear())]`,
    gives: ['2014-02-11', [1987, 1989, 1995]],
  },
  {
    name: 'date-fns-tz',
    quote: "const result = getTimezoneOffset('America/New_York', new Date(2016, 6, 1))\n//=> -14400000",
    body: `const { getTimezoneOffset } = names('date-fns-tz')
      return [getTimezoneOffset('-07:00') && getTimezoneOffset('Africa/Johannesburg'),
        getTimezoneOffset('America/New_York', new Date(2016, 0, 1)), getTimezoneOffset('America/New_York', new Date(2016, 6, 1))]`,
    gives: [7_200_000, -18_000_000, -14_400_000],
  },
  {
    name: 'dayjs', // at the start of 1970, where the clock of the example stands
    quote: "dayjs().startOf('month').add(1, 'day').set('year', 2018).format('YYYY-MM-DD HH:mm:ss');",
    body: `return require('dayjs')().startOf('month').add(1, 'day').set('year', 2018).format('YYYY-MM-DD HH:mm:ss')`,
    gives: '2018-01-02 00:00:00',
  },
  {
    name: 'decimal.js',
    quote: "z.toBinary()                         // '0b110101011.1111'",
    body: `const Decimal = require('decimal.js')
      const z = new Decimal('0xff.f').plus(new Decimal('0b10101100')); return [z, z.toBinary(), z.toBinary(13)]`,
    gives: ['427.9375', '0b110101011.1111', '0b1.101010111111p+8'],
  },
  {
    name: 'deepmerge',
    file: 'readme.md',
    quote: "merge.all([ foobar, foobaz, bar ]) // => { foo: { bar: 3, baz: 4 }, bar: 'yay!' }",
    body: `return require('deepmerge').all([{ foo: { bar: 3 } }, { foo: { baz: 4 } }, { bar: 'yay!' }])`,
    gives: { foo: { bar: 3, baz: 4 }, bar: 'yay!' },
  },
  {
    name: 'dot-prop',
    file: 'readme.md',
    quote: "getProperty({foo: {bar: 'a'}}, 'foo.notDefined.deep', 'default value');\n//=> 'default value'",
    body: `const { getProperty } = names('dot-prop')
      return [getProperty({ foo: { bar: 'unicorn' } }, 'foo.bar'), getProperty({ foo: { bar: 'a' } }, 'foo.notDefined.deep', 'default value')]`,
    gives: ['unicorn', 'default value'],
  },
  {
    name: 'email-addresses',
    quote: "  name: 'Jack Bowman',\n  address: 'jack@fogcreek.com',\n  local: 'jack',\n  domain: 'fogcreek.com' }",
    body: `const { parts, node, comments, groupName, ...rest } = require('email-addresses').parseOneAddress('"Jack Bowman" <jack@fogcreek.com>')
      const { name, address, local, domain } = rest; return { name, address, local, domain }`,
    gives: { name: 'Jack Bowman', address: 'jack@fogcreek.com', local: 'jack', domain: 'fogcreek.com' },
  },
  {
    name: 'entities',
    file: 'readme.md',
    quote: 'entities.encodeHTML("&#38; ü"); // "&amp;&num;38&semi; &uuml;"',
    body: `const entities = names('entities')
      return [entities.encodeHTML('&#38; ü'), entities.decodeHTML('asdf &amp; &yuml; &uuml; &apos;')]`,
    gives: ['&amp;&num;38&semi; &uuml;', "asdf & ÿ ü '"],
  },
  {
    name: 'fast-deep-equal',
    quote: "console.log(equal({foo: 'bar'}, {foo: 'bar'})); // true",
    body: `return require('fast-deep-equal')({ foo: 'bar' }, { foo: 'bar' })`,
    gives: true,
  },
  {
    name: 'fastest-levenshtein',
    quote: "console.log(closest('fast', ['slow', 'faster', 'fastest']))\n//=> 'faster'",
    body: `const { distance, closest } = require('fastest-levenshtein')
      return [distance('fast', 'faster'), closest('fast', ['slow', 'faster', 'fastest'])]`,
    gives: [2, 'faster'],
  },
  {
    name: 'flat',
    quote: "//   'key1.keyA': 'valueI',\n//   'key2.keyB': 'valueII',\n//   'key3.a.b.c': 2",
    body: `return names('flat').flatten({ key1: { keyA: 'valueI' }, key2: { keyB: 'valueII' }, key3: { a: { b: { c: 2 } } } })`,
    gives: { 'key1.keyA': 'valueI', 'key2.keyB': 'valueII', 'key3.a.b.c': 2 },
  },
  {
    name: 'fuse.js',
    quote: "fuse.search('javascrpt paterns')\n// → [{ item: { title: 'JavaScript Patterns', ... } }]",
    body: `const Fuse = require('fuse.js')
      const docs = [{ title: 'Old Book', author: 'Nobody' }, { title: 'JavaScript Patterns', author: 'Stoyan Stefanov' }]
      const fuse = new Fuse(docs, { useTokenSearch: true, keys: ['title', 'author', 'description'] })
      return fuse.search('javascrpt paterns').map(({ item }) => item.title)`,
    gives: ['JavaScript Patterns'],
  },
  {
    name: 'handlebars',
    file: 'README.markdown',
    quote: '// <p>Hello, my name is Alan. I am from Somewhere, TX. I have 2 kids:</p>',
    body: `const Handlebars = require('handlebars')
      const source = '<p>Hello, my name is {{name}}. I am from {{hometown}}. I have {{kids.length}} kids:</p>' +
        '<ul>{{#kids}}<li>{{name}} is {{age}}</li>{{/kids}}</ul>'
      return Handlebars.compile(source)({ name: 'Alan', hometown: 'Somewhere, TX',
        kids: [{ name: 'Jimmy', age: '12' }, { name: 'Sally', age: '4' }] })`,
    gives:
      '<p>Hello, my name is Alan. I am from Somewhere, TX. I have 2 kids:</p><ul><li>Jimmy is 12</li><li>Sally is 4</li></ul>',
  },
  {
    name: 'he',
    quote: "he.encode('foo © bar ≠ baz 𝌆 qux');\n// → 'foo &#xA9; bar &#x2260; baz &#x1D306; qux'",
    body: `return require('he').encode('foo © bar ≠ baz 𝌆 qux')`,
    gives: 'foo &#xA9; bar &#x2260; baz &#x1D306; qux',
  },
  {
    name: 'humanize-duration',
    quote: 'humanizeDuration(97320000);\n// => "1 day, 3 hours, 2 minutes"',
    body: `return require('humanize-duration')(97320000)`,
    gives: '1 day, 3 hours, 2 minutes',
  },
  {
    name: 'i18n-iso-countries',
    quote: 'countries.getName("US", "de")); // Vereinigte Staaten von Amerika',
    body: `const countries = require('i18n-iso-countries')
      return [countries.getName('US', 'en'), countries.getName('US', 'de'), countries.getName('840', 'en')]`,
    gives: ['United States of America', 'Vereinigte Staaten von Amerika', 'United States of America'],
  },
  {
    name: 'inflection',
    quote: "inflection.pluralize( 'Hat' ); // === 'Hats'",
    body: `const inflection = require('inflection'); return ['person', 'Hat'].map((word) => inflection.pluralize(word))`,
    gives: ['people', 'Hats'],
  },
  {
    name: 'iso-3166',
    file: 'readme.md',
    quote: "  {code: 'AD-02', name: 'Canillo', parent: 'AD'},\n  {code: 'AD-03', name: 'Encamp', parent: 'AD'},",
    body: `return names('iso-3166').iso31662.slice(0, 2)`,
    gives: [
      { code: 'AD-02', name: 'Canillo', parent: 'AD' },
      { code: 'AD-03', name: 'Encamp', parent: 'AD' },
    ],
  },
  {
    name: 'iso-639-1',
    file: 'readme.md',
    quote: "console.log(ISO6391.getNativeName('zh')) // '中文'",
    body: `const ISO6391 = require('iso-639-1'); return [ISO6391.getName('zh'), ISO6391.getNativeName('zh'), ISO6391.getCode('中文')]`,
    gives: ['Chinese', '中文', 'zh'],
  },
  {
    name: 'jmespath',
    quote: '"foo[?age > `30`]")\n[ { age: 35 }, { age: 40 } ]',
    body: `return require('jmespath').search({ foo: [{ age: 20 }, { age: 25 }, { age: 30 }, { age: 35 }, { age: 40 }] }, 'foo[?age > \`30\`]')`,
    gives: [{ age: 35 }, { age: 40 }],
  },
  {
    name: 'js-base64',
    quote: 'Base64.encode(utf8, true)         // 5bCP6aO85by-',
    body: `const { Base64 } = names('js-base64')
      return [Base64.encode('小飼弾'), Base64.encode('小飼弾', true), Base64.decode('5bCP6aO85by-')]`,
    gives: ['5bCP6aO85by+', '5bCP6aO85by-', '小飼弾'],
  },
  {
    name: 'js-sha256',
    quote: "sha256('中文'); // 72726d8818f693066ceb69afa364218b692e62ea92b385782363780f47529c21",
    body: `const { sha256 } = require('js-sha256'); return sha256('中文')`,
    gives: '72726d8818f693066ceb69afa364218b692e62ea92b385782363780f47529c21',
  },
  {
    name: 'json5', // the text is JavaScript too, and means the same there
    quote:
      "  leadingDecimalPoint: .8675309, andTrailing: 8675309.,\n  positiveSign: +1,\n  trailingComma: 'in objects', andIn: ['arrays',],",
    body: `return require('json5').parse("{ // comments\\n leadingDecimalPoint: .8675309, andTrailing: 8675309.,\\n positiveSign: +1,\\n trailingComma: 'in objects', andIn: ['arrays',],}")`,
    gives: {
      leadingDecimalPoint: 0.8675309,
      andTrailing: 8675309,
      positiveSign: 1,
      trailingComma: 'in objects',
      andIn: ['arrays'],
    },
  },
  {
    name: 'jsonata',
    quote: 'const result = await expression.evaluate(data);  // returns 24',
    body: `return await require('jsonata')('$sum(example.value)').evaluate({ example: [{ value: 4 }, { value: 7 }, { value: 13 }] })`,
    gives: 24,
  },
  {
    name: 'jsonpath-plus',
    quote:
      '`$.store.book[*].author`                                                  | The authors of all books in the store',
    body: `const { JSONPath } = require('jsonpath-plus')
      const json = { store: { book: ${BOOKS}, bicycle: { color: 'red', price: 19.95 } } }
      return [JSONPath({ path: '$.store.book[*].author', json }), JSONPath({ path: '$..book[?(@.price<10)].title', json })]`,
    gives: [
      ['Nigel Rees', 'Evelyn Waugh', 'Herman Melville', 'J. R. R. Tolkien'],
      ['Sayings of the Century', 'Moby Dick'],
    ],
  },
  {
    name: 'klona',
    file: 'readme.md',
    quote: '//     "baz": 2,\n//     "bat": {\n//       "hello": "world"',
    body: `const { klona } = names('klona'); const input = { foo: 1, bar: { baz: 2, bat: { hello: 'world' } } }
      const output = klona(input); output.bar.bat.hola = 'mundo'; output.bar.baz = 99; return input`,
    gives: { foo: 1, bar: { baz: 2, bat: { hello: 'world' } } },
  },
  {
    name: 'libphonenumber-js',
    quote:
      "  phoneNumber.country === 'RU'\n  phoneNumber.number === '+78005553535'\n  phoneNumber.isPossible() === true",
    body: `const { default: parsePhoneNumber } = names('libphonenumber-js'); const phoneNumber = parsePhoneNumber(' 8 (800) 555-35-35 ', 'RU')
      return [phoneNumber.country, phoneNumber.number, phoneNumber.isPossible(), phoneNumber.isValid()]`,
    gives: ['RU', '+78005553535', true, true],
  },
  {
    name: 'lodash',
    file: 'lodash.js',
    quote: "     * _.chunk(['a', 'b', 'c', 'd'], 3);\n     * // => [['a', 'b', 'c'], ['d']]",
    body: `return require('lodash').chunk(['a', 'b', 'c', 'd'], 3)`,
    gives: [['a', 'b', 'c'], ['d']],
  },
  {
    name: 'luxon',
    file: 'src/datetime.js',
    quote: "DateTime.fromObject({ weekYear: 2016, weekNumber: 2, weekday: 3 }).toISODate() //=> '2016-01-13'",
    body: `return names('luxon').DateTime.fromObject({ weekYear: 2016, weekNumber: 2, weekday: 3 }).toISODate()`,
    gives: '2016-01-13',
  },
  {
    name: 'marked',
    quote: 'hello world\n^D\n$ cat hello.html\n<p>hello world</p>\n',
    body: `return names('marked').marked.parse('hello world')`,
    gives: '<p>hello world</p>\n',
  },
  {
    name: 'md5',
    quote: '78e731027d8fd50ed642340b7c9a63b3',
    body: `return require('md5')('message')`,
    gives: '78e731027d8fd50ed642340b7c9a63b3',
  },
  {
    name: 'ms',
    file: 'readme.md',
    quote: 'ms(ms(\'10 hours\'), { long: true })    // "10 hours"',
    body: `const ms = require('ms'); return [ms('-3 days'), ms(2 * 60000), ms(ms('10 hours'), { long: true })]`,
    gives: [-259_200_000, '2m', '10 hours'],
  },
  {
    name: 'mustache',
    quote: '* Michael Jackson\n* RIP',
    body: `return require('mustache').render('* {{name.first}} {{name.last}}\\n* {{age}}', { name: { first: 'Michael', last: 'Jackson' }, age: 'RIP' })`,
    gives: '* Michael Jackson\n* RIP',
  },
  {
    name: 'nanoid',
    quote: 'model.id = nanoid() //=> "V1StGXR8_Z5jdHi6B-myT"', // the like of it: letters, digits, _ and -, 21 in all
    body: `return /^[A-Za-z0-9_-]{21}$/.test(names('nanoid').nanoid())`,
    gives: true,
  },
  {
    name: 'ngeohash',
    quote: 'console.log(geohash.encode(37.8324, 112.5584));\n// prints ww8p1r4t8',
    body: `return require('ngeohash').encode(37.8324, 112.5584)`,
    gives: 'ww8p1r4t8',
  },
  {
    name: 'numeral',
    file: 'tests/numeral.js',
    quote: "[10000,'0,0.0000','10,000.0000'],",
    body: `return require('numeral')(10000).format('0,0.0000')`,
    gives: '10,000.0000',
  },
  {
    name: 'papaparse',
    file: 'tests/test-cases.js',
    quote: "\t\tinput: 'A,b,c',\n\t\texpected: {\n\t\t\tdata: [['A', 'b', 'c']],",
    body: `return require('papaparse').parse('A,b,c').data`,
    gives: [['A', 'b', 'c']],
  },
  {
    name: 'pluralize',
    file: 'Readme.md',
    quote: 'pluralize(\'test\', 5, true) //=> "5 tests"',
    body: `const pluralize = require('pluralize'); return [pluralize('test', 1), pluralize('test', 5, true), pluralize('蘋果', 2, true)]`,
    gives: ['test', '5 tests', '2 蘋果'],
  },
  {
    name: 'qs',
    quote: "assert.deepEqual(qs.parse('foo[bar]=baz'), {\n    foo: {\n        bar: 'baz'\n    }\n});",
    body: `const qs = require('qs'); return [qs.parse('foo[bar]=baz'), qs.stringify(qs.parse('a=c'))]`,
    gives: [{ foo: { bar: 'baz' } }, 'a=c'],
  },
  {
    name: 'query-string',
    file: 'readme.md',
    quote: "const stringified = queryString.stringify(parsed);\n//=> 'foo=unicorn&ilike=pizza'",
    body: `const { default: queryString } = names('query-string'); const parsed = queryString.parse('?foo=bar')
      const before = { ...parsed }; parsed.foo = 'unicorn'; parsed.ilike = 'pizza'; return [before, queryString.stringify(parsed)]`,
    gives: [{ foo: 'bar' }, 'foo=unicorn&ilike=pizza'],
  },
  {
    name: 'ramda',
    file: 'src/splitEvery.js',
    quote: 'R.splitEvery(3, [1, 2, 3, 4, 5, 6, 7]); //=> [[1, 2, 3], [4, 5, 6], [7]]',
    body: `return require('ramda').splitEvery(3)([1, 2, 3, 4, 5, 6, 7])`,
    gives: [[1, 2, 3], [4, 5, 6], [7]],
  },
  {
    name: 'remeda',
    quote: '  unique(),\n  take(3),\n); // => [1, 2, 3]',
    body: `const { pipe, forEach, unique, take } = names('remeda'); const got = []
      return [pipe([1, 2, 2, 3, 3, 4, 5, 6], forEach((value) => { got.push(value) }), unique(), take(3)), got]`,
    gives: [
      [1, 2, 3],
      [1, 2, 2, 3],
    ],
  },
  {
    name: 'semver',
    quote: "semver.valid(semver.coerce('42.6.7.9.3-alpha')) // '42.6.7'",
    body: `const semver = require('semver')
      return [semver.valid('a.b.c'), semver.clean('  =v1.2.3   '), semver.satisfies('1.2.3', '1.x || >=2.5.0 || 5.0.0 - 7.2.3'), semver.valid(semver.coerce('42.6.7.9.3-alpha'))]`,
    gives: [null, '1.2.3', true, '42.6.7'],
  },
  {
    name: 'slugify',
    quote: "slugify('some string', '_')  // some_string",
    body: `const slugify = require('slugify'); return [slugify('some string'), slugify('some string', '_'), slugify('unicode ♥ is ☢')]`,
    gives: ['some-string', 'some_string', 'unicode-love-is'],
  },
  {
    name: 'string-similarity',
    quote: 'stringSimilarity.compareTwoStrings("healed", "sealed");\n// → 0.8',
    body: `return require('string-similarity').compareTwoStrings('healed', 'sealed')`,
    gives: 0.8,
  },
  {
    name: 'striptags',
    quote: "'lorem ipsum dolor sit amet'\n```",
    body: `const html = '<a href="https://example.com">lorem ipsum <strong>dolor</strong> <em>sit</em> amet</a>'
      const striptags = require('striptags'); return [striptags(html), striptags(html, '<strong>'), striptags(html, ['a'])]`,
    gives: [
      'lorem ipsum dolor sit amet',
      'lorem ipsum <strong>dolor</strong> sit amet',
      '<a href="https://example.com">lorem ipsum dolor sit amet</a>',
    ],
  },
  {
    name: 'tldts',
    quote: "getDomain('foo.google.co.uk'); // returns `google.co.uk`",
    body: `const { getDomain } = require('tldts'); return [getDomain('fr.google.com'), getDomain('foo.google.co.uk')]`,
    gives: ['google.com', 'google.co.uk'],
  },
  {
    name: 'transliteration',
    quote: "slugify('你好, world!');  // => 'ni-hao-world'",
    body: `const { transliterate, slugify } = names('transliteration'); return [transliterate('你好'), slugify('你好, world!')]`,
    gives: ['Ni Hao', 'ni-hao-world'],
  },
  {
    name: 'ts-pattern',
    quote: "([_, event]) => ({ status: 'success', data: event.data })",
    body: `const { match, P } = names('ts-pattern')
      const reducer = (state, event) => match([state, event])
        .with([{ status: 'loading' }, { type: 'success' }], ([_, event]) => ({ status: 'success', data: event.data }))
        .with([{ status: 'loading' }, { type: 'error', error: P.select() }], (error) => ({ status: 'error', error }))
        .with(P._, () => state).exhaustive()
      return [reducer({ status: 'loading' }, { type: 'success', data: 'x' }), reducer({ status: 'loading' }, { type: 'error', error: 'e' }), reducer({ status: 'idle' }, {})]`,
    gives: [{ status: 'success', data: 'x' }, { status: 'error', error: 'e' }, { status: 'idle' }],
  },
  {
    name: 'uuid',
    quote: "uuidv5('Hello, World!', MY_NAMESPACE); // ⇨ '630eb68f-e0fa-5ecc-887a-7c7a62614681'",
    body: `return names('uuid').v5('Hello, World!', '1b671a64-40d5-491e-99b0-da01ff1f3341')`,
    gives: '630eb68f-e0fa-5ecc-887a-7c7a62614681',
  },
  {
    name: 'valibot',
    quote: '// Throws error for email and password\nconst output1 = v.parse(LoginSchema',
    body: `const v = names('valibot')
      const LoginSchema = v.object({ email: v.pipe(v.string(), v.email()), password: v.pipe(v.string(), v.minLength(8)) })
      return [v.safeParse(LoginSchema, { email: '', password: '' }).issues.map((issue) => issue.path[0].key),
        v.parse(LoginSchema, { email: 'jane@example.com', password: '12345678' })]`,
    gives: [['email', 'password'], { email: 'jane@example.com', password: '12345678' }],
  },
  {
    name: 'validator',
    quote: "validator.isEmail('foo@bar.com'); //=> true",
    body: `const { default: validator } = names('validator'); return [validator.isEmail('foo@bar.com'), validator.isEmail('foo@bar')]`,
    gives: [true, false],
  },
  {
    name: 'zod',
    quote: 'Player.parse({ username: "billie", xp: 100 });\n// => returns { username: "billie", xp: 100 }',
    body: `const z = names('zod'); const Player = z.object({ username: z.string(), xp: z.number() })
      return [Player.parse({ username: 'billie', xp: 100 }), Player.safeParse({ username: 42, xp: '100' }).success]`,
    gives: [{ username: 'billie', xp: 100 }, false],
  },
]
