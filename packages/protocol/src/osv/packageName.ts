/** The ecosystem without its suffix: `AlmaLinux` of `AlmaLinux:8`. */
export function baseEcosystem(ecosystem: string): string {
  const colon = ecosystem.indexOf(':')
  return colon < 0 ? ecosystem : ecosystem.slice(0, colon)
}

/**
 * What package an OSV entry or a component speaks of, as a key: the ecosystem without its suffix, and the name in the form
 * in which the ecosystem compares names (PyPI: PEP 503). Whether the suffixes fit is `affects`' business.
 */
export function packageKey(ecosystem: string, name: string): string {
  const base = baseEcosystem(ecosystem)
  return `${base}\0${base === 'PyPI' ? name.replaceAll(/[-_.]+/g, '-').toLowerCase() : name}`
}
