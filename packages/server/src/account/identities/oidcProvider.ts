/**
 * oidc-provider, loaded without the notice it prints wherever the runtime's release line is not marked as long-term support.
 * Node 26 carries that mark only in later releases than the one packed here, which our tests run on.
 */
export const { Provider, ExternalSigningKey, errors: providerErrors } = await loadQuietly()

// The package prints with `console.warn` while it loads, and takes no other way.
async function loadQuietly() {
  const { warn } = console
  const isNotice = (text: unknown) => typeof text === 'string' && text.includes('Unsupported runtime')
  console.warn = (...texts: unknown[]) => (isNotice(texts[0]) ? undefined : warn(...texts))
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
