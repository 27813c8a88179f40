// Puts into package-lock.json the platform packages that npm leaves out of it.
//
// A package with native parts names one optional package per platform. Where a registry lacks some of them, npm >= 11.16
// writes a lock without these, and `npm ci` then refuses the very lock: "Missing: @rollup/rollup-darwin-arm64@ from lock
// file". Source: npm/cli issue 9846. What is needed is known without the registry: the exact version stands with the
// parent, and the platform stands in the name. There is no integrity hash to add; the exact version has to do.
//
// Run by `npm run lock`, in the folder of the lock. A complete lock is left as it is, byte by byte.
import { readFileSync, writeFileSync } from 'node:fs'

const LOCK = 'package-lock.json'
const SYSTEMS = 'aix android darwin freebsd linux netbsd openbsd openharmony sunos win32'.split(' ')
const CPUS = 'arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x wasm32 x64'.split(' ')

/** The lock's places for `name`, as Node looks for it from the package at `from`: innermost first, the root last. */
function placesOf(name, from) {
  const places = []
  for (let folder = from; folder !== ''; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    places.push(`${folder}/node_modules/${name}`)
  }
  return [...places, `node_modules/${name}`]
}

/** What the name says about where the package runs; in the order in which npm writes the fields of an entry. */
function platformEntry(name, version, dev) {
  const words = name.split(/[^a-z0-9]+/)
  const os = SYSTEMS.filter((system) => words.includes(system))
  const cpu = CPUS.filter((kind) => words.includes(kind))
  if (!/^\d+\.\d+\.\d+/.test(version) || os.length + cpu.length === 0) {
    throw new Error(`${LOCK}: ${name}@${version} is missing, and neither its version nor its platform can be told`)
  }
  const glibc = os.includes('linux') && words.some((word) => word.startsWith('gnu'))
  const musl = words.some((word) => word.startsWith('musl'))
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...((glibc || musl) && { libc: [musl ? 'musl' : 'glibc'] }),
    optional: true,
    ...(os.length > 0 && { os }),
  }
}

const before = readFileSync(LOCK, 'utf8')
const lock = JSON.parse(before)
const packages = lock.packages
let added = 0
for (const [parent, { optionalDependencies = {}, dev = false }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const found = placesOf(name, parent).find((place) => place in packages)
    const isExact = /^\d/.test(version)
    if (found !== undefined && (!isExact || packages[found].version === version)) continue
    // The root is free, or holds another version: then it has to stand below its parent.
    const place = found === undefined ? `node_modules/${name}` : `${parent}/node_modules/${name}`
    packages[place] = platformEntry(name, version, dev)
    added += 1
  }
}
if (added > 0) {
  // npm sorts with the collation of 'en'; plain code units would make the next npm command rewrite the file.
  lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`)
}
console.log(`${LOCK}: ${added} platform packages added`)
