import type { Section } from './guide.ts'

/** What the first hour has to go through, by something that must be typed for it. */
const wanted: Readonly<Record<string, RegExp>> = {
  'a server under a host name': /countersign-server serve\b[\s\S]*--public-url https:\/\/sign\.example\.org\b/,
  'advisories from their public source': /^export ADVISORIES="\$\{ADVISORIES:-https:\/\/\S+\.zip\}"$/m,
  'advisories imported': /countersign-validator advisories import "\$ADVISORIES"/,
  'trust by ticket': /countersign trust add "\$\(cat \S+\)"/,
  login: /countersign login/,
  scan: /countersign scan /,
  sign: /countersign sign /,
  'submit and wait': /countersign submit \S+\.tar\.gz --wait/,
  verify: /countersign verify /,
  'a release': /countersign-server releases publish /,
  'a device': /countersign-agent run /,
  'revoke by hand': /countersign revoke \S+ --reason /,
  'the first approver': /revoke --approve .*--key \S*anna/,
  'the second approver': /revoke --approve .*--key \S*bert/,
  watch: /countersign watch/,
  'a wheel': /countersign submit \S+\.whl/,
  'a Go binary': /countersign submit greet --/,
  'a container image': /countersign submit \S+image\.tar/,
}

/** Refuses a guide that leaves out what the first hour is about. */
export function mustCover(sections: readonly Section[]): void {
  const typed = sections.flatMap(({ steps }) => steps.flatMap((step) => (step.do === 'type' ? [step.text] : [])))
  const missing = Object.entries(wanted).filter(([, pattern]) => !typed.some((text) => pattern.test(text)))
  if (missing.length > 0) throw new Error(`the guide leaves out: ${missing.map(([name]) => name).join(', ')}`)
  const devices = typed.filter((text) => /countersign-agent enrol /.test(text)).length
  if (devices < 2) throw new Error('the guide leaves out a second device')
  if (!sections.some(({ steps }) => steps.some((step) => step.do === 'interrupt')))
    throw new Error('nothing is stopped')
}
