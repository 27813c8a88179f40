/** Work that is done once per key, however many need it at the same time; what failed is forgotten, and done again. */
export class OnceEach<T> {
  readonly #begun = new Map<string, Promise<T>>()

  of(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#begun.get(key)
    if (known !== undefined) return known
    const begun = work()
    this.#begun.set(key, begun)
    begun.catch(() => this.#begun.delete(key))
    return begun
  }
}
