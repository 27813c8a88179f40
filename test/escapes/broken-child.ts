/**
 * A sandbox that is broken on purpose: whatever compartment a program gets has a global `hole`, with which it writes to
 * fd 4 itself. Stands before the code of the child, and gets at it by what it cannot do without: the text of the realm,
 * and `new Compartment`.
 */
const HOLE = `"use strict";
const vm = require('node:vm'), { writeSync } = require('node:fs'), { createContext, Script } = vm
const write = (bytes) => { for (let at = 0; at < bytes.length; ) at += writeSync(4, bytes, at) }
const hole = {
  bytes: (hex) => write(Buffer.from(hex, 'hex')),
  frame: (header, bodyHex = '') => {
    const head = Buffer.from(header), body = Buffer.from(bodyHex, 'hex'), sizes = Buffer.alloc(8)
    sizes.writeUInt32LE(4 + head.length + body.length, 0)
    sizes.writeUInt32LE(head.length, 4)
    write(Buffer.concat([sizes, head, body]))
  },
  flood: (sizes, megabytes) => { hole.bytes(sizes); const some = Buffer.alloc(2 ** 20); for (let n = 0; n < megabytes; n += 1) write(some) },
  pause: (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
}
vm.createContext = (...all) => Object.defineProperty(createContext(...all), 'hole', { value: hole })
const broken = (text) => {
  const changed = text.replace(/new Compartment\\b/g, 'new HoledCompartment')
  if (changed === text) throw new Error('the realm makes no compartment that could be broken')
  return '"use strict";const HoledCompartment = function () { const made = new Compartment(); Object.defineProperty(made.globalThis, "hole", { value: hole }); return made };' + changed
}
vm.Script = class extends Script {
  constructor(text, options) { super(options?.filename === 'lakeloop:realm' ? broken(text) : text, options) }
}
`

/** The generated module with the hole in it. */
export function breakChild<T extends object>(generated: T): T {
  const changed = Object.entries(generated).map(([name, held]: [string, unknown]) => {
    if (typeof held === 'string' && name === 'SHELL_SOURCE') return [name, HOLE + held]
    return [name, typeof held === 'function' ? (): string => HOLE + String(held()) : held]
  })
  return Object.fromEntries(changed) as T
}
