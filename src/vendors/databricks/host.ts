import { BlockList, isIP } from 'node:net'
import { LakeloopError } from '../../errors.js'

/** What errors call the thing that has the host as an option. */
export interface HostRule {
  /** E.g. `DatabricksSource`. */
  readonly part: string
  /** True lets a name or an address through that only a private network knows. */
  readonly allowPrivateHost?: boolean | undefined
}

/** Networks that nobody reaches from outside. Source: IANA special-purpose registries, RFC 1918, 3927, 4193, 4291, 6598. */
const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127], // unspecified, and this machine itself
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6')
}

/** Names that no public DNS has: those set aside for private use, and those without a dot. Source: RFC 6761, 6762, 8375; ICANN on .internal, 2024. */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|internal|home\.arpa)$/

/**
 * The host of a workspace as it stands in a URL: a name or an address, an IPv6 address in brackets.
 *
 * A host is often configuration that somebody else writes, and what is sent there has a credential in it: one inside the
 * private network is refused unless it was allowed by name. Names are not resolved.
 *
 * Throws  OPTION_INVALID for anything that is no bare host, and for a private one that is not allowed.
 */
export function checkedHost(host: string, { part, allowPrivateHost = false }: HostRule): string {
  const refuse = (problem: string): never => {
    throw new LakeloopError('OPTION_INVALID', { part, option: 'host', problem })
  }
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host
  const isV6 = isIP(bare) === 6
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(host)) refuse('has a scheme; write the name alone, without https://')
  if (!isV6 && /:\d+$/.test(host)) refuse('has a port; say it in port')
  if (!isV6 && !/^[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?$/i.test(host)) refuse('is no host name')
  const url = `https://${isV6 ? `[${bare}]` : host}`
  if (!URL.canParse(url)) refuse('is no host name')
  // As the URL has it: 127.1 and 0x7f000001 are 127.0.0.1.
  const { hostname } = new URL(url)
  if (!allowPrivateHost && isPrivate(hostname.replace(/^\[|\]$/g, ''))) {
    refuse('is in a private network; set allowPrivateHost to true if that is meant')
  }
  return hostname
}

function isPrivate(hostname: string): boolean {
  const version = isIP(hostname)
  if (version === 0) return PRIVATE_NAME.test(hostname)
  return PRIVATE.check(hostname, version === 6 ? 'ipv6' : 'ipv4')
}
