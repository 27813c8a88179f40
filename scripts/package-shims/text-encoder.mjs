/** UTF-8 only, as the standard has it. */
export class TextEncoder {
  encode(text = '') {
    const whole = `${text}`.replace(/\p{Surrogate}/gu, '\uFFFD')
    return Uint8Array.from(unescape(encodeURIComponent(whole)), (byte) => byte.charCodeAt(0))
  }
}
