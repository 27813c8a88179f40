import { isIP } from 'node:net'

/**
 * Whether a host name is plainly one of this machine or of a private network: by name, or by address. No name is looked
 * up, so one that resolves to a private address is not found. Source: RFC 6761, RFC 1918, RFC 3927, RFC 6598.
 *
 * @param host  without scheme and port, and no IPv6 address
 */
export function isPrivateHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  if (isIP(name) === 4) return isPrivateV4(name.split('.').map(Number))
  if (/^[\d.]+$|^0x[\da-f.x]+$/.test(name)) return true // an address in a form that only some programs read
  return !name.includes('.') || /\.(?:localhost|local|internal|lan|home\.arpa|localdomain)$/.test(name)
}

function isPrivateV4([a = 0, b = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127) return true
  if (a === 172) return b >= 16 && b <= 31
  if (a === 100) return b >= 64 && b <= 127
  return (a === 192 && b === 168) || (a === 169 && b === 254)
}
