import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}
interface Lock {
  readonly packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>
}
const manifest = JSON.parse(read('package.json')) as Manifest

describe('package.json', () => {
  test('has three runtime dependencies', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(['eventemitter3', 'ky', 'p-queue'])
  })

  test('has every optional peer in both lists, and as a dev dependency', () => {
    // Missing in the first list: bundled into dist without a word. In the second: installed for every user.
    const peers = Object.keys(manifest.peerDependencies).sort()
    expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual(peers)
    for (const peer of peers) {
      expect([peer, manifest.peerDependenciesMeta[peer]?.optional]).toEqual([peer, true])
      expect(Object.keys(manifest.devDependencies)).toContain(peer)
    }
  })

  test('has entries one by one, each a path below src, with types first for import and for require', () => {
    const { './package.json': own, ...entries } = manifest.exports
    expect(own).toBe('./package.json')
    for (const [entry, value] of Object.entries(entries)) {
      const name = entry === '.' ? 'index' : entry.slice(2)
      const path = existsSync(join(ROOT, 'src', `${name}.ts`)) ? name : `${name}/index`
      expect(existsSync(join(ROOT, 'src', `${path}.ts`)), `${entry} stands in src`).toBe(true)
      expect(JSON.stringify(value)).toBe(
        JSON.stringify({
          import: { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` },
          require: { types: `./dist/${path}.d.cts`, default: `./dist/${path}.cjs` },
        }),
      )
    }
  })
})

describe('package-lock.json', () => {
  const lock = JSON.parse(read('package-lock.json')) as Lock

  test('names no registry', () => {
    expect(Object.values(lock.packages).filter((entry) => entry.resolved !== undefined)).toEqual([])
  })

  test('is complete for every platform, so that npm ci accepts it', () => {
    expect(completed(lock)).toEqual({ added: 0, lock })
  })

  test('gets a platform package back that npm left out, with its exact version and its platform', () => {
    const { 'node_modules/@rollup/rollup-linux-arm64-musl': _, ...packages } = lock.packages
    expect(Object.keys(packages)).toHaveLength(Object.keys(lock.packages).length - 1)
    const version = lock.packages['node_modules/rollup']?.optionalDependencies?.['@rollup/rollup-linux-arm64-musl']
    const after = completed({ ...lock, packages })
    expect(after.added).toBe(1)
    expect(after.lock.packages['node_modules/@rollup/rollup-linux-arm64-musl']).toEqual({
      version,
      cpu: ['arm64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    })
    expect(Object.keys(after.lock.packages)).toEqual(Object.keys(lock.packages))
  })
})

/** What `npm run lock` makes of a lock. */
function completed(lock: Lock): { added: number; lock: Lock } {
  const folder = mkdtempSync(join(tmpdir(), 'lakeloop-lock-'))
  try {
    const file = join(folder, 'package-lock.json')
    writeFileSync(file, JSON.stringify(lock))
    const said = execFileSync(process.execPath, [join(ROOT, 'scripts/complete-lock.mjs')], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { added: Number(/: (\d+) /.exec(said)?.[1]), lock: JSON.parse(readFileSync(file, 'utf8')) as Lock }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('tracked files', () => {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean)
  const holding = (what: RegExp): string[] =>
    tracked.filter((path) => existsSync(join(ROOT, path)) && what.test(read(path)))

  test('name no host of a package registry', () => {
    const configured = execFileSync('npm', ['config', 'get', 'registry'], { cwd: ROOT, encoding: 'utf8' }).trim()
    const host = new URL(configured).host.replaceAll('.', '\\.')
    expect(holding(new RegExp(`${host}|registry\\.(npmjs|yarnpkg|npmmirror)\\.`))).toEqual([])
  })

  test('name no folder of one machine', () => {
    // A home, this checkout, and the folder above it unless that is one that every machine has.
    const above = join(ROOT, '..')
    const shared = ['/', '/tmp', '/var/tmp', '/opt', '/srv', tmpdir()]
    const own = [ROOT, ...(shared.includes(above) ? [] : [above])].map((path) => path.replaceAll('.', '\\.'))
    const place = new RegExp(
      `(^|[^\\w.])(${own.join('|')}|/home/[a-z]+|/Users/[a-z]+|/root|/tmp/bash_\\w+)/[a-z.]`,
      'm',
    )
    expect(holding(place)).toEqual([])
  })
})
