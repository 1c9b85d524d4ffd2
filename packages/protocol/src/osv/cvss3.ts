type Weights = Readonly<Record<string, number>>

// CVSS v3.1, section 7.4.
const WEIGHTS = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
} as const satisfies Readonly<Record<string, Weights>>
// What privileges are worth depends on whether the attack leaves its component.
const PRIVILEGES: Readonly<Record<string, Weights>> = {
  U: { N: 0.85, L: 0.62, H: 0.27 },
  C: { N: 0.85, L: 0.68, H: 0.5 },
}
const MAX_LENGTH = 512

/**
 * The base score of a CVSS 3.0 or 3.1 vector, 0 to 10 in steps of 0.1 (CVSS v3.1, section 7.1). Temporal and environmental
 * metrics are ignored. Undefined for what is not such a vector.
 */
export function cvss3BaseScore(vector: string): number | undefined {
  if (vector.length > MAX_LENGTH || !/^CVSS:3\.[01]\//.test(vector)) return undefined
  const metrics = new Map(
    vector
      .split('/')
      .slice(1)
      .map((part) => part.split(':', 2) as [string, string]),
  )
  const weight = (name: keyof typeof WEIGHTS) => (WEIGHTS[name] as Weights)[metrics.get(name) ?? '']
  const scope = metrics.get('S') ?? ''
  const privileges = PRIVILEGES[scope]?.[metrics.get('PR') ?? '']
  const [attack, complexity, interaction] = [weight('AV'), weight('AC'), weight('UI')]
  const [secrecy, integrity, presence] = [weight('C'), weight('I'), weight('A')]
  if (privileges === undefined || attack === undefined || complexity === undefined || interaction === undefined)
    return undefined
  if (secrecy === undefined || integrity === undefined || presence === undefined) return undefined
  const reached = 1 - (1 - secrecy) * (1 - integrity) * (1 - presence)
  const impact = scope === 'U' ? 6.42 * reached : 7.52 * (reached - 0.029) - 3.25 * (reached - 0.02) ** 15
  if (impact <= 0) return 0
  const exploitability = 8.22 * attack * complexity * privileges * interaction
  return roundedUp(Math.min(scope === 'U' ? impact + exploitability : 1.08 * (impact + exploitability), 10))
}

/** To one digit, upwards, in whole numbers: CVSS v3.1, appendix A, because of how doubles round. */
function roundedUp(score: number): number {
  const whole = Math.round(score * 100_000)
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10
}
