/** Text that is HTML already. Only `html` makes it, so values that people typed are always escaped. */
export interface Html {
  readonly markup: string
}

/** A template whose values are escaped, unless they are `Html` themselves; arrays of `Html` are joined, `undefined` is left out. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[] | undefined)[]
): Html {
  const markup = parts.map((part, index) => part + (index < values.length ? render(values[index]) : ''))
  return { markup: markup.join('') }
}

function render(value: string | Html | readonly Html[] | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return escapeHtml(value)
  return 'markup' in value ? value.markup : value.map((item) => item.markup).join('')
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/**
 * Headers of every page. No script runs and nothing is loaded; forms go only where the page comes from. A form that ends in a
 * redirect to the caller's loopback address must name that origin in `formTargets`, because browsers apply the rule to redirects too.
 */
export function pageHeaders(formTargets: readonly string[] = []): Record<string, string> {
  const formAction = ["'self'", ...formTargets].join(' ')
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

/** A whole page. `title` is also the heading. */
export function htmlPage(title: string, body: Html): string {
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Countersign</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #1c2530; background: #fff }
h1 { font-size: 1.4rem }
code { font-size: 1.2em; letter-spacing: .05em }
button, input { font: inherit; padding: .5rem .8rem; margin: .4rem .4rem .4rem 0 }
.public { border-left: 4px solid #b45309; padding-left: 1rem }
</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`.markup
  }`
}
