/** 200 people in two generations: in the second, every fifth has another score, and every tenth changes sides. */
export function audience(generation: 1 | 2): { id: string; email: string; score: number }[] {
  return Array.from({ length: 200 }, (_, n) => {
    const atRisk = n % 4 === 0
    const moved = generation === 2 && n % 10 === 0
    const rescored = generation === 2 && n % 5 === 0
    const base = atRisk !== moved ? 0.8 : 0.2
    return { id: `c-${n}`, email: `person${n}@example.com`, score: base + (rescored ? 0.05 : 0.01) }
  })
}
