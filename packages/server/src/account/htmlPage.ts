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
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #1c2530; background: #fff; overflow-wrap: anywhere }
body:has(table) { max-width: 62rem }
h1 { font-size: 1.4rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
code { font-size: 1.1em; letter-spacing: .03em }
button, input { font: inherit; padding: .5rem .8rem; margin: .4rem .4rem .4rem 0; border: 1px solid #8793a1; border-radius: .3rem; color: inherit; background: #fff }
button { background: #eef1f4; cursor: pointer }
.public { border-left: 4px solid #b45309; padding-left: 1rem }
table { width: 100%; border-collapse: collapse }
td { padding: .35rem 1.5rem .35rem 0; border-top: 1px solid #dde2e8; vertical-align: top }
td:first-child { width: 22rem; color: #52606f }
@media (max-width: 44rem) { td, td:first-child { display: block; width: auto; padding: 0; border: 0 } tr { display: block; padding: .4rem 0; border-top: 1px solid #dde2e8 } }
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
